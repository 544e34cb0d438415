# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real processes that look like an agent, and programs that root may run or not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host import process
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.cmdline import CommandLine
from support.runningagent import running_agent

SLEEP = shutil.which("sleep") or ""


def test_an_agent_is_described(tmp_path: Path) -> None:
    with running_agent(tmp_path, "-config", "etc", NOMAD_LICENSE="secret") as pid:
        found = process.look(pid)
    assert found.command == CommandLine(agent=True, config_paths=("etc",))
    assert (found.pid, found.cwd) == (pid, str(tmp_path))
    assert found.program == os.path.realpath(sys.executable) and not found.replaced and not found.contained
    assert found.variables == ("NOMAD_LICENSE",) and "secret" not in str(found.as_dict())


def test_a_program_that_was_replaced_or_removed(tmp_path: Path) -> None:
    program = tmp_path / "sleep"
    shutil.copy(SLEEP, program)
    with subprocess.Popen([str(program), "60"]) as child:
        assert not process.look(child.pid).replaced
        program.unlink()
        assert process.look(child.pid).replaced
        shutil.copy(SLEEP, program)
        found = process.look(child.pid)
        child.kill()
    assert found.replaced and found.program == str(program)


def test_a_process_with_another_root(tmp_path: Path) -> None:
    code = f"import os; os.chroot({str(tmp_path)!r}); print(flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None and child.stdout.readline()
        found = process.look(child.pid)
        child.kill()
    assert found.contained


def test_a_process_that_is_gone() -> None:
    with subprocess.Popen([SLEEP, "0"]) as child:
        child.wait()
    with pytest.raises(AgentError, match=f"the process {child.pid} of the agent cannot be looked at: No such file"):
        process.look(child.pid)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A program of root's in directories of root's, but for /tmp, which is sticky."""
    path = tmp_path / "bin/nomad"
    path.parent.mkdir(mode=0o755)
    shutil.copy(SLEEP, path)
    path.chmod(0o755)
    return path


def test_a_program_of_roots_is_trusted(program: Path) -> None:
    assert process.distrust(str(program), 0) == ""


@pytest.mark.parametrize(
    ("below", "mode"), [("bin/nomad", 0o775), ("bin/nomad", 0o757), ("bin", 0o775), ("bin", 0o777)]
)
def test_a_program_that_others_can_write(program: Path, tmp_path: Path, below: str, mode: int) -> None:
    (tmp_path / below).chmod(mode)
    assert process.distrust(str(program), 0) == f"{tmp_path / below} can be written by others than root"


@pytest.mark.parametrize("below", ["bin/nomad", "bin"])
def test_a_program_that_belongs_to_somebody_else(program: Path, tmp_path: Path, below: str) -> None:
    os.chown(tmp_path / below, 4711, 4711)
    assert process.distrust(str(program), 0) == f"{tmp_path / below} can be written by others than root"
    assert process.distrust(str(program), 4711) == ""


def test_a_link_is_judged_where_it_leads(program: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(program)
    program.chmod(0o777)
    assert process.distrust(str(link), 0) == f"{program} can be written by others than root"


def test_no_program(program: Path) -> None:
    program.chmod(0o644)
    assert process.distrust(str(program), 0) == f"{program} is no program"
    assert process.distrust(str(program.parent), 0) == f"{program.parent} is no program"
    assert process.distrust("/nowhere/nomad", 0) == "/nowhere/nomad: No such file or directory"
