# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which lines of an agent's log are errors about its store."""

from __future__ import annotations

import json

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.log import read

NOON = 1795608000.0  # 2026-11-25T12:00:00Z
STAMP = "2026-11-25T12:00:01.500Z"


def errors(*lines: str, since: float = NOON) -> list[str]:
    return read(lines, since).errors


@pytest.mark.parametrize(
    "line",
    [
        f'{STAMP} [ERROR] nomad.wal: rotate error: err="maximum file size is 2147483647 bytes"',
        f'{STAMP} [ERROR] nomad.raft: failed to append to logs: error="unable to store logs within log store"',
        f"{STAMP} [ERROR] snapshot: failed to reap snapshot: path=/d/server/raft/snapshots/1 error=EIO",
        f'{STAMP} [ERROR] agent: error starting agent: error="server setup failed: Failed to start Raft"',
        f"{STAMP} [ERROR] nomad: failed to open WAL log store",
        "    " + f"{STAMP} [ERROR] nomad.wal: indented, as in a foreground agent's output",
        "2026-11-25T13:00:01.500+0100 [ERROR] nomad.wal: in local time",
        "==> Error starting agent: server setup failed: Failed to start Raft: existing BoltDB raft store found",
        "panic: log not found",
    ],
)
def test_an_error_about_the_store(line: str) -> None:
    first = f"{STAMP} [INFO]  nomad: setting up raft WAL store: dir=/d"
    assert errors(first, line) == [line.strip()]


@pytest.mark.parametrize(
    "line",
    [
        f'{STAMP} [ERROR] nomad.raft: failed to get log: index=726 error="log not found"',
        f'{STAMP} [ERROR] nomad.raft: failed to heartbeat to: peer=127.0.0.1:4647 backoff time=10ms error="dial tcp"',
        f'{STAMP} [ERROR] nomad.raft: failed to appendEntries to: peer="{{Voter a 127.0.0.1:4647}}" error=EOF',
        f'{STAMP} [ERROR] nomad.raft: failed to make requestVote RPC: target="{{Voter a}}" error=EOF term=3',
        f"{STAMP} [ERROR] nomad.raft: failed to pipeline appendEntries: peer=127.0.0.1:4647 error=EOF",
        f'{STAMP} [ERROR] nomad.raft: failed to take snapshot: error="nothing new to snapshot"',
        f"{STAMP} [ERROR] nomad: skipping adding Raft peer because an existing peer is in bootstrap mode and only one"
        " server should be in bootstrap mode: existing_peer=a.north joining_peer=b.south",
    ],
)
def test_an_error_known_to_be_harmless(line: str) -> None:
    found = read([line], NOON)
    assert (found.errors, found.harmless) == ([], [line])


@pytest.mark.parametrize(
    "line",
    [
        f'{STAMP} [WARN]  nomad.raft: heartbeat timeout reached, starting election: last-leader-addr=""',
        f"{STAMP} [ERROR] http: request failed: method=GET",
        f"{STAMP} [ERROR] nomad: error looking up Nomad servers in Consul",
        f'{STAMP} [INFO]  nomad.raft: [ERROR] nomad.raft: only quoted: error="x"',
        "words without a time about an [ERROR] of raft",
    ],
)
def test_other_lines(line: str) -> None:
    found = read([line], float("-inf"))
    assert (found.errors, found.harmless) == ([], [])


@pytest.mark.parametrize("level", ["ERROR", "FATAL"])
def test_an_error_that_nobody_knows_is_shown_and_no_more(level: str) -> None:
    line = f"{STAMP} [{level}] nomad.raft: failed to do something new: error=EOF"
    found = read([line, f"{STAMP} [WARN]  nomad.raft: something else"], NOON)
    assert (found.errors, found.harmless, found.unknown) == ([], [], [line])


def test_only_lines_since_the_moment_count() -> None:
    old = "2026-11-25T11:59:59.999Z [ERROR] nomad.wal: before the stop"
    lines = [old, "panic: of that time", f"{STAMP} [INFO]  nomad: started", "panic: of now"]
    found = read(lines, NOON)
    assert (found.lines, found.errors) == (2, ["panic: of now"])


def test_json_lines() -> None:
    def line(**fields: str) -> str:
        named = {"@" + name: value for name, value in fields.items()}
        return json.dumps(
            {"@timestamp": "2026-11-25T12:00:01.500000Z", **named, "error": "log not found", "index": 726}
        )

    bad = line(level="error", module="nomad.wal", message="rotate error")
    known = line(level="error", module="nomad.raft", message="failed to get log")
    found = read([bad, known, line(level="info", module="nomad.wal", message="x"), "{", '{"@level": 1}', "[]"], NOON)
    assert (found.errors, found.harmless) == ([bad], [known])


def test_times_with_nanoseconds() -> None:
    assert errors("2026-11-25T12:00:01.123456789Z [ERROR] nomad.wal: precise") != []
    assert errors("2026-11-25T12:00:01Z [ERROR] nomad.wal: coarse") != []
