# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demonstration shows a roll there and back, judges it itself, and stops what it has started."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils import _record as record
from e2e import demo
from support.cluster.writer import Writer
from support.rolls import playbooks

ON = {"migrate": "WAL", "rollback": "BoltDB"}
DEAF = "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); print(end='x', flush=True); sys.stdin.read()"


def test_a_playbook_that_does_not_end_at_ctrl_c_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "END_LIMIT_S", 0.2)
    child = subprocess.Popen([sys.executable, "-c", DEAF], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdout is not None and child.stdout.read(1) == b"x"
    demo.end(child)
    assert child.returncode == -9


def test_a_playbook_that_takes_too_long_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PLAYBOOK_LIMIT_S", 0.2)
    monkeypatch.setattr(demo, "END_LIMIT_S", 0.2)
    monkeypatch.setattr(playbooks, "command", lambda *_: [sys.executable, "-c", "import time; time.sleep(60)"])
    assert demo.play("migrate", Path("inventory")) == 1


def test_what_the_writer_saw_is_in_the_record_of_its_act(tmp_path: Path) -> None:
    names = {act: record.prepare(str(tmp_path), "", act, "nomad_servers", 1795610835.0) for act in demo.BACKENDS}
    for act, name in names.items():
        record.note(str(tmp_path), name, "run_began", {"playbook": act, "group": "nomad_servers"})
        record.write(str(tmp_path), name)
    writer = Writer([])
    writer.acknowledged, writer.failures, writer.longest_gap_s = {"a": "1", "b": "2"}, 3, 0.75
    demo.note_writes(tmp_path, "migrate", writer, ["b"])
    found = json.loads((tmp_path / f"{names['migrate']}.json").read_text())["writes"]
    assert {key: found[key] for key in found if key != "at"} == {
        "tried": 5, "refused": 3, "lost": 1, "longest_gap_s": 0.75,
    }  # fmt: skip
    assert json.loads((tmp_path / f"{names['rollback']}.json").read_text())["writes"] is None
    assert "3 of 5" in (tmp_path / f"{names['migrate']}.html").read_text()


@pytest.mark.parametrize("acts", [["migrate"], pytest.param(["migrate", "rollback"], marks=pytest.mark.long)])
def test_the_demonstration_ends_well(acts: list[str]) -> None:
    """What `make demo` and `make demo-rollback` run. The report has a line for each thing that it looked at."""
    shown = subprocess.run(
        [sys.executable, demo.__file__, *acts[1:]],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stdout
    report = shown.stdout[shown.stdout.rindex("acknowledged writes back") :]
    lines = re.findall(r"(?m)^(ok|OFF)  +(\w[\w ]*?)  ", report)
    assert [what for good, what in lines if good == "OFF"] == []
    assert {"acknowledged writes", "backends", "stores", "voters", "autopilot", "snapshot"} <= {
        what for _good, what in lines
    }
    for act in acts:
        (made,) = demo.REPORTS.glob(f"{act}-*.json")
        seen = json.loads(made.read_text())["writes"]
        assert seen["tried"] > seen["refused"] and seen["lost"] == 0, act
    assert f"The cluster is on {ON[acts[-1]]} and nothing was lost." in report
    assert not any(server.is_running() for server in demo.Cluster(demo.ROOT).servers)
