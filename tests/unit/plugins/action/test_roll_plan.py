# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""roll_plan as a task has it: text becomes numbers and booleans, and what is decided comes back as plain values."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.utils.context_objects import CLIArgs
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.action.roll_plan import ActionModule
from ansible_collections.raftops.nomad.plugins.modules.roll_plan import OPTIONS
from support.rolls.handlers import Handlers, action
from support.rolls.servers import facts

LEADER = facts("s1", role="leader", rank=4)
SERVERS = [LEADER, facts("s2"), facts("s3")]


VIEW = {"leader": "id-s1", "voters": ["id-s1", "id-s2", "id-s3"], "failure_tolerance": 1, "servers": []}
HEALTHY = {"server_wait": {"observation": {"autopilot": VIEW}}}


def run(keywords: dict[str, Any] | None = None, loader: Handlers | None = None, **args: Any) -> dict[str, Any]:
    """What the plan of a leader returns that can lose one of three servers, and where nobody says no."""
    answering = loader or Handlers(by_module=HEALTHY)
    made = action(ActionModule, answering, args, **(keywords or {}))
    result: dict[str, Any] = made.run(task_vars={"inventory_hostname": "s1"})
    return result


def test_a_plan_is_plain_values() -> None:
    loader = Handlers(by_module=HEALTHY)
    result = run(loader=loader, servers=SERVERS, options={"backend": "wal"}, connection={"token": "secret"})
    assert (result["changed"], result["refused"], result["refusal"]) == (False, False, "") and "failed" not in result
    assert (result["queue"], result["asks"], result["begins"]) == (["s2", "s3", "s1"], True, True)
    assert json.loads(json.dumps(result)) == result and "secret" not in json.dumps(result)
    assert loader.modules == ["raft_roll_lock", "server_wait", "raft_confirm"]


@pytest.mark.parametrize(("force", "timeout"), [(False, 120), (True, 7)])
def test_a_person_is_asked_as_the_operator_wants_it(force: bool, timeout: int) -> None:
    loader = Handlers(by_module=HEALTHY)
    run(loader=loader, servers=SERVERS, options={}, **({"force": "true", "confirm_timeout": "7"} if force else {}))
    asked = loader.got[-1][1].args
    assert (asked["force"], asked["timeout"]) == (force, timeout)


def test_a_refusal_is_also_the_message_of_a_task_that_fails_for_it() -> None:
    loader = Handlers()
    result = run(loader=loader, servers=[LEADER, facts("s2", obstacles=["no space"]), facts("s3")], options={})
    assert result["failed"] and result["refused"] and result["doing"] == "Nothing stands against the roll"
    assert result["msg"] == "s2: no space. Nothing was changed." and loader.modules == []


@pytest.mark.parametrize(("verbosity", "whole"), [(0, False), (3, True)])
def test_a_failure_does_not_print_the_plan_that_was_shown_above_it(
    verbosity: int, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With -vvv it does."""
    monkeypatch.setattr(Display(), "verbosity", verbosity)
    no = Handlers(by_module={**HEALTHY, "raft_confirm": {"failed": True, "msg": "You did not answer 'yes'."}})
    result = run(loader=no, servers=SERVERS, options={})
    assert (result["msg"], result["doing"]) == ("You did not answer 'yes'.", "Ask before anything is changed")
    assert ({"lines", "question", "queue"} <= set(result)) is whole
    if not whole:
        assert set(result) == {"changed", "failed", "msg", "doing", "did"}


@pytest.mark.parametrize(("least", "refused"), [("1", False), ("2", True)])
def test_options_may_come_as_text(least: str, refused: bool) -> None:
    given: dict[str, Any] = {"min_failure_tolerance": least, "allow_outage": "false", "log_file": None}
    result = run(servers=SERVERS, options=given)
    assert bool(result.get("refused")) is refused is result.get("failed", False)


def test_an_option_that_is_null_is_not_given() -> None:
    """A packaged host needs none of the paths."""
    assert run(servers=SERVERS, options=dict.fromkeys(OPTIONS)) == run(servers=SERVERS, options={})


def test_what_this_controller_has_left_is_its_own() -> None:
    mine = facts("s2", interrupted_by=os.uname().nodename)
    assert not run(servers=[LEADER, mine, facts("s3")], options={})["refused"]
    assert run(servers=[LEADER, {**mine, "interrupted_by": "elsewhere"}, facts("s3")], options={})["refused"]


def test_what_a_job_template_has_left_is_its_own_whatever_the_name_of_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each job of AWX runs on a node that did not exist before."""
    left = [LEADER, facts("s2", interrupted_by="job template 7 of https://awx.example"), facts("s3")]
    monkeypatch.setenv("AWX_HOST", "https://awx.example")
    assert not run(servers=left, options={"job_template": 7})["refused"]
    assert run(servers=left, options={"job_template": 8})["refused"], "the template of another team"
    assert run(servers=left, options={"job_template": 7, "origin": "prod"})["refused"]
    monkeypatch.setenv("AWX_HOST", "https://other.example")
    assert run(servers=left, options={"job_template": 7})["refused"], "another AWX, whose numbers are its own"


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"timeout": 8}, "cut after 8 s"),
        ({"ignore_errors": True}, "ignore_errors is"),
        ({"ignore_unreachable": True}, "ign"),
    ],
)
def test_a_keyword_that_would_cut_a_roll_fails_the_task(keywords: dict[str, Any], told: str) -> None:
    """Not only as a refusal, which a play that ignores errors would not stop at."""
    with pytest.raises(AnsibleActionFail, match=told):
        run(keywords, servers=SERVERS, options={})


@pytest.mark.parametrize("said", [{"step": True}, {"start_at_task": "Plan the roll"}])
def test_an_argument_that_would_cut_a_roll_fails_the_task(
    said: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "CLIARGS", said)
    with pytest.raises(AnsibleActionFail, match="Run this without it"):
        run(servers=SERVERS, options={})


@pytest.mark.parametrize(
    "args", [{}, {"servers": SERVERS, "more": 1}, {"servers": SERVERS, "options": {"backend": "x"}}]
)
def test_wrong_arguments_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        run(**args)


def kept(tmp_path: Path, **args: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The result and the record of a plan, in none of whose files there is a token."""
    told = {"servers": SERVERS, "connection": {"token": "s3cret"}, "group": "mine", **args}
    result = run(options={"report_dir": str(tmp_path), "report_name": "n"}, **told)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["n.events.jsonl", "n.html", "n.json"]
    assert "s3cret" not in "".join(path.read_text() for path in tmp_path.iterdir())
    return result, json.loads((tmp_path / "n.json").read_text())


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its name in the collection."""
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"args": ("raftops.nomad.migrate",)}))


@pytest.mark.usefixtures("called")
def test_a_plan_that_is_refused_is_in_the_record_with_its_reason(tmp_path: Path) -> None:
    """Right after: nothing else of this run will write the files."""
    servers = [LEADER, facts("s2", obstacles=["no space"]), facts("s3")]
    result, found = kept(tmp_path, servers=servers, loader=Handlers())
    assert result["record"] == "n" and result["failed"]
    assert (found["playbook"], found["group"], found["backend"]) == ("migrate", "mine", "wal")
    assert (found["outcome"], found["verdict"]) == ("refused", result["msg"])
    assert [one["host"] for one in found["runs"][0]["plan"]["servers"]] == ["s1", "s2", "s3"]


@pytest.mark.usefixtures("called")
def test_what_stands_against_a_roll_that_was_planned_is_in_the_record(tmp_path: Path) -> None:
    sick = Handlers(by_module={"server_wait": {"failed": True, "msg": "s2 is not healthy, says s3cret."}})
    result, found = kept(tmp_path, loader=sick)
    assert result["doing"] == "The cluster is healthy" and sick.modules == ["raft_roll_lock", "server_wait"]
    assert (found["outcome"], found["verdict"]) == ("failed", "s2 is not healthy, says ********.")
    assert found["runs"][0]["plan"]["queue"] == ["s2", "s3", "s1"]


@pytest.mark.usefixtures("called")
def test_a_roll_that_may_begin_is_in_the_record_by_then(tmp_path: Path) -> None:
    """Its files are written at the next step."""
    result = run(servers=SERVERS, options={"report_dir": str(tmp_path)}, connection={"token": "s3cret"}, group="mine")
    (journal,) = tmp_path.iterdir()
    assert journal.name == f"{result['record']}.events.jsonl" and result["record"].startswith("migrate-mine-")
    noted = [json.loads(line) for line in journal.read_text().splitlines()]
    kinds = [one["kind"] for one in noted]
    assert (kinds[0], kinds[-2:]) == ("run_began", ["planned", "leads"]) and "s3cret" not in journal.read_text()


def test_a_record_that_cannot_be_written_fails_the_task_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    loader = Handlers(by_module=HEALTHY)
    with pytest.raises(AnsibleActionFail, match="Nothing was changed"):
        run(loader=loader, servers=SERVERS, options={"report_dir": str(tmp_path / "file")})
    assert loader.modules == []


def test_without_a_directory_there_is_no_record() -> None:
    assert run(servers=SERVERS, options={})["record"] == ""
