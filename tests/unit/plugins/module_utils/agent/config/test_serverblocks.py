# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server blocks of one file: how several merge, and what Nomad refuses in them."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.blocks import LOGSTORE_SCHEMA
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.hcl import parse
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.serverblocks import block, servers
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError


def test_several_server_blocks_merge_key_by_key() -> None:
    source = (
        'server { raft_logstore { backend = "boltdb" disable_log_cache = 1 } } '
        'server { } server { Raft_Logstore { backend = "wal" } }'
    )
    found = block(parse(source.encode()), "raft_logstore", LOGSTORE_SCHEMA)
    assert found and found.values == {("backend",): "wal", ("disable_log_cache",): True}
    assert block(parse(b"server { }"), "raft_logstore", LOGSTORE_SCHEMA) is None


def test_five_server_blocks_are_taken() -> None:
    assert len(servers(parse(b"server { } " * 5))) == 5


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("server { } " * 6, "line 1, column 63: Nomad refuses more than 5 server blocks in one file"),
        ("server { raft_logstore { } raft_logstore { } }", "column 28: Nomad refuses a second raft_logstore"),
        ("server {\n enabled = true\n Enabled = true }", "line 3, column 2: Nomad refuses a second enabled in one"),
        ('{"server": {"enabled": 1, "raft_logstore": [{}, {}]}}', "column 49: Nomad refuses a second raft_logstore"),
        ("raft_logstore { }", "column 1: Nomad takes raft_logstore only directly inside a server block"),
        ("server { x RAFT_BOLTDB { } }", "column 12: Nomad takes RAFT_BOLTDB only directly inside a server block"),
        (
            "server { raft_logstor { } }",
            "column 10: Nomad knows no 'raft_logstor' here and would not start. Is it raft_l",
        ),
        ("server { raft_log_store { } }", "Is it raft_logstore?"),
        ("server { raft_bolt_db = 1 }", "Is it raft_boltdb?"),
    ],
)
def test_what_nomad_refuses(source: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        block(parse(source.encode()), "raft_logstore", LOGSTORE_SCHEMA)
    assert words in str(raised.value)


@pytest.mark.parametrize("key", ["raft_protocol", "raft_snapshot_interval", "raft_log_level", "raft_logs"])
def test_other_keys_are_no_typos(key: str) -> None:
    assert servers(parse(f"server {{ {key} = 3 }}".encode()))
