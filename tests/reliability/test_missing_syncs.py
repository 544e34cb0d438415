# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fsync of a run taken out in turn: a power cut must then be able to do harm, or the table here says why not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from support.conversions import crashes, invariants
from support.conversions.crashes import Recorded
from support.conversions.situations import ALL, Situation, Template

Templates = Callable[[Situation], Template]
NAMES = "convert convert-copied equal keep-wal unguarded back back-copied back-put-back back-replace"
# The others have the same steps, or some of them.
TRIED = [situation for situation in ALL if situation.name in (
    "convert-copied", "equal", "unguarded", "back-copied", "back-put-back", "back-replace",
)]  # fmt: skip

# Situations, sync, and why nothing that anybody needs is lost without it.
REDUNDANT = [
    (
        ".*", r"sync (wal-meta\.db|raft\.db\.partial) after .* \(not the last\)",
        "the last sync makes the whole file sure, and it has no name that counts before",
    ),
    (".*", r"sync raft after rename wal\.partial > wal", "the link's sync comes before the switch, and is as good"),
    (
        "equal", r"sync raft after rename \.raft-migrate\.json\.partial > \.raft-migrate\.json \(not the last\)",
        "there is no partial file that the journal explains, and the link's sync makes it sure before the switch",
    ),
    (
        "back-put-back", r"sync raft after link raft\.db\.migrated\.\S+ > raft\.db\.partial",
        "the link is renamed to raft.db; a rename that is there has its file",
    ),
    (
        ".*", r"sync raft after (rename wal > wal|unlink raft\.db)\.migrated\.\S+",
        "raft.db counts already; its second name, or wal/ beside it, goes with the journal's sync or with the next run",
    ),
    (
        ".*", r"sync raft after rename \.raft-migrate\.json\.partial > \.raft-migrate\.json( \(the last\))?",
        "the journal would still be open, and the next run would close it",
    ),
]  # fmt: skip


@pytest.mark.parametrize("situation", TRIED, ids=lambda situation: situation.name)
def test_each_sync_is_needed(
    situation: Situation, templates: Templates, memory_disk: Path, cover: Callable[..., None]
) -> None:
    template = templates(situation)
    where = memory_disk / f"sync-{situation.name}"
    recorded = crashes.record(template, where)
    before = invariants.before(template)
    wrong = []
    for at, label in syncs(recorded):
        shown = harm(recorded, at, before, where)
        if bool(shown) == any(
            re.fullmatch(where_so, situation.name) and re.fullmatch(sync, label) for where_so, sync, _why in REDUNDANT
        ):
            wrong.append(f"{label}: {shown or 'no power cut does harm without it'}")
        cover("syncs taken out, and the harm seen" if shown else "syncs taken out that are known to be redundant")
    assert wrong == []


def syncs(recorded: Recorded) -> list[tuple[int, str]]:
    """(number, in words) of each sync; among several with equal words, whether it is the last."""
    ops = recorded.tape.ops
    labels = [(at, f"{op.label} after {ops[at - 1].label}") for at, op in enumerate(ops) if op.kind == "sync"]
    words = [label for _at, label in labels]
    return [
        (at, f"{label} ({'not ' if label in words[number + 1 :] else ''}the last)" if words.count(label) > 1 else label)
        for number, (at, label) in enumerate(labels)
    ]


def harm(recorded: Recorded, at: int, before: invariants.Before, where: Path) -> str:
    """The first harm found from a power cut when this sync is left out; "" when there is none."""
    for state in crashes.states_without(recorded, at):
        try:
            crashes.check(recorded, state, before, where)
        except (AssertionError, StoreError) as error:
            return str(error).splitlines()[0][:100]
    return ""
