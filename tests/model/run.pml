/* Copyright (c) raftops.nomad contributors
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * The run of host.pml: server/backend/transaction.py around raftstore/migrate.py. Which deeds, rows and steps follow each
 * other comes from tables.inc; what each does is written here, once for each name.
 */

/* ---- the look: directory/observe.py and readstores.py ------------------------------------------------------------ */

inline observe() {
  see_run_lock = 0; see_place = 0; see_relation = 0; see_backup = backup_covered; see_past = 0;
  see_store_lock = 0;      /* who has a store open was looked at before */
  file = (IS_FILE(raft_db) -> raft_db : 0);
  see_raft_db = (raft_db == ABSENT -> raft_db_absent : (raft_db == GUARD -> raft_db_g : raft_db_ok));
  see_wal = (wal == ABSENT -> wal_absent : wal_ok);
  see_journal = journal.phase;
  see_leftovers = (leftover -> leftovers_some : leftovers_none);
  see_names = (IS_FILE(raft_db) && backup == raft_db -> names_ours : names_one);
  if
  :: IS_FILE(raft_db) && wal != ABSENT ->
    also = false;
    if
    :: marker && journal.phase == journal_absent -> covers(raft_db, wal, also)   /* readstores.py, _is_marked */
    :: else
    fi;
    if
    :: also -> see_wal = wal_nothing
    :: else -> relate(); look_at_backup()
    fi
  :: raft_db == GUARD && wal != ABSENT -> look_at_backup()
  :: !IS_FILE(raft_db) && wal == ABSENT ->
    see_past = (journal.phase != journal_absent || backup != ABSENT || retired || snapshot > 0 -> past_recorded : past_none)
  :: else
  fi
}

/* readstores.py, _with_backup: has a server that waited for raft.db gone on in the backup that an open journal names? */
inline look_at_backup() {
  if
  :: journal.phase == journal_open && journal.names_backup && backup != ABSENT && backup != raft_db ->
    if
    :: see_relation == relation_equal || see_relation == relation_raft_db_covers_wal -> covers(raft_db, backup, yes)
    :: else -> covers(wal, backup, yes)
    fi;
    see_backup = (yes -> backup_covered : backup_not_covered)
  :: else
  fi
}

/* ---- preflight.py: what the steps need. shape.py: which entries a WAL may hold ------------------------------------ */

inline prepare() {
  if
  :: wanted == WAL && HAS_BUILD ->
    promise(raft_db, new_source); promise(raft_db, new_copied);
    kept(raft_db, fb, lb);
    if
    :: fb != 0 -> new_copied.first = fb
    :: else -> new_copied.first = 0; new_copied.last = 0; new_copied.sum = 0
    fi
  :: wanted == BOLTDB && HAS_BUILD_BACK ->
    promise(wal, new_source); promise(wal, new_copied);
    if :: HAS_LINK_SUPERSEDED && file != 0 -> promise(raft_db, new_source) :: else fi;
    if :: HAS_PUT_BACK -> reuse() :: else fi
  :: IS_FILE(raft_db) && wal != ABSENT && !(wanted == WAL && HAS_BUILD) && !(wanted == BOLTDB && HAS_BUILD_BACK) ->
    if
    :: wanted == BOLTDB -> promise(wal, new_source); promise(raft_db, new_copied)
    :: else -> promise(raft_db, new_source); promise(wal, new_copied)
    fi
  :: else
  fi
}

/* reuse.py: is the old raft.db put back as it is? Only if it has every entry of wal/, and covers it. */
inline reuse() {
  if
  :: journal.phase != journal_absent && journal.names_backup && backup != ABSENT && !(agent != DOWN && agent_on == backup) ->
    last_of(backup, la); last_of(wal, lb);
    yes = !(la != 0 && lb == 0);
    if :: yes -> covers(backup, wal, yes) :: else fi;
    i = 1;
    do :: i > ENTRIES -> break :: else -> yes = yes && (store[wal].e[i] == 0 || store[wal].e[i] == store[backup].e[i]); i++ od;
    putting_back = yes
  :: else
  fi
}

/* The tail after the last hole, if it begins at the snapshot's end or before; nothing of a log that ends below that. */
inline kept(s, first, last) {
  last_of(s, last); first = 0;
  if
  :: last == 0 || last < snapshot -> last = 0
  :: else ->
    first = last;
    do :: store[s].e[first - 1] != 0 -> first-- :: else -> break od;
    assert(first <= snapshot + 1)       /* else refused: IndexGap. No Raft leaves that */
  fi
}

inline copy_entries(from, to, first, last) {
  store[to].term = store[from].term; store[to].vote = store[from].vote; i = 1;
  do
  :: i > ENTRIES -> break
  :: else -> store[to].e[i] = ((first != 0 && i >= first && i <= last) -> store[from].e[i] : 0); i++
  od
}

inline note(j, phase_now) {
  j.phase = phase_now; j.source.term = new_source.term; j.source.vote = new_source.vote; j.source.first = new_source.first;
  j.source.last = new_source.last; j.source.sum = new_source.sum;
  j.copied.term = new_copied.term; j.copied.vote = new_copied.vote; j.copied.first = new_copied.first;
  j.copied.last = new_copied.last; j.copied.sum = new_copied.sum
}

inline same_note(to, from) {
  to.phase = from.phase; to.names_backup = from.names_backup;
  to.source.term = from.source.term; to.source.vote = from.source.vote; to.source.first = from.source.first;
  to.source.last = from.source.last; to.source.sum = from.source.sum;
  to.copied.term = from.copied.term; to.copied.vote = from.copied.vote; to.copied.first = from.copied.first;
  to.copied.last = from.copied.last; to.copied.sum = from.copied.sum
}

inline no_promise(p) { p.term = 0; p.vote = 0; p.first = 0; p.last = 0; p.sum = 0 }

/* What a run knew is gone with its process; the kernel gives up its locks. */
inline forget() {
  locked = false; row = 0; step = 0; nth = 0; clears = 0; began = false; committed = false; putting_back = false; file = 0;
  no_promise(new_source); no_promise(new_copied);
  before.phase = 0; before.names_backup = false; no_promise(before.source); no_promise(before.copied);
  partial = ABSENT;        /* what is left of it is a leftover, and never resumed */
  sweep(); i = 0; k = 0
}

/* The evidence has done its work once the row is known. */
inline overlook() {
  see_run_lock = 0; see_store_lock = 0; see_journal = 0; see_place = 0; see_raft_db = 0; see_names = 0; see_leftovers = 0;
  see_wal = 0; see_past = 0; see_backup = 0; see_relation = 0
}

#define OTHERS(store_file) (agent == WAITING && agent_on == store_file && store_file != 0)

/* Not while the documented limit applies: the run ends while somebody waits in the old store, between the switch and the
 * next step. docs/crash-safety.md, "One case is in no cell" */
#ifdef KILL_WHILE_WAITED_FOR
#define MAY_DIE true
#else
#define MAY_DIE !(agent == WAITING && committed)
#endif

/* Between any two changes of the disk: the run is killed, or what it does next fails. */
inline may_end() {
  if
  :: true
  :: MAY_DIE -> goto killed
  fi
}

/* One step, as conversion/steps.py does it. A step that changes two names can be killed in between. `fails` is where a
 * failure of this step is dealt with; before or after its effect, a fault may be injected. */
inline do_step() {
  if
  :: step == ASIDE_MARKER -> marker = false
  :: step == ASIDE_WAL -> d_step { wal = ABSENT; retired = true; sweep() }
  :: step == ADD_GUARD -> raft_db = GUARD
  :: step == UNLINK_SECOND -> d_step { backup = ABSENT; sweep() }
  :: step == ASIDE_PARTIALS || step == REMOVE_PARTIALS -> leftover = false
  :: step == BEGIN ->
    leftover = true;
    may_end();
    d_step {
      same_note(before, journal); began = true; leftover = false; note(journal, journal_open);
      journal.names_backup = (wanted == WAL || HAS_LINK_SUPERSEDED);
      if :: journal.names_backup && backup != ABSENT -> backup = ABSENT; retired = true; sweep() :: else fi
    }
  :: step == BUILD ->
    leftover = true;
    may_end();
    d_step { fresh(partial); kept(file, fb, lb); copy_entries(file, partial, fb, lb); i = 0 }
  :: step == BUILD_BACK && !putting_back ->
    leftover = true;
    may_end();
    d_step { fresh(partial); copy_entries(wal, partial, 1, ENTRIES); i = 0 }
  :: step == PUT_BACK && putting_back -> d_step { leftover = true; partial = backup }
  :: step == PUBLISH -> d_step { wal = partial; partial = ABSENT; leftover = false; committed = true }
  :: step == CONFIGURATION -> if :: config == WAL :: else -> goto step_failed fi
  :: step == LINK_BACKUP || step == LINK_SUPERSEDED ->
    if :: OTHERS(file) -> goto step_failed :: else fi;
    d_step { backup = raft_db; committed = true }
  :: step == SWITCH ->
    d_step { leftover = true; committed = true };
    may_end();
#ifdef NO_GUARD
    d_step { raft_db = ABSENT; leftover = false }
#else
    d_step { raft_db = GUARD; leftover = false }
#endif
  :: step == SWITCH_BACK ->
    if :: OTHERS(file) || OTHERS(wal) -> goto step_failed :: else fi;
    d_step { raft_db = partial; partial = ABSENT; leftover = false; committed = true }
  :: step == LOOK_AGAIN ->
#ifndef NO_LOOK_AGAIN
    if
    :: OTHERS(file) -> d_step { raft_db = backup; backup = ABSENT; sweep() }; goto step_failed
    :: else
    fi
#endif
  :: step == RETIRE_WAL -> d_step { wal = ABSENT; retired = true; sweep() }
  :: step == UNLINK_BACKUP && putting_back -> backup = ABSENT
  :: step == FINISH -> if :: began || journal.phase == journal_open -> journal.phase = journal_done :: else fi
  :: else                  /* steps.py leaves these out: copies, and of building and putting back the one not chosen */
  fi
}

/* host/left.py: what a failure has left, from the disk, and the way back that follows. `way` 0: none without the others. */
inline see_what_is_left() {
  observe(); decide();
  if
  :: agent != DOWN && IS_FILE(raft_db) && wal != ABSENT -> counts = 0       /* two stores in use are not compared */
  :: else -> counts = ((STATE_boltdb || (STATE_both && see_relation != relation_wal_covers_raft_db)) -> BOLTDB : (STATE_wal -> WAL : 0))
  fi;
  if
  :: counts == OTHER(wanted) -> way = AS_IT_WAS
  :: else -> way = (agent == DOWN -> BACK : 0)
  fi;
  counts = 0; overlook(); forget()
}

/* -DSWAPPED=WAL or BOLTDB: on the way there the configuration and the conversion change places. */
inline swap() {
#ifdef SWAPPED
  if
  :: way == FORWARD && wanted == SWAPPED && deed == DO_CONFIGURATION -> deed = DO_CONVERSION
  :: way == FORWARD && wanted == SWAPPED && deed == DO_CONVERSION -> deed = DO_CONFIGURATION
  :: else
  fi
#else
  skip
#endif
}

/* The process on the host: the deeds of roll/host/transaction.py. It can be killed between any two changes. */
proctype Run() {
end_of_run:
  atomic {
    !at_work && !forked && agent != WAITING -> at_work = true; disturbed = false; stopped = false; way = FORWARD; at = 0;
    if :: wanted = WAL; printf("run to wal\n") :: wanted = BOLTDB; printf("run to boltdb\n") fi
  };
next_deed:
  may_end();
  atomic {
    deed_at(at); at++; swap(); say_deed();
    if
    :: deed == DO_STOP -> d_step { agent = DOWN; sweep(); agent_on = 0; stopped = true; i = 0; k = 0 }
    :: deed == DO_CONFIGURATION || deed == DO_FORMER_CONFIGURATION -> config = wanted
    :: deed == DO_CONVERSION -> goto conversion
    :: deed == DO_START -> d_step { if :: agent == DOWN -> start(); i = 0; k = 0 :: else fi }
    :: deed == DO_REJOIN ->
      if
      :: agent == RUNNING && agent_on_wal == (wanted == WAL) -> if :: true :: disturbed = true; printf("not back\n"); goto deed_failed fi
      :: else -> goto deed_failed
      fi
    :: deed == NO_STEP -> goto ended
    :: else                /* the last look and the log are the roll's: roll.pml */
    fi
  };
  goto next_deed;

conversion:
  atomic {
    if :: agent != DOWN -> goto deed_failed :: else -> locked = true fi;   /* row 24 */
    d_step { observe(); decide(); overlook(); i = 0; k = 0; printf("row %d\n", row) };
    if
    :: REFUSED ->
      assert(meddled && (row == 8 || row == 10));    /* nothing else is ever refused */
      forked = true; goto deed_failed
    :: wanted == WAL && HAS_SWITCH && config != WAL -> goto deed_failed    /* preflight: check the configuration */
    :: else
    fi;
    d_step { prepare(); nth = 0; i = 0; k = 0 }
  };
next_step:
  atomic {
    if
    :: clears & (1 << UNLINK_SECOND) -> step = UNLINK_SECOND; clears = clears - (1 << UNLINK_SECOND)
    :: else ->
      if
      :: clears & (1 << ASIDE_PARTIALS) -> step = ASIDE_PARTIALS; clears = clears - (1 << ASIDE_PARTIALS)
      :: else ->
        if
        :: clears & (1 << REMOVE_PARTIALS) -> step = REMOVE_PARTIALS; clears = clears - (1 << REMOVE_PARTIALS)
        :: else -> step_at(nth); nth++
        fi
      fi
    fi;
    if
    :: step == NO_STEP -> d_step { forget(); meddled = false }; goto next_deed
    :: else -> say_step()
    fi
  };
  if
  :: do_step()
  :: MAY_DIE -> disturbed = true; printf("this step fails\n"); goto step_failed              /* it fails before it has changed anything */
  fi;
  may_end();
  if
  :: goto next_step
  :: step != FINISH && step != UNLINK_BACKUP && MAY_DIE -> disturbed = true; printf("its sync fails\n"); goto step_failed   /* or after: its sync */
  fi;

step_failed:
  if
  :: began && !committed ->                          /* migrate.py, _undo_preparation */
    may_end();
    d_step { leftover = false; partial = ABSENT; sweep(); i = 0; k = 0 };
    may_end();
    d_step { same_note(journal, before) }
  :: else
  fi;
  d_step { forget() };

deed_failed:
  atomic {                                           /* transaction.py, _failed; host/left.py */
    assert(disturbed || forked);                     /* a re-run ends */
    if
    :: way != FORWARD || !stopped -> goto over
    :: else
    fi;
    d_step { locked = false; see_what_is_left(); i = 0; k = 0 };
    if
    :: way == 0 -> goto over
    :: else -> wanted = OTHER(wanted); at = 0
    fi
  };
  goto next_deed;

ended:
  atomic {
    assert(way != FORWARD || disturbed || (agent == RUNNING && agent_on_wal == (wanted == WAL)));
    goto over
  };

killed:
  disturbed = true; printf("killed\n");

over:
  atomic {
    d_step { forget(); at_work = false; way = 0; at = 0; deed = 0; wanted = 0; stopped = false; disturbed = false };
    goto end_of_run
  }
}
