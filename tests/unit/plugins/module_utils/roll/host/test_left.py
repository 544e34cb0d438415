# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failure has left, what is done about it, and what is said."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host import left
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.left import Found, Told

AS_IT_WAS = ["former configuration", "start", "rejoin"]
BACK = {
    "wal": ["stop", "conversion", "former configuration", "start", "rejoin"],
    "boltdb": ["stop", "former configuration", "conversion", "start", "rejoin"],
}


@pytest.mark.parametrize("backend, other", [("wal", "boltdb"), ("boltdb", "wal")])
def test_what_is_left_and_what_is_done(backend: str, other: str) -> None:
    table = [
        (Found(False, other, True), left.UNTOUCHED, []),
        (Found(False, other, False), left.UNTOUCHED, []),
        (Found(True, other, True), left.UNSWITCHED, AS_IT_WAS),
        (Found(True, other, False), left.UNSWITCHED, AS_IT_WAS),
        (Found(True, backend, False), left.DOWN, BACK[backend]),
        (Found(True, backend, True), left.RUNNING, []),
        (Found(True, None, True), left.UNKNOWN, []),
        (Found(True, None, False), left.HALFWAY, BACK[backend]),
    ]
    for found, state, steps in table:
        assert left.left_by(found, backend) == state, found
        assert list(left.remedy(state, backend)) == steps, found


@pytest.mark.parametrize(
    "state, healed", [(left.UNSWITCHED, "put_back"), (left.DOWN, "returned"), (left.HALFWAY, "returned")]
)
def test_how_it_is_after_the_remedy(state: str, healed: str) -> None:
    assert left.healed(state) == healed


@pytest.mark.parametrize(
    "told, sentence",
    [
        (
            Told("last look", "no quorum.", "", left.UNTOUCHED, True, "/run/x.conf"),
            "Asking whether it may be stopped: no quorum. It was not stopped.",
        ),
        (
            Told("last look", "no quorum", "", left.UNTOUCHED, False, ""),
            "Asking whether it may be stopped: no quorum. It was down before and still is.",
        ),
        (
            Told("conversion", "no space", "", left.PUT_BACK, True, "/run/x.conf"),
            "Converting its store: no space. Its store was not switched. It is back in the cluster as it was.",
        ),
        (
            Told("rejoin", "not back", "", left.RETURNED, True, ""),
            "Waiting until it is back: not back. Its store was converted back to boltdb, with everything that came "
            "since. "
            "It is back in the cluster as it was.",
        ),
    ],
)
def test_the_whole_sentence(told: Told, sentence: str) -> None:
    assert left.sentence(told, "wal") == sentence


@pytest.mark.parametrize("state", [left.UNSWITCHED, left.UNKNOWN, left.HALFWAY, left.DOWN, left.RUNNING])
def test_what_failed_on_the_way_back_and_what_keeps_it_down_is_told(state: str) -> None:
    sentence = left.sentence(Told("rejoin", "not back", "start: no", state, True, "/run/x.conf"), "wal")
    assert "It could not be brought back to boltdb: start: no." in sentence
    assert ("/run/x.conf may keep systemd from starting it" in sentence) is (state != left.RUNNING)
    assert "run this again" in sentence.lower()
