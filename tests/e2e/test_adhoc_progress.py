# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress of a conversion of two million entries, as a person sees it at a terminal."""

from __future__ import annotations

import glob
import os
import re
import time
from pathlib import Path
from typing import Any

import pexpect
import pytest
from support.paths import CHECKOUT
from support.rolls import adhoc
from support.stores.builder import nomad_store
from support.stores.judge import judge

ENTRIES = 2_000_000
PROGRESS_FILES = "/run/raft_migrate_backend-*"
LEFT_BY_THE_KILLED: set[str] = set()  # a killed run cannot remove its file, and closing the terminal kills
LINE = re.compile(r"^(h1|h2): (\w+) (\d+) / (\d+) entries(?:, (\d+\.\d) MB/s, (\d+) s left)?\r?$")


def at_a_terminal(inventory: Path, arguments: dict[str, Any]) -> pexpect.spawn:
    program, *rest = adhoc.command(inventory, "raft_migrate_backend", arguments)
    return pexpect.spawn(
        program, rest, env=adhoc.environment(), cwd=CHECKOUT, encoding="utf-8", timeout=180, dimensions=(50, 200)
    )


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[float, str]]:
    """Each line of the output, with the second at which it came, of a command that follows an interrupted one."""
    root = tmp_path_factory.mktemp("millions")
    hosts = {"h1": ENTRIES, "h2": 1000}
    for host, count in hosts.items():
        raft = root / host / "server/raft"
        raft.mkdir(parents=True)
        judge("gen", "--shape", "plain", "--count", count, "--size", 200, "--batch", 20_000, raft / "raft.db")
    inventory = adhoc.inventory(root / "inventory.json", {host: {"data": str(root / host)} for host in hosts})
    arguments = {"data_dir": "{{ data }}", "force": True}
    child = at_a_terminal(inventory, arguments)
    child.expect_exact(f" / {ENTRIES} entries")
    child.sendintr()  # Ctrl-C in the middle of the conversion
    child.expect(pexpect.EOF)
    child.close()
    assert "Traceback" not in child.before
    assert not (root / "h1/server/raft/wal").exists() and (root / "h1/server/raft/raft.db").is_file()
    LEFT_BY_THE_KILLED.update(glob.glob(PROGRESS_FILES))
    child = at_a_terminal(inventory, arguments)
    lines = []
    while line := child.readline():
        lines.append((time.monotonic(), line))
    child.close()
    assert child.exitstatus == 0, "".join(text for when, text in lines)
    return lines


def lines_of(output: list[tuple[float, str]], host: str) -> list[tuple[float, re.Match[str]]]:
    matches = [(when, LINE.match(text.rstrip("\n"))) for when, text in output]
    return [(when, match) for when, match in matches if match and match[1] == host]


def test_a_line_a_second_and_no_more(output: list[tuple[float, str]]) -> None:
    times = [when for when, match in lines_of(output, "h1")]
    assert len(times) >= 2, output
    assert len(times) - 1 <= times[-1] - times[0] + 1  # the way to the terminal adds and takes away a little
    gaps = sorted(later - earlier for earlier, later in zip(times, times[1:]))
    assert gaps[len(gaps) // 2] < 3


def test_the_lines_say_how_far_it_is(output: list[tuple[float, str]]) -> None:
    matches = [match for when, match in lines_of(output, "h1")]
    assert {int(match[4]) for match in matches} == {ENTRIES}
    for phase in {match[2] for match in matches}:
        done = [int(match[3]) for match in matches if match[2] == phase]
        assert done == sorted(done) and done[-1] <= ENTRIES
    assert any(match[5] and float(match[5]) > 0 for match in matches)


def test_a_quick_host_is_not_held_up_by_its_progress(output: list[tuple[float, str]]) -> None:
    assert lines_of(output, "h2") == []


def test_the_run_after_the_interrupted_one_is_whole_and_the_file_is_gone(output: list[tuple[float, str]]) -> None:
    result = adhoc.results_in("".join(text for when, text in output).replace("\r\n", "\n"))["h1"]
    assert result["changed"] is True and result["resumed"] is True
    assert result["entries"] == result["verified"] == ENTRIES
    deadline = time.monotonic() + 60
    for path in set(glob.glob(PROGRESS_FILES)) - LEFT_BY_THE_KILLED:
        while os.path.lexists(path):  # the file of a test that runs at the same time goes with its conversion
            assert time.monotonic() < deadline, f"{path} was left behind"
            time.sleep(0.1)


def test_an_own_progress_file_can_be_asked_for_and_is_removed(tmp_path: Path) -> None:
    nomad_store("never-voted", tmp_path / "data")
    inventory = adhoc.inventory(tmp_path / "inventory.json", {"h1": {}})
    arguments = {"data_dir": str(tmp_path / "data"), "force": True, "progress_file": str(tmp_path / "progress")}
    done = adhoc.run(inventory, "raft_migrate_backend", arguments)
    assert done.returncode == 0, done.output
    assert not os.path.lexists(tmp_path / "progress")
