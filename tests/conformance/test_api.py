# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A healthy cluster's answers, compared with those recorded from Nomad 2.0.5; runs unchanged on a real one."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import re
import tarfile
from typing import Any, Callable, Dict

import pytest
from support.cluster.cluster import Cluster, Server, wait_until
from support.cluster.compare import assert_like, assert_same_error
from support.paths import ANSWERS
from support.recordings import recording

AUTOPILOT = "/v1/operator/autopilot"
TRANSFER = "/v1/operator/raft/transfer-leadership"
UNKNOWN_ID = "11111111-2222-3333-4444-555555555555"
# Their content depends on how the server was configured, not on who answers.
SELF_OPEN_FIELDS = ("RaftLogStoreConfig", "UI", "DisableUpdateCheck", "coordinate_resets")


@pytest.fixture(scope="module", params=["boltdb", "wal"])
def cluster(request: pytest.FixtureRequest, make_cluster: Callable[..., Cluster]) -> Cluster:
    return make_cluster(backend=request.param)


@pytest.fixture
def leader(cluster: Cluster) -> Server:
    found = wait_until("one leader", cluster.leader, 10)
    assert isinstance(found, Server)
    return found


@pytest.fixture
def follower(cluster: Cluster, leader: Server) -> Server:
    return next(server for server in cluster.servers if server is not leader)


@pytest.mark.parametrize(
    ("case", "path"),
    [
        ("agent_members", "/v1/agent/members"),
        ("agent_health", "/v1/agent/health?type=server"),
        ("agent_health-all", "/v1/agent/health"),
        ("status_leader", "/v1/status/leader"),
        ("status_peers", "/v1/status/peers"),
        ("raft_configuration", "/v1/operator/raft/configuration"),
        ("raft_configuration-follower-stale", "/v1/operator/raft/configuration?stale"),
        ("autopilot_health-healthy", f"{AUTOPILOT}/health"),
        ("autopilot_health-healthy-via-follower", f"{AUTOPILOT}/health"),
        ("autopilot_configuration", f"{AUTOPILOT}/configuration"),
    ],
)
def test_every_server_answers_like_the_recording(cluster: Cluster, case: str, path: str) -> None:
    for server in cluster.servers:
        assert_like(server.api("GET", path), case)


def test_agent_self_of_leader_and_follower(cluster: Cluster, leader: Server, follower: Server) -> None:
    backend = leader.api("GET", "/v1/agent/self").body["stats"]["raft"]["logstore_backend"]
    for role, server in (("leader", leader), ("follower", follower)):
        answer = server.api("GET", "/v1/agent/self")
        assert_like(answer, f"agent_self-{role}-{backend}", SELF_OPEN_FIELDS)
        config, stats = answer.body["config"], answer.body["stats"]
        assert (config["Files"], config["ConfigPaths"]) == ([str(server.config_path)], [str(server.config_dir)])
        assert (config["DataDir"], config["Server"]["DataDir"]) == (str(server.data_dir), "")
        assert (config["LeaveOnInt"], config["LeaveOnTerm"]) == (False, False)
        assert answer.body["member"]["Tags"]["id"] == (server.data_dir / "server" / "node-id").read_text().strip()
        assert (stats["nomad"]["leader"], stats["raft"]["state"]) == (str(role == "leader").lower(), role.capitalize())
        assert stats["nomad"]["leader_addr"] == leader.rpc_address
        assert stats["raft"]["applied_index"] == stats["raft"]["commit_index"] != "0"
        assert stats["raft"]["num_peers"] == "2"
    assert re.fullmatch(r"[0-9.]+(µs|ms)", follower.api("GET", "/v1/agent/self").body["stats"]["raft"]["last_contact"])
    assert leader.api("GET", "/v1/agent/self").body["stats"]["raft"]["last_contact"] == "0"


def test_raft_logstore_block_in_agent_self(leader: Server) -> None:
    block = leader.api("GET", "/v1/agent/self").body["config"]["Server"]["RaftLogStoreConfig"]
    if leader.api("GET", "/v1/agent/self").body["stats"]["raft"]["logstore_backend"] == "boltdb":
        assert block is None
    else:
        empty = {"Backend": "wal", "BoltDB": None, "DisableLogCache": False, "Verification": None, "WAL": None}
        assert block == empty


def test_health_names_leader_voters_and_durations(cluster: Cluster, leader: Server) -> None:
    health = leader.api("GET", f"{AUTOPILOT}/health").body
    by_address = {server["Address"]: server for server in health["Servers"]}
    assert by_address[leader.rpc_address]["ID"] == health["Leader"]
    assert sorted(health["Voters"]) == sorted(server["ID"] for server in health["Servers"])
    assert (health["FailureTolerance"], len(by_address)) == (1, 3)
    for server in health["Servers"]:
        assert re.fullmatch(r"0s|[0-9.]+(µs|ms)", server["LastContact"])
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", server["StableSince"])


def test_autopilot_configuration_with_compare_and_set(follower: Server) -> None:
    before = follower.api("GET", f"{AUTOPILOT}/configuration").body
    wanted = dict(before, CleanupDeadServers=False, MinQuorum=3)
    stale = follower.api("PUT", f"{AUTOPILOT}/configuration?cas=1", wanted)
    assert_like(stale, "autopilot_configuration-put-cas-stale")
    assert stale.body is False
    done = follower.api("PUT", f"{AUTOPILOT}/configuration?cas={before['ModifyIndex']}", wanted)
    assert_like(done, "autopilot_configuration-put-cas-ok")
    assert done.body is True
    after = follower.api("GET", f"{AUTOPILOT}/configuration").body
    assert after["ModifyIndex"] > before["ModifyIndex"] and after["CreateIndex"] == before["CreateIndex"]
    assert {**after, "ModifyIndex": 0} == {**wanted, "ModifyIndex": 0}
    assert follower.api("PUT", f"{AUTOPILOT}/configuration", before).body is True


def test_transfer_refusals_word_for_word(leader: Server, follower: Server) -> None:
    for case, method, query in (
        ("transfer-none", "PUT", ""),
        ("transfer-both", "PUT", f"?id={UNKNOWN_ID}&address=127.0.0.99:4647"),
        ("transfer-malformed-id", "PUT", "?id=nonsense"),
        ("transfer-malformed-address", "PUT", "?address=nonsense"),
        ("transfer-unknown-id", "PUT", f"?id={UNKNOWN_ID}"),
        ("transfer-get-method", "GET", f"?id={UNKNOWN_ID}"),
    ):
        for server in (leader, follower):
            assert_same_error(server.api(method, TRANSFER + query), case)
    unknown = recording("transfer-unknown-address")
    answer = follower.api("PUT", TRANSFER + "?" + unknown["request"]["path"].split("?")[1])
    assert_same_error(answer, "transfer-unknown-address")


def test_transfer_to_the_leader_itself_changes_nothing(leader: Server, follower: Server) -> None:
    leader_id = leader.api("GET", "/v1/agent/self").body["member"]["Tags"]["id"]
    for case, query in (
        ("transfer-noop", f"id={leader_id}"),
        ("transfer-noop-address", f"address={leader.rpc_address}"),
    ):
        answer = follower.api("PUT", f"{TRANSFER}?{query}")
        assert_like(answer, case)
        assert answer.body["Noop"] is True and answer.body["From"] == answer.body["To"]


@pytest.mark.parametrize(
    ("case", "method"), [("transfer-ok-post", "POST"), ("transfer-ok-address-via-follower", "PUT")]
)
def test_transfer_moves_leadership(cluster: Cluster, leader: Server, follower: Server, case: str, method: str) -> None:
    answer = follower.api(method, f"{TRANSFER}?address={follower.rpc_address}")
    assert_like(answer, case)
    assert answer.body["Noop"] is False and answer.body["To"]["Address"] == follower.rpc_address
    wait_until("all name the new leader", lambda: (found := cluster.leader()) and found.name == follower.name, 5)


@pytest.mark.parametrize(("case", "query"), [("snapshot-save-leader", ""), ("snapshot-save-stale-follower", "?stale")])
def test_snapshot_archive(follower: Server, case: str, query: str) -> None:
    answer = follower.api("GET", f"/v1/operator/snapshot{query}")
    wanted = recording(case)
    assert answer.status == wanted["status"]
    assert answer.headers["content-type"] == wanted["headers"]["Content-Type"]
    assert answer.headers["transfer-encoding"] == "chunked" and isinstance(answer.body, bytes)
    assert answer.headers["digest"] == "sha-256=" + base64.b64encode(hashlib.sha256(answer.body).digest()).decode()
    members = archive_members(answer.body)
    assert list(members) == ["meta.json", "state.bin", "SHA256SUMS"]
    sums = {f"{hashlib.sha256(members[name]).hexdigest()}  {name}" for name in ("meta.json", "state.bin")}
    assert set(members["SHA256SUMS"].decode().splitlines()) == sums
    meta = json.loads(members["meta.json"])
    like = json.loads(archive_members(recorded_archive())["meta.json"])
    assert meta.keys() == like.keys() and meta["Size"] == len(members["state.bin"])
    assert len(meta["Configuration"]["Servers"]) == 3
    newest = (
        max(int(path.name.split("-")[1]) for path in (follower.raft_dir / "snapshots").iterdir()) if query else None
    )
    assert newest in (None, meta["Index"])


def archive_members(archive: bytes) -> Dict[str, bytes]:
    """Name -> content, in the archive's order; every member has mode 0600."""
    content: Dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as members:
        for member in members:
            assert member.mode == 0o600
            file = members.extractfile(member)
            assert file is not None
            content[member.name] = file.read()
    return content


def recorded_archive() -> bytes:
    return (ANSWERS / "snapshot-save-stale-follower.body.tgz").read_bytes()


def test_variables(leader: Server, follower: Server) -> None:
    body: Dict[str, Any] = {"Path": "conformance/a", "Items": {"k": "v"}}
    written = follower.api("PUT", "/v1/var/conformance/a", body)
    assert written.status == 200 and written.body["Items"] == {"k": "v"}
    assert leader.api("GET", "/v1/var/conformance/a").body == written.body
    assert set(written.body) - {"Lock"} == {  # null with generated encoders
        "Namespace", "Path", "CreateIndex", "CreateTime", "ModifyIndex", "ModifyTime", "Items",
    }  # fmt: skip
    conflict = follower.api("PUT", "/v1/var/conformance/a?cas=1", body)
    assert (conflict.status, conflict.body["ModifyIndex"]) == (409, written.body["ModifyIndex"])
    again = follower.api("PUT", f"/v1/var/conformance/a?cas={written.body['ModifyIndex']}", body)
    assert again.status == 200 and again.body["ModifyIndex"] > written.body["ModifyIndex"]
    listed = follower.api("GET", "/v1/vars?prefix=conformance/").body
    assert [(one["Path"], "Items" in one) for one in listed] == [("conformance/a", False)]
    assert follower.api("DELETE", "/v1/var/conformance/a").status == 204
    gone = follower.api("GET", "/v1/var/conformance/a")
    assert (gone.status, gone.body) == (404, "variable not found")


def test_snapshot_restore_brings_back_what_was_written(cluster: Cluster, leader: Server, follower: Server) -> None:
    def value() -> Any:
        return leader.try_api("GET", "/v1/var/conformance/r").body

    def write(text: str) -> None:
        assert (
            follower.api("PUT", "/v1/var/conformance/r", {"Path": "conformance/r", "Items": {"k": text}}).status == 200
        )

    write("before")
    archive = leader.api("GET", "/v1/operator/snapshot").body
    write("after")
    assert follower.api("PUT", "/v1/operator/snapshot", archive).status == 200
    wait_until("restored value", lambda: isinstance(value(), dict) and value()["Items"]["k"] == "before", 10)
    # Raft burned an index for the restore; every server goes on above it.
    write("later")
    last = int(leader.api("GET", "/v1/agent/self").body["stats"]["raft"]["applied_index"])

    def all_applied() -> bool:
        stats = [server.api("GET", "/v1/agent/self").body["stats"]["raft"] for server in cluster.servers]
        return all(int(one["applied_index"]) >= last for one in stats)

    wait_until("all servers beyond the restore", all_applied, 10)


def test_unknown_path_and_method(leader: Server) -> None:
    assert leader.api("GET", "/v1/nonsense").status == 404
    assert leader.api("DELETE", "/v1/agent/self").status == 405
