# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a record says of a run: who began it, its plan, and how it has ended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.module_utils._roll.plan import plan
from ansible_collections.raftops.nomad.plugins.plugin_utils._recorder import Recorder
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import shown
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps import recording
from support.paths import CHECKOUT
from support.rolls.servers import ME, led

AT = 1796040000.0
OUT: dict[str, Any] = {
    "running": "wal", "configured": "wal", "store": "wal", "todo": False, "done": True, "times": {"total": 1.2},
}  # fmt: skip


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("raftops.nomad.migrate", "migrate"),
        ("/srv/plays/own.roll.yml", "own.roll"),
        ("rollback.yaml", "rollback"),
        ("migrate", "migrate"),
    ],
)
def test_a_playbook_has_its_own_name_however_it_was_called(
    called: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"args": (called, "second.yml")})
    assert recording.playbook() == name


@pytest.mark.parametrize("said", [{}, {"args": ()}])
def test_where_none_was_called_none_is_named(said: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "CLIARGS", said)
    assert recording.playbook() == "unknown"


def test_the_version_is_that_of_the_files_of_this_collection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = [line for line in (CHECKOUT / "galaxy.yml").read_text().splitlines() if line.startswith("version:")]
    assert recording.collection_version() == line.split(":")[1].strip()
    monkeypatch.setattr(recording, "__file__", str(tmp_path / "plugins/plugin_utils/_steps/recording.py"))
    assert recording.collection_version() == ""
    (tmp_path / "galaxy.yml").write_text("name: nomad\nversion: 1.2.3\n")
    assert recording.collection_version() == "1.2.3"
    (tmp_path / "MANIFEST.json").write_text('{"collection_info": {"version": "1.2.4"}}')
    assert recording.collection_version() == "1.2.4", "what is installed has no other"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A roll that has begun, with its record `n`."""
    monkeypatch.setattr(context, "CLIARGS", {"args": ("raftops.nomad.migrate",)})
    options = ME._replace(report_dir=str(tmp_path), report_name="n")
    name, recorder = recording.begun(options, "servers", "s1", AT, ["s3cret"])
    assert name == "n"
    return recorder


def record(directory: Path, recorder: Recorder) -> dict[str, Any]:
    recorder.write()
    assert recorder.warnings == []
    assert "s3cret" not in "".join(path.read_text() for path in directory.iterdir())
    return dict(json.loads((directory / "n.json").read_text()))


def test_a_run_that_has_begun_says_who_runs_what(run: Recorder, tmp_path: Path) -> None:
    found = record(tmp_path, run)
    assert (found["playbook"], found["group"], found["backend"], found["outcome"]) == (
        "migrate", "servers", "wal", "unfinished",
    )  # fmt: skip
    (who,) = found["runs"]
    assert who["collection"] == recording.collection_version() != "" and who["origin"] == "me" and not who["check"]
    assert all(who[name] for name in ("run", "by", "controller", "ansible", "python"))


def test_without_a_directory_there_is_no_record() -> None:
    name, silent = recording.begun(ME, "servers", "s1", AT, [])
    recording.ended(silent, led(), ME, [])
    assert (name, silent.warnings) == ("", []) and recording.in_short(ME, "") == {}


def test_a_record_that_cannot_be_written_prevents_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AnsibleActionFail, match=r"raft_logstore_report_dir.* Nothing was changed"):
        recording.begun(ME._replace(report_dir=str(tmp_path / "file")), "servers", "s1", AT, [])


def test_a_name_that_nobody_gave_is_that_of_the_playbook_and_its_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "CLIARGS", {"args": ("raftops.nomad.rollback",)})
    name, _recorder = recording.begun(ME._replace(report_dir=str(tmp_path)), "servers", "s1", AT, [])
    assert name == "rollback-servers-20261130T120000Z"


def test_the_plan_is_told_with_its_servers_and_who_leads(run: Recorder, tmp_path: Path) -> None:
    servers = led()
    recording.planned(run, shown(plan(servers, ME)), servers)
    (found,) = record(tmp_path, run)["runs"]
    assert found["plan"]["queue"] == plan(servers, ME).queue and found["plan"]["refusal"] == ""
    assert [(one["host"], one["store"], one["todo"]) for one in found["plan"]["servers"]] == [
        (name, "boltdb", True) for name in ("s1", "s2", "s3")
    ]
    assert [one["server"] for one in found["leaders"]] == ["s1"]


def test_a_plan_that_is_refused_is_no_failure_of_a_server(run: Recorder, tmp_path: Path) -> None:
    servers = led(s2={"obstacles": ["no space"]})
    made = plan(servers, ME)
    recording.planned(run, shown(made), servers)
    recording.refused(run, made.refusal)
    found = record(tmp_path, run)
    assert (found["outcome"], found["verdict"]) == ("refused", "s2: no space. Nothing was changed.")
    assert found["runs"][0]["failures"] == []


def test_a_run_that_ends_at_a_server_says_at_which_and_how_it_is_left(run: Recorder, tmp_path: Path) -> None:
    told = {"server": "s2", "step": "Stop the roll", "message": "s2 says s3cret.", "left": "put_back"}
    recording.planned(run, shown(plan(led(), ME)), led())
    recording.failed(run, told)
    found = record(tmp_path, run)
    assert (found["outcome"], found["verdict"]) == ("failed", "s2 says ********.")
    (failure,) = found["runs"][0]["failures"]
    assert {name: failure[name] for name in told} == {**told, "message": "s2 says ********."}


@pytest.mark.parametrize(("todo", "outcome"), [(False, "done"), (True, "partial")])
def test_a_roll_that_has_ended_well_has_what_was_shown(todo: bool, outcome: str, run: Recorder, tmp_path: Path) -> None:
    servers = led(s1=OUT, s2=OUT, s3={**OUT, "todo": todo})
    run.note("worked", {"server": "s1", "phases": OUT["times"]})
    recording.ended(run, servers, ME, ["one", "two"])
    found = record(tmp_path, run)
    assert (found["outcome"], found["runs"][0]["lines"]) == (outcome, ["one", "two"])
    options = ME._replace(report_dir=str(tmp_path))
    stats = recording.in_short(options, "n")["ansible_stats"]
    assert stats["data"]["raft_logstore_report"]["outcome"] == outcome and stats["per_host"] is False


def test_a_cleanup_is_complete_whatever_backend_the_servers_are_on(run: Recorder, tmp_path: Path) -> None:
    run.note("removed", {"server": "s1", "removed": ["raft.db.migrated.1"]})
    recording.cleaned(run, led(), ME)
    found = record(tmp_path, run)
    assert (found["outcome"], found["verdict"]) == ("done", "3 servers: 3 on boltdb. All is well.")
