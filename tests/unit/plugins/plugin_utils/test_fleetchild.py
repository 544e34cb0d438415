# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One child of a cluster: its lock, what it leaves, and where its token comes from."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.module_utils._fleet.outcome import LOOK, ROLL
from ansible_collections.raftops.nomad.plugins.plugin_utils import _fleetchild as child
from support.cluster.cluster import wait_until
from support.fleet.ending import end_all

# Says what it was told, then waits for a line in a file.
PROGRAM = """
import json, os, sys, time
token = os.environ["NOMAD_TOKEN"][::-1]
print(json.dumps([sys.argv[1:], token, os.getcwd(), "SECRET" in os.environ]), flush=True)
while os.path.exists("HOLD"):
    time.sleep(0.02)
sys.exit(7)
"""
ENGINES = ["ansible-playbook", "ansible-runner"]


@pytest.fixture(autouse=True)
def nothing_is_left_at_work(tmp_path: Path) -> Iterator[None]:
    yield
    end_all(tmp_path)


def job(tmp_path: Path, engine: str) -> child.Job:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("HOLD", str(tmp_path / "hold")))
    environment = {**os.environ, "NOMAD_TOKEN": "the-token", "SECRET": "of-the-operator"}
    return child.Job(ROLL, str(tmp_path / "c/1-roll"), [sys.executable, str(program)], {"a": 1}, environment, engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_child_runs_to_its_end(tmp_path: Path, engine: str) -> None:
    this = job(tmp_path, engine)
    ended = child.run(this, child.wait_free(make(tmp_path)))
    said = json.loads(Path(child.output(this.dir)).read_text())
    assert said == [["-e", f"@{this.dir}/vars.json"], "the-token"[::-1], os.getcwd(), True]
    assert (ended.engine, ended.outcome.state) == (engine, "failed") and 0 < ended.began <= ended.ended
    assert json.loads(Path(this.dir, "result.json").read_text())["code"] == 7
    assert json.loads(Path(this.dir, "vars.json").read_text()) == {"a": 1}
    for path in Path(this.dir).rglob("*"):
        if path.is_file():
            written = path.read_bytes()
            assert b"of-the-operator" not in written, path
            assert b"the-token" not in written, path


def make(tmp_path: Path) -> str:
    (tmp_path / "c").mkdir()
    return str(tmp_path / "c")


@pytest.mark.parametrize("engine", ENGINES)
def test_the_lock_is_held_until_the_child_has_ended_though_its_keeper_is_killed(tmp_path: Path, engine: str) -> None:
    this, place = job(tmp_path, engine), make(tmp_path)
    (tmp_path / "hold").touch()
    lock = child.wait_free(place)
    keeper = child.begin(this, lock)
    os.close(lock)
    wait_until(
        "the child", lambda: os.path.exists(child.output(this.dir)) and child._end_of(child.output(this.dir)), 30
    )
    assert child.free(place) is None
    keeper.kill()
    keeper.wait()
    assert child.free(place) is None, "the child lives"
    (tmp_path / "hold").unlink()
    os.close(child.wait_free(place))
    ended = child.ended(ROLL, this.dir)
    assert ended.outcome.state == "failed" and "ended without a result" in ended.outcome.line


@pytest.mark.parametrize("engine", ENGINES)
def test_who_looks_waits_for_no_roll_and_is_taken_for_none(tmp_path: Path, engine: str) -> None:
    """ansible-runner's child takes a lock of its own when it begins."""
    roll, place = job(tmp_path, engine), make(tmp_path)
    look = roll._replace(kind=LOOK, dir=f"{place}/2-status")
    (tmp_path / "hold").touch()
    keeper = child.begin(look, child.own_lock(look))
    wait_until("the look", lambda: child._end_of(child.output(look.dir)) != "", 30)
    lock = child.free(place)
    assert lock is not None and child.under_way(place) is None
    rolls = child.begin(roll, lock)
    os.close(lock)
    wait_until("the roll beside it", lambda: child._end_of(child.output(roll.dir)) != "", 30)
    found = child.under_way(place)
    assert found is not None and found.line.startswith("Since 20") and found.log == child.output(roll.dir)
    (tmp_path / "hold").unlink()
    assert (keeper.wait(), rolls.wait()) == (0, 0)
    assert child.under_way(place) is None and not child.alive(place)


def test_an_engine_that_is_not_there_is_told(tmp_path: Path) -> None:
    this = job(tmp_path, "ansible-runner")
    (tmp_path / "ansible_runner.py").write_text("raise ImportError('not here')")
    this = this._replace(environment={**this.environment, "PYTHONPATH": str(tmp_path)})
    ended = child.run(this, child.wait_free(make(tmp_path)))
    assert "not here" in ended.outcome.line
    other = this._replace(engine="auto", dir=str(tmp_path / "c/2-roll"))
    assert child.run(other, child.wait_free(str(tmp_path / "c"))).engine == "ansible-playbook"


def test_where_a_token_comes_from(tmp_path: Path) -> None:
    assert child.token("NAME", [], {"NAME": "value"}) == "value"
    assert child.token("", child.words("printf '%s\\n' 'a-token'"), {}) == "a-token"
    assert child.token("", child.words(["echo", "a-token"]), {}) == "a-token"
    assert child.token("", child.words(None), {}) == ""


@pytest.mark.parametrize(
    ("name", "command", "told"),
    [
        ("NAME", [], "raft_fleet_token_env names NAME, which is not set"),
        ("", ["false"], "false, has failed: exit code 1"),
        ("", ["/no/such"], "/no/such, has failed: FileNotFoundError"),
        ("", ["true"], "must print the token and nothing else"),
        ("", ["echo", "two words"], "must print the token and nothing else"),
    ],
)
def test_a_token_that_is_not_to_be_had(name: str, command: list[str], told: str) -> None:
    with pytest.raises(AnsibleActionFail, match=told):
        child.token(name, command, {})


def test_the_keeper_imports_nothing_of_ansible() -> None:
    keeper = child._fleetkeeper.__file__
    code = f"import sys, runpy; runpy.run_path({keeper!r}); print([n for n in sys.modules if 'ansible' in n])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
