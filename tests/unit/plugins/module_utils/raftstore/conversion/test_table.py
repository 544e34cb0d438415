# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state table against a second writing of it, its documentation, and every combination of words."""

from __future__ import annotations

from itertools import product
from typing import Any, Dict

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion import steps, table
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.directory.evidence import Evidence
from support.paths import DOCS

COLUMNS: Dict[str, Any] = {
    "raft_db": ["-", "G", "ok", "0", "bad"],
    "wal": ["-", "ok", "0", "bad"],
    "relation": ["", "equal", "raft.db covers wal/", "wal/ covers raft.db", "neither"],
    "past": ["", "none", "blank", "recorded"],
    "backup": ["", "covered", "not covered"],
    "journal": ["-", "open", "done"],
}
EXPECTED = [
    (1, "- -", {"past": "none"}), (1, "- 0", {"past": "none"}),
    (2, "- -", {"past": "recorded"}), (2, "G -", {"past": "recorded"}), (2, "0 0", {"past": "recorded"}),
    (3, "ok -", {}), (3, "0 -", {"past": "none"}), (3, "0 -", {"past": "blank"}), (4, "ok 0", {}),
    (5, "ok ok", {"relation": "equal"}), (6, "ok ok", {"relation": "raft.db covers wal/"}),
    (7, "ok ok", {"relation": "wal/ covers raft.db"}), (7, "0 ok", {"relation": "wal/ covers raft.db"}),
    (8, "ok ok", {"relation": "neither"}),
    (9, "G ok", {"journal": "open", "backup": "covered"}), (10, "G ok", {"journal": "open", "backup": "not covered"}),
    (10, "ok ok", {"journal": "open", "backup": "not covered", "relation": "equal"}),
    (10, "0 ok", {"journal": "open", "backup": "not covered", "relation": "wal/ covers raft.db"}),
    (11, "G ok", {"journal": "done"}), (11, "G ok", {}), (12, "- ok", {}), (12, "- ok", {"journal": "open"}),
    (13, "ok bad", {}), (14, "bad -", {}), (14, "bad ok", {}), (14, "bad bad", {}), (15, "G bad", {}),
    (15, "- bad", {}),
    (19, "ok -", {"names": "foreign"}), (20, "other ok", {}), (21, "ok bad", {"place": "foreign"}),
    (22, "ok -", {"journal": "unknown"}), (24, "ok -", {"store_lock": "taken"}), (25, "ok -", {"run_lock": "taken"}),
    (0, "0 0", {"past": "none"}), (0, "0 bad", {}), (0, "- -", {"past": "blank"}), (0, "G -", {"past": "none"}),
]  # fmt: skip
CLEARING = [
    (16, {"leftovers": "some", "journal": "open"}), (17, {"leftovers": "some"}),
    (17, {"leftovers": "some", "journal": "done"}), (18, {"names": "ours"}), (23, {"journal": "not ours"}),
]  # fmt: skip


@pytest.mark.parametrize(("number", "stores", "words"), EXPECTED, ids=str)
def test_each_row_is_found_by_its_words(number: int, stores: str, words: Dict[str, str]) -> None:
    raft_db, wal = stores.split()
    assert table.classify(Evidence(raft_db=raft_db, wal=wal, **words)).number == number


@pytest.mark.parametrize(("number", "words"), CLEARING, ids=str)
def test_rows_that_clear_the_way_come_before_every_other(number: int, words: Dict[str, str]) -> None:
    for expected, stores, more in EXPECTED:
        if expected not in (1, 2, 3, 4, 5, 6, 7, 8, 12) or set(more) & {*words, "journal"}:
            continue
        raft_db, wal = stores.split()
        rows = table.walk(Evidence(raft_db=raft_db, wal=wal, **{**more, **words}))
        assert [row.number for row in rows] == [number, expected]
        for wanted in ("wal", "boltdb"):
            cell = table.plan(Evidence(raft_db=raft_db, wal=wal, **{**more, **words}), wanted)[1]
            assert isinstance(cell, str) or cell[0] == rows[0].to_wal[0]


def test_in_use_and_newer_tool_outrank_everything() -> None:
    worst = Evidence("bad", "bad", journal="unknown", leftovers="some", names="foreign", place="foreign")
    assert table.classify(worst).number == 22
    assert table.classify(Evidence("bad", "bad", journal="unknown", store_lock="taken")).number == 24
    assert table.classify(Evidence("bad", "bad", store_lock="taken", run_lock="taken")).number == 25


def test_every_combination_has_an_answer_and_a_forged_journal_changes_none() -> None:
    for words in product(*COLUMNS.values()):
        evidence = Evidence(**dict(zip(COLUMNS, words)))
        for wanted in ("wal", "boltdb"):
            row, cell = table.plan(evidence, wanted)
            assert row in table.ROWS or (row is table.UNLISTED and cell == table.REFUSE)
            assert isinstance(cell, str) or all(step in steps.STEPS for step in cell)


def test_nothing_is_converted_or_moved_when_no_store_is_whole() -> None:
    for words in product(*COLUMNS.values()):
        evidence = Evidence(**dict(zip(COLUMNS, words)))
        if evidence.raft_db in ("-", "G", "bad") and evidence.wal != "ok":
            for wanted in ("wal", "boltdb"):
                assert table.plan(evidence, wanted)[1] in (table.REFUSE, table.NOTHING)


def test_the_switch_comes_after_everything_it_needs() -> None:
    for row in table.ROWS:
        for cell in (row.to_wal, row.to_boltdb):
            if table.SWITCH not in cell or isinstance(cell, str):
                continue
            link = table.LINK_SUPERSEDED if table.LINK_SUPERSEDED in cell else table.LINK_BACKUP
            order = [table.BEGIN, table.COPY, table.CONFIGURATION, link, table.SWITCH, table.LOOK_AGAIN, table.FINISH]
            assert [step for step in cell if step in order] == order
            if table.BUILD in cell:
                assert cell.index(table.BEGIN) < cell.index(table.BUILD) < cell.index(table.PUBLISH)
                assert cell.index(table.PUBLISH) < cell.index(table.CONFIGURATION)


def test_the_switch_back_comes_after_everything_it_needs() -> None:
    for row in table.ROWS:
        cell = row.to_boltdb
        if isinstance(cell, str) or table.SWITCH_BACK not in cell:
            continue
        order = [table.BEGIN, table.BUILD_BACK, table.COPY_WAL, table.SWITCH_BACK, table.RETIRE_WAL, table.FINISH]
        assert [step for step in cell if step in order] == order
        if row.when["raft_db"] == ("-",):
            assert cell.index(table.ADD_GUARD) < cell.index(table.BEGIN)
        if set(row.when["raft_db"]) & {"ok", "0"}:
            at = cell.index(table.SWITCH_BACK)
            assert (cell[at - 1], cell[at + 1]) == (table.LINK_SUPERSEDED, table.LOOK_AGAIN)


def test_only_what_wal_covers_is_replaced_on_the_way_back() -> None:
    for row in table.ROWS:
        if not isinstance(row.to_boltdb, str) and table.SWITCH_BACK in row.to_boltdb:
            assert row.when["wal"] == ("ok",)
            assert not {"ok", "0"} & set(row.when["raft_db"]) or row.when["relation"] == ("wal/ covers raft.db",)


def test_every_refusing_row_has_its_own_reason() -> None:
    from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.refusals import REASONS

    refusing = {row.number for row in table.ROWS if table.REFUSE in (row.to_wal, row.to_boltdb)}
    assert refusing == set(REASONS)


def test_the_documentation_has_this_very_table() -> None:
    page = (DOCS / "crash-safety.md").read_text()
    assert table.render() in page, "put the output of table.render() into docs/crash-safety.md"
