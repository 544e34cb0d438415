# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facts of real files, mounts and processes, and what comes of them: each fault is made, and taken away."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.facts import Facts
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.rehearsal import Finding
from ansible_collections.raftops.nomad.plugins.module_utils._server.look import Seen, look
from ansible_collections.raftops.nomad.plugins.module_utils._server.rehearse import findings, gather
from support.agent_server import AgentServer
from support.attributes import attribute, mounted
from support.host import Host
from support.runningagent import running_agent


def valid(_command: Any, _seconds: float) -> Ran:
    return Ran(0, "Configuration is valid!", "")


@pytest.fixture
def host(tmp_path: Path, server: AgentServer) -> Host:
    return Host(tmp_path, server.port)


def facts(host: Host, **given: Any) -> Facts:
    return gather(look(host.given(**given), {}, host.systemctl), valid)


def found(host: Host, **given: Any) -> dict[str, Finding]:
    """The findings but one: no agent runs, so that its program cannot be asked."""
    all_found = findings(look(host.given(**given), {}, host.systemctl), valid)
    return {finding.code: finding for finding in all_found if finding.code != "validate_skipped"}


def test_a_host_on_which_nothing_is_wrong(host: Host) -> None:
    assert found(host) == {}
    assert found(host, backend="boltdb") == {}


def test_peers_json(host: Host) -> None:
    (host.raft_dir / "peers.json").write_text("[]")
    finding = found(host)["peers_json"]
    assert (finding.severity, finding.path) == ("refuse", str(host.raft_dir / "peers.json"))


@pytest.mark.parametrize("name", ["server", "server/raft"])
def test_a_link_on_the_way_to_the_store(host: Host, name: str) -> None:
    (host.data_dir / name).rename(host.root / "elsewhere")
    (host.data_dir / name).symlink_to(host.root / "elsewhere")
    assert found(host) == {}, "it is root's"
    os.chown(host.data_dir / name, 4711, 4711, follow_symlinks=False)
    assert found(host)["raft_link"].path == str(host.data_dir / name)


def test_a_raft_directory_that_is_a_mount(host: Host) -> None:
    with mounted("--bind", host.raft_dir, host.raft_dir):
        assert set(found(host)) == {"raft_mount"}


@pytest.mark.parametrize("letter", ["i", "a"])
@pytest.mark.parametrize("name", ["nomad.d", "data/server/raft", "data/server/raft/raft.db"])
def test_what_cannot_be_replaced(host: Host, name: str, letter: str) -> None:
    with attribute(letter, host.root / name):
        assert found(host)["frozen"].path == str(host.root / name)


def test_a_configuration_on_a_read_only_mount_and_in_memory(host: Host) -> None:
    text = host.hcl.read_text()
    with mounted("-t", "tmpfs", "none", host.config_dir):
        host.hcl.write_text(text)
        finding = found(host)["volatile"]
        assert finding.path == str(host.config_dir / "raft_logstore.hcl")
        assert "Add a -config directory that lasts" in finding.what
        assert found(host, config_file=str(host.config_dir / "chosen.hcl")) == {}
        subprocess.run(["mount", "-o", "remount,ro", host.config_dir], check=True)
        assert found(host)["read_only"].path == str(host.config_dir / "raft_logstore.hcl")


def test_a_file_that_is_bound_from_elsewhere_counts_only_when_it_has_to_change(host: Host) -> None:
    outside = host.root / "outside"
    outside.write_text(host.hcl.read_text())
    with mounted("--bind", outside, host.hcl):
        assert found(host) == {}
        assert found(host, config_path=[str(host.hcl)])["bound"].path == str(host.hcl)


def test_a_link_of_another_user_on_the_way_to_a_file_that_has_to_change(host: Host) -> None:
    host.hcl.rename(host.root / "real.hcl")
    host.hcl.symlink_to(host.root / "real.hcl")
    os.chown(host.hcl, 4711, 4711, follow_symlinks=False)
    assert found(host) == {}, "a new file is written beside it"
    host.shown = host.shown.replace(str(host.config_dir), str(host.hcl))
    assert f"{host.hcl}: this is a symbolic link of another user" in found(host)["foreign_link"].what
    os.chown(host.hcl, 0, 0, follow_symlinks=False)
    assert found(host) == {}


def test_a_user_who_may_not_write(server: AgentServer) -> None:
    root = Path(tempfile.mkdtemp(dir="/tmp"))  # below /tmp, where other users can look
    try:
        root.chmod(0o755)
        host = Host(root, server.port)
        seen = look(host.given(), {}, host.systemctl)
        os.seteuid(65534)
        refused = [finding for finding in findings(seen, valid) if finding.severity == "refuse"]
    finally:
        os.seteuid(0)
        shutil.rmtree(root)
    assert [finding.code for finding in refused] == ["unwritable", "unwritable"]
    assert refused[0].what.startswith("User 65534 may not write where ")


def test_the_log_file(host: Host) -> None:
    assert "is not there" in found(host, log_file=str(host.root / "none/nomad.log"))["log_file"].what
    assert "is a directory" in found(host, log_file=str(host.root))["log_file"].what
    (host.root / "nomad.log").write_text("")
    assert found(host, log_file=str(host.root / "nomad.log")) == {}


def test_commands(host: Host) -> None:
    assert found(host, service_manager="command")["config_unknown"]
    given = {"service_manager": "command", "config_path": [str(host.config_dir)], "stop_command": "/no/stop now"}
    wrong = facts(host, **given, start_command="sh -c 'true'").commands
    assert wrong == {"stop_command": "/no/stop", "start_command": "", "status_command": "missing"}
    assert "status_command" not in facts(host, **given, log_file="/dev/null").commands
    assert facts(host, **given, start_command="'open").commands["start_command"] == "'open"


def test_the_command_line_against_what_was_said(host: Host) -> None:
    other = host.root / "other.d"
    other.mkdir()
    store = host.raft_dir / "raft.db"
    with running_agent(host.root, "-config", "nomad.d", store=store) as pid:
        assert set(found(host)) == {"not_of_unit"}
        given = host.given(config_path=[str(other)], data_dir=str(host.data_dir))
        told = [finding.what for finding in findings(look(given, {}, host.systemctl), valid)]
    for who in ("The unit nomad.service", f"The running agent (PID {pid})"):
        assert any(what.startswith(f"{who} has the -config arguments {host.config_dir}, but") for what in told)
    with running_agent(host.root, "-config=other.d", "-data-dir", str(other), store=store) as pid:
        apart = found(host)
    assert f"(PID {pid}) has the -config arguments {other}, but" in apart["config_paths"].what
    assert apart["data_dir"].path == str(other / "server/raft")
    with running_agent(host.root, "-config=nomad.d", "-data-dir=data", "-dev", store=store):
        assert set(found(host)) == {"not_of_unit", "dev"}


def test_a_process_in_its_unit_in_a_container_and_with_a_license(host: Host) -> None:
    store = host.raft_dir / "raft.db"
    with running_agent(host.root, "-config", "other.d", "-data-dir", "/other", store=store, NOMAD_LICENSE="x"):
        seen = look(host.given(), {}, host.systemctl)
    assert seen.process is not None
    seen.process = seen.process._replace(unit="nomad.service", contained=True)
    skipped = "the agent has another root directory"
    codes = {finding.code: finding.what for finding in findings(seen, valid)}
    assert set(codes) == {"contained", "validate_skipped"} and skipped in codes["validate_skipped"]
    seen.process = seen.process._replace(unit="")
    codes = {finding.code: finding.what for finding in findings(seen, valid)}
    assert "variables" in codes and "not_of_unit" not in codes, "the unit may have started the container"
    seen.process = seen.process._replace(contained=False)
    assert "not_of_unit" in {finding.code for finding in findings(seen, valid)}


def test_a_nomad_that_keeps_the_metadata_of_its_wal_elsewhere(host: Host, server: AgentServer) -> None:
    """A version that is known is taken at its word; else the program is asked, as it is and as it will be."""
    server.play("agent_self-follower-boltdb")
    program = host.root / "nomad"
    with running_agent(host.root, "-config", "nomad.d", store=host.raft_dir / "raft.db"):
        seen, back = (look(host.given(backend=name), {}, host.systemctl) for name in ("wal", "boltdb"))
    assert seen.agent is not None and seen.process is not None and back.process is not None
    seen.process = back.process = seen.process._replace(program=str(program), replaced=False)

    def speaks(one: Seen, version: str) -> None:
        assert one.asked is not None and one.agent is not None
        one.asked = one.asked._replace(agent=one.agent._replace(version=version))

    def told(version: str, text: bytes, replaced: bool = False) -> bool:
        program.write_bytes(text)
        assert seen.process is not None
        speaks(seen, version)
        seen.process = seen.process._replace(replaced=replaced)
        return "wal_of_later" in [finding.code for finding in findings(seen, valid)]

    later, former = b"\x7fELF..wal-meta.dbwal-meta.json..", b"\x7fELF..wal-meta.db.."
    assert told("2.1.0", later) and told("2.0.6-dev", later) and told("2.0.5", later, replaced=True)
    assert not told("2.1.0", former) and not told("2.1.0", b"") and not told("2.0.5", later)
    speaks(back, "2.1.0")
    program.write_bytes(later)
    assert "wal_of_later" not in [finding.code for finding in findings(back, valid)]
    program.unlink()
    speaks(seen, "2.1.0")
    assert "wal_of_later" not in [finding.code for finding in findings(seen, valid)]


def test_what_the_agent_itself_says(host: Host, server: AgentServer) -> None:
    server.play("agent_self-follower-boltdb")
    said = found(host)
    assert "The agent that answers (s2.global) has the -config arguments" in said["config_paths"].what
    assert {"config_paths", "data_dir", "files", "unseen"} == set(said)
    assert "Run as root" in said["unseen"].what


def test_the_unit(host: Host) -> None:
    shown = host.shown
    host.shown = shown.replace("NeedDaemonReload=no", "NeedDaemonReload=yes")
    assert set(found(host)) == {"unit_stale"}
    host.shown = shown.replace("LoadState=loaded", "LoadState=not-found")
    assert set(found(host)) == {"unit_unknown"}
    host.shown = shown.replace(str(host.config_dir), "$CONFIG")
    assert "config_not_literal" in found(host)
    assert found(host, config_path=[str(host.config_dir)]) == {}


def test_a_configuration_that_cannot_be_changed(host: Host) -> None:
    host.hcl.write_text(host.hcl.read_text() + 'server { raft_logstore { backend = "WAL" } }\n')
    assert found(host) == {}, "it is changed to wal"
    (host.config_dir / "z.hcl").write_text("server { raft_logstore { backned = 1 } }")
    assert found(host, data_dir=str(host.data_dir))["configuration"].path == str(host.config_dir / "z.hcl")


def test_an_environment_that_has_changed_since_the_start(host: Host) -> None:
    path = host.root / "nomad.env"
    path.write_text("NOMAD_ARGS=-config /srv/more\n")
    shown = host.shown
    later, earlier = time.monotonic() + 10, time.monotonic() - 10
    for started, found_there in (later, set()), (earlier, {"environment_changed"}), (0, set()):
        host.shown = f"{shown}EnvironmentFiles={path} (ignore_errors=yes)\n"
        host.shown += f"ExecMainStartTimestampMonotonic={int(started * 1e6)}\n"
        assert set(found(host)) == found_there
