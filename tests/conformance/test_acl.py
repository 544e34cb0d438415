# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which token may ask what, and when a restarted server knows its tokens; runs unchanged on a real Nomad."""

from __future__ import annotations

import shutil
from typing import Callable, Dict, Tuple

import pytest
from support.cluster.cluster import Cluster, Server, wait_until
from support.cluster.compare import assert_like, assert_same_error
from support.cluster.http_api import Answer

POLICIES = {
    "operator:read": 'operator { policy = "read" }',
    "operator:write": 'operator { policy = "write" }',
    "snapshot-save": 'operator { capabilities = ["snapshot-save"] }',
    "agent:read": 'agent { policy = "read" }',
    "node:read": 'node { policy = "read" }',
}
UNKNOWN = "11111111-2222-3333-4444-555555555555"
AUTOPILOT = "/v1/operator/autopilot"
# Call -> the tokens that may; "mgmt" may do everything. Nobody else.
ALLOWED: Dict[Tuple[str, str], str] = {
    ("GET", "/v1/agent/self"): "agent:read",
    ("GET", "/v1/agent/members"): "node:read",
    ("GET", "/v1/operator/raft/configuration"): "",
    ("GET", "/v1/operator/raft/configuration?stale"): "",
    ("GET", f"{AUTOPILOT}/health"): "operator:read operator:write",
    ("GET", f"{AUTOPILOT}/configuration"): "operator:read operator:write",
    ("PUT", f"{AUTOPILOT}/configuration?cas=1"): "operator:write",
    ("GET", "/v1/operator/snapshot"): "operator:write snapshot-save",
    ("GET", "/v1/operator/snapshot?stale"): "operator:write snapshot-save",
    ("PUT", "/v1/operator/raft/transfer-leadership?address=ADDRESS"): "",
}
# Prefix of the recordings of each call with a bad token.
RECORDINGS = {
    "/v1/agent/self": "acl-agent_self",
    "/v1/agent/members": "acl-agent_members",
    "/v1/operator/raft/configuration": "acl-raft_configuration",
    f"{AUTOPILOT}/health": "acl-autopilot_health",
    f"{AUTOPILOT}/configuration": "acl-autopilot_configuration",
    f"{AUTOPILOT}/configuration?cas=1": "acl-autopilot_configuration_put",
    "/v1/operator/snapshot": "acl-snapshot",
    "/v1/operator/raft/transfer-leadership?address=ADDRESS": "acl-transfer_noop",
}


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    return make_cluster(acl=True)


@pytest.fixture(scope="module")
def tokens(cluster: Cluster) -> Dict[str, str]:
    """Secret by name: one per policy, the management token, and bad ones."""
    secrets = {"mgmt": str(cluster.servers[0].token), "none": "", "unknown": UNKNOWN, "malformed": "not-a-uuid"}
    for number, (name, rules) in enumerate(POLICIES.items()):
        policy = {"Name": f"p{number}", "Rules": rules}
        assert cluster.servers[0].api("PUT", f"/v1/acl/policy/p{number}", policy).status == 200
        made = cluster.servers[0].api(
            "PUT", "/v1/acl/token", {"Name": name, "Type": "client", "Policies": [f"p{number}"]}
        )
        assert made.status == 200
        secrets[name] = made.body["SecretID"]

    def known_everywhere() -> bool:
        return all(
            server.api("GET", "/v1/acl/token/self", token=secrets["node:read"]).status == 200
            for server in cluster.servers
        )

    wait_until("tokens on every server", known_everywhere, 10)
    return secrets


def ask(cluster: Cluster, server: Server, method: str, path: str, token: str) -> Answer:
    leader = wait_until("leader", cluster.leader, 10)
    path = path.replace("ADDRESS", leader.rpc_address)
    body = server.api("GET", f"{AUTOPILOT}/configuration").body if method == "PUT" and "cas" in path else None
    return server.api(method, path, body, token=token)


@pytest.mark.parametrize("call", ALLOWED, ids=" ".join)
def test_right_of_each_call(cluster: Cluster, tokens: Dict[str, str], call: Tuple[str, str]) -> None:
    allowed = set(ALLOWED[call].split()) | {"mgmt"}
    for server in cluster.servers[:2]:
        statuses = {name: ask(cluster, server, *call, token=tokens[name]).status for name in [*POLICIES, "mgmt"]}
        assert {name for name, status in statuses.items() if status == 200} == allowed
        assert {status for name, status in statuses.items() if name not in allowed} == {403}


@pytest.mark.parametrize("call", [call for call in ALLOWED if call[1] in RECORDINGS], ids=" ".join)
def test_bad_tokens_word_for_word(cluster: Cluster, tokens: Dict[str, str], call: Tuple[str, str]) -> None:
    for name, recorded in (("none", "no_token"), ("unknown", "unknown_token"), ("malformed", "not_a_uuid")):
        answer = ask(cluster, cluster.servers[1], *call, token=tokens[name])
        assert_same_error(answer, f"{RECORDINGS[call[1]]}-{recorded}")


@pytest.mark.parametrize("path", ["/v1/agent/health", "/v1/status/leader", "/v1/status/peers"])
def test_calls_without_any_right(cluster: Cluster, path: str) -> None:
    assert cluster.servers[0].api("GET", path, token="").status == 200


def test_agent_self_with_agent_read_shows_no_token(cluster: Cluster, tokens: Dict[str, str]) -> None:
    answer = cluster.servers[0].api("GET", "/v1/agent/self", token=tokens["agent:read"])
    assert_like(answer, "agent_self-acl-agent_read", ("RaftLogStoreConfig", "UI", "DisableUpdateCheck"))
    assert not [secret for secret in tokens.values() if secret and secret in str(answer.body)]


def test_bootstrap_happens_once(cluster: Cluster) -> None:
    again = cluster.servers[0].api("POST", "/v1/acl/bootstrap", token="")
    assert again.status == 400 and again.body.startswith("ACL bootstrap already done (reset index: ")


def test_restarted_server_answers_403_to_a_valid_token_until_its_state_is_back(cluster: Cluster) -> None:
    leader = wait_until("leader", cluster.leader, 10)
    follower: Server = wait_until("followers", cluster.followers, 10)[0]
    logged = len(leader.log())
    follower.stop()
    # Without its snapshots it has no tokens until the leader's first append tells it what is committed.
    shutil.rmtree(follower.raft_dir / "snapshots")
    for number in range(10):
        assert cluster.write(f"acl/{number}", {"k": "v"}).status == 200
    # Its back-off doubles with each failed try: 10 ms to 2.5 s here.
    wait_until("leader backs off", lambda: leader.log()[logged:].count("failed to appendEntries to") >= 9, 20)
    follower.start()
    refused: Dict[str, Answer] = {}

    def is_back() -> bool:
        # The last question is the one whose answer changes first, so the others were asked while it was still 403.
        answers = {path: follower.try_api("GET", path) for path in (f"{AUTOPILOT}/health", "/v1/agent/members")}
        own = follower.try_api("GET", "/v1/agent/self")
        if own.status == 403:
            refused.update(answers, self=own)
        return own.status == 200

    wait_until("token known again", is_back, 20)
    assert_same_error(refused["self"], "acl-agent_self-valid_token-just_restarted")
    # What the leader answers works meanwhile: 200, or 429 once autopilot has noticed that a server is away.
    assert refused[f"{AUTOPILOT}/health"].status in (200, 429) and refused["/v1/agent/members"].status == 403


def test_stale_snapshot_before_the_stop_keeps_the_tokens(cluster: Cluster) -> None:
    follower: Server = wait_until("followers", cluster.followers, 10)[0]
    assert follower.api("GET", "/v1/operator/snapshot?stale").status == 200
    follower.stop()
    follower.start()
    statuses = []

    def answered() -> bool:
        status = follower.try_api("GET", "/v1/agent/self").status
        statuses.append(status)
        return status == 200

    wait_until("answer", answered, 10)
    assert set(statuses) <= {0, 200}
