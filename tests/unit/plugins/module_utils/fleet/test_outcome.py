# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a child's output means."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.outcome import (
    ASSESS,
    LOOK,
    PLAN,
    ROLL,
    latest,
    outcome,
)

HEAD = '"order  server  role      backend  disk    action   index  size",'
LEFT = '"1      nomad-2  follower  boltdb   boltdb  migrate  9     1MB",'
HELD = '"1      nomad-2  follower  wal   wal,hold  nothing  9     1MB",'
DONE = '"2      nomad-1  leader    wal      wal     nothing  9     64MB"'


def plan(*rows: str) -> str:
    return "\n".join(["TASK [Show the plan] ***", "ok: [nomad-1] => {", '    "msg": [', HEAD, *rows, "    ]", "}", ""])


@pytest.mark.parametrize(
    ("rows", "state", "line", "backend"),
    [
        ([LEFT, DONE], "to roll", "1 of 2 servers", "boltdb, wal"),
        ([DONE], "in order", "", "wal"),
        ([LEFT], "to roll", "1 of 1 server", "boltdb"),
        ([HELD, DONE], "to roll", "1 of 2 servers", "wal"),
    ],
)
def test_a_plan(rows: list[str], state: str, line: str, backend: str) -> None:
    assert outcome(PLAN, 0, plan(*rows)) == (state, line, len(rows), backend)


def test_a_plan_that_is_refused_has_its_reason() -> None:
    text = plan(LEFT) + '[ERROR]: Task failed: no\nfatal: [nomad-1]: FAILED! => {"msg": "It is not\\n healthy."}\n'
    assert outcome(PLAN, 2, text)[:3] == ("refused", "It is not healthy.", 1)


def test_a_cluster_that_was_not_read_has_no_plan() -> None:
    text = 'fatal: [nomad-1]: UNREACHABLE! => {"msg": "Failed to connect", "unreachable": true}\n'
    assert outcome(PLAN, 4, text)[:2] == ("no plan", "Failed to connect")
    assert outcome(PLAN, 0, "PLAY RECAP\n").state == "no plan"


@pytest.mark.parametrize(
    ("code", "text", "line"),
    [
        (2, 'fatal: [a]: FAILED! => {"msg": "first"}\nfatal: [a -> b]: FAILED! => {"msg": "last"}\n', "last"),
        (2, 'fatal: [a]: FAILED! => {"msg": "first"}\nfatal: [a]: FAILED! => {"msg": 7}}\n', "first"),
        (1, "[ERROR]: the playbook could not be found\nusage\n", "the playbook could not be found"),
        (1, "ERROR! the inventory\n\n", "the inventory"),
        (3, "one\ntwo\n\n", "two"),
        (-9, "TASK [stop]\n", "Ended by signal 9. Its last line: TASK [stop]"),
        (1, "", "It printed nothing."),
    ],
)
def test_a_roll_that_failed(code: int, text: str, line: str) -> None:
    assert outcome(ROLL, code, text)[:2] == ("failed", line)


def test_a_roll_whose_end_nobody_knows() -> None:
    found = outcome(ROLL, None, "TASK [stop]\n")
    assert found.state == "failed" and "ended without a result" in found.line and "TASK [stop]" in found.line


def test_a_roll_that_went_well() -> None:
    assert outcome(ROLL, 0, plan(LEFT)) == ("rolled", "", 1, ""), "the table says what was before"


@pytest.mark.parametrize(("last", "state"), [("All is well.", "well"), ("Look at nomad-2 (down).", "look at it")])
def test_status(last: str, state: str) -> None:
    rows = [
        '"server   role    health   version  running  config  disk  applied",',
        '"n1  leader  healthy  2.0.5  wal  wal  wal  1",',
        '"",',
    ]
    text = "\n".join([*rows, f'"1 server: on wal. {last}"'])
    assert outcome(LOOK, 0, text) == (state, f"1 server: on wal. {last}", 1, "wal")
    assert outcome(LOOK, 4, "no").state == "no answer"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("TASK [a : Take it out] ***\ns1: converting 3 / 10 entries\r\n\n", "s1: converting 3 / 10 entries"),
        ("s1: waiting until it is back\nchanged: [s1]\n\nTASK [a.b.c : See that it would start again] ***\nok: [s1]\n",
         "See that it would start again"),
        ("TASK [Show the plan] ***\nincluded: /x for s1\n", "Show the plan"),
        ("PLAY [localhost] ***\n", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_what_a_roll_at_work_has_shown_last(text: str, said: str) -> None:
    assert latest(text) == said


def test_an_assessment_that_left_nothing_has_its_reason() -> None:
    assert outcome(ASSESS, 2, 'fatal: [a]: FAILED! => {"msg": "no"}\n')[:2] == ("no plan", "no")
    assert outcome(ASSESS, 0, "PLAY RECAP\n", {"version": 7}).state == "no plan"
    found = {"version": 1, "verdict": "little to gain", "refused": False, "refusal": "", "servers": []}
    assert outcome(ASSESS, 0, "", found)[:2] == ("assessed", "Little to gain")
