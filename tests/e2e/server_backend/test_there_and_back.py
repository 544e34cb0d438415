# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend on a server of a running cluster: there and back, refused, and what it keeps."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.rehearsal.scratch import SCRATCH
from ansible_collections.raftops.nomad.plugins.modules import raft_rehearse
from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.cluster.witness import Witness
from support.rolls import adhoc, backend
from support.rolls.backend import OTHER, configuration, is_wholly_on, running
from support.run_module import run

# --- there and back


def test_there_and_back_by_one_command_each(server: Server, watched: Witness, tmp_path: Path) -> None:
    inventory = adhoc.inventory(tmp_path / "inventory.json", {server.name: {}})
    before = configuration(server)
    for name in ("wal", "boltdb"):
        ran = adhoc.run(inventory, "server_backend", backend.arguments(server, backend=name))
        assert ran.returncode == 0, ran.output
        result = ran.results[server.name]
        assert result["changed"] and result["backend"] == name and result["previous_backend"] == OTHER[name]
        assert result["conversion"]["verified"] == result["conversion"]["entries"] > 0
        assert set(result["phases"]) == {"stop", "configuration", "conversion", "start", "rejoin", "total"}
        assert result["phases"]["total"] < 10
        assert (result["attached"], result["returned"], result["earlier"]) == (False, False, None)
        assert result["log"]["lines"] > 0 and not result["log"]["errors"]
        assert is_wholly_on(server, name)
    assert configuration(server)["nomad.hcl"] == before["nomad.hcl"]


def test_where_nothing_is_to_do_nothing_is_done(server: Server) -> None:
    pid = server.pid()
    result = backend.call(server, backend="boltdb")
    assert not result["changed"] and server.pid() == pid


def test_check_mode_says_what_would_be_done_and_does_nothing(server: Server) -> None:
    pid, before = server.pid(), configuration(server)
    result = backend.call(server, backend="wal", _ansible_check_mode=True, _ansible_diff=True)
    assert result["changed"] and result["last_look"]["satisfied"], result
    assert len(result["plan"]) == 7 and result["conversion"]["plan"]
    assert result["configuration"]["changed_files"] == [str(server.config_dir / "raft_logstore.hcl")]
    assert [Path(one["after_header"]).name for one in result["diff"]] == ["raft_logstore.hcl", "raft"]
    assert (server.pid(), configuration(server)) == (pid, before) and running(server) == "boltdb"


def test_its_store_is_copied_and_rehearsed_while_it_runs(server: Server, watched: Witness) -> None:
    pid, before = server.pid(), configuration(server)
    result = backend.call(server, backend="boltdb", state="copied")
    assert result["changed"] and not result.get("failed"), result
    assert set(result["phases"]) == {"stop", "copying", "start", "rejoin", "total"}
    assert is_wholly_on(server, "boltdb") and configuration(server) == before and server.pid() != pid
    done = run(raft_rehearse, data_dir=str(server.data_dir), copied=True)
    assert done["rehearsal"]["rehearsed"] and done["rehearsal"]["in_use"] and done["rehearsal"]["entries"] > 0
    assert SCRATCH not in {path.name for path in (server.data_dir / "server").iterdir()}


# --- refused


def test_a_server_that_leads_is_not_stopped(cluster: Cluster, server: Server) -> None:
    leader = cluster.leader()
    assert leader is not None
    pid = leader.pid()
    result = backend.call(leader, gate_timeout=1)
    assert result["failed"] and "leadership must be moved away" in result["msg"]
    assert result["left"] == "untouched" and "It was not stopped." in result["msg"] and leader.pid() == pid


def test_a_server_that_is_needed_is_not_stopped(cluster: Cluster, server: Server) -> None:
    other = next(one for one in cluster.followers() if one is not server)
    pid = server.pid()
    other.kill()
    result = backend.call(server, gate_timeout=3)  # before the leader has noticed as after
    other.start()
    assert result["failed"] and "cannot do without it" in result["msg"], result
    assert result["left"] == "untouched" and server.pid() == pid


def test_another_server_that_has_just_died_is_seen_before_its_leader_sees_it(cluster: Cluster, server: Server) -> None:
    other = next(one for one in cluster.followers() if one is not server)
    pid = server.pid()
    other.kill()
    result = backend.call(server, gate_timeout=0)
    other.start()
    assert result["failed"] and "takes no connection: Connection refused" in result["msg"], result
    assert result["left"] == "untouched" and server.pid() == pid


def test_the_only_server_of_a_cluster_needs_leave_for_an_outage(make_cluster: Callable[..., Cluster]) -> None:
    alone = make_cluster(size=1).servers[0]
    refused = backend.call(alone, gate_timeout=1)
    assert refused["failed"] and refused["left"] == "untouched" and running(alone) == "boltdb", refused
    result = backend.call(alone, allow_outage=True)
    assert not result.get("failed"), result
    assert is_wholly_on(alone, "wal")


def test_a_server_is_not_begun_with_that_could_not_be_started_again(server: Server) -> None:
    result = backend.call(server, start_command="")
    assert result["failed"] and "must not be stopped: give start_command" in result["msg"]


# --- what others can do


def test_an_unprivileged_user_can_do_nothing_to_its_files(server: Server) -> None:
    assert not backend.call(server, backend="wal").get("failed")
    directory = Path(backend.place(server).path_of("lock")).parent
    assert {path.name for path in directory.iterdir()} >= {"lock", "note", "answer", "undo"}
    for path in directory.iterdir():
        for how in ("cat", "rm -f", "touch", "flock -n"):
            tried = f"{how} {path} true" if how.startswith("flock") else f"{how} {path}"
            done = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-c", tried],
                capture_output=True,
                text=True,
                check=False,
            )
            assert "Permission denied" in done.stderr, (tried, done)


def test_no_secret_is_in_what_is_kept(make_cluster: Callable[..., Cluster]) -> None:
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtMzItYnl0ZXMhISE="
    cluster = make_cluster(
        acl=True, server_hcl=f'  encrypt = "{secret}"\n  raft_boltdb {{ no_freelist_sync = true }}\n'
    )
    server = cluster.followers()[0]
    assert server.token
    result: dict[str, Any] = backend.call(server, token=server.token, _ansible_diff=True)
    assert not result.get("failed"), result
    directory = Path(backend.place(server).path_of("lock")).parent
    kept = b"".join(path.read_bytes() for path in directory.iterdir())
    for hidden in (server.token, secret):
        assert hidden.encode() not in kept and hidden not in str({**result, "invocation": None})
