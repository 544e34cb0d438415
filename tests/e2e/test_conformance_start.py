# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server starts on, and what it refuses, word for word; runs unchanged on a real Nomad (NOMAD_BIN).

One server per test (bootstrap_expect 1): it becomes leader within about two seconds, or ends with exit code 1.
"""
from __future__ import annotations

import shutil
import signal
import subprocess
from pathlib import Path
from typing import Callable, Dict, Iterator, List

import pytest

from e2e.cluster import Cluster, Server, wait_until

Factory = Callable[..., Server]
GUARD = "this-server-is-on-wal/see-raft.db.migrated.20261122-104750"


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Factory]:
    """Makes single servers (not started) and stops them at the end."""
    clusters: List[Cluster] = []

    def make(**options: str) -> Server:
        clusters.append(Cluster(tmp_path / f"cluster{len(clusters)}", size=1, **options))
        return clusters[-1].servers[0]

    yield make
    for cluster in clusters:
        cluster.stop_all()


def start_and_lead(server: Server) -> None:
    server.start()
    wait_until("own leader", lambda: server.try_api("GET", "/v1/status/leader").status == 200, 15)


def write_variable(server: Server, path: str) -> None:
    def written() -> bool:
        return server.try_api("PUT", f"/v1/var/{path}", body={"Path": path, "Items": {"k": "v"}}).status == 200

    wait_until(f"variable {path} written", written, 15)


def set_block(server: Server, block: str) -> None:
    """Replace the drop-in file that holds the raft_logstore block."""
    (server.config_dir / "raft_logstore.hcl").write_text(f"server {{\n{block}\n}}\n" if block else "")


def backend(name: str) -> str:
    return f'raft_logstore {{ backend = "{name}" }}'


def refusal(server: Server) -> str:
    """Start a server that must end with exit code 1; what it said."""
    before = len(server.log())
    server.start()
    assert server.wait_exit() == 1
    return server.log()[before:]


def raft_stats(server: Server) -> Dict[str, str]:
    stats: Dict[str, str] = server.api("GET", "/v1/agent/self").body["stats"]["raft"]
    return stats


def contents(directory: Path) -> Dict[str, bytes]:
    return {str(path.relative_to(directory)): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_boltdb_beside_a_wal_starts_empty_without_a_word(make_server: Factory) -> None:
    server = make_server()
    set_block(server, backend("wal"))
    start_and_lead(server)
    write_variable(server, "acknowledged")
    server.stop()
    left = contents(server.raft_dir / "wal")
    set_block(server, "")
    logged = len(server.log())
    start_and_lead(server)
    said = server.log()[logged:]
    # A whole new cluster, from one lost setting: this is what the guard is for.
    assert server.api("GET", "/v1/var/acknowledged").status == 404
    assert "nomad: setting up raft bolt store: no_freelist_sync=false" in said
    assert "nomad.raft: initial configuration: index=0 servers=[]" in said or "election won: term=2" in said
    assert "wal" not in said.lower().replace(str(server.root), "")
    assert contents(server.raft_dir / "wal") == left


@pytest.mark.parametrize("kind", ["store", "empty file", "directory"])
def test_wal_refuses_while_raft_db_is_there(make_server: Factory, kind: str) -> None:
    server = make_server()
    if kind == "store":
        start_and_lead(server)
        server.stop()
    else:
        server.raft_dir.mkdir(parents=True)
        name = server.raft_dir / "raft.db"
        name.touch() if kind == "empty file" else name.mkdir()
    set_block(server, backend("wal"))
    directory = server.data_dir / "server"
    assert (
        f"==> Error starting agent: server setup failed: Failed to start Raft: existing BoltDB raft store found at "
        f"{directory}/raft/raft.db; run 'nomad operator raft migrate-backend {directory}' while the server is stopped to "
        f"migrate to the WAL backend, then start the server again"
    ) in refusal(server).replace("\n", " ")
    assert not (server.raft_dir / "wal").exists()


def test_beside_the_guard_wal_starts_and_boltdb_refuses(make_server: Factory) -> None:
    server = make_server()
    set_block(server, backend("wal"))
    start_and_lead(server)
    write_variable(server, "acknowledged")
    server.stop()
    (server.raft_dir / "raft.db").symlink_to(GUARD)
    start_and_lead(server)
    assert server.api("GET", "/v1/var/acknowledged").status == 200
    server.stop()
    left = contents(server.raft_dir / "wal")
    for block in (backend("boltdb"), ""):
        set_block(server, block)
        assert f"Failed to start Raft: open {server.raft_dir}/raft.db: no such file or directory" in refusal(server)
    assert (server.raft_dir / "raft.db").is_symlink() and contents(server.raft_dir / "wal") == left


def test_wal_without_any_store_starts_empty(make_server: Factory) -> None:
    server = make_server(backend="wal")
    start_and_lead(server)
    segments = [path.stat().st_size for path in (server.raft_dir / "wal").glob("*.wal")]
    assert segments == [64 << 20]
    assert f"setting up raft WAL store: dir={server.raft_dir}/wal segment_size=67108864" in server.log()
    assert raft_stats(server)["logstore_backend"] == "wal"


def test_foreign_wal_file_is_deleted_and_other_names_kept(make_server: Factory) -> None:
    server = make_server(backend="wal")
    start_and_lead(server)
    server.stop()
    foreign = server.raft_dir / "wal" / "00000000000000000999-0000000000000099.wal"
    foreign.write_bytes(b"backup")
    (server.raft_dir / "wal" / "note.txt").write_text("kept")
    start_and_lead(server)
    assert not foreign.exists() and (server.raft_dir / "wal" / "note.txt").exists()


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ('raft_logstore { backend = "WAL" }', 'Failed to start Raft: unsupported raft log store backend: "WAL"'),
        (
            'raft_boltdb { no_freelist_sync = true }\nraft_logstore { backend = "boltdb" }',
            "server config setup failed: cannot specify both deprecated 'raft_boltdb' and 'raft_logstore' blocks; use "
            "'raft_logstore' only",
        ),
        (
            'raft_logstore { verification { enabled = true\n interval = "nonsense" } }',
            'failed to parse raft_logstore verification interval "nonsense": time: invalid duration "nonsense"',
        ),
    ],
)
def test_refused_only_by_the_agent(make_server: Factory, block: str, words: str) -> None:
    server = make_server()
    set_block(server, block)
    assert validation(server).returncode == 0
    assert words in refusal(server).replace("\n", " ")
    assert contents(server.raft_dir) in ({}, {"version": b"3"})


@pytest.mark.parametrize(
    ("block", "words"),
    [
        ('raft_logstor { backend = "wal" }', "server unexpected keys raft_logstor"),
        ("raft_logstore { }\nraft_logstore { }", "server unexpected keys raft_logstore"),
        ("raft_logstore { wal { segment_size_mb = 1.5 } }", "unknown type *ast.LiteralType"),
    ],
)
def test_refused_by_validation_and_agent(make_server: Factory, block: str, words: str) -> None:
    server = make_server()
    set_block(server, block)
    checked = validation(server)
    assert checked.returncode == 1 and words in checked.stdout + checked.stderr
    assert words in refusal(server)
    assert not server.raft_dir.exists()


def validation(server: Server) -> "subprocess.CompletedProcess[str]":
    command = [server.binary, "config", "validate", str(server.config_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_fragment_alone_is_not_a_configuration(make_server: Factory) -> None:
    server = make_server()
    server.config_path.unlink()
    set_block(server, backend("wal"))
    checked = validation(server)
    assert checked.returncode == 1
    assert "Must specify either server, client or dev mode for the agent." in checked.stdout + checked.stderr


@pytest.mark.parametrize(
    ("block", "effective"),
    [
        ('raft_logstore { backned = "wal" }', ("boltdb", "")),
        ("raft_logstore { }", ("boltdb", "")),
        ("raft_logstore { disable_log_cache = true }", ("boltdb", "")),
        ('Raft_LogStore { BACKEND = "wal" }', ("wal", "wal")),
        ('"raft_logstore" = { "backend" = "wal", "wal" = { "segment_size" = 16 } }', ("wal", "wal")),
    ],
)
def test_what_a_block_means(make_server: Factory, block: str, effective: "tuple[str, str]") -> None:
    server = make_server()
    set_block(server, block)
    start_and_lead(server)
    shown = server.api("GET", "/v1/agent/self").body["config"]["Server"]["RaftLogStoreConfig"]
    assert (raft_stats(server)["logstore_backend"], shown["Backend"]) == effective


def test_a_later_block_replaces_an_earlier_one_whole(make_server: Factory) -> None:
    server = make_server()
    (server.config_dir / "a.hcl").write_text('server { raft_logstore { backend = "wal"\n wal { segment_size_mb = 32 } } }')
    (server.config_dir / "z.hcl").write_text("server { raft_logstore { wal { segment_size_mb = 16 } } }")
    start_and_lead(server)
    self = server.api("GET", "/v1/agent/self").body
    block = self["config"]["Server"]["RaftLogStoreConfig"]
    assert (block["Backend"], block["WAL"]["SegmentSizeMB"]) == ("", 16)
    assert self["stats"]["raft"]["logstore_backend"] == "boltdb"
    assert [Path(file).name for file in self["config"]["Files"]] == ["a.hcl", "nomad.hcl", "z.hcl"]


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ('{"server":{"raft_logstore":{"backend":"wal"}}}', False),
        ('{"server":[{"raft_logstore":{"backend":"wal"}}]}', False),
        ('{"server":{"raft_logstore":[{"backend":"wal"}]}}', True),
        ('{"server":{"enabled":true,"raft_logstore":{"backend":"wal","wal":{"segment_size_mb":64}}}}', True),
        ('{"server":{"raft_boltdb":{"no_freelist_sync":true}}}', False),
        ('{"server":{"server_join":{"retry_max":3}}}', True),
    ],
)
def test_json_drop_in(make_server: Factory, text: str, accepted: bool) -> None:
    server = make_server()
    (server.config_dir / "custom.json").write_text(text)
    checked = validation(server)
    assert checked.returncode == (0 if accepted else 1)
    assert accepted or "unexpected keys raft_" in checked.stdout + checked.stderr


@pytest.mark.parametrize(("size", "bytes_each"), [(1, 1 << 20), (4097, 1 << 20), (-1, 64 << 20)])
def test_segment_size(make_server: Factory, size: int, bytes_each: int) -> None:
    server = make_server()
    set_block(server, f'raft_logstore {{\n backend = "wal"\n wal {{ segment_size_mb = {size} }}\n}}')
    start_and_lead(server)
    assert {path.stat().st_size for path in (server.raft_dir / "wal").glob("*.wal")} == {bytes_each}


def test_segment_size_too_big_for_a_fresh_wal(make_server: Factory) -> None:
    server = make_server()
    set_block(server, 'raft_logstore {\n backend = "wal"\n wal { segment_size_mb = 2048 }\n}')
    assert "failed to open WAL log store: maximum file size is 2147483647 bytes" in refusal(server)
    assert {path.stat().st_size for path in (server.raft_dir / "wal").glob("*.wal")} == {0}
    set_block(server, backend("wal"))
    start_and_lead(server)


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_stop_without_leave_is_exit_code_1(make_server: Factory, sig: signal.Signals) -> None:
    server = make_server()
    start_and_lead(server)
    assert server.stop(sig) == 1
    assert "serf: Shutdown without a Leave" in server.log() and "agent: shutdown complete" in server.log()


@pytest.mark.parametrize(
    ("setting", "sig", "code"),
    [
        ("leave_on_interrupt", signal.SIGINT, 0),
        ("leave_on_terminate", signal.SIGTERM, 0),
        ("leave_on_interrupt", signal.SIGTERM, 1),
    ],
)
def test_leave_flags(make_server: Factory, setting: str, sig: signal.Signals, code: int) -> None:
    server = make_server(extra_hcl=f"{setting} = true\n")
    start_and_lead(server)
    config = server.api("GET", "/v1/agent/self").body["config"]
    assert (config["LeaveOnInt"], config["LeaveOnTerm"]) == ("int" in setting, "int" not in setting)
    assert server.stop(sig) == code


def test_peers_json_gives_a_server_other_peers_and_keeps_its_term(make_server: Factory) -> None:
    server, other = make_server(), make_server()
    start_and_lead(server)
    write_variable(server, "acknowledged")
    term = int(raft_stats(server)["term"])
    server.stop()
    shutil.copytree(server.raft_dir, other.raft_dir)
    identity = (server.data_dir / "server" / "node-id").read_text()
    (other.data_dir / "server" / "node-id").write_text(identity)
    peers = f'[{{"id": "{identity}", "address": "{other.rpc_address}", "non_voter": false}}]'
    (other.raft_dir / "peers.json").write_text(peers)
    start_and_lead(other)
    assert other.api("GET", "/v1/status/peers").body == [other.rpc_address]
    assert int(raft_stats(other)["term"]) == term + 1
    assert other.api("GET", "/v1/var/acknowledged").status == 200
    assert not (other.raft_dir / "peers.json").exists()


def test_version_command(make_server: Factory) -> None:
    server = make_server()
    said = subprocess.run([server.binary, "version"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert said.startswith("Nomad v2.")
