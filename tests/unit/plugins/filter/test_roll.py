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
from support.rolls.servers import facts, looked

SERVERS = [facts("s1", role="leader"), facts("s2"), facts("s3", up=False)]
SO_FAR: dict[str, Any] = {"group": ["s1", "s2", "s3"], "batch": ["s1"], "order": ["s1", "s2", "s3"], "judged": None}
DOWN = {"answered": False, "down": True, "error": "refused.", "status": 0, "url": "", "self": None, "role": "down"}
LOOK = {**looked(DOWN, "boltdb", state="boltdb", guarded=False, in_use=False), "user_id": 1000, "user": "deploy"}
GIVEN = {"config_path": "/etc/nomad.d,/etc/more.hcl", "service_manager": "command", "wal_segment_size": "64"}


def test_a_server_is_put_together_as_a_fact_that_the_other_filters_take() -> None:
    found = roll.roll_server(LOOK, "s1", GIVEN)
    assert (found["refused"], found["refusal"]) == (False, "")
    server = found["server"]
    assert json.loads(json.dumps(server)) == server
    assert (server["role"], server["user"], server["root"], server["error"]) == ("down", "deploy", False, "refused")
    assert roll.roll_turn([server], "s1", GIVEN, SO_FAR)["stoppable"]["refused"]
    assert "down" in " ".join(roll.roll_lines([server], "status", GIVEN))


def test_a_server_that_cannot_be_relied_on_is_refused() -> None:
    found = roll.roll_server({**LOOK, "store": {**LOOK["store"], "node_id": None}}, "s1", GIVEN)
    assert found["refused"] and found["refusal"].startswith("There is no node-id beside")


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


SPEC = {
    "raft_logstore_backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "raft_logstore_port": {"type": "int"},
    "raft_logstore_force": {"type": "bool"},
    "raft_logstore_token": {"type": "str", "no_log": True},
}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"raft_logstore_backend": "bolt"}, "raft_logstore_backend is 'bolt'. Give wal or boltdb."),
        ({"raft_logstore_backend": None}, "raft_logstore_backend is null. Give wal or boltdb."),
        ({"raft_logstore_port": "http"}, "raft_logstore_port is 'http'. Give a whole number."),
        ({"raft_logstore_force": "perhaps"}, "raft_logstore_force is 'perhaps'. Give true or false."),
    ],
)
def test_a_wrong_type_or_choice_is_one_sentence(given: dict[str, Any], told: str) -> None:
    found = roll.roll_mistakes(SPEC, {**given, "raft_logstore_server": {}})
    assert found == {"refused": True, "refusal": f"{told} Nothing was changed."}


def test_what_comes_as_text_or_is_not_specified_is_no_mistake() -> None:
    given = {"raft_logstore_port": "4646", "raft_logstore_force": "yes", "raft_logstore_token": "t", "other": {}}
    assert roll.roll_mistakes(SPEC, given) == {"refused": False, "refusal": ""}


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
