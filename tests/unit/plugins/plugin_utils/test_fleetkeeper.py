# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keeper in this process. As a program, and with ansible-runner itself: test_fleetchild.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils import _fleetkeeper as keeper
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import held


def write_job(tmp_path: Path, **more: Any) -> dict[str, Any]:
    job = {
        "command": [sys.executable, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"],
        "cwd": str(tmp_path),
        "dir": str(tmp_path),
        "engine": "ansible-playbook",
        "child_lock": str(tmp_path / "child"),
        **more,
    }
    (tmp_path / "job.json").write_text(json.dumps(job))
    return job


def test_it_leaves_the_exit_code_and_both_outputs(tmp_path: Path) -> None:
    write_job(tmp_path)
    lock = held(str(tmp_path / "lock"))
    keeper.main([str(tmp_path / "job.json"), str(lock)])
    assert sorted((tmp_path / "artifacts/roll/stdout").read_text().splitlines()) == ["err", "out"]
    result = json.loads((tmp_path / "result.json").read_text())
    assert (result["code"], result["engine"]) == (3, "ansible-playbook") and result["began"] <= result["ended"]
    os.close(lock or 0)


class Runner:
    """Takes what ansible-runner is called with, and reads the pipe as what it starts would."""

    rc = 5

    def run(self, **options: Any) -> Runner:
        self.options = options
        self.environment = dict(os.environ)
        with open(Path(options["private_data_dir"]) / "environment", encoding="utf-8") as pipe:
            self.piped = json.load(pipe)
        return self


def test_ansible_runner_gets_no_environment_and_its_child_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = {"PATH": "/bin", "NOMAD_TOKEN": "secret", "ANSIBLE_STDOUT_CALLBACK": "default", "OTHER": "o"}
    monkeypatch.setattr(os, "environ", dict(everything))
    runner = Runner()
    assert keeper.by_runner(runner, write_job(tmp_path), "/the/keeper.py") == 5
    assert runner.environment == {"PATH": "/bin", "ANSIBLE_STDOUT_CALLBACK": "default"}
    assert runner.piped == everything
    assert runner.options["suppress_env_files"] and runner.options["ident"] == "roll"
    assert runner.options["cmdline"] == f"/the/keeper.py exec {tmp_path}/job.json"


def test_a_child_whose_keeper_was_killed_before_it_was_told_anything_ends(tmp_path: Path) -> None:
    """As if it had been started just before: nobody has the other end of its pipe."""
    write_job(tmp_path)
    os.mkfifo(tmp_path / "environment")
    code = f"import runpy; k = runpy.run_path({keeper.__file__!r}); k['become'].__globals__['TOLD_S'] = 1; "
    told = subprocess.run(
        [sys.executable, "-c", f"{code}k['main'](['exec', {str(tmp_path / 'job.json')!r}])"], timeout=30, check=False
    )
    assert told.returncode == -signal.SIGALRM
