/* Copyright (c) raftops.nomad contributors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The roll: a cluster of voters, its elections and autopilot, two runs of the playbook, each killed and run again, and the
 * transactions on the hosts, which go on alone. What happens to one store is host.pml's.
 *
 * What must be true, whatever happens in whatever order:
 *   promise 2       a server is stopped only while the others are a majority of all voters; and none that we have stopped
 *                   is removed from the cluster
 *   it ends         runs that are repeated end: all servers are on the new backend and back, autopilot is as it was (ltl)
 *
 * Bounds: VOTERS, RUNS (playbooks beside each other); CRASHES of servers, DEATHS of runs, REBOOTS of hosts that are being
 * converted, CUTS of a host's connection, FAULTS of a conversion. With -D: see docs/model.md.
 */

#ifndef VOTERS
#define VOTERS 3
#endif
#ifndef RUNS
#define RUNS 2
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef DEATHS
#define DEATHS 1
#endif
#ifndef REBOOTS
#define REBOOTS 1
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef FAULTS
#define FAULTS 1
#endif

#define MAJORITY(n) (n / 2 + 1)
#define each(i) for (i : 1 .. VOTERS)

/* ---- the cluster ------------------------------------------------------------------------------------------------- */

#define DOWN 0
#define STARTING 1           /* its agent runs; it has not caught up */
#define UP 2
byte agent[VOTERS + 1];
bool voter[VOTERS + 1];      /* in the Raft configuration */
bool seen[VOTERS + 1];       /* the leader calls it healthy: an idle stopped server for 40 s more */
bool crashed[VOTERS + 1];    /* it has gone down by itself, and somebody will start it again */
bool quorum = true;
byte leader;                 /* 0 for none */
bool cleanup = true;         /* autopilot removes dead servers */
bool converted[VOTERS + 1], reachable[VOTERS + 1];
bool ours[VOTERS + 1];       /* it is down, and its disk says that this collection has left it so */

/* The transaction on a host: server/backend/transaction.py */
#define NONE 0
#define ASKED 1
#define LOOKED 2             /* the last look was good */
#define STOPPED 3
#define SWITCHED 4
#define STARTED 5
#define PUT_BACK 6           /* not switched; started as it was */
#define DONE 7
#define FAILED 8
byte work[VOTERS + 1];
#define AT_WORK(i) (work[i] != NONE && work[i] < DONE)

/* What runs leave: .raft-hold.json of each controller, and who has the note of raft_roll_lock */
bool hold[RUNS + 1];
byte rolling;

byte crashes = CRASHES, deaths = DEATHS, reboots = REBOOTS, cuts = CUTS, faults = FAULTS;
hidden byte i, others, all;
hidden byte fine;

/* Whether the voters without `s` that are up are a majority of all voters. */
inline can_do_without(s) {
  others = 0; all = 0;
  each(i) {
    all = all + voter[i];
    others = others + (voter[i] && agent[i] == UP && i != s)
  }
  fine = others >= MAJORITY(all); i = 0; others = 0; all = 0
}

/* agent/cluster/health.py, stoppable: the leader's view, in which one that has just died is well; all voters are there. */
inline leader_agrees(s) {
  fine = (leader != 0);
  each(i) { fine = fine && (i == s || (seen[i] && voter[i])) };
  i = 0
}

/* Each of the others itself: serving, taking connections, applying a write. */
inline others_serve(s) {
  fine = (leader != 0);
  each(i) { fine = fine && (i == s || (agent[i] == UP && voter[i])) };
  i = 0
}

/* Whether those that run are a majority; a leader that has none steps down. */
inline count() {
  others = 0; all = 0;
  each(i) { all = all + voter[i]; others = others + (voter[i] && agent[i] != DOWN) };
  quorum = others >= MAJORITY(all); i = 0; others = 0; all = 0;
  if :: !quorum -> leader = 0 :: else fi;
  fine = 0
}

inline goes_down(s) {
  agent[s] = DOWN;
  if :: leader == s -> leader = 0 :: else fi;
  count()
}

/* Nobody dies by himself between a last look and its stop: that moment is taken to be none. */
#if VOTERS == 3
#define NO_STOP_IS_DUE (work[1] != LOOKED && work[2] != LOOKED && work[3] != LOOKED)
#else
#define NO_STOP_IS_DUE (work[1] != LOOKED && work[2] != LOOKED && work[3] != LOOKED && work[4] != LOOKED && work[5] != LOOKED)
#endif

/* One server. In Raft: it wins an election, catches up and has its vote (again); the leader notices whether it is there,
 * and autopilot removes it. In the world: it dies and is started again; its host reboots while it is converted, and systemd
 * starts it or not; its connection is cut and comes back. */
proctype Server(byte s) {
end:
  do
  :: d_step { leader == 0 && agent[s] != DOWN && voter[s] && quorum -> leader = s; printf("%d leads\n", s) }
  :: d_step { agent[s] == STARTING && leader != 0 -> agent[s] = UP; voter[s] = true; count(); printf("%d is back\n", s) }
  :: d_step { seen[s] != (agent[s] != DOWN) -> seen[s] = (agent[s] != DOWN) }
  :: d_step { cleanup && leader != 0 && !seen[s] && agent[s] == DOWN && voter[s] ->
       printf("autopilot removes %d\n", s);
       assert(work[s] < STOPPED || work[s] > PUT_BACK);            /* promise 2: not one that we have stopped */
       voter[s] = false; count() }
  :: d_step { crashes > 0 && agent[s] == UP && NO_STOP_IS_DUE ->
       crashes--; goes_down(s); crashed[s] = true; printf("%d dies\n", s) }
  :: d_step { crashed[s] && agent[s] == DOWN && work[s] != STOPPED && work[s] != SWITCHED ->
       agent[s] = STARTING; crashed[s] = false; count() }
  :: atomic { reboots > 0 && AT_WORK(s) && work[s] >= STOPPED ->      /* systemd starts it, where its configuration fits */
       if :: ours[s] = true :: crashed[s] = true fi;
       d_step { reboots--; work[s] = NONE; goes_down(s); printf("the host of %d reboots\n", s) } }
  :: d_step { cuts > 0 && reachable[s] -> cuts--; reachable[s] = false; printf("%d is cut off\n", s) }
  :: d_step { !reachable[s] -> reachable[s] = true }
  od
}

/* The transaction on one host. It needs no controller. server/backend/lastlook.py, transaction.py */
proctype Host(byte s) {
end:
  do
  :: d_step { work[s] == ASKED ->
       if
       :: converted[s] && agent[s] == UP -> work[s] = DONE         /* there is nothing to do */
       :: agent[s] == DOWN -> work[s] = STOPPED; crashed[s] = false; ours[s] = false
       :: agent[s] != DOWN && !(converted[s] && agent[s] == UP) ->
#ifdef NO_LAST_LOOK
         work[s] = LOOKED
#else
         others_serve(s);
         if :: fine -> leader_agrees(s) :: else fi;
         if :: fine -> can_do_without(s) :: else fi;
         work[s] = (fine && leader != s && agent[s] == UP -> LOOKED : FAILED)
#endif
       fi }
  :: d_step { work[s] == LOOKED ->
       printf("%d is stopped\n", s);
       can_do_without(s); assert(fine);                            /* promise 2 */
       goes_down(s); work[s] = STOPPED }
  :: d_step { work[s] == STOPPED -> converted[s] = true; work[s] = SWITCHED }
  :: d_step { work[s] == STOPPED && faults > 0 && !converted[s] ->
       faults--; agent[s] = STARTING; count(); work[s] = PUT_BACK; printf("%d is put back\n", s) }
  :: d_step { work[s] == SWITCHED -> agent[s] = STARTING; count(); work[s] = STARTED }
  :: d_step { work[s] == STARTED && agent[s] == UP && voter[s] -> work[s] = DONE; printf("%d is done\n", s) }
  :: d_step { work[s] == PUT_BACK && agent[s] == UP && voter[s] -> work[s] = FAILED }
  od
}

/* One who runs the playbook until it has come to its end: roles/raft_logstore, on decisions of module_utils/_roll. Killed,
 * unreachable or refused: it runs again. */
#define OTHER_RUN (3 - me)
#ifdef OWN_HOLD_UNSEEN                      /* a file of one's own is taken for a hold that is in force */
#define ADOPTED true
#else
#define ADOPTED false
#endif
#ifdef ONE_CONTROLLER                       /* both on one: plugin_utils/_rolls.py keeps them apart, the hold is of one origin */
#define HELD_ELSEWHERE false
#define AS_PLANNED true
#define MINE 1
#else                                       /* two: .raft-hold.json of another, and autopilot's compare-and-set */
#define ROLLING_ELSEWHERE false
#define MINE me
#ifdef NO_OWNERS
#define HELD_ELSEWHERE false
#define AS_PLANNED true
#else
#define HELD_ELSEWHERE (RUNS > 1 && hold[OTHER_RUN])
/* hold.py, Overtaken: else somebody has changed autopilot's setting. What an earlier hold of ours made false, a leader may forget */
#define AS_PLANNED (cleanup == expected || (!expected && held_before))
#endif
#endif
#ifndef ROLLING_ELSEWHERE
#ifdef NO_LOCK
#define ROLLING_ELSEWHERE false
#else
#define ROLLING_ELSEWHERE (rolling != 0 && rolling != me)
#endif
#endif

#ifdef NO_REPAIR
#define OURS(s) false
#else
#define OURS(s) ours[s]
#endif

/* The plan: every server can be read; none is down but one of ours; the others serve; nobody else is at it. */
inline plan() {
  can = !HELD_ELSEWHERE && !ROLLING_ELSEWHERE; down = 0;
  each(i) { can = can && reachable[i] };
  each(i) { if :: agent[i] == DOWN && !AT_WORK(i) -> can = can && down == 0 && OURS(i); down = i :: AT_WORK(i) -> down = i :: else fi };
  if :: can -> leader_agrees(down); can = fine :: else fi;
  if :: can -> others_serve(down); can = fine :: else fi;
  i = 0
}

/* Down or interrupted first, then followers, the leader last. The two runs have inventories in opposite order. */
#define BETTER (s == 0 || (me == 1 -> i > s : i < s))
inline next_server() {
  s = 0; fine = 0;
  each(i) { if :: (ours[i] || AT_WORK(i)) && !(converted[i] && agent[i] == UP && !AT_WORK(i)) -> s = i :: else fi };
  if
  :: s == 0 -> each(i) { if :: !converted[i] && i != leader && BETTER -> s = i :: else fi }
  :: else
  fi;
  if :: s == 0 -> each(i) { if :: !converted[i] -> s = i :: else fi } :: else fi;
  i = 0
}

inline may_die() {
  if :: true :: atomic { deaths > 0 -> deaths--; printf("run %d is killed\n", me); goto ended } fi
}

proctype Run(byte me) {
  byte s, down; bool can, expected, held_before, holding, attached;
end_before:
  atomic { skip; d_step { plan(); down = 0 }; if :: can -> rolling = me; expected = cleanup; held_before = hold[MINE]; holding = held_before && ADOPTED; printf("run %d has planned\n", me) :: else -> goto end_before fi };
  do
  :: true ->
    d_step { next_server() };
    may_die();
    if
    :: s == 0 -> goto proven
    :: else -> skip
    fi;
    attached = AT_WORK(s);
    if
    :: attached || ours[s]
    :: else ->
      /* gates.yml: each other server itself, and the leader */
      d_step { others_serve(s); can = fine; leader_agrees(s); can = can && fine };
      if :: !can || !reachable[s] -> goto ended :: else fi;
      may_die();
      /* transfer.yml */
      atomic { if :: leader == s -> if :: leader = (s == 1 -> 2 : 1) :: leader = (s == 3 -> 2 : 3) fi :: else fi };
      /* others_apply.yml */
      d_step { others_serve(s); can = fine };
      if :: !can -> goto ended :: else fi
    fi;
    /* hold.yml: the file first, then autopilot's setting by compare-and-set */
#ifndef NO_HOLD
    if
    :: holding || AS_PLANNED -> hold[MINE] = true
    :: else -> goto ended
    fi;
    may_die();
    atomic {
      if
      :: holding || AS_PLANNED -> cleanup = false; holding = true
      :: else -> hold[MINE] = held_before; goto ended
      fi
    };
    may_die();
#endif
    atomic { if :: !reachable[s] -> goto ended :: else -> if :: AT_WORK(s) :: else -> work[s] = ASKED fi fi };
    may_die();
    /* The answer: of our own, or of the one that we have attached to */
    if
    :: atomic { work[s] == DONE && converted[s] -> work[s] = NONE }
    :: atomic { work[s] == FAILED -> work[s] = NONE; goto ended }
    :: work[s] == NONE -> goto ended                               /* it has died, or the other one has got the answer */
    :: !reachable[s] -> goto ended
    fi;
    may_die()
  od;
proven:
  /* finish.yml: each is back, with the voters of before; then the hold is released */
  skip;
  d_step { others_serve(0); can = fine };
  if :: !can -> goto ended :: else fi;
  atomic { if :: hold[MINE] -> cleanup = true :: else fi };
  may_die();
  hold[MINE] = false;
  rolling = (rolling == me -> 0 : rolling);
  goto finished;
ended:
  atomic { rolling = (rolling == me -> 0 : rolling); s = 0; down = 0; can = false; expected = false; held_before = false; holding = false; attached = false };
  goto end_before;
finished:
  skip
}

#if VOTERS == 3
#define ALL_CONVERTED (converted[1] && converted[2] && converted[3])
#define ALL_UP (agent[1] == UP && agent[2] == UP && agent[3] == UP && voter[1] && voter[2] && voter[3])
#else
#define ALL_CONVERTED (converted[1] && converted[2] && converted[3] && converted[4] && converted[5])
#define ALL_UP (agent[1] == UP && agent[2] == UP && agent[3] == UP && agent[4] == UP && agent[5] == UP)
#endif
#define RELEASED (cleanup && !hold[1] && !hold[RUNS])

#ifdef ENDS
ltl it_ends { <> (ALL_CONVERTED && ALL_UP && RELEASED) }
#endif

init {
  atomic {
    byte n;
    for (n : 1 .. VOTERS) { agent[n] = UP; voter[n] = true; seen[n] = true; reachable[n] = true };
    for (n : 1 .. VOTERS) { run Server(n); run Host(n) };
    n = 0; leader = 1;
    run Run(1);
#if RUNS > 1
    run Run(2)
#endif
  }
}
