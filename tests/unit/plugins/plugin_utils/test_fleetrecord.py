# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of a fleet: whose they are, who may change them, and that there is one run at a time."""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import (
    Fleet,
    held,
    is_held,
    read,
    replace,
)

ME = os.getpid()


def fleet(tmp_path: Path) -> Fleet:
    return Fleet(str(tmp_path / "records"))


def test_everything_is_its_users_alone(tmp_path: Path) -> None:
    made = fleet(tmp_path)
    run = made.join(ME, "migrate", ["a"], "command")
    made.note(run, "a", state="rolled")
    made.cluster("a")
    for path in [made.path, *Path(made.path).rglob("*")]:
        mode = stat.S_IMODE(os.stat(path).st_mode)
        assert mode & 0o077 == 0 or Path(path).name == "lock", path
    assert stat.S_IMODE(os.stat(made.path).st_mode) == 0o700


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records").chmod(0o777)
    with pytest.raises(AnsibleActionFail, match="nobody else may write to it"):
        fleet(tmp_path)


def test_a_place_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("a file")
    with pytest.raises(AnsibleActionFail, match="Cannot keep records in raft_fleet_dir"):
        fleet(tmp_path)


def test_workers_of_one_process_share_a_run(tmp_path: Path) -> None:
    run = fleet(tmp_path).join(ME, "migrate", ["a", "b"], "command")
    assert fleet(tmp_path).join(ME, "migrate", ["other"], "")["id"] == run["id"]
    assert fleet(tmp_path).of(ME, "migrate") == run and run["clusters"] == ["a", "b"]
    assert fleet(tmp_path).of(1, "migrate") is None


def test_another_process_that_lives_is_told_and_a_dead_one_is_not_in_the_way(tmp_path: Path) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    first = fleet(tmp_path).join(other.pid, "migrate", ["a"], "")
    with pytest.raises(
        AnsibleActionFail, match=f"Another run, process {other.pid}, has been at work on this fleet since"
    ):
        fleet(tmp_path).join(ME, "migrate", ["a"], "")
    looks = fleet(tmp_path).join(ME, "status", ["a"], "")
    assert looks["kind"] == "looks", "one may look meanwhile"
    other.kill()
    other.wait()
    second = fleet(tmp_path).join(ME, "migrate", ["a"], "")
    assert second["id"] != first["id"] and len(fleet(tmp_path).runs()) == 2


def add(path: str, number: int) -> None:
    made = Fleet(path)
    run = made.of(ME, "migrate")
    assert run
    for turn in range(20):
        made.note(run, f"c{number}", **{f"turn{turn}": turn})


def test_nothing_is_lost_when_many_write_at_once(tmp_path: Path) -> None:
    made = fleet(tmp_path)
    made.join(ME, "migrate", [], "")
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=add, args=(made.path, number)) for number in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    run = made.of(ME, "migrate")
    assert run and {name: len(known) for name, known in run["states"].items()} == {
        f"c{number}": 20 for number in range(4)
    }


def test_a_record_that_is_gone_or_none_is_told(tmp_path: Path) -> None:
    made = fleet(tmp_path)
    run = made.join(ME, "migrate", [], "")
    (path,) = made.runs()
    Path(path).write_text("[]")
    with pytest.raises(AnsibleActionFail, match="is no record of a fleet"):
        made.of(ME, "migrate")
    Path(path).write_text("{")
    with pytest.raises(AnsibleActionFail, match="Cannot read the record"):
        made.of(ME, "migrate")
    os.unlink(path)
    with pytest.raises(AnsibleActionFail, match="The record of this run is gone"):
        made.note(run, "a")
    assert read(path) is None


@pytest.mark.parametrize("name", ["..", "a/b", "", ".hidden", "-x", "a b"])
def test_a_name_that_is_no_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AnsibleActionFail, match="The name of a cluster"):
        fleet(tmp_path).cluster(name)


def test_a_lock_is_held_by_one(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    first = held(path)
    assert first is not None and held(path) is None
    os.close(first)
    second = held(path)
    assert second is not None
    os.close(second)


def test_who_asks_whether_a_lock_is_held_is_not_taken_for_one_who_holds_it(tmp_path: Path) -> None:
    path = str(tmp_path / "lock")
    assert not is_held(path), "there is none"
    first = held(path)
    assert first is not None and is_held(path)
    os.close(first)
    assert not is_held(path)
    with open(path, encoding="ascii") as asks:
        fcntl.flock(asks, fcntl.LOCK_SH)
        threading.Timer(0.1, asks.close).start()
        second = held(path)
    assert second is not None and is_held(path)
    os.close(second)


def test_who_looks_waits_for_no_run_and_no_run_for_who_looks(tmp_path: Path) -> None:
    made = fleet(tmp_path)
    looks, run = (made.join(ME, do, ["a"], "") for do in ("status", "migrate"))
    with made._alone("runs"):
        made.note(looks, "a", state="well")
    with made._alone("looks"):
        made.note(run, "a", state="rolled")


def test_what_is_the_same_is_not_replaced(tmp_path: Path) -> None:
    path = str(tmp_path / "page")
    assert [replace(path, text) for text in ("a", "a", "b")] == [True, False, True]
