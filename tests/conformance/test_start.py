# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server starts on and what it refuses, word for word; runs unchanged on a real Nomad (NOMAD_BIN)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Callable, Iterator, Set

import pytest
from support.cluster.cluster import Cluster, Server, wait_until
from support.cluster.single import (
    Servers,
    backend,
    contents,
    raft_stats,
    refusal,
    set_block,
    start_and_lead,
    write_variable,
)

GUARD = "this-server-is-on-wal/see-raft.db.migrated.20261122-104750"


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(tmp_path)
    yield servers
    servers.stop()


def stopped_on_wal(make_server: Servers) -> Server:
    """A server that has acknowledged a write on the WAL, and is stopped."""
    server = make_server()
    set_block(server, backend("wal"))
    start_and_lead(server)
    write_variable(server, "acknowledged")
    server.stop()
    return server


def test_boltdb_beside_a_wal_starts_empty_without_a_word(make_server: Servers) -> None:
    server = stopped_on_wal(make_server)
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
def test_wal_refuses_while_raft_db_is_there(make_server: Servers, kind: str) -> None:
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
        f"{directory}/raft/raft.db; run 'nomad operator raft migrate-backend {directory}' while the server is stopped "
        f"to migrate to the WAL backend, then start the server again"
    ) in refusal(server).replace("\n", " ")
    assert not (server.raft_dir / "wal").exists()


def test_beside_the_guard_wal_starts_and_boltdb_refuses(make_server: Servers) -> None:
    server = stopped_on_wal(make_server)
    (server.raft_dir / "raft.db").symlink_to(GUARD)
    start_and_lead(server)
    assert server.api("GET", "/v1/var/acknowledged").status == 200
    server.stop()
    left = contents(server.raft_dir / "wal")
    for block in (backend("boltdb"), ""):
        set_block(server, block)
        assert f"Failed to start Raft: open {server.raft_dir}/raft.db: no such file or directory" in refusal(server)
    assert (server.raft_dir / "raft.db").is_symlink() and contents(server.raft_dir / "wal") == left


def test_wal_without_any_store_starts_empty(make_server: Servers) -> None:
    server = make_server(backend="wal")
    start_and_lead(server)
    segments = [path.stat().st_size for path in (server.raft_dir / "wal").glob("*.wal")]
    assert segments == [64 << 20]
    assert f"setting up raft WAL store: dir={server.raft_dir}/wal segment_size=67108864" in server.log()
    assert raft_stats(server)["logstore_backend"] == "wal"


def test_foreign_wal_file_is_deleted_and_other_names_kept(make_server: Servers) -> None:
    server = make_server(backend="wal")
    start_and_lead(server)
    server.stop()
    foreign = server.raft_dir / "wal" / "00000000000000000999-0000000000000099.wal"
    foreign.write_bytes(b"backup")
    (server.raft_dir / "wal" / "note.txt").write_text("kept")
    start_and_lead(server)
    assert not foreign.exists() and (server.raft_dir / "wal" / "note.txt").exists()


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM])
def test_stop_without_leave_is_exit_code_1(make_server: Servers, sig: signal.Signals) -> None:
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
def test_leave_flags(make_server: Servers, setting: str, sig: signal.Signals, code: int) -> None:
    server = make_server(extra_hcl=f"{setting} = true\n")
    start_and_lead(server)
    config = server.api("GET", "/v1/agent/self").body["config"]
    assert (config["LeaveOnInt"], config["LeaveOnTerm"]) == ("int" in setting, "int" not in setting)
    assert server.stop(sig) == code


def test_peers_json_gives_a_server_other_peers_and_keeps_its_term(make_server: Servers) -> None:
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


def test_autopilots_settings_are_in_no_snapshot(make_server: Servers) -> None:
    """After a restart they come from the log until a snapshot replaces it, then from the configuration."""
    server = make_server(extra_hcl="autopilot {\n  min_quorum = 5\n}\n")
    autopilot = "/v1/operator/autopilot/configuration"

    def min_quorum_is(number: int) -> Callable[[], bool]:
        def said() -> bool:
            status, _headers, config = server.try_api("GET", autopilot)
            return status == 200 and config["MinQuorum"] == number

        return said

    start_and_lead(server)
    wait_until("what the configuration says", min_quorum_is(5), 15)
    server.api("PUT", autopilot, body={**server.api("GET", autopilot).body, "MinQuorum": 3})
    server.stop()
    start_and_lead(server)
    wait_until("what was set", min_quorum_is(3), 15)
    server.api("GET", "/v1/operator/snapshot")
    server.stop()
    start_and_lead(server)
    wait_until("what the configuration says", min_quorum_is(5), 15)


def test_version_command(make_server: Servers) -> None:
    server = make_server()
    said = subprocess.run([server.binary, "version"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert said.startswith("Nomad v2.")


def test_one_of_three_starts_empty_and_nobody_notices(make_cluster: Callable[..., Cluster]) -> None:
    cluster = make_cluster(backend="wal")
    victim = cluster.followers()[0]
    victim.stop()
    left = contents(victim.raft_dir / "wal")
    victim.config_path.write_text(victim.config_path.read_text().replace('backend = "wal"', 'backend = "boltdb"'))
    victim.start()
    wait_until("it answers", lambda: victim.try_api("GET", "/v1/agent/self").status == 200, 15)
    leader = wait_until("leader", cluster.leader, 10)

    def level() -> bool:
        mine, its = raft_stats(victim), raft_stats(leader)
        return mine["logstore_backend"] == "boltdb" and mine["applied_index"] == its["applied_index"] != "0"

    wait_until("all entries came from the leader", level, 15)
    health = leader.api("GET", "/v1/operator/autopilot/health").body
    assert (health["Healthy"], len(health["Voters"])) == (True, 3)
    assert contents(victim.raft_dir / "wal") == left


def test_server_that_waits_for_our_lock_goes_on_in_the_renamed_store(make_server: Servers) -> None:
    """Why the conversion looks for other openers before and after its switch, and why configuration comes first."""
    server = make_server()
    start_and_lead(server)
    server.stop()
    store, moved = server.raft_dir / "raft.db", server.raft_dir / "raft.db.migrated.20261122-104750"
    with open(store, "r+b") as ours:
        fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
        server.start()
        wait_until("it has the file open", lambda: str(store) in open_files(server), 10)
        store.rename(moved)
        assert server.try_api("GET", "/v1/agent/self").status == 0
    wait_until("own leader", lambda: server.try_api("GET", "/v1/status/leader").status == 200, 15)
    write_variable(server, "acknowledged")
    assert not store.exists() and str(moved) in open_files(server)


def open_files(server: Server) -> Set[str]:
    found = set()
    for link in Path(f"/proc/{server.pid()}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(link))
    return found
