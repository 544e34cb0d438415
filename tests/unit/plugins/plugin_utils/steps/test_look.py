# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The looks at a server: what must hold before and after each, and what is known then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.look import First, begin, end, look
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped
from support.rolls.scripted import Script, given
from support.rolls.scripted import look as looked
from support.rolls.servers import ME

PYTHON, LOOK, PAUSE, START = (
    "Ask for its Python",
    "Look at this server",
    "Wait between two servers",
    "Let systemd start the agent again",
)
CONNECTION = {"host": "10.0.0.1", "token": "secret"}
FIRST = First(plans=True, connection=CONNECTION, interpreter="")
CHECK = ME._replace(check_mode=True)
DONE, DOWN = {"todo": False, "done": True}, {"up": False, "ours": True, "role": "down", "error": "refused"}


def script(name: str = "s1", backend: str = "boltdb", **more: Any) -> Script:
    return Script({LOOK: looked(name, backend, **more)})


def seen(run: Script, step: Any, *args: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    step(run, args[0], result, *args[1:])
    return result


def refused(run: Script, step: Any, *args: Any) -> tuple[str, str]:
    with pytest.raises(Stopped) as told:
        step(run, args[0], {}, *args[1:])
    return told.value.doing, told.value.message


@pytest.mark.parametrize("plans", [True, False])
def test_a_first_look_asks_for_the_python_then_looks_and_rehearses_for_a_roll_only(plans: bool) -> None:
    run, options = script(), ME._replace(data_dir="/data", config_path=("/etc/a", "/etc/b"), wal_segment_size=32)
    seen(run, look, given(options=options), FIRST._replace(plans=plans))
    assert [(call.doing, call.module, call.asks, call.rehearses) for call in run.calls] == [
        (PYTHON, "ansible.legacy.setup", True, False),
        (LOOK, "raftops.nomad.server_info", False, False),
    ]
    assert run.asked(LOOK).args == {
        "service_manager": "command", "stop_command": "/stop", "backend": "wal", "wal_segment_size": 32,
        "data_dir": "/data", "config_path": ["/etc/a", "/etc/b"], "rehearse": plans,
        "snapshot_dir": "/var/lib/nomad-raft-snapshots",
    }  # fmt: skip


def test_the_agents_own_configuration_counts_where_nothing_is_said_of_it() -> None:
    run = script()
    seen(run, look, given(), FIRST)
    assert run.asked(LOOK).args["config_path"] is None and run.asked(LOOK).args["data_dir"] == ""


def test_what_was_seen_is_plain_values_without_a_token() -> None:
    result = seen(script(), look, given(), FIRST)
    assert json.loads(json.dumps(result)) == result and "secret" not in json.dumps(result)
    assert result["api"] == {"host": "10.0.0.1", "port": 4646, "use_ssl": False}, "what was said comes first"
    server = result["server"]
    assert (server["host"], server["id"], server["running"], server["serial"]) == ("s1", "id-s1", "boltdb", 2)
    assert server["peers_planned"] == [{"id": "id-s1", "address": "s1:1", "voter": True}]


@pytest.mark.parametrize("failing", [PYTHON, LOOK])
def test_a_look_ends_where_a_module_fails(failing: str) -> None:
    run = script().fails(failing)
    doing, _message = refused(run, look, given(), FIRST)
    assert run.done == [PYTHON, LOOK][: [PYTHON, LOOK].index(failing) + 1]
    assert doing == ("Its Python can run modules" if failing == PYTHON else LOOK)


@pytest.mark.parametrize(
    ("interpreter", "named"), [("", "none is set with ansible_python_interpreter"), ("/x/python3", "/x/python3")]
)
def test_a_host_without_a_python_is_named(interpreter: str, named: str) -> None:
    run = Script().fails(PYTHON, msg=" gone. ")
    assert refused(run, look, given(), FIRST._replace(interpreter=interpreter)) == (
        "Its Python can run modules",
        f"s1 has no Python 3.8 or newer that this Ansible can use ({named}): gone. Install one and name it with "
        "ansible_python_interpreter. Nothing else is needed on a server.",
    )


def test_one_run_of_ansible_rolls_once_and_may_look_as_often_as_it_likes() -> None:
    run = script()
    doing, message = refused(run, look, given(s1=DONE), FIRST)
    assert doing == "This run of Ansible begins its first roll" and run.done == []
    assert message.startswith("s1 has already been rolled by this run of ansible-playbook")
    seen(run, look, given(s1=DONE), FIRST._replace(plans=False))
    assert run.done == [PYTHON, LOOK]


@pytest.mark.parametrize("step", [look, begin, end])
def test_what_was_read_must_be_relied_on(step: Any) -> None:
    run = script("s2", node_id=None)
    doing, message = refused(run, step, given(), *([FIRST] if step is look else []))
    assert doing == "What was read can be relied on" and message.startswith("There is no node-id beside")


@pytest.mark.parametrize("step", [begin, end])
def test_a_turn_and_an_end_stop_where_the_look_fails(step: Any) -> None:
    run = script().fails(LOOK)
    assert refused(run, step, given()) == (LOOK, f"no {LOOK}") and run.done == [LOOK]


def test_a_turn_begins_with_the_interlock_before_anything_is_asked() -> None:
    run = script()
    doing, message = refused(run, begin, given("s3"))
    assert doing == "All before this server are finished" and message.startswith("Not finished: s1, s2.")
    assert run.done == []


def test_a_turn_looks_again_rehearses_and_says_what_is_done_in_it() -> None:
    run = script()
    result = seen(run, begin, given(s1={"size": 1}))
    assert run.done == [LOOK] and run.asked(LOOK).args["rehearse"] is True and not run.calls[0].asks
    assert result["turn"]["steps"] == ["steps/one_server.yml"] and result["turn"]["voters"] == ["id-s1", "id-s2"]
    assert (result["server"]["done"], result["server"]["serial"], result["server"]["size"]) == (False, 2, 9)
    assert json.loads(json.dumps(result)) == result and "lines" not in result


def test_a_server_that_has_nothing_left_is_done_and_one_that_must_settle_is_not() -> None:
    done = {"s2": {"todo": False}, "s3": {"todo": False}}
    assert seen(script(backend="wal"), begin, given(**done))["server"]["done"] is True
    settling = seen(script(backend="wal"), begin, given())
    assert settling["server"]["done"] is False and settling["turn"]["steps"] == ["steps/settle.yml"]


def test_a_server_that_must_not_be_stopped_ends_the_roll_as_it_is_found_now() -> None:
    """The plan had nothing against it."""
    refusing = [{"kind": "refusal", "what": "", "sentence": "x"}]
    run = script(interrupted=True, interrupted_by="elsewhere")
    doing, message = refused(run, begin, given())
    assert refusing and doing == "This server itself may be stopped"
    assert message == "elsewhere has begun to convert it since the plan."


def test_one_that_is_done_may_have_what_forbids_a_stop() -> None:
    """It is not stopped."""
    run = script(backend="wal")
    run.answers[LOOK]["server"]["prospect"] = {"refusal": "no space"}
    assert seen(run, begin, given())["turn"]["stoppable"]["refused"]


@pytest.mark.parametrize("failing", [PAUSE, LOOK])
def test_a_pause_comes_before_the_look(failing: str) -> None:
    of = given("s2", ME._replace(pause_between=7), s1={**DONE, "times": {"stop": 1.0}})
    run = script("s2")
    seen(run, begin, of)
    assert run.done == [PAUSE, LOOK]
    assert (run.asked(PAUSE).module, run.asked(PAUSE).args) == ("ansible.builtin.pause", {"seconds": 7})
    assert not run.asked(PAUSE).asks
    broken = script("s2").fails(failing)
    assert refused(broken, begin, of)[0] == failing and broken.done[-1] == failing


def test_what_cannot_be_rehearsed_is_said_and_the_server_after_it_may_come() -> None:
    result = seen(script(), begin, given(options=CHECK, s2=DOWN))
    assert result["lines"] == [
        "Whether s1 may be stopped can be asked only when s2 is back. A run without --check brings it back first, "
        "then asks."
    ]
    assert result["turn"]["steps"] == [] and result["server"]["done"] is True


def test_at_the_end_a_server_is_on_the_backend_or_the_roll_fails() -> None:
    run = script(backend="wal")
    result = seen(run, end, given(s1={"done": True}))
    assert run.done == [LOOK] and run.asked(LOOK).args["rehearse"] is False
    assert result["server"]["done"] is True and result["server"]["serial"] == 2
    doing, message = refused(script(), end, given(s1={"done": True}))
    assert doing == "This server is on the backend" and "is configured for boltdb" in message
    assert not seen(script(), end, given(options=CHECK))["server"]["done"], "a rehearsal has moved none"


def test_one_that_was_never_taken_is_done_where_it_has_nothing_to_do() -> None:
    assert seen(script(backend="wal"), end, given())["server"]["done"] is True


def test_systemd_may_start_it_again_before_the_roll_is_over() -> None:
    run = script(backend="wal")
    run.answers[LOOK]["server"]["leftovers"]["drop_in"] = "/run/x.conf"
    options = ME._replace(service_manager="systemd", service_name="nomad-server")
    seen(run, end, given(options=options))
    assert run.done == [LOOK, START] and not run.asked(START).asks
    assert (run.asked(START).module, run.asked(START).args) == (
        "raftops.nomad.agent_service",
        {"state": "started", "manager": "systemd", "name": "nomad-server"},
    )
    assert refused(run.fails(START), end, given(options=options))[0] == START


def test_what_was_forgotten_is_told_once() -> None:
    settings = {"settings": [{"config": {"min_quorum": 3}}]}
    for host, told in ("s1", True), ("s2", False):
        so_far = {**settings, "order": ["s1", "s2", "s3"]}
        of = given(host, so_far=so_far, s3={"settings": {"min_quorum": 0}})
        result = seen(script(host, "wal"), end, of)
        assert ("min_quorum was 0" in " ".join(result.get("lines", ()))) is told
