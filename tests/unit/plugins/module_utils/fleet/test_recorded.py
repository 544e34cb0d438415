# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a record of the role means for a fleet."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.outcome import PLAN, ROLL, outcome
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.recorded import assessed, recorded

ROWS = [{"server": "n1", "after": "wal"}, {"server": "n2", "after": "boltdb"}]


def record(outcome: str = "rehearsed", verdict: str = "", **plan: Any) -> dict[str, Any]:
    return {"schema": 1, "outcome": outcome, "verdict": verdict, "servers": ROWS, "runs": [{"plan": plan}]}


@pytest.mark.parametrize(
    ("plans", "code", "given", "found"),
    [
        (True, 0, record(busy=["n2"]), ("to roll", "1 of 2 servers", 2, "boltdb, wal")),
        (True, 0, record(busy=[]), ("in order", "", 2, "boltdb, wal")),
        (True, 2, record("refused", "v", refusal="It is ill."), ("refused", "It is ill.", 2, "boltdb, wal")),
        (True, 4, record("failed", "n1 cannot be reached."), ("no plan", "n1 cannot be reached.", 2, "boltdb, wal")),
        (False, 0, record("done", "All done."), ("rolled", "", 2, "boltdb, wal")),
        (False, 0, record("nothing", "All are."), ("rolled", "", 2, "boltdb, wal")),
        (False, None, record("done", "All done."), ("rolled", "", 2, "boltdb, wal")),
        (False, 0, record("partial", "1 of 2 on wal."), ("failed", "1 of 2 on wal.", 2, "boltdb, wal")),
        (False, 2, record("done", "All done."), ("failed", "All done.", 2, "boltdb, wal")),
        (False, 2, record("failed", "n2 is not back."), ("failed", "n2 is not back.", 2, "boltdb, wal")),
        (False, None, record("unfinished", "Ended."), ("failed", "Ended.", 2, "boltdb, wal")),
    ],
)
def test_a_record(plans: bool, code: int, given: dict[str, Any], found: tuple[Any, ...]) -> None:
    assert recorded(plans, code, given) == found
    assert outcome(PLAN if plans else ROLL, code, "text", given) == found


@pytest.mark.parametrize("given", [record(), {**record(busy=[]), "servers": []}])
def test_a_record_that_has_no_plan_is_none(given: dict[str, Any]) -> None:
    assert recorded(True, 0, given) is None
    assert outcome(PLAN, 0, "PLAY RECAP\n", given).state == "no plan"


@pytest.mark.parametrize("given", [{}, {"schema": 2, "runs": [{}]}, {"schema": 1, "runs": []}])
def test_without_one_the_text_counts(given: dict[str, Any]) -> None:
    assert recorded(True, 0, given) is None
    assert outcome(ROLL, 1, "why\n", given)[:2] == ("failed", "why")


def test_an_assessment_says_first_what_would_be_refused() -> None:
    servers = [{"backend": "boltdb"}, {"backend": "wal"}, {"backend": None}]
    found = {"version": 1, "verdict": "some gain on s3: 40.", "longest_out_s": 2.0, "servers": servers}
    well, ill = ({**found, "refused": bool(why), "refusal": why} for why in ("", "It is ill."))
    told = "Some gain on s3: 40. A server would be out for about 2 s, one at a time."
    assert assessed(well) == ("assessed", told, 3, "?, boltdb, wal")
    assert assessed(ill) == ("refused", f"It is ill. {told}", 3, "?, boltdb, wal")
    assert assessed({**well, "version": 2}) is None
