# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress file: whole lines, nobody else's file touched, gone at the end, never the reason of a failure."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._progress import (
    Progress,
    ProgressFile,
    parse,
    progress_file,
    progress_relay,
    read_progress,
    render,
    waits_file,
)


class Clock:
    """Seconds as the test wants them."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def no_warning(text: str) -> None:
    raise AssertionError(text)


def test_the_file_is_one_line_of_documented_json(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "progress"
    progress = ProgressFile(str(path), clock)
    progress("convert", 0, 1000, 0)
    clock.now += 2.5
    progress("convert", 400, 1000, 80_000)
    assert path.read_text().count("\n") == 1
    assert json.loads(path.read_text()) == {
        "phase": "convert", "done": 400, "total": 1000, "bytes": 80_000, "elapsed": 2.5,
    }  # fmt: skip
    assert parse(path.read_text()) == Progress("convert", 400, 1000, 80_000, 2.5)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["progress"]


def test_elapsed_counts_from_the_begin_of_each_phase(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "progress"
    progress = ProgressFile(str(path), clock)
    for phase in ("convert", "verify"):
        progress(phase, 0, 10, 0)
        clock.now += 3
        progress(phase, 5, 10, 100)
        assert json.loads(path.read_text())["elapsed"] == 3


def test_many_calls_replace_the_file_twice_a_second_and_at_the_end_of_a_phase(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "progress"
    progress = ProgressFile(str(path), clock)
    seen = []
    for done in range(1, 101):
        clock.now += 0.1
        progress("convert", done, 100, done)
        seen.append(json.loads(path.read_text())["done"])
    assert 15 <= len(set(seen)) <= 25
    assert seen[-1] == 100


@pytest.mark.parametrize("kind", ["file", "link", "dangling link"])
def test_a_name_that_is_taken_is_left_alone(tmp_path: Path, kind: str) -> None:
    path, other = tmp_path / "progress", tmp_path / "other"
    if kind == "file":
        path.write_text("somebody else's")
    else:
        path.symlink_to(other)
        if kind == "link":
            other.write_text("somebody else's")
    warnings: list[str] = []
    with progress_file(str(path), "/nonexistent", warnings.append) as progress:
        progress("convert", 1, 10, 1)
    assert len(warnings) == 1 and str(path) in warnings[0] and "File exists" in warnings[0]
    assert path.is_symlink() == (kind != "file")
    assert other.exists() == (kind == "link")
    if kind != "dangling link":
        assert path.read_text() == "somebody else's"


def test_a_forgotten_temporary_file_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    with progress_file(str(tmp_path / "progress"), "/nonexistent", no_warning) as progress:
        (tmp_path / "progress.new").symlink_to(other)
        progress("convert", 1, 10, 1)
    assert not other.exists()


def test_the_file_is_gone_after_success_and_after_failure(tmp_path: Path) -> None:
    with progress_file(str(tmp_path / "progress"), "/nonexistent", no_warning) as progress:
        progress("convert", 1, 10, 1)
        assert os.listdir(tmp_path) == ["progress"]
    assert os.listdir(tmp_path) == []
    with pytest.raises(KeyboardInterrupt), progress_file(str(tmp_path / "progress"), "/nonexistent", no_warning):
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == []


def test_a_directory_that_vanishes_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    with progress_file(str(folder / "progress"), "/nonexistent", no_warning) as progress:
        (folder / "progress").unlink()
        folder.rmdir()
        progress("convert", 1, 10, 1)
        progress("verify", 1, 10, 1)


@pytest.mark.parametrize("below", ["", "server", "server/raft"])
def test_never_below_data_dir_not_even_through_a_link(tmp_path: Path, below: str) -> None:
    data_dir = tmp_path / "data"
    (data_dir / below).mkdir(parents=True)
    (tmp_path / "link").symlink_to(data_dir / below)
    for folder in (data_dir / below, tmp_path / "link"):
        path = str(folder / "progress")
        with pytest.raises(Refused, match="/run") as refusal, progress_file(path, str(data_dir), no_warning):
            pass
        assert refusal.value.path == path
    assert [path for path in data_dir.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "text", ["", "{", "null", "[]", '{"phase": "convert"}', '{"phase": 1, "done": null}', "cat: no"]
)
def test_what_is_not_a_progress_line_is_nothing(text: str) -> None:
    assert parse(text) is None


def test_render_and_parse_are_inverse() -> None:
    progress = Progress("verify", 2**63, 2**63 + 1, 2**70, 0.125)
    assert parse(render(progress).decode()) == progress


def test_what_a_step_waits_for_is_told_until_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    progress = ProgressFile(str(path), Clock())
    progress("rejoin", 0, 0, 0)
    progress.waits("waits until it is back: no leader (5 s of 300 s)")
    assert parse(path.read_text()) == Progress(
        "rejoin", 0, 0, 0, 0.0, "waits until it is back: no leader (5 s of 300 s)"
    )
    assert parse(render(parse(path.read_text())).decode()) == parse(path.read_text())  # type: ignore[arg-type]
    progress("log", 0, 0, 0)
    assert parse(path.read_text()) == Progress("log", 0, 0, 0, 0.0)


def test_a_wait_makes_its_file_only_when_it_has_something_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    with waits_file(str(path)) as tell:
        assert os.listdir(tmp_path) == []
        tell("one")
        tell("two")
        told = parse(path.read_text())
        assert told is not None and told.waits == "two" and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == []


def test_a_wait_that_cannot_be_shown_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "progress"
    path.write_text("somebody else's")
    with waits_file(str(path)) as tell:
        tell("one")
    assert path.read_text() == "somebody else's"
    with waits_file(None) as tell:
        tell("one")


def test_what_another_process_tells_is_shown_on(tmp_path: Path) -> None:
    """From the file of the process that does the work to the one that the controller looks at."""
    theirs, mine = tmp_path / "theirs", tmp_path / "mine"
    assert read_progress(str(theirs)) is None
    ProgressFile(str(theirs))("rejoin", 0, 0, 0)
    with progress_relay(str(mine), str(tmp_path / "data"), no_warning) as relay:
        told = read_progress(str(theirs))
        assert told is not None and told.phase == "rejoin"
        relay(told)
        assert parse(mine.read_text()) == told
    assert not mine.exists()
    with progress_relay(None, str(tmp_path / "data"), no_warning) as relay:
        relay(told)
    (tmp_path / "link").symlink_to(theirs)
    assert read_progress(str(tmp_path / "link")) is None
