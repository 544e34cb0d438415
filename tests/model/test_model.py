# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models hold within their bounds, and each fails when what it rests on is removed. Tables: docs/model.md."""

from __future__ import annotations

import re
from typing import Callable

import pytest
from support.paths import DOCS

from model import checker, tables
from model.checker import Checked

HOST = {
    "snapshots, in one term": ("-DENTRIES=2", "-DTERMS=1"),
    "two terms, and any configuration at any time": ("-DENTRIES=1", "-DNO_SNAPSHOTS"),
    "agents started during a run": ("-DENTRIES=1", "-DNO_SNAPSHOTS", "-DSTRANGERS", "-DOWN_CONFIGURATION"),
    "an old raft.db put back by hand": ("-DENTRIES=1", "-DNO_SNAPSHOTS", "-DMEDDLING", "-DOWN_CONFIGURATION"),
    "no guard, but nobody else configures": ("-DENTRIES=1", "-DNO_SNAPSHOTS", "-DNO_GUARD", "-DOWN_CONFIGURATION"),
}
HOST_LONG = {
    "two terms, two entries": ("-DENTRIES=2", "-DNO_SNAPSHOTS"),
    "all but strangers and a person": ("-DENTRIES=1",),
    "strangers, and any configuration": ("-DENTRIES=1", "-DSTRANGERS"),
    "a person, and any configuration": ("-DENTRIES=1", "-DMEDDLING"),
}
EMPTY, LOST, STUCK = "assertion violated (raft_db!=0)", "had.", "assertion violated (disturbed||forked)"
FALSE_FORK = "assertion violated (meddled"
HOST_BROKEN = {
    "no guard": (EMPTY, "-DENTRIES=1", "-DNO_GUARD"),
    "no guard, configuration late": (STUCK, "-DENTRIES=1", "-DNO_GUARD", "-DOWN_CONFIGURATION", "-DSWAPPED=WAL"),
    "no guard, configuration early": (EMPTY, "-DENTRIES=1", "-DNO_GUARD", "-DOWN_CONFIGURATION", "-DSWAPPED=BOLTDB"),
    "configuration late": (STUCK, "-DENTRIES=1", "-DOWN_CONFIGURATION", "-DSWAPPED=WAL"),
    "no look for waiting processes": (LOST, "-DENTRIES=1", "-DSTRANGERS", "-DNO_LOOK_AGAIN"),
    "votes not compared": (LOST, "-DENTRIES=1", "-DMEDDLING", "-DOWN_CONFIGURATION", "-DNO_VOTE_COMPARED"),
    "an older entry passes for a newer one":
        (LOST, "-DENTRIES=1", "-DMEDDLING", "-DOWN_CONFIGURATION", "-DNO_NEWER_ASKED", "-DNO_SNAPSHOTS"),
    "an emptied log covers nothing": (FALSE_FORK, "-DOWN_CONFIGURATION", "-DNO_SNAPSHOT_COUNTED"),
    "an equal wal/ below the snapshot is kept":
        ("assertion violated ((lb==0)||", "-DOWN_CONFIGURATION", "-DNO_SHAPE_COMPARED"),
    "a limit: killed while somebody waits": ("", "-DENTRIES=1", "-DSTRANGERS", "-DKILL_WHILE_WAITED_FOR"),
}  # fmt: skip

ROLL = {
    "one run": ("-DRUNS=1", "-DCUTS=0"),
    "one run, without deaths of servers": ("-DRUNS=1", "-DCRASHES=0", "-DDEATHS=2"),
    "two runs of one controller": ("-DONE_CONTROLLER", "-DCRASHES=0"),
    "two controllers": ("-DDEATHS=0", "-DCRASHES=0", "-DCUTS=0"),
    "two controllers, killed": ("-DCRASHES=0", "-DCUTS=0", "-DREBOOTS=0", "-DFAULTS=0"),
}
ROLL_LONG = {
    "one run, all that can happen": ("-DRUNS=1",),
    "two runs of one controller, all that can happen": ("-DONE_CONTROLLER",),
    "two controllers, and cuts": ("-DDEATHS=0", "-DCRASHES=0"),
    "two controllers, killed, and faults": ("-DCRASHES=0", "-DCUTS=0"),
    "two controllers, deaths of servers": ("-DDEATHS=0", "-DCUTS=0"),
    "five voters": ("-DVOTERS=5", "-DRUNS=1", "-DCRASHES=0", "-DCUTS=0"),
}
QUIET = ("-DCRASHES=0", "-DCUTS=0", "-DREBOOTS=0", "-DFAULTS=0")
QUORUM, REMOVED = "assertion violated fine", "assertion violated ((work[s]<3)"
ROLL_BROKEN = {
    "no hold": (REMOVED, "-DRUNS=1", "-DNO_HOLD"),
    "no last look": (QUORUM, "-DRUNS=1", "-DNO_LAST_LOOK"),
    "no lock": (QUORUM, *QUIET, "-DDEATHS=0", "-DONE_CONTROLLER", "-DNO_LOCK"),
    "nobody asks who holds": (QUORUM, *QUIET, "-DDEATHS=0", "-DNO_OWNERS"),
    "an own hold file is a hold in force": (QUORUM, *QUIET, "-DOWN_HOLD_UNSEEN"),
}
ENDS = ("-DENDS", "-DRUNS=1", "-DCRASHES=0", "-DCUTS=0")

Told = Callable[[str, Checked], None]


@pytest.mark.parametrize("name", HOST)
def test_one_host_holds(name: str, tell: Told) -> None:
    assert_holds("host", HOST[name], name, tell)


@pytest.mark.long
@pytest.mark.parametrize("name", HOST_LONG)
def test_one_host_holds_within_larger_bounds(name: str, tell: Told) -> None:
    assert_holds("host", HOST_LONG[name], name, tell)


@pytest.mark.parametrize("name", HOST_BROKEN)
def test_one_host_fails_without(name: str, tell: Told) -> None:
    assert_fails("host", HOST_BROKEN[name], name, tell)


@pytest.mark.parametrize("name", ROLL)
def test_the_roll_holds(name: str, tell: Told) -> None:
    assert_holds("roll", ROLL[name], name, tell)


@pytest.mark.long
@pytest.mark.parametrize("name", ROLL_LONG)
def test_the_roll_holds_within_larger_bounds(name: str, tell: Told) -> None:
    assert_holds("roll", ROLL_LONG[name], name, tell)


@pytest.mark.parametrize("name", ROLL_BROKEN)
def test_the_roll_fails_without(name: str, tell: Told) -> None:
    assert_fails("roll", ROLL_BROKEN[name], name, tell)


def test_runs_that_are_repeated_end(tell: Told) -> None:
    found = checker.checked("roll", *ENDS, ends=True)
    tell("roll: it ends", found)
    assert found.error == "", "\n".join(found.story)


def test_they_do_not_end_without_the_repair_of_a_server_that_is_ours(tell: Told) -> None:
    found = checker.checked("roll", *ENDS, "-DNO_REPAIR", ends=True)
    tell("roll: it ends, without repair", found)
    assert "acceptance cycle" in found.error


def test_every_step_and_deed_of_the_product_is_in_the_model() -> None:
    model = (checker.HERE / "run.pml").read_text()
    never = {"ASIDE_JOURNAL", "COPY", "COPY_WAL"}  # another user's journal, and copies elsewhere: no part of the switch
    assert {step for step in tables.used_steps() if not re.search(rf"\b{step}\b", model)} == never
    asked_by_the_roll = {"DO_LAST_LOOK", "DO_LOG"}
    assert {deed for deed in tables.DEEDS.values() if not re.search(rf"\b{deed}\b", model)} == asked_by_the_roll


def test_the_page_names_every_broken_variant() -> None:
    page = (DOCS / "model.md").read_text()
    assert [name for name in (*HOST_BROKEN, *ROLL_BROKEN, *HOST, *ROLL) if f"| {name} |" not in page] == []


def assert_holds(model: str, macros: tuple[str, ...], name: str, tell: Told) -> None:
    found = checker.checked(model, *macros)
    tell(f"{model}: {name}", found)
    assert found.error == "", "\n".join(found.story)


def assert_fails(model: str, broken: tuple[str, ...], name: str, tell: Told) -> None:
    error, *macros = broken
    found = checker.checked(model, *macros)
    tell(f"{model}, {name}", found)
    assert "assertion violated" in found.error and error in found.error
    assert found.story
