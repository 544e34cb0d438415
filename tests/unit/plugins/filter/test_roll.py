# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters as a template calls them: plain values in and out."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible.errors import AnsibleError
from ansible_collections.raftops.nomad.plugins.filter import roll
from support.paths import CHECKOUT
from support.rolls.servers import facts

SERVERS = [facts("s1", role="leader"), facts("s2"), facts("s3", up=False)]
SO_FAR: dict[str, Any] = {"group": ["s1", "s2", "s3"], "batch": ["s1"], "order": ["s1", "s2", "s3"], "judged": None}
GIVEN = {"config_path": "/etc/nomad.d,/etc/more.hcl", "service_manager": "command", "wal_segment_size": "64"}


def test_the_newest_that_is_known_of_a_server_counts_in_the_order_of_the_inventory() -> None:
    """Whatever the order of the steps is in which it was returned."""
    looks = [{"server": {**facts(name), "serial": 1}} for name in ("s1", "s2", "s3")]
    ended = [{"server": {**facts("s2", role="leader"), "serial": 4}}]
    begun: list[dict[str, Any]] = [
        {"server": {**facts("s2", role="down"), "serial": 2}},
        {"failed": True},
        {"server": {}},
    ]
    for steps in [looks, begun, ended], [looks, ended, begun]:
        known = roll.roll_servers(steps)
        assert [one["host"] for one in known] == ["s1", "s2", "s3"] and known[1]["role"] == "leader"
        assert json.loads(json.dumps(known)) == known
    assert roll.roll_servers([[], [{"skipped": True}]]) == []


def test_a_turn_is_plain_values() -> None:
    turn = roll.roll_turn(SERVERS, "s1", {"check_mode": "true"}, SO_FAR)
    assert json.loads(json.dumps(turn)) == turn
    assert turn["before"]["unrehearsed"] is True and turn["interlock"] == {"refused": False, "refusal": ""}


def test_what_was_skipped_has_not_happened() -> None:
    failed = roll.roll_failed({"failed": True, "msg": "no."}, "Ask")
    said = {"failed": failed, "returned": {"changed": False, "skipped": True}, "worked": {"skipped": True}}
    found = roll.roll_failure(SERVERS, "s1", GIVEN, said)
    assert json.loads(json.dumps(found)) == found
    assert (found["left"], found["is_back"], found["looks"]) == ("untouched", False, False)
    assert found["message"].startswith("s1: Ask: no. This server was not stopped.")


def test_a_failed_step_says_at_what() -> None:
    told = {"failed": True, "msg": "no. ", "doing": "The cluster can do without this server"}
    assert roll.roll_failed(told, "Ask the leader") == {"task": told["doing"], "message": "no"}


def test_a_value_that_is_none_is_refused_with_its_name() -> None:
    with pytest.raises(AnsibleError, match="wal_segment_size"):
        roll.roll_turn(SERVERS, "s1", {"wal_segment_size": "much"}, SO_FAR)


@pytest.mark.parametrize("name", sorted(roll.FilterModule().filters()))
def test_each_filter_is_documented(name: str) -> None:
    folder = CHECKOUT / "plugins/filter"
    assert sorted(path.stem for path in folder.glob("*.yml")) == sorted(roll.FilterModule().filters())
    page = yaml.safe_load((folder / f"{name}.yml").read_text())
    assert page["DOCUMENTATION"]["name"] == name
    positional = page["DOCUMENTATION"].get("positional")
    assert set(page["DOCUMENTATION"]["options"]) == {"_input", *(positional.split(", ") if positional else [])}
