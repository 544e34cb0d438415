# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""roll_step as a task has it: which step is run, with what, and what comes back, also when it fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.utils.context_objects import CLIArgs
from ansible_collections.raftops.nomad.plugins.action.roll_step import ActionModule
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options
from ansible_collections.raftops.nomad.plugins.modules.roll_step import STEPS
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import shown
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps import recording
from support.rolls.handlers import Handlers, action
from support.rolls.scripted import begun, given, look
from support.rolls.servers import NAMES, facts

SERVERS = [facts(name, serial=1, data_dir="/opt/nomad", config_path=["/etc/nomad.d"]) for name in NAMES]
SO_FAR = {"group": list(NAMES), "batch": ["s1"], "order": list(NAMES), "judged": None}
VIEW = {"leader": "id-s2", "voters": ["id-s1", "id-s2"], "failure_tolerance": 1, "servers": []}
ANSWERS = {
    "server_info": look(),
    "server_wait": {"observation": {"autopilot": VIEW}},
    "snapshot_save": {"path": "/s/x.snap"},
    "server_backend": {"changed": True, "phases": {"total": 1.5}, "diff": {"before": "a", "after": "b"}},
    "raft_backup_remove": {"removed": [], "kept": [], "state": "boltdb", "freed_bytes": 0},
}
VARS = {
    "inventory_hostname": "s1",
    "ansible_run_tags": ["all"],
    "ansible_skip_tags": [],
    "groups": {"nomad_servers": ["s1"]},
}
TIDY = [{**one, "running": "wal", "configured": "wal", "store": "wal", "todo": False, "peers": []} for one in SERVERS]


def run(loader: Handlers, step: str, **args: Any) -> dict[str, Any]:
    made = action(ActionModule, loader, {"step": step, "servers": SERVERS, "so_far": SO_FAR, **args})
    result: dict[str, Any] = made.run(task_vars=VARS)
    return result


# What each step has run, of which the others are tested in plugin_utils/steps.
RUN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "start": ({}, []),
    "look": ({}, ["setup", "server_info"]),
    "begin": ({}, ["server_info"]),
    "make_way": ({}, ["server_wait", "raft_write_check", "snapshot_save", "snapshot_save"]),
    "hold": ({}, ["autopilot_config"]),
    "work": ({}, ["server_backend", "raft_write_check"]),
    "release": ({"peer": "s2"}, ["autopilot_config"]),
    "take_back": ({}, ["server_backend"]),
    "settle": ({}, []),
    "next": ({}, []),
    "back": ({}, ["server_wait"]),
    "end": ({"options": {"backend": "boltdb"}}, ["server_info"]),
    "show": ({}, []),
    "find_old": ({"servers": TIDY}, ["raft_backup_remove"]),
    "ask_cleanup": ({"servers": TIDY}, ["server_wait"]),
    "remove_old": ({"servers": TIDY}, ["raft_backup_remove"]),
    "show_removed": ({"servers": TIDY}, []),
}


def test_every_step_that_does_not_fail_by_itself_is_among_them() -> None:
    assert [step for step in STEPS if step not in RUN] == ["failed", "stop"]


@pytest.mark.parametrize("step", RUN)
def test_each_step_is_run_with_its_modules(step: str) -> None:
    args, modules = RUN[step]
    loader = Handlers(by_module=ANSWERS)
    result = run(loader, step, before={"turn": shown(begun(given()).now())}, **args)
    assert loader.modules == modules and "failed" not in result, result
    assert result["changed"] is (step in ("work", "take_back")) and json.loads(json.dumps(result)) == result


def test_a_step_that_fails_says_at_what_and_keeps_what_is_known_by_then() -> None:
    failing = {**ANSWERS, "server_backend": {"failed": True, "msg": "refused", "left": "put_back", "changed": True}}
    result = run(Handlers(by_module=failing), "work", before={"turn": shown(given().now())})
    assert (result["failed"], result["msg"], result["doing"]) == (True, "refused", "Bring the server to the backend")
    assert result["left"] == "put_back" and result["changed"] is True
    assert "server" not in result, "a failure is shown whole"


def test_the_end_of_a_roll_at_a_server_is_a_failure_with_its_message() -> None:
    loader = Handlers()
    result = run(loader, "stop", failure={"message": "s1 has failed.", "left": "put_back"})
    assert (result["failed"], result["msg"], result["doing"]) == (True, "s1 has failed.", "Stop the roll")
    assert loader.modules == [] and not result["changed"]


def test_after_the_operators_tasks_the_server_is_done() -> None:
    result = run(Handlers(), "next")
    assert (result["server"]["host"], result["server"]["done"], result["server"]["serial"]) == ("s1", True, 2)


def test_differences_of_the_work_are_those_of_the_task() -> None:
    result = run(Handlers(by_module=ANSWERS), "work", before={"turn": shown(given().now())})
    assert result["diff"] == [{"before": "a", "after": "b"}]


def test_the_first_look_has_the_mistakes_in_the_roles_variables() -> None:
    spec = {"raft_logstore_port": {"type": "int"}}
    loader = Handlers(by_module=ANSWERS)
    result = run(loader, "look", specified=spec, variables={"raft_logstore_port": "http"})
    assert result["msg"] == "raft_logstore_port is 'http'. Give a whole number. Nothing was changed."
    assert result["failed"] and loader.modules == []


def test_a_variable_that_is_also_an_option_is_named_as_the_operator_knows_it() -> None:
    spec = {"raft_logstore_stable_for": {"type": "int"}}
    result = run(
        Handlers(), "look", specified=spec, variables={"raft_logstore_stable_for": "x"}, options={"stable_for": "x"}
    )
    assert result["msg"] == "raft_logstore_stable_for is 'x'. Give a whole number. Nothing was changed."


def test_what_a_broken_module_has_printed_is_kept() -> None:
    broke = {
        "failed": True,
        "msg": "No start of json char found",
        "module_stderr": "sudo: a password is required",
        "rc": 1,
    }
    result = run(Handlers(by_module={**ANSWERS, "setup": broke}), "look")
    assert (result["module_stderr"], result["rc"]) == ("sudo: a password is required", 1)


class Breaks(Handlers):
    """One whose write check ends in an exception of its own."""

    def get(self, name: str, **given: Any) -> Any:
        if name.endswith("raft_write_check") or given["task"].action.endswith("raft_write_check"):
            raise KeyError("a bug")
        return super().get(name, **given)


def test_whatever_breaks_after_a_server_was_out_what_was_done_to_it_reaches_the_rescue() -> None:
    turn = {"turn": shown(given().now())}
    result = run(Breaks(by_module=ANSWERS), "work", before=turn)
    assert result["failed"] and result["phases"] == {"total": 1.5} and "a bug" in result["msg"]
    with pytest.raises(KeyError):
        run(Breaks(by_module={**ANSWERS, "server_backend": {"changed": False}}), "work", before=turn)


def test_a_limit_to_hosts_of_other_groups_is_refused() -> None:
    limited = {**VARS, "ansible_limit": "web", "ansible_play_hosts_all": ["web1"]}
    made = action(ActionModule, Handlers(), {"step": "start"})
    result = made.run(task_vars=limited)
    assert result["failed"] and result["msg"] == "--limit leaves no host of the group nomad_servers. Run it without."
    made = action(ActionModule, Handlers(), {"step": "start"})
    assert not made.run(task_vars={**limited, "ansible_play_hosts_all": ["s1", "web1"]}).get("failed")


def test_the_token_is_given_to_modules_and_not_returned() -> None:
    loader = Handlers(by_module=ANSWERS)
    result = run(loader, "look", connection={"host": "10.0.0.1", "token": "secret"}, plans=True)
    assert "secret" not in json.dumps(result) and result["api"]["host"] == "10.0.0.1"
    asked = loader.got[-1][1].args
    assert asked["token"] == "secret" and asked["rehearse"] is True


def test_the_tables_are_those_of_the_run() -> None:
    lines = run(Handlers(), "show")["lines"]
    assert lines[0].split()[:2] == ["server", "role"] and [line.split()[0] for line in lines[1:4]] == list(NAMES)
    assert lines[-1]


def test_what_would_leave_tasks_out_and_an_empty_group_fail_the_start() -> None:
    made = action(ActionModule, Handlers(), {"step": "start", "group": "mine"}, tags=["always"])
    assert made.run(task_vars=VARS)["doing"] == "The group has hosts"
    made = action(ActionModule, Handlers(), {"step": "start"}, tags=["always"])
    assert made.run(task_vars={**VARS, "ansible_run_tags": ["convert"]})["doing"] == "No task is left out"


@pytest.mark.parametrize("args", [{"step": "walk"}, {"step": "look", "more": 1}, {"step": "look", "servers": "s1"}])
def test_wrong_arguments_are_refused(args: dict[str, Any]) -> None:
    with pytest.raises(AnsibleActionFail):
        action(ActionModule, Handlers(), args).run(task_vars=VARS)


KEPT = {"record": "n", "connection": {"host": "10.0.0.1", "token": "s3cret"}}
OLD = {"removed": ["raft.db.migrated.1"], "kept": [], "state": "wal", "freed_bytes": 5}


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the record `n` of a roll that has begun."""
    monkeypatch.setattr(context, "CLIARGS", CLIArgs({"args": ("raftops.nomad.migrate",)}))
    recording.begun(Options(report_dir=str(tmp_path), report_name="n"), "nomad_servers", "s1", 1.0, [])
    return tmp_path


def kept(report: Path) -> dict[str, Any]:
    """The record, in none of whose files there is a token."""
    assert len(list(report.iterdir())) == 3
    assert "s3cret" not in "".join(path.read_text() for path in report.iterdir())
    return dict(json.loads((report / "n.json").read_text()))


def to(report: Path, **more: Any) -> dict[str, Any]:
    return {**KEPT, "options": {"report_dir": str(report), **more}}


def test_what_the_modules_of_a_step_have_done_is_in_the_record(report: Path) -> None:
    run(Handlers(by_module=ANSWERS), "work", before={"turn": shown(given().now())}, **to(report))
    assert [server["phases"] for server in kept(report)["servers"]] == [{"total": 1.5}]


def test_a_failure_is_in_the_record_with_its_step_its_reason_and_how_the_server_is_left(report: Path) -> None:
    failure = {"step": "start", "message": "s1 has failed: s3cret.", "left": "put_back", "again": "no", "lines": ["a"]}
    result = run(Handlers(), "failed", failure=failure, **to(report))
    assert "failed" not in result and result["ansible_stats"]["data"]["raft_logstore_report"]["outcome"] == "failed"
    found = kept(report)
    assert (found["outcome"], found["verdict"]) == ("failed", "s1 has failed: ********.")
    (failure,) = found["runs"][0]["failures"]
    told = {"server": "s1", "step": "start", "left": "put_back", "again": "no", "message": found["verdict"]}
    assert {name: value for name, value in failure.items() if name != "at"} == told


def test_a_failure_that_something_is_still_done_about_is_not_the_end_of_the_record(report: Path) -> None:
    failing = {**ANSWERS, "server_backend": {"failed": True, "msg": "refused"}}
    run(Handlers(by_module=failing), "work", before={"turn": shown(given().now())}, **to(report))
    assert kept(report)["outcome"] == "unfinished"


def test_a_server_that_is_not_back_at_the_end_is_in_the_record(report: Path) -> None:
    run(Handlers(by_module={"server_wait": {"failed": True, "msg": "refused."}}), "back", **to(report))
    found = kept(report)
    assert found["outcome"] == "failed" and found["verdict"].startswith("s1 is not back at the end: refused.")


def test_the_end_of_a_roll_is_in_the_record_and_in_short_in_the_result(report: Path) -> None:
    done = [{**one, "done": True, "times": {"total": 1.5}} for one in TIDY]
    result = run(Handlers(), "show", servers=done, **to(report))
    found = kept(report)
    assert found["runs"][0]["lines"] == result["lines"] != []
    assert found["verdict"] == "Done: 3 of 3 on wal. The old stores stay until you run cleanup."
    stats = result["ansible_stats"]["data"]["raft_logstore_report"]
    assert (stats["name"], stats["verdict"]) == ("n", found["verdict"])


def test_a_look_that_belongs_to_no_roll_leaves_no_record(report: Path) -> None:
    before = (report / "n.events.jsonl").read_bytes()
    result = run(Handlers(), "show", options={"report_dir": str(report)})
    assert "ansible_stats" not in result and [path.read_bytes() for path in report.iterdir()] == [before]


def test_a_cleanup_has_a_record_from_its_question_to_what_was_removed(report: Path) -> None:
    healthy, args = Handlers(by_module=ANSWERS), to(report, report_name="n", backend="boltdb")
    asked = run(healthy, "ask_cleanup", servers=[{**one, "old_stores": OLD} for one in TIDY], **args)
    assert asked["record"] == "n" and "failed" not in asked and healthy.modules == ["server_wait", "raft_confirm"]
    assert kept_after(report, asked["record"], {**OLD, "changed": True})["outcome"] == "done"


def kept_after(report: Path, name: str, removed: dict[str, Any]) -> dict[str, Any]:
    """The record once the old stores are removed."""
    run(Handlers(removed), "remove_old", servers=TIDY, **{**to(report, backend="boltdb"), "record": name})
    return kept(report)


def test_a_cleanup_that_nobody_confirms_has_removed_nothing_and_says_so(report: Path) -> None:
    answers = {**ANSWERS, "raft_confirm": AnsibleActionFail("Nobody has said yes. Nothing was changed.")}
    old, args = [{**one, "old_stores": OLD} for one in TIDY], to(report, report_name="n")
    result = run(Handlers(by_module=answers), "ask_cleanup", servers=old, **args)
    assert (result["failed"], result["doing"]) == (True, "Ask before anything is removed")
    found = kept(report)
    assert (found["outcome"], found["verdict"]) == ("failed", "Nobody has said yes. Nothing was changed.")
    assert found["runs"][-1]["failures"] == []


def test_a_cleanup_whose_record_cannot_be_written_asks_nobody(report: Path) -> None:
    loader, place = Handlers(by_module=ANSWERS), str(report / "n.events.jsonl")
    with pytest.raises(AnsibleActionFail, match="Nothing was changed"):
        run(loader, "ask_cleanup", servers=TIDY, options={"report_dir": place})
    assert loader.modules == []
