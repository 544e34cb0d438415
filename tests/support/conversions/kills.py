# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at one change of the disk, what must be true then, and the same command again."""

from __future__ import annotations

import shutil
from pathlib import Path

from support.conversions import conversion, invariants, runs
from support.conversions.invariants import Before
from support.conversions.seams import Change, Strike
from support.conversions.situations import Template, copied, owned_by_nomad
from support.stores import judge

JUDGED_ONE_OF = 5  # no factor of the number of EVENTS, so that HashiCorp's libraries read what follows each of them


def killed_at(number: int, change: Change, template: Template, found: Before, where: Path, workers: int) -> int:
    """Kill the run at this change, and where a worker makes it, also that worker alone; the number of kills."""
    kills = (False, True) if change.by_worker else (False,)
    for worker_only in kills:
        raft = template.copy(where)
        options = runs.options_of(template, where, workers)
        strike = Strike(number, worker_only=worker_only)
        end = conversion.run(raft, strike, **options)
        strike.close()
        assert not end.succeeded, end
        if worker_only and end.error is not None:
            assert "was killed by SIGKILL" in end.error["what"] and end.error["hint"]
        opened = invariants.intact(raft, template, found)
        going_on(where, opened, template, options, number)
        invariants.complete(
            raft,
            expected=template.expected,
            clean=template.situation.is_resumed,
            by_judge=number % JUDGED_ONE_OF == 0,
            **options,
        )
        shutil.rmtree(where)
    return len(kills)


def going_on(where: Path, opened: str, template: Template, options: dict[str, object], number: int) -> None:
    """On a copy: Nomad starts before the re-run, with whatever configuration lets it, and goes on; that is kept."""
    if not template.situation.strict:
        return  # as found, Nomad could start on either of two stores: a fork is for a person
    other = where.with_name(where.name + "-on")
    raft = copied(where, other)
    EVENTS[number % len(EVENTS)](raft / opened)
    acknowledged = judge.digest(raft / opened, template.situation.kept_from)
    owned_by_nomad(raft)
    options = {**options, **({"backup_dir": str(other / "copies")} if "backup_dir" in options else {})}
    invariants.complete(raft, expected=acknowledged, clean=False, by_judge=number % JUDGED_ONE_OF == 0, **options)
    shutil.rmtree(other)


def appends(store: Path) -> None:
    judge.append(store, count=3, term=400, segment=16384)


def votes(store: Path) -> None:
    """Nothing is written to the log: only the vote must not be forgotten."""
    judge.vote(store, term=400, candidate="10.0.0.9:4647")


def follows_a_new_leader(store: Path) -> None:
    """It has what the log ended with cut off, because that had not reached a quorum, and goes on before its old end."""
    last = judge.digest(store).last_index
    judge.truncate(store, tail=last - 4, segment=16384)
    judge.vote(store, term=400)
    judge.append(store, count=2, term=400, segment=16384)


def compacts(store: Path) -> None:
    """It leaves behind all that was there before."""
    before = judge.digest(store).last_index
    judge.append(store, count=30, term=400, segment=16384)
    judge.judge("snapshot", "-index", before + 20, "-term", 400, store.parent)
    judge.truncate(store, head=before + 10, segment=16384)


EVENTS = (appends, votes, follows_a_new_leader, compacts)
