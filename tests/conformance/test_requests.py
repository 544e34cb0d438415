# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers to odd requests, word for word as Nomad 2.0.5 gave them; runs unchanged on a real one (NOMAD_BIN)."""

from __future__ import annotations

from typing import Any, Callable

import pytest
from support.cluster.cluster import Cluster, Server

AUTOPILOT = "/v1/operator/autopilot/configuration"
TRANSFER = "/v1/operator/raft/transfer-leadership"
STALE = "Expect `true` or `false` for `stale` query string parameter"
ITEMS = {"Items": {"k": "v"}}


@pytest.fixture(scope="module")
def server(make_cluster: Callable[..., Cluster]) -> Server:
    return make_cluster(size=1).servers[0]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("GET", "/v1/status/leader?stale=x", None, 400, STALE),
        ("GET", "/v1/operator/snapshot?stale=x", None, 400, STALE),
        ("GET", "/v1/status/leader?region=other", None, 500, "No path to region"),
        ("PUT", "/v1/status/leader", None, 405, "Invalid method"),
        ("DELETE", AUTOPILOT, None, 404, "Invalid method"),
        ("DELETE", TRANSFER, None, 405, "Invalid method"),
        (
            "PUT",
            f"{AUTOPILOT}?cas=x",
            {},
            400,
            'Error parsing cas value: strconv.ParseUint: parsing "x": invalid syntax',
        ),
        (
            "PUT",
            AUTOPILOT,
            {"LastContactThreshold": "soon"},
            400,
            'Error parsing autopilot config: time: invalid duration "soon"',
        ),
        (
            "PUT",
            f"{TRANSFER}?id=zzzzzzzz-2222-3333-4444-555555555555",
            None,
            400,
            "id must be a uuid: encoding/hex: invalid byte: U+007A 'z'",
        ),
        (
            "PUT",
            f"{TRANSFER}?address=host:4647",
            None,
            400,
            'address must be in IP:port format: ParseAddr("host"): unable to parse IP',
        ),
        (
            "PUT",
            "/v1/operator/snapshot",
            b"nonsense",
            500,
            "failed to restore from snapshot: failed to decompress snapshot: unexpected EOF",
        ),
        ("PUT", "/v1/var/a?cas=x", ITEMS, 400, 'can not parse cas: strconv.ParseUint: parsing "x": invalid syntax'),
        ("PUT", "/v1/var/a", {"Path": "a"}, 400, "variable missing required Items object"),
        (
            "PUT",
            "/v1/var/a",
            {"Items": {"k": "v" * 70000}},
            400,
            "RPC Error:: 400,variables are limited to 64KiB in total size",
        ),
        ("GET", "/v1/var/none", None, 404, "variable not found"),
        ("GET", "/v1/var/", None, 400, "missing variable path"),
        ("POST", "/v1/acl/bootstrap", None, 400, "ACL support disabled"),
    ],
)
def test_refused(server: Server, method: str, path: str, body: Any, status: int, text: str) -> None:
    answer = server.api(method, path, body)
    assert (answer.status, answer.body) == (status, text)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


def test_variable_conflict_travels_as_text(server: Server) -> None:
    written = server.api("POST", "/v1/var/once?cas=0", ITEMS)
    assert (written.status, written.body["Path"]) == (200, "once")
    for method in ("PUT", "DELETE"):
        conflict = server.api(method, "/v1/var/once?cas=1", ITEMS)
        assert (conflict.status, conflict.headers["content-type"]) == (409, "text/plain; charset=utf-8")
        assert conflict.body == written.body
    absent = server.api("PUT", "/v1/var/absent?cas=7", ITEMS)
    assert (absent.status, absent.body["ModifyIndex"]) == (409, 0)


def test_health_of_other_types(server: Server) -> None:
    client = server.api("GET", "/v1/agent/health?type=client")
    assert (client.status, client.body) == (500, {"client": {"ok": False, "message": "client not enabled"}})
    assert server.api("GET", "/v1/agent/health?type=other").body == {}


def test_regions(server: Server) -> None:
    assert server.api("GET", "/v1/regions").body == ["global"]
    assert server.api("GET", "/v1/status/leader?region=global").status == 200
