# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the steps are given: this host's server among all, and its turn as it is now."""

from __future__ import annotations

from support.rolls.scripted import given
from support.rolls.servers import facts


def test_a_host_that_was_not_looked_at_is_empty_until_it_is() -> None:
    of = given("s4")
    assert of.own == {} and len(of.servers) == 3 and of.noted({"host": "s4"})["serial"] == 1
    after = of.after(facts("s4", serial=1))
    assert [one["host"] for one in after.servers] == ["s1", "s2", "s3", "s4"] and after.server.id == "id-s4"


def test_what_is_known_now_takes_the_place_of_what_was() -> None:
    of = given("s2", s2={"role": "leader"})
    after = of.after(of.noted({**of.own, "role": "follower"}))
    assert [one["host"] for one in after.servers] == ["s1", "s2", "s3"]
    assert (of.own["role"], of.own["serial"]) == ("leader", 1)
    assert (after.own["role"], after.own["serial"]) == ("follower", 2)


def test_the_turn_is_decided_on_what_was_answered() -> None:
    view = {"leader": "id-s1", "voters": ["id-s1", "id-s2"], "servers": []}
    others = [{"observation": {"agent": {"id": "id-s2", "backend": "wal"}}}, {"failed": True}]
    now = given(so_far={"judged": view, "others": others}).now()
    assert now.leadership.moves and now.leadership.candidates == ["id-s2"]
    assert not given().now().leadership.moves, "nobody was asked"


def test_modules_that_work_on_a_server_are_told_where_it_was_found() -> None:
    of = given(s1={"data_dir": "/data", "config_path": ["/etc/a"]})
    assert of.subject() == {**of.agent, "data_dir": "/data", "config_path": ["/etc/a"]}
