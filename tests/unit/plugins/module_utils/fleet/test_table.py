# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of plans and the question."""

from __future__ import annotations

from ansible_collections.raftops.nomad.plugins.module_utils._fleet import states, table
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.states import Cluster

WAVES = [["eu-1"], ["eu-2", "a-cluster-with-a-name-that-is-far-too-long-for-a-table"]]
FOUND = [
    Cluster("eu-1", states.ROLLS, "3 of 3 servers", 3, "boltdb"),
    Cluster("eu-2", states.IN_ORDER, "", 5, "wal"),
    Cluster("a-cluster-with-a-name-that-is-far-too-long-for-a-table", states.REFUSED, "It is ill. " * 30),
]
HOW = {"at_once": 10, "forks": 5, "pause_s": 60}


def test_a_line_for_each_cluster_in_its_order() -> None:
    lines = table.plans(FOUND, WAVES)
    assert [line.split()[0] for line in lines[:4]] == ["wave", "1", "2", "2"]
    assert lines[1].split() == ["1", "eu-1", "3", "boltdb", "to", "roll:", "3", "of", "3", "servers"]
    assert lines[2].split() == ["2", "eu-2", "5", "wal", "in", "order"]
    assert all(len(line) <= 78 for line in lines)


def test_the_whole_name_and_reason_of_a_refused_one() -> None:
    assert (
        " ".join(" ".join(table.plans(FOUND, WAVES)[4:]).split())
        == f"{FOUND[2].name}: refused. {FOUND[2].line.strip()}"
    )


def test_without_waves_there_is_no_such_column() -> None:
    assert table.plans(FOUND, [])[0].split() == ["cluster", "servers", "now", "state"]


def test_a_name_is_cut_in_its_middle() -> None:
    assert table.short("abcdefghij", 8) == "abc..hij" and table.short("abcdefgh", 8) == "abcdefgh"


def test_the_question_says_what_will_happen() -> None:
    text = " ".join(" ".join(table.question("migrate", FOUND, WAVES, HOW)).split())
    assert "of 1 Nomad cluster will be moved to WAL, in 2 waves, at most 5 at once, 60 seconds between waves." in text
    assert "3 clusters: 1 refused, 1 to roll, 1 in order." in text
    back = table.question("rollback", FOUND, WAVES, {**HOW, "at_once": 0, "pause_s": 0})
    assert "BoltDB" in back[0] and "seconds" not in " ".join(back)


def test_a_roll_under_way_has_its_beginning_its_last_line_and_its_output() -> None:
    told = table.at_work(1.0, "s1: converting")
    assert told == "Since 1970-01-01 00:00:01Z. Its output says last: s1: converting"
    assert table.at_work(1.0, "") == "Since 1970-01-01 00:00:01Z."
    rolling = Cluster("eu-3", states.ROLLING, told, log="/records/stdout")
    lines = table.plans([FOUND[0], rolling], [])
    assert " ".join(" ".join(lines[3:-1]).split()) == f"eu-3: rolling. {told}"
    assert lines[-1] == "  /records/stdout"
