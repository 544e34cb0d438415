# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would go wrong at a server's next start refuses the roll in the plan, with --check too, before any is stopped.

One cluster, one fault after another, made for real. The remedy that is named is followed, and nothing refuses then.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from support.attributes import attribute, mounted
from support.cluster.cluster import Cluster, server_binary, wait_until
from support.cluster.recovery import is_lab
from support.cluster.server import Server
from support.paths import LAB
from support.rolls import backend, playbooks
from support.rolls.untouched import refused


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    return make_cluster()


@pytest.fixture
def server(cluster: Cluster) -> Server:
    """A follower of a cluster in which nothing is wrong."""
    cluster.wait_healthy(60)
    return cluster.followers()[0]


def accepted(cluster: Cluster, **variables: object) -> str:
    """What a rehearsal said, on one line, that had nothing against the roll. The plan is for all, one is rehearsed."""
    run = playbooks.run("migrate", playbooks.write_inventory(cluster, **variables), "--check", *playbooks.ONE)
    assert run.returncode == 0, run.stdout
    return " ".join(run.stdout.split())


def named(server: Server, said: str) -> str:
    """The part of the refusal that is about this server."""
    assert f"{server.name}: " in said
    return said[said.index(f"{server.name}: ") :]


@pytest.mark.long
def test_a_left_over_peers_json(cluster: Cluster, server: Server) -> None:
    peers = server.raft_dir / "peers.json"
    peers.write_text(json.dumps([{"id": "other", "address": "10.0.0.9:4647", "non_voter": False}]))
    for arguments in (), ("--check",):
        assert "There is a peers.json in the Raft directory" in refused(cluster, *arguments)
    result = backend.call(server)
    assert result["failed"] and result["left"] == "untouched" and "There is a peers.json" in result["msg"], result
    peers.unlink()


EDITED = [("servr {\n}\n", "servr")]
if server_binary() != str(LAB):  # only Nomad itself knows these blocks
    EDITED += [
        ('telemetry {\n  retention_time = "24h"\n}\n', "retention_time"),
        ('server {\n  heartbeat_grace = "soon"\n}\n', "heartbeat_grace"),
    ]


@pytest.mark.parametrize(("text", "word"), EDITED)
def test_a_file_changed_since_the_start_has_what_nomad_refuses(
    cluster: Cluster, server: Server, text: str, word: str
) -> None:
    edited = server.config_dir / "edited.hcl"
    edited.write_text(text)
    try:
        said = named(server, refused(cluster, "--check"))
    finally:
        edited.unlink()
    assert "Nomad refuses the configuration as it is, before any change: " in said and word in said


@pytest.mark.long
def test_arguments_of_the_running_agent_that_nobody_has_named(cluster: Cluster, server: Server) -> None:
    """As a unit has them that says `-config DIR $NOMAD_ARGS`, or an incomplete raft_logstore_config_path."""
    more = server.root / "more"
    more.mkdir()
    (more / "raft.hcl").write_text("server {\n  raft_boltdb {\n    no_freelist_sync = true\n  }\n}\n")
    server.stop()
    server.start(["-config", str(server.config_dir), "-config", str(more)])
    cluster.wait_healthy(60)
    said = named(server, refused(cluster, "--check"))
    assert f"has the -config arguments {server.config_dir} {more}, but the configuration looked at is" in said
    both = [str(server.config_dir), str(more)]
    accepted(cluster, hosts={server.name: {"raft_logstore_config_path": both}})
    there_and_back(server, more, both)
    server.stop()
    shutil.rmtree(more)
    server.start()


def there_and_back(server: Server, more: Path, both: list[str]) -> None:
    """The remedy to its end: on the WAL with raft_boltdb gone, and back with every byte where it was."""
    before = backend.configuration(server), {path.name: path.read_bytes() for path in more.iterdir()}
    start = f"{playbooks.command_of(server, 'start')} -config {both[0]} -config {both[1]}"
    options = {"config_path": both, "start_command": start}
    there = backend.call(server, **options)
    assert not there.get("failed") and backend.is_wholly_on(server, "wal"), there
    assert "raft_boltdb" not in (more / "raft.hcl").read_text() and (more / "raft_logstore.hcl").exists()
    back = backend.call(server, state="returned", **options)
    assert not back.get("failed") and backend.is_wholly_on(server, "boltdb"), back
    assert (backend.configuration(server), {path.name: path.read_bytes() for path in more.iterdir()}) == before


@pytest.mark.long
def test_a_log_file_that_is_not_there(cluster: Cluster, server: Server, tmp_path: Path) -> None:
    hosts = {server.name: {"raft_logstore_log_file": str(tmp_path / "nomad.log")}}
    assert f"The log file {tmp_path}/nomad.log is not there" in named(server, refused(cluster, "--check", hosts=hosts))
    (tmp_path / "nomad.log").touch()
    accepted(cluster, hosts=hosts)


@pytest.mark.long
def test_a_configuration_that_not_even_root_can_change(cluster: Cluster, server: Server) -> None:
    with attribute("i", server.config_dir):
        assert "is immutable or append-only" in named(server, refused(cluster, "--check"))
    with mounted("--bind", server.config_dir, server.config_dir):
        subprocess.run(["mount", "-o", "remount,bind,ro", server.config_dir], check=True)
        assert "is on a mount that is read-only" in named(server, refused(cluster, "--check"))


@pytest.mark.long
def test_an_operators_tasks_that_are_no_file(cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "tasks.yml"
    variables = {f"raft_logstore_{name}_tasks_file": str(file) for name in ("pre", "post")}
    said = refused(cluster, "--check", **variables)
    for variable in variables:
        assert f"{variable} is {file}, which is no file on this controller" in said
    file.write_text("- name: Nothing\n  ansible.builtin.debug:\n")
    accepted(cluster, **variables)


def test_a_last_directory_in_memory_is_passed_over_and_the_server_outlives_a_reboot(
    cluster: Cluster, server: Server
) -> None:
    secrets = server.root / "secrets"
    secrets.mkdir()
    both = [str(server.config_dir), str(secrets)]
    start = [word for path in both for word in ("-config", path)]
    options = {"config_path": both, "start_command": " ".join([playbooks.command_of(server, "start"), *start])}
    server.stop()
    try:
        with mounted("-t", "tmpfs", "none", secrets):
            (secrets / "secret.hcl").write_text("acl {\n  enabled = false\n}\n")
            server.start(start)
            cluster.wait_healthy(60)
            there = backend.call(server, **options)
            assert not there.get("failed") and backend.is_wholly_on(server, "wal"), there
            assert there["configuration"]["changed_files"] == [str(server.config_dir / "raft_logstore.hcl")]
            server.stop()
        (secrets / "secret.hcl").write_text("acl {\n  enabled = false\n}\n")
        server.start(start)
        cluster.wait_healthy(60)
        assert backend.running(server) == "wal"
        back = backend.call(server, state="returned", **options)
        assert not back.get("failed") and backend.is_wholly_on(server, "boltdb"), back
    finally:
        if server.is_running():
            server.stop()
        shutil.rmtree(secrets)
        server.start()


def test_a_damaged_key_of_the_keyring(cluster: Cluster, server: Server) -> None:
    """As an older Nomad has left one: the newer ones keep their keys in Raft, and read such a file all the same."""
    key = server.data_dir / "server/keystore/1e70156a-c6aa-01a1-ba14-e2df5513ced6.nks.json"
    key.parent.mkdir(exist_ok=True)  # the lab server has no keyring, and starts
    key.write_text('{"Meta": {"Algo')
    said = named(server, refused(cluster, "--check"))
    server.stop()
    server.start()
    try:
        assert f"The next start reads {key}, and it is no key of a keyring" in said
        assert is_lab(server) or server.wait_exit() == 1, "so it would have been after our stop"
    finally:
        key.unlink()
        if not server.is_running():
            server.start()
    cluster.wait_healthy(60)


@pytest.mark.long
def test_a_server_that_has_another_raft_configuration_than_its_leader(cluster: Cluster, server: Server) -> None:
    """What peers.json has left: the leader goes on calling it healthy, and it would elect itself."""
    node_id = (server.data_dir / "server/node-id").read_text()
    server.stop()
    (server.raft_dir / "peers.info").touch()
    peers = [{"id": node_id, "address": server.rpc_address, "non_voter": False}]
    (server.raft_dir / "peers.json").write_text(json.dumps(peers))
    server.start()
    cluster.wait_healthy(60)
    said = refused(cluster)
    assert "Not every server has the leader's Raft configuration" in said and f"{server.name}: it lacks" in said
    result = backend.call(server, gate_timeout=1)
    assert result["failed"] and result["left"] == "untouched", result
    assert "has another Raft configuration than the leader: it lacks the voter" in result["msg"]
    wipe(cluster, server, node_id)
    accepted(cluster)


def wipe(cluster: Cluster, server: Server, node_id: str) -> None:
    """As docs/runbook.md says under "wipe and rejoin"."""
    server.stop()
    other = next(one for one in cluster.servers if one is not server)
    assert other.api("DELETE", f"/v1/operator/raft/peer?id={node_id}").status == 200
    wait_until("two voters", lambda: len(voters(other)) == 2, 60)
    server.raft_dir.rename(server.raft_dir.with_name("raft.old"))
    server.start()
    wait_until("three voters", lambda: len(voters(other)) == 3, 60)
    cluster.wait_healthy(60)


def voters(server: Server) -> list[str]:
    answer = server.try_api("GET", "/v1/operator/autopilot/health")
    return list((answer.body or {}).get("Voters") or []) if isinstance(answer.body, dict) else []
