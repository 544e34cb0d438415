/* Copyright (c) raftops.nomad contributors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The switch on one host: the Raft directory, the server's agent, and runs of server_backend, killed at any step and run
 * again in either direction, as often as they like. tables.inc is generated from the product's own tables (tables.py).
 *
 * What must be true, whatever happens in whatever order:
 *   promise 1       an agent that starts opens a store that has all it had, or refuses to start; never an empty one
 *   one vote        no server votes for two candidates in one term
 *   a re-run ends   a run that nobody disturbs reaches its goal, whatever the runs before it have left
 *
 * Bounds: TERMS, ENTRIES. With -D: see docs/model.md, "What each model rests on".
 */

#ifndef TERMS
#define TERMS 2
#endif
#ifndef ENTRIES
#define ENTRIES 2
#endif
#define CANDIDATES 2

#define WAL 1
#define BOLTDB 2

#include "tables.inc"

/* ---- what is on the disk ---------------------------------------------------------------------------------------- */

#define ABSENT 0
#define GUARD 9     /* raft.db is the dangling link; other values of a name are places in `store` */
#define STORES 5    /* raft.db, wal/, a backup, a partial file, one that a process still has open */

typedef Store {            /* a raft.db or a wal/: what raftstore/base/store.py calls its stable values and entries */
  byte term;
  byte vote;               /* the candidate voted for in that term, 0 for none */
  byte e[ENTRIES + 1]      /* the term of the entry at an index, 0 where there is none; [0] is not used */
}
typedef Promise {          /* directory/journal.py, Promise */
  byte term; byte vote; byte first; byte last; byte sum
}
Store store[STORES + 1];
byte raft_db, wal, backup; /* names in the Raft directory: backup is the newest raft.db.migrated.* or .superseded.* */
byte partial;              /* raft.db.partial or wal.partial, once it is whole */
bool leftover;             /* there are partial files, whole or not, of a store, the guard or the journal */
bool marker;               /* the Nomad command's .migration-in-progress */
bool retired;              /* some other old store is there */
byte snapshot;             /* the last index of the newest snapshot, 0 for none */

typedef Journal { byte phase; bool names_backup; Promise source; Promise copied }
Journal journal;

byte config;               /* the backend that the agent's configuration names */

/* ---- the agent -------------------------------------------------------------------------------------------------- */

#define DOWN 0
#define WAITING 1          /* it has opened its store and waits for the lock that a run has */
#define RUNNING 2
byte agent, agent_on;      /* agent_on: the store that it has open, whatever its name is by now */
bool agent_on_wal;

Store had;                 /* what the agent had when it last ran: all that it has promised to others */
byte voted[TERMS + 1];     /* for each term the candidate that this server has ever voted for */

/* ---- the run ---------------------------------------------------------------------------------------------------- */

bool at_work, locked;      /* locked: the conversion has the locks of all stores */
bool disturbed;            /* this run was killed, a step of it failed, or somebody started, stopped or configured */
bool meddled;              /* somebody has put an old raft.db back by hand, and no run has ended since */
bool forked;               /* a run has found two stores of which neither covers the other: a person decides */
byte wanted, way, at, deed, row, step, nth;
int clears;
bool stopped, began, committed, putting_back;
byte file;                 /* raft.db as this run has found and locked it */
Promise new_source, new_copied;
Journal before;

hidden byte i, k, la, lb, fb, lc;
hidden byte yes, also, counts;

#define IS_FILE(name) (name != ABSENT && name != GUARD)
#define OTHER(backend) (backend == WAL -> BOLTDB : WAL)

inline last_of(s, out) {
  out = 0; i = 1;
  do :: i > ENTRIES -> break :: else -> if :: store[s].e[i] != 0 -> out = i :: else fi; i++ od
}

inline first_of(s, out) {
  out = 0; i = ENTRIES;
  do :: i == 0 -> break :: else -> if :: store[s].e[i] != 0 -> out = i :: else fi; i-- od
}

inline same(s, t, out) {
  out = (store[s].term == store[t].term && store[s].vote == store[t].vote); i = 1;
  do :: i > ENTRIES -> break :: else -> out = out && store[s].e[i] == store[t].e[i]; i++ od
}

inline promise(s, p) {
  first_of(s, p.first); last_of(s, p.last); p.term = store[s].term; p.vote = store[s].vote; p.sum = store[s].e[p.last]
}

#define PROMISED(s, p) (p.term == store[s].term && p.vote == store[s].vote && p.first == fb && p.last == lb && \
                        p.sum == store[s].e[lb])

#ifdef NO_SNAPSHOT_COUNTED
#define SNAPSHOT_COVERS(index) (journal.copied.last == 0 && snapshot >= index)
#else
#define SNAPSHOT_COVERS(index) (snapshot >= index)
#endif
#ifdef NO_SHAPE_COMPARED
#define ENDS_BELOW_SNAPSHOT false
#else
#define ENDS_BELOW_SNAPSHOT (lb != 0 && lb < snapshot)
#endif

/* directory/covers.py: does A have everything that B could have promised to anybody? */
inline covers(a, b, out) {
  last_of(a, la); last_of(b, lb); first_of(b, fb);
#ifdef NO_VOTE_COMPARED
  out = true;
#else
  out = store[a].term > store[b].term ||
        (store[a].term == store[b].term && (store[b].vote == 0 || store[a].vote == store[b].vote));
#endif
  if
  :: !out || lb == 0 || store[a].e[lb] == store[b].e[lb]
  :: else ->
    out = journal.phase != journal_absent && (PROMISED(b, journal.source) || PROMISED(b, journal.copied));
    if
#ifndef NO_NEWER_ASKED
    :: store[a].e[lb] != 0 -> out = out && store[a].e[lb] > store[b].e[lb]
#endif
    :: else -> out = out && (SNAPSHOT_COVERS(lb) || (journal.copied.last != 0 &&
                             (la >= journal.copied.last || (la != 0 && store[a].e[la] > store[b].e[lb]))))
    fi
  fi
}

/* covers.py, relation, in its order; readstores.py, _compare: a WAL that ends below the snapshot is converted again */
inline relate() {
  same(raft_db, wal, yes); last_of(wal, lb);
  if
  :: yes && !ENDS_BELOW_SNAPSHOT -> see_relation = relation_equal
  :: else ->
    covers(raft_db, wal, yes);
    if
    :: yes -> see_relation = relation_raft_db_covers_wal
    :: else -> covers(wal, raft_db, yes); see_relation = (yes -> relation_wal_covers_raft_db : relation_neither)
    fi
  fi
}

/* Stores that no name and no process reaches any more are gone; so equal directories are equal states. */
inline sweep() {
  k = 1;
  do
  :: k > STORES -> break
  :: k <= STORES && (raft_db == k || wal == k || backup == k || partial == k || (agent != DOWN && agent_on == k) || file == k) -> k++
  :: else -> store[k].term = 0; store[k].vote = 0; i = 1;
    do :: i > ENTRIES -> break :: else -> store[k].e[i] = 0; i++ od;
    k++
  od;
  i = 0; k = 0
}

inline fresh(out) {
  k = 1;
  do
  :: raft_db == k || wal == k || backup == k || (agent != DOWN && agent_on == k) || file == k -> k++
  :: else -> break
  od;
  out = k; k = 0
}

/* ---- Nomad: what a start opens. facts of Nomad 2.0.5, docs/crash-safety.md, "The guard" --------------------------- */

/* Promise 1. What a snapshot covers may be missing; a WAL must have a shape on which Raft can go on. */
inline has_all(s) {
  assert(store[s].term == had.term && store[s].vote == had.vote);
  i = 1;
  do :: i > ENTRIES -> break :: else -> assert(i <= snapshot || store[s].e[i] == had.e[i]); i++ od;
  if
  :: agent_on_wal ->
    first_of(s, fb); last_of(s, lb);
    assert(lb == 0 || (fb <= snapshot + 1 && lb >= snapshot));
    i = 1;
    do :: i > ENTRIES -> break :: else -> assert(i < fb || i > lb || store[s].e[i] != 0); i++ od
  :: else
  fi;
  had.term = store[s].term; had.vote = store[s].vote; i = 1;
  do :: i > ENTRIES -> break :: else -> had.e[i] = store[s].e[i]; i++ od;
  i = 0
}

inline open_store(s, on_wal) {
  agent_on = s; agent_on_wal = on_wal;
  if
  :: locked -> agent = WAITING; printf("it waits for the lock\n")
  :: else -> agent = RUNNING; has_all(s)
  fi
}

inline start() {
  if
  :: config == WAL && IS_FILE(raft_db) -> printf("refuses: a file raft.db beside backend wal\n")
  :: config == WAL && !IS_FILE(raft_db) ->
    assert(wal != ABSENT); printf("start on wal/\n");                          /* else it starts on a new, empty WAL */
    open_store(wal, true)
  :: config == BOLTDB && raft_db == GUARD -> printf("refuses: the guard\n")
  :: config == BOLTDB && raft_db != GUARD ->
    assert(raft_db != ABSENT); printf("start on raft.db\n");                      /* else it starts on a new, empty raft.db */
    open_store(raft_db, false)
  fi
}

#ifdef STRANGERS
#define MAY_START true
#else
#define MAY_START !at_work
#endif

/* The server's agent: whoever starts it (systemd, a reboot, a person; during a run only a person can), Raft's writes
 * to its store, and its end. Not modelled: writes that were never acknowledged. */
proctype Agent() {
  byte c;
  end:
  do
  :: d_step { agent == DOWN && !meddled && MAY_START -> start(); disturbed = disturbed || at_work; i = 0; k = 0 }
  :: d_step { agent == WAITING && !locked ->
       if
       :: agent_on_wal && wal != agent_on -> agent = DOWN; sweep()   /* wal/ has lost its name: no segments, no start */
       :: else -> agent = RUNNING; has_all(agent_on)
       fi }
  :: d_step { agent == RUNNING -> agent = DOWN; disturbed = disturbed || at_work; sweep(); agent_on = 0; printf("down\n") }
  :: d_step { agent == RUNNING && store[agent_on].term < TERMS ->    /* it hears of a new term */
       store[agent_on].term++; store[agent_on].vote = 0; had.term++; had.vote = 0; printf("term %d\n", had.term) }
  :: atomic { agent == RUNNING && store[agent_on].vote == 0 && store[agent_on].term > 0 ->
       if :: c = 1 :: c = 2 fi;
       d_step {
         assert(voted[store[agent_on].term] == 0 || voted[store[agent_on].term] == c);
         voted[store[agent_on].term] = c; store[agent_on].vote = c; had.vote = c; printf("vote for %d in term %d\n", c, had.term); c = 0 } }
  :: d_step { agent == RUNNING ->                                    /* it appends an entry of the leader of this term */
       last_of(agent_on, lb);
       k = (lb > snapshot -> lb : snapshot) + 1;
       if
       :: k <= ENTRIES && store[agent_on].term > 0 -> store[agent_on].e[k] = store[agent_on].term; had.e[k] = store[agent_on].term; printf("append %d\n", k)
       :: else
       fi }
  :: atomic { agent == RUNNING && store[agent_on].term > 0 ->        /* a newer leader cuts off the end, and appends */
       if :: c = 1 :: c = 2 :: c = 3 fi;
       d_step {
         last_of(agent_on, lb);
         if
         :: c <= lb && c > snapshot && store[agent_on].e[c] != 0 && store[agent_on].e[lb] < store[agent_on].term ->
           store[agent_on].e[c] = store[agent_on].term; had.e[c] = store[agent_on].term; printf("cut off and append %d\n", c); i = c + 1;
           do :: i > ENTRIES -> break :: else -> store[agent_on].e[i] = 0; had.e[i] = 0; i++ od
         :: else
         fi;
         c = 0 } }
#ifndef NO_SNAPSHOTS
  :: d_step { agent == RUNNING ->                                    /* a snapshot of all that it has */
       last_of(agent_on, lb);
       if :: lb > snapshot -> snapshot = lb; printf("snapshot %d\n", lb) :: else fi }
  :: d_step { agent == RUNNING && snapshot > 0 ->                    /* compaction: the first entry goes, never the last */
       first_of(agent_on, fb);
       last_of(agent_on, lb);
       if :: fb > 0 && fb <= snapshot && fb < lb -> store[agent_on].e[fb] = 0; had.e[fb] = 0; printf("compact %d\n", fb) :: else fi }
  :: d_step { agent == RUNNING && store[agent_on].term > 0 ->        /* it installs a snapshot from beyond its log */
       last_of(agent_on, lb);
       if
       :: lb < ENTRIES && snapshot < ENTRIES && lb >= snapshot ->
         snapshot = ENTRIES; printf("install a snapshot\n");
         if
         :: agent_on_wal -> i = 1;
           do :: i > ENTRIES -> break :: else -> store[agent_on].e[i] = 0; had.e[i] = 0; i++ od
         :: else
         fi
       :: else
       fi }
#endif
  od
}

/* Whoever else writes the configuration: a later configuration run, a lost file, a typo. Not while a WAL has no guard
 * yet, as the Nomad command leaves it: that was dangerous before we came. */
#ifndef OWN_CONFIGURATION
proctype Configuration() {
  end:
  do
  :: d_step { raft_db != ABSENT && config != WAL -> config = WAL; printf("configured wal\n"); disturbed = disturbed || at_work }
  :: d_step { raft_db != ABSENT && config != BOLTDB -> config = BOLTDB; printf("configured boltdb\n"); disturbed = disturbed || at_work }
  od
}
#endif

/* A person who puts the old raft.db back by hand, while the server is down. From then on nothing is started until a run
 * has ended: that would be theirs to answer for. */
#ifdef MEDDLING
proctype Person() {
  end:
  do
  :: d_step { !at_work && agent == DOWN && raft_db == GUARD && backup != ABSENT ->
       raft_db = backup; backup = ABSENT; meddled = true; i = 0; printf("a person puts the old raft.db back\n") }
  od
}
#endif

#include "run.pml"

init {
  atomic {
    journal.phase = journal_absent; journal.names_backup = false;
    if
    :: raft_db = 1; config = BOLTDB                       /* a server on BoltDB */
    :: wal = 1; config = WAL                              /* what the Nomad command leaves: a WAL without a guard */
    :: wal = 1; config = WAL; marker = true               /* the same, killed before it has removed its marker */
    :: raft_db = 1; config = BOLTDB; wal = 2; marker = true   /* the Nomad command was killed while it copied */
    fi;
    store[1].term = 1; store[1].vote = 1; store[1].e[1] = 1; voted[1] = 1;
    had.term = 1; had.vote = 1; had.e[1] = 1;
    run Agent();
#ifndef OWN_CONFIGURATION
    run Configuration();
#endif
#ifdef MEDDLING
    run Person();
#endif
    run Run()
  }
}
