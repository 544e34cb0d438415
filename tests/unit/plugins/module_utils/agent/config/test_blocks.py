# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a block means: values by type as hcl's decoder takes them, unknown keys, the JSON objects that Nomad misses."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import blocks
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.hcl import parse
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError


def settings(body: str) -> dict[Any, Any]:
    """The settings of the raft_logstore blocks in this server block."""
    document = parse(body.encode(), "x.hcl")
    servers = blocks.objects(document, document.root, "server")
    found = [one for server in servers for one in blocks.objects(document, server, "raft_logstore")]
    return {path: one.value for path, one in blocks.read(document, found, blocks.LOGSTORE_SCHEMA).items()}


@pytest.mark.parametrize(
    ("inside", "path", "value"),
    [
        ('backend = "wal"', ("backend",), "wal"),
        ('"Backend" = "wal"', ("backend",), "wal"),
        ('backend = "boltdb" backend = "wal"', ("backend",), "wal"),
        ("wal { segment_size_mb = 32 }", ("wal", "segment_size_mb"), 32),
        ('wal { segment_size_mb = "32" }', ("wal", "segment_size_mb"), 32),
        ("wal { segment_size_mb = 0x20 }", ("wal", "segment_size_mb"), 32),
        ("wal { segment_size_mb = 040 }", ("wal", "segment_size_mb"), 32),
        ("wal { segment_size_mb = -1 }", ("wal", "segment_size_mb"), -1),
        ("wal { segment_size_mb = 1 } wal { segment_size_mb = 2 }", ("wal", "segment_size_mb"), 2),
        ("boltdb { no_freelist_sync = true }", ("boltdb", "no_freelist_sync"), True),
        ('boltdb { no_freelist_sync = "True" }', ("boltdb", "no_freelist_sync"), True),
        ("disable_log_cache = 0", ("disable_log_cache",), False),
        ('verification { enabled = true interval = "1m" }', ("verification", "interval"), "1m"),
        ("backend = 1", ("backend",), "1"),
        ('wal { segment_size_mb = "+0x40" }', ("wal", "segment_size_mb"), 64),
    ],
)
def test_values_as_hcl_takes_them(inside: str, path: Any, value: object) -> None:
    assert settings(f"server {{ raft_logstore {{ {inside} }} }}")[path] == value


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ('backned = "wal"', "1:26: Nomad knows no 'backned' here and would ignore it. It knows backend, boltdb, wal"),
        ("wal { segment_size = 1 }", "1:32: Nomad knows no 'segment_size'"),
        ("boltdb { no_freelist_snc = true }", "'no_freelist_snc'"),
        ("verification { intervall = 1 }", "'intervall'"),
        ("segment_size_mb = 64", "'segment_size_mb'"),
        ("wal { segment_size_mb = 1.5 }", "segment_size_mb must be a whole number"),
        ('wal { segment_size_mb = "x" }', "must be a whole number"),
        ('wal { segment_size_mb = "' + "9" * 5000 + '" }', "must be a whole number"),
        ("wal { segment_size_mb = 9223372036854775808 }", "must be a whole number"),
        ('backend = [] backend = "wal"', "backend must be a string"),
        ("disable_log_cache = 2", "must be true or false"),
        ("backend = [1]", "backend must be a string"),
        ("backend { }", "backend must be a string"),
        ("wal = 64", "wal must be a block"),
        ('wal "x" { }', "no label on wal"),
        ("disable_log_cache = <<E\ntrue\nE\n", "must be true or false"),
        ("wal { segment_size_mb = <<E\n64\nE\n }", "must be a whole number"),
    ],
)
def test_typos_and_wrong_types_say_where(inside: str, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        settings(f"server {{ raft_logstore {{ {inside} }} }}")
    assert words in str(raised.value) and str(raised.value).startswith("x.hcl:")


def test_blocks_of_several_server_blocks_are_merged_key_by_key() -> None:
    body = 'server { raft_logstore { backend = "wal" } } server { raft_logstore { wal { segment_size_mb = 8 } } }'
    assert settings(body) == {("backend",): "wal", ("wal", "segment_size_mb"): 8}


@pytest.mark.parametrize(
    "body",
    [
        '{"server": {"enabled": true, "raft_logstore": {"backend": "wal"}}}',
        '{"server": {"raft_logstore": [{"backend": "wal"}]}}',
        '{"server": [{"raft_logstore": [{"backend": "wal"}]}]}',
        '{"SERVER": {"Raft_LogStore": [{"BACKEND": "wal",},],},}',
    ],
)
def test_json_forms_that_nomad_reads(body: str) -> None:
    assert settings(body) == {("backend",): "wal"}


@pytest.mark.parametrize(
    "body",
    [
        '{"server": {"raft_logstore": {"backend": "wal"}}}',
        '{"server": [{"raft_logstore": {"backend": "wal"}}]}',
        '{"server": {"raft_logstore": {"backend": "wal"}, "server_join": {"retry_join": []}}}',
        '{"server": {"enabled": true, "raft_logstore": {"wal": {"segment_size_mb": 8}}}}',
        '{"server": {"default_scheduler_config": {"scheduler_algorithm": "spread"}}}',
        '{"server": {"enabled": true, "raft_logstore": null}}',
        '{"server": {"enabled": true, "raft_logstore": []}}',
    ],
)
def test_json_forms_that_nomad_refuses_or_misses(body: str) -> None:
    with pytest.raises(ConfigError, match=r"nothing but objects|must be a block"):
        settings(body)


def test_null_is_an_empty_string() -> None:
    assert settings('{"server": {"raft_logstore": [{"backend": null}]}}') == {("backend",): ""}


def test_other_blocks_of_objects_only_are_none_of_our_business() -> None:
    assert settings('{"server": {"server_join": {"retry_join": []}}}') == {}
