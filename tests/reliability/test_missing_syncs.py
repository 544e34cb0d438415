# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each fsync of a run taken out in turn: a power cut must then be able to do harm, or the table here says why not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.raftstore.errors import StoreError
from reliability import crashes, judging
from reliability.crashes import Recorded
from reliability.situations import ALL, Situation, Template

Templates = Callable[[Situation], Template]
NAMES = "convert convert-copied equal keep-wal unguarded back back-copied back-put-back back-replace"
TRIED = [situation for situation in ALL if situation.name in NAMES.split()]

# What is lost without these is nothing that anybody needs.
REDUNDANT = {
    "sync wal-meta.db after write wal-meta.db (1)": "pages before metas matter to a file that has its name already",
    "sync raft.db.partial after write raft.db.partial (1)": "the same",
    "sync raft after rename wal.partial > wal": "the sync of the link comes before the switch and makes wal/ sure, too",
    "sync raft after rename .raft-migrate.json.partial > .raft-migrate.json (2)": (
        "the journal would be open, and the next run would close it"
    ),
}


@pytest.mark.parametrize("situation", TRIED, ids=lambda situation: situation.name)
def test_each_sync_is_needed(
    situation: Situation, templates: Templates, memory_disk: Path, cover: Callable[..., None]
) -> None:
    template = templates(situation)
    where = memory_disk / f"sync-{situation.name}"
    recorded = crashes.record(template, where)
    before = judging.before(template)
    wrong = []
    for at, label in syncs(recorded):
        shown = harm(recorded, at, before, where)
        if bool(shown) == (label in REDUNDANT):
            wrong.append(f"{label}: {shown or 'no power cut does harm without it'}")
        cover("syncs taken out, and the harm seen" if shown else "syncs taken out that are known to be redundant")
    assert wrong == []


def syncs(recorded: Recorded) -> list[tuple[int, str]]:
    """(number, in words) of each sync; equal words get a number."""
    ops = recorded.tape.ops
    labels = [(at, f"{op.label} after {ops[at - 1].label}") for at, op in enumerate(ops) if op.kind == "sync"]
    words = [label for _at, label in labels]
    return [
        (at, f"{label} ({words[:number].count(label) + 1})" if words.count(label) > 1 else label)
        for number, (at, label) in enumerate(labels)
    ]


def harm(recorded: Recorded, at: int, before: judging.Before, where: Path) -> str:
    """The first harm found that a power cut does when this sync has been forgotten; "" when there is none."""
    for state in crashes.states_without(recorded, at):
        try:
            crashes.check(recorded, state, before, where)
        except (AssertionError, StoreError) as error:
            return str(error).splitlines()[0][:100]
    return ""
