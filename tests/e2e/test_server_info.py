# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_info beside a server that runs: what would go wrong at its next start, each fault made for real.

The lab server, or Nomad with NOMAD_BIN. systemd does not run in tests: a script says what it would say.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.modules import server_info
from support.attributes import attribute, mounted
from support.cluster.cluster import Server, server_binary, wait_until
from support.cluster.single import Servers, start_and_lead
from support.rolls import adhoc
from support.run_module import run

Findings = dict[str, dict[str, str]]
COMMANDS = {"service_manager": "command", "stop_command": "true", "start_command": "true"}


@pytest.fixture(scope="module")
def make_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    servers = Servers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.stop()


@pytest.fixture(scope="module")
def running(make_server: Servers) -> Server:
    """A server that runs for all tests of this file; each leaves it as it was."""
    server = make_server()
    start_and_lead(server)
    return server


@pytest.fixture
def server(running: Server) -> Iterator[Server]:
    """The same, proven to have nothing wrong when the test begins and when it ends."""
    assert findings(running) == {}
    yield running
    assert findings(running) == {}


def look(server: Server, **options: Any) -> dict[str, Any]:
    given = {"config_path": [str(server.config_dir)], "log_file": str(server.log_path), **COMMANDS, **options}
    return dict(run(server_info, **given)["server"])


def findings(server: Server, **options: Any) -> Findings:
    found = look(server, **options)
    return {finding["code"]: finding for finding in found["rehearsal"]}


def test_a_packaged_host_needs_no_option(server: Server, tmp_path: Path) -> None:
    unit = (
        f"MainPID={server.pid()}\nExecStart={{ path=/usr/bin/nomad ; argv[]=/usr/bin/nomad agent -config "
        f"{server.config_dir} ; ignore_errors=no }}\nKillSignal=2\nLoadState=loaded\nActiveState=active\n"
    )
    (tmp_path / "shown").write_text(unit)
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\ncat {tmp_path}/shown\n")
    (tmp_path / "systemctl").chmod(0o755)
    inventory = adhoc.inventory(tmp_path / "inventory.json", {"s1": {}})
    path = f"{tmp_path}:{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin"
    ran = adhoc.run(inventory, "server_info", {"backend": ""}, PATH=path)
    found = ran.results["s1"]["server"]
    assert found["errors"] == {} and found["agent"]["role"] == "leader" and found["name"] == "s1.global"
    assert found["process"]["pid"] == server.pid() and found["data_dir"] == str(server.data_dir)
    assert found["store"]["state"] == "boltdb" and found["prospect"]["refusal"] == ""
    assert [peer["id"] for peer in found["agent"]["raft_configuration"]["peers"]] == [found["id"]]
    assert [finding["code"] for finding in found["rehearsal"]] == ["not_of_unit"]  # it is none of a real systemd's


def test_peers_json(server: Server) -> None:
    peers = server.raft_dir / "peers.json"
    peers.write_text("[]")
    assert findings(server)["peers_json"]["path"] == str(peers)
    peers.unlink()


def test_a_log_file_that_is_not_there(server: Server) -> None:
    found = findings(server, log_file=str(server.root / "nomad.log"))
    assert set(found) == {"log_file"} and found["log_file"]["severity"] == "refuse"


def test_a_configuration_in_memory(server: Server) -> None:
    text = server.config_path.read_text()
    with mounted("-t", "tmpfs", "none", server.config_dir):
        server.config_path.write_text(text)
        assert findings(server)["volatile"]["path"] == str(server.config_dir / "raft_logstore.hcl")
        assert findings(server, config_file=str(server.config_dir / "raft_logstore.hcl")) == {}


def test_a_configuration_that_not_even_root_can_change(server: Server) -> None:
    options = {"config_path": [str(server.config_path)]}
    with attribute("i", server.config_path):
        assert findings(server) == {}, "a new file beside it can be written"
        assert findings(server, **options)["frozen"]["path"] == str(server.config_path)
    with attribute("i", server.config_dir):
        assert findings(server)["frozen"]["path"] == str(server.config_dir)


def test_other_config_arguments_than_those_of_the_agent(server: Server) -> None:
    found = findings(server, config_path=[str(server.config_path)])
    assert set(found) == {"config_paths"}
    assert f"(PID {server.pid()}) has the -config arguments {server.config_dir}, but" in found["config_paths"]["what"]


def test_a_configuration_that_nomad_refuses(server: Server) -> None:
    """A mistake far from the log store, which only Nomad's own program finds."""
    other = server.config_dir / "other.hcl"
    other.write_text("servr {\n}\n")
    found = findings(server)
    assert found["validate_now"]["severity"] == "refuse" and "servr" in found["validate_now"]["what"]
    other.write_text("ports {\n  http = 4646\n}\n")
    assert set(findings(server)) == {"files"}
    other.unlink()


def test_an_address_in_a_heredoc_is_read_as_nomad_reads_it(server: Server) -> None:
    text = server.config_path.read_text()
    line = next(line for line in text.splitlines() if line.startswith("bind_addr"))
    address = line.split('"')[1]
    try:
        for form in f"<<EOF\n{address}\nEOF", f"<<-EOF\n  {address}\n  EOF":
            server.config_path.write_text(text.replace(line, f"bind_addr = {form}"))
            assert findings(server) == {} and look(server)["agent"]["url"].startswith(f"http://{address}:"), form
        server.config_path.write_text(text.replace(line, f"bind_addr = <<-EOF\n    {address}\n  EOF"))
        assert f"Nomad cannot listen at bind_addr '  {address}\\n'" in findings(server)["configuration"]["what"]
        server.config_path.write_text(f"{text}\naddresses {{\n  http = <<EOF\n{address}\nEOF\n}}\n")
        assert f"Nomad cannot listen at addresses.http '{address}\\n'" in findings(server)["configuration"]["what"]
        server.config_path.write_text(f'{text}\naddresses {{\n  http = "{address}"\n}}\n')
        assert findings(server) == {}, "the remedy"
    finally:
        server.config_path.write_text(text)


def test_a_link_to_a_file_that_is_gone_is_named(server: Server) -> None:
    link = server.config_dir / "more.hcl"
    for target, words in ("gone.hcl", "and there is no file. Nomad would not start"), ("more.hcl", "leads to itself"):
        link.symlink_to(target)
        found = findings(server)["configuration"]
        assert found["path"] == str(link) and f"{link}: this " in found["what"] and words in found["what"]
        link.unlink()


def test_a_file_for_tls_that_is_wrong_is_named(server: Server) -> None:
    error = look(server, use_ssl=True, ca_path=str(server.root / "ca.pem"))["errors"]["agent"]
    assert f"cannot set up TLS: ca_path {server.root}/ca.pem: No such file or directory" in error


def test_nothing_is_left_behind(server: Server) -> None:
    before = adhoc.listing(server.config_dir), set(adhoc.listing(server.raft_dir))
    look(server)
    assert (adhoc.listing(server.config_dir), set(adhoc.listing(server.raft_dir))) == before


def test_a_data_dir_on_the_command_line(make_server: Servers) -> None:
    server = make_server()
    elsewhere = server.root / "elsewhere"
    server.start(["-config", str(server.config_dir), "-data-dir", str(elsewhere)])
    wait_until("own leader", lambda: server.try_api("GET", "/v1/status/leader").status == 200, 15)
    (server.data_dir / "server/raft").mkdir(parents=True)
    found = findings(server)
    assert found["data_dir"]["path"] == str(elsewhere / "server/raft")
    assert findings(server, data_dir=str(elsewhere)) == {}
    text = server.config_path.read_text()
    server.config_path.write_text("".join(line for line in text.splitlines(True) if not line.startswith("data_dir")))
    assert findings(server) == {}, "config validate is told what the command line says"


def start_on_a_copy(server: Server, folder: Path) -> Path:
    """Start it on a copy of its program, which the test may change."""
    program = folder / "nomad"
    shutil.copy(server_binary(), program)
    server.binary = str(program)
    start_and_lead(server)
    return program


def test_a_program_that_was_replaced_or_that_others_can_write(make_server: Servers, tmp_path: Path) -> None:
    server = make_server()
    program = start_on_a_copy(server, tmp_path)
    program.chmod(0o777)
    found = findings(server)
    assert set(found) == {"validate_skipped"}
    assert f"{program} can be written by others than root" in found["validate_skipped"]["what"]
    program.unlink()
    assert set(findings(server)) == {"program_gone", "validate_skipped"}
    shutil.copy(server_binary(), program)
    found = findings(server)
    assert set(found) == {"program_replaced"} and found["program_replaced"]["path"] == str(program)


def test_a_wal_of_a_nomad_to_come_and_a_program_that_makes_it(make_server: Servers, tmp_path: Path) -> None:
    server = make_server()
    program = start_on_a_copy(server, tmp_path)
    assert findings(server) == {}
    program.unlink()
    program.write_bytes(Path(server_binary()).read_bytes() + b"wal-meta.json")
    program.chmod(0o755)
    found = findings(server)
    assert set(found) == {"program_replaced", "wal_of_later"} and found["wal_of_later"]["severity"] == "refuse"
    assert "it keeps the metadata of its WAL in wal-meta.json" in found["wal_of_later"]["what"]
    assert set(findings(server, backend="boltdb")) == {"program_replaced"}, "the remedy: it stays on BoltDB"
    server.stop()
    (server.raft_dir / "wal").mkdir()
    (server.raft_dir / "wal/wal-meta.json").write_text("{}")
    refusal = look(server)["prospect"]["refusal"]
    assert f"{server.raft_dir}/wal: a newer Nomad has made this WAL" in refusal and "Nothing is wrong" in refusal


def test_a_server_that_is_down(make_server: Servers) -> None:
    server = make_server()
    start_and_lead(server)
    server.stop()
    found = look(server)
    assert found["agent"]["role"] == "down" and found["process"] is None and set(found["errors"]) == {"agent"}
    assert found["id"] and found["store"]["entries"] > 0
    assert [finding["code"] for finding in found["rehearsal"]] == ["validate_skipped"]
