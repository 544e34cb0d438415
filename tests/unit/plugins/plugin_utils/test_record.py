# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record in files: several processes append, anything may be in the way, and no failure stops a roll."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.module_utils._record import journal
from ansible_collections.raftops.nomad.plugins.plugin_utils import _record as record
from support.records import stories
from support.records.reading import read

FORKS = multiprocessing.get_context("fork")  # as Ansible makes its workers


def noted(directory: Path, name: str, events: list[dict[str, Any]]) -> None:
    for one in events:
        assert record.note(str(directory), name, one["kind"], one) == ""


def prepared(directory: Path, given: str = "", playbook: str = "migrate", at: float = stories.BEGAN) -> str:
    return record.prepare(str(directory), given, playbook, "nomad_servers", at)


def of(directory: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((directory / f"{name}.json").read_text())
    return found


def test_a_whole_roll(tmp_path: Path) -> None:
    place = tmp_path / "to be made" / "reports"
    name = prepared(place)
    assert name == "migrate-nomad_servers-20261125T124715Z"
    noted(place, name, stories.roll())
    assert record.write(str(place), name) == ""
    assert sorted(path.name for path in place.iterdir()) == [
        f"{name}{end}" for end in (".events.jsonl", ".html", ".json")
    ]
    assert of(place, name)["outcome"] == "done" and len(of(place, name)["servers"]) == 3
    page = (place / f"{name}.html").read_text()
    assert "3 of 3 on wal" in read(page).text
    (variable,) = record.stats(str(place), name)["data"].values()
    assert variable["outcome"] == "done"


def test_where_no_record_is_asked_for_nothing_is_done() -> None:
    assert record.prepare("", "", "migrate", "a", 1.0) == ""
    assert record.note("", "", "leads", {}) == record.write("", "") == "" and record.stats("", "") == {}


def test_the_umask_counts(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        name = prepared(tmp_path)
        noted(tmp_path, name, stories.roll()[:3])
        record.write(str(tmp_path), name)
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def append(directory: Path, worker: int) -> None:
    for number in range(100):
        record.note(str(directory), "n", "warning", {"server": f"s{worker}", "message": f"{number} " + "x" * 3000})
        if number % 20 == 0:
            record.write(str(directory), "n")


def test_workers_append_at_once(tmp_path: Path) -> None:
    noted(tmp_path, "n", stories.roll()[:1])
    workers = [FORKS.Process(target=append, args=(tmp_path, worker)) for worker in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert record.write(str(tmp_path), "n") == ""
    told = of(tmp_path, "n")["runs"][0]["warnings"]
    for worker in range(4):
        mine = [int(one["message"].split()[0]) for one in told if one["server"] == f"s{worker}"]
        assert mine == list(range(100)), "none is lost, torn or out of order"


def test_of_two_that_write_the_last_word_is_the_whole(tmp_path: Path) -> None:
    """One has read, then another notes and writes, then the first one replaces what that has written."""
    noted(tmp_path, "n", stories.roll()[:1])
    rendered: list[str] = []

    def slow(made: Mapping[str, Any]) -> str:
        if not rendered:
            noted(tmp_path, "n", stories.roll()[1:])
            record.write(str(tmp_path), "n")
        rendered.append(made["outcome"])
        return str(made["outcome"])

    assert record.write(str(tmp_path), "n", slow) == ""
    assert rendered == ["unfinished", "done"]
    assert of(tmp_path, "n")["outcome"] == (tmp_path / "n.html").read_text() == "done"


def test_a_torn_line_takes_no_other_with_it(tmp_path: Path) -> None:
    events = stories.roll()
    noted(tmp_path, "n", events[:3])
    with (tmp_path / f"n{journal.SUFFIX}").open("ab") as file:
        file.write(b'{"kind":"warning","at":1.0,"mess')
    noted(tmp_path, "n", events[3:])
    read_again = journal.read((tmp_path / f"n{journal.SUFFIX}").read_bytes())
    assert [one["kind"] for one in read_again] == [one["kind"] for one in events]


@pytest.mark.parametrize(
    ("before", "same"),
    [(stories.failed("start"), True), (stories.lost(), True), (stories.roll()[:30], True), (stories.roll(), False)],
)
def test_the_same_command_again_adds_to_what_is_not_finished(
    before: list[dict[str, Any]], same: bool, tmp_path: Path
) -> None:
    first = prepared(tmp_path)
    noted(tmp_path, first, before)
    assert (prepared(tmp_path, at=stories.BEGAN + 60) == first) is same
    assert prepared(tmp_path, playbook="rollback", at=stories.BEGAN + 60) != first
    assert prepared(tmp_path, "CHG-1") == "CHG-1"


def test_a_named_record_is_added_to(tmp_path: Path) -> None:
    for run in "one", "two":
        name = prepared(tmp_path, "CHG-1")
        noted(tmp_path, name, [{**one, "run": run} for one in stories.roll()])
    record.write(str(tmp_path), "CHG-1")
    assert [run["run"] for run in of(tmp_path, "CHG-1")["runs"]] == ["one", "two"]


def a_file(place: Path) -> None:
    place.write_text("")


def a_link_in_the_way(place: Path) -> None:
    place.mkdir()
    (place / f"CHG-1{journal.SUFFIX}").symlink_to(place.parent / "elsewhere")


def a_pipe_in_the_way(place: Path) -> None:
    place.mkdir()
    os.mkfifo(place / f"CHG-1{journal.SUFFIX}")


def a_directory_in_the_way(place: Path) -> None:
    (place / f"CHG-1{journal.SUFFIX}").mkdir(parents=True)


@pytest.mark.parametrize("make", [a_file, a_link_in_the_way, a_pipe_in_the_way, a_directory_in_the_way])
def test_what_cannot_be_written_is_said_before_anything_is_changed(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    place = tmp_path / "reports"
    make(place)
    with pytest.raises(AnsibleActionFail, match=re.escape(str(place)) + ".* may make files. Nothing was changed."):
        prepared(place, "CHG-1")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("directory", "given", "message"),
    [
        ("reports", "", "raft_logstore_report_dir is reports. Give an absolute"),
        ("/tmp", "a/b", "raft_logstore_report_name is"),
    ],
)
def test_what_nobody_can_have_meant(directory: str, given: str, message: str) -> None:
    with pytest.raises(AnsibleActionFail, match=f"{message}.*Nothing was changed."):
        record.prepare(directory, given, "migrate", "a", 1.0)


def test_the_home_directory_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert record.prepare("~/reports", "CHG-1", "migrate", "a", 1.0) == "CHG-1"
    assert record.note("~/reports", "CHG-1", "leads", {"server": "a"}) == record.write("~/reports", "CHG-1") == ""
    assert (tmp_path / "reports/CHG-1.html").exists()


def test_a_directory_that_goes_away_is_a_warning(tmp_path: Path) -> None:
    place = tmp_path / "reports"
    name = prepared(place)
    for path in place.iterdir():
        path.unlink()
    place.rmdir()
    expected = f"The record of this roll in {place} is not complete: No such file or directory"
    assert record.note(str(place), name, "leads", {"server": "a"}) == expected
    assert record.write(str(place), name) == expected and record.stats(str(place), name) == {}


def test_a_file_system_that_is_full_is_a_warning_and_leaves_the_last_record(tmp_path: Path) -> None:
    name = prepared(tmp_path)
    noted(tmp_path, name, stories.roll())
    record.write(str(tmp_path), name)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    child = FORKS.Process(target=with_no_room, args=(tmp_path, name))
    child.start()
    child.join()
    assert child.exitcode == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def with_no_room(directory: Path, name: str) -> None:
    """No file of this process may become larger than a byte."""
    import resource
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, 1))
    for told in record.note(str(directory), name, "leads", {"server": "a"}), record.write(str(directory), name):
        assert told.endswith("is not complete: File too large")


def test_a_bug_is_a_warning(tmp_path: Path) -> None:
    assert "no events of the kind 'won'" in record.note(str(tmp_path), "n", "won", {})


def test_no_secret_gets_into_a_file(tmp_path: Path) -> None:
    secret, name = "5f9c2f0e-77aa-4b3c-9c1d-0123456789ab", prepared(tmp_path)
    noted(tmp_path, name, stories.roll())
    result = {"server": "nomad-2", "failed": True, "failure": f"403 for {secret}", "left": "down", "token": secret}
    record.note(str(tmp_path), name, "worked", {**result, "invocation": {"module_args": {"token": secret}}}, [secret])
    record.write(str(tmp_path), name)
    assert all(secret not in path.read_text() for path in tmp_path.iterdir())
