# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a configuration means, and which ones are refused, word for word; runs unchanged on a real Nomad (NOMAD_BIN)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Iterator, Tuple

import pytest
from support.cluster.server import Server
from support.cluster.single import Servers, backend, contents, raft_stats, refusal, set_block, start_and_lead


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Servers]:
    servers = Servers(tmp_path)
    yield servers
    servers.stop()


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
def test_refused_only_by_the_agent(make_server: Servers, block: str, words: str) -> None:
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
def test_refused_by_validation_and_agent(make_server: Servers, block: str, words: str) -> None:
    server = make_server()
    set_block(server, block)
    checked = validation(server)
    assert checked.returncode == 1 and words in checked.stdout + checked.stderr
    assert words in refusal(server)
    assert not server.raft_dir.exists()


def validation(server: Server) -> subprocess.CompletedProcess[str]:
    command = [server.binary, "config", "validate", str(server.config_dir)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_fragment_alone_is_not_a_configuration(make_server: Servers) -> None:
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
def test_what_a_block_means(make_server: Servers, block: str, effective: Tuple[str, str]) -> None:
    server = make_server()
    set_block(server, block)
    start_and_lead(server)
    shown = server.api("GET", "/v1/agent/self").body["config"]["Server"]["RaftLogStoreConfig"]
    assert (raft_stats(server)["logstore_backend"], shown["Backend"]) == effective


def test_a_later_block_replaces_an_earlier_one_whole(make_server: Servers) -> None:
    server = make_server()
    (server.config_dir / "a.hcl").write_text(
        'server { raft_logstore { backend = "wal"\n wal { segment_size_mb = 32 } } }'
    )
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
def test_json_drop_in(make_server: Servers, text: str, accepted: bool) -> None:
    server = make_server()
    (server.config_dir / "custom.json").write_text(text)
    checked = validation(server)
    assert checked.returncode == (0 if accepted else 1)
    assert accepted or "unexpected keys raft_" in checked.stdout + checked.stderr


def test_segment_size_too_big_for_a_fresh_wal(make_server: Servers) -> None:
    server = make_server()
    set_block(server, 'raft_logstore {\n backend = "wal"\n wal { segment_size_mb = 2048 }\n}')
    assert "failed to open WAL log store: maximum file size is 2147483647 bytes" in refusal(server)
    assert {path.stat().st_size for path in (server.raft_dir / "wal").glob("*.wal")} == {0}
    set_block(server, backend("wal"))
    start_and_lead(server)


@pytest.mark.parametrize(("size", "bytes_each"), [(1, 1 << 20), (4097, 1 << 20), (-1, 64 << 20)])
def test_segment_size(make_server: Servers, size: int, bytes_each: int) -> None:
    server = make_server()
    set_block(server, f'raft_logstore {{\n backend = "wal"\n wal {{ segment_size_mb = {size} }}\n}}')
    start_and_lead(server)
    assert {path.stat().st_size for path in (server.raft_dir / "wal").glob("*.wal")} == {bytes_each}


def test_deprecated_block_and_verifier(make_server: Servers) -> None:
    server = make_server()
    set_block(server, "raft_boltdb { no_freelist_sync = true }")
    start_and_lead(server)
    shown = server.api("GET", "/v1/agent/self").body["config"]["Server"]
    # Obeyed, but nowhere to be seen through the API.
    assert (shown["RaftBoltConfig"], shown["RaftLogStoreConfig"]) == (None, None)
    assert "setting up raft bolt store: no_freelist_sync=true" in server.log()
    server.stop()
    block = 'raft_logstore { boltdb { no_freelist_sync = true }\n verification { enabled = true\n interval = "1m" } }'
    set_block(server, block)
    start_and_lead(server)
    shown = server.api("GET", "/v1/agent/self").body["config"]["Server"]["RaftLogStoreConfig"]
    assert shown["BoltDB"] == {"NoFreelistSync": True}
    assert shown["Verification"] == {"Enabled": True, "Interval": "1m"}
    assert server.log().count("setting up raft bolt store: no_freelist_sync=true") == 2
    assert "starting raft logstore verifier: interval=1m0s" in server.log()
