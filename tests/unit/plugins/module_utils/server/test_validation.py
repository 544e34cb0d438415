# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which configuration the agent's program is asked about, by a script in its place that reads what it is given."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.facts import Validation
from ansible_collections.raftops.nomad.plugins.module_utils._server.look import Seen, look
from ansible_collections.raftops.nomad.plugins.module_utils._server.validation import validation
from support.agent_server import AgentServer
from support.host import Host
from support.runningagent import running_agent


class Program:
    """Answers for `nomad config validate`: refuses the first file with this word, and notes what it saw."""

    def __init__(self, word: str = "") -> None:
        self.word = word
        self.seen: list[dict[str, str]] = []
        self.places: list[Path] = []

    def __call__(self, command: Sequence[str], _seconds: float) -> Ran:
        assert command[1:3] == ["config", "validate"]
        files: dict[str, str] = {}
        for path in map(Path, command[3:]):
            self.places.append(path)
            files.update(
                {str(file): file.read_text() for file in (sorted(path.iterdir()) if path.is_dir() else [path])}
            )
        self.seen.append(files)
        bad = [name for name, text in files.items() if self.word and self.word in text]
        return Ran(1, "", f"Error loading {bad[0]}: no\n") if bad else Ran(0, "Configuration is valid!\n", "")


@pytest.fixture
def host(tmp_path: Path, server: AgentServer) -> Host:
    return Host(tmp_path, server.port)


@contextmanager
def seen(host: Host, *flags: str, **given: Any) -> Iterator[Seen]:
    with running_agent(host.root, "-config", str(host.config_dir), *flags, store=host.raft_dir / "raft.db"):
        yield look(host.given(**given), {}, host.systemctl)


def test_now_and_after_the_change(host: Host) -> None:
    program = Program()
    with seen(host) as one:
        assert validation(one, program) == Validation()
    now, after = program.seen
    assert list(now) == [str(host.hcl)]
    assert [os.path.basename(name) for name in after] == ["nomad.hcl", "raft_logstore.hcl"]
    texts = list(after.values())
    assert texts[0] == host.hcl.read_text() and 'backend = "wal"' in texts[1]
    assert not (host.config_dir / "raft_logstore.hcl").exists()


def test_the_copy_is_roots_alone_and_gone_afterwards(host: Host) -> None:
    modes: list[int] = []
    program = Program()

    def run(command: Sequence[str], seconds: float) -> Ran:
        scratch = Path(command[-1])
        for path in (scratch.parent, scratch, *scratch.iterdir()) if scratch != host.config_dir else ():
            modes.append(stat.S_IMODE(path.stat().st_mode))
            assert path.stat().st_uid == os.geteuid()
        return program(command, seconds)

    with seen(host) as one:
        validation(one, run)
    assert modes == [0o700, 0o700, 0o600, 0o600]
    assert str(program.places[1]).startswith("/run/raftops-nomad-") and not program.places[1].parent.exists()


def test_it_is_gone_also_when_the_program_cannot_be_run(host: Host) -> None:
    asked: list[str] = []

    def hangs(command: Sequence[str], seconds: float) -> Ran:
        asked.append(command[-1])
        if len(asked) == 1:
            return Ran(0, "", "")
        raise asyncio.TimeoutError

    with seen(host) as one:
        assert "has not answered within 20 seconds" in validation(one, hangs).skipped
    assert asked[1].startswith("/run/raftops-nomad-") and not Path(asked[1]).parent.exists()


def test_what_is_refused_is_told_with_the_real_names(host: Host) -> None:
    with seen(host) as one:
        assert validation(one, Program("enabled")) == Validation(now=f"Error loading {host.hcl}: no")
        block = host.config_dir / "raft_logstore.hcl"
        assert validation(one, Program("raft_logstore")) == Validation(after=f"Error loading {block}: no")


def test_files_and_directories_in_their_order(host: Host) -> None:
    base = host.root / "base.conf"
    base.write_text("# first\n")
    program = Program()
    with running_agent(
        host.root, "-config", str(base), "-config", str(host.config_dir), store=host.raft_dir / "raft.db"
    ):
        paths = [str(base), str(host.config_dir)]
        one = look(host.given(config_path=paths), {}, host.systemctl)
        assert validation(one, program) == Validation()
    names = [os.path.basename(name) for name in program.seen[1]]
    assert names == ["base.conf", "nomad.hcl", "raft_logstore.hcl"]


def test_what_the_command_line_adds_is_a_file_more(host: Host) -> None:
    host.hcl.write_text("server { }\n")
    program = Program()
    with seen(host, f"-data-dir={host.data_dir}", "-server") as one:
        validation(one, program)
    for files in program.seen:
        assert f'{{"data_dir": "{host.data_dir}", "server": [{{"enabled": true}}]}}' in files.values()


def test_nothing_is_asked_where_nothing_changes(host: Host) -> None:
    program = Program()
    with seen(host, backend="boltdb") as one:
        assert validation(one, program) == Validation()
    assert len(program.seen) == 1


def test_a_program_that_somebody_else_could_have_written_is_not_run(host: Host) -> None:
    def run(_command: Sequence[str], _seconds: float) -> Ran:
        raise AssertionError("it was run")

    with seen(host) as one:
        assert one.process is not None
        one.process = one.process._replace(program=str(host.root / "agent"))
        assert validation(one, run).skipped == f"{host.root / 'agent'} is no program"
        (host.root / "agent").chmod(0o777)
        assert validation(one, run).skipped == f"{host.root / 'agent'} can be written by others than root"
        one.process = one.process._replace(program=str(host.root / "none"))
        assert validation(one, run).skipped == f"{host.root / 'none'} is gone"
        one.process = one.process._replace(contained=True)
        assert "another root directory" in validation(one, run).skipped
        one.process = None
        assert "its process is not known" in validation(one, run).skipped


def test_what_is_no_agent_is_not_run(host: Host) -> None:
    """A backup that reads the store has it open as well, and `rsync config validate` would copy."""
    with seen(host) as one:
        assert one.process is not None
        one.process = one.process._replace(command=type(one.process.command)())
        assert "its process is not known" in validation(one, Program()).skipped
