# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every form of a value, for every key that is read, against the parser that Nomad pins (judge agents)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import load as config
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError
from support.agents.check import blocks_of, expected_settings
from support.stores.judge import Agents

KEYS = [
    "data_dir",
    "region",
    "bind_addr",
    "leave_on_interrupt",
    "leave_on_terminate",
    "addresses.http",
    "ports.http",
    "tls.http",
    "tls.verify_https_client",
    "server.enabled",
    "server.data_dir",
    "server.raft_boltdb.no_freelist_sync",
    "server.raft_logstore.backend",
    "server.raft_logstore.disable_log_cache",
    "server.raft_logstore.boltdb.no_freelist_sync",
    "server.raft_logstore.wal.segment_size_mb",
    "server.raft_logstore.verification.enabled",
    "server.raft_logstore.verification.interval",
]
HCL_FORMS = [
    *('"wal"', '"5m"', '""', '" a b "', '"127.0.0.1"', '"{{ GetPrivateIP }}"', '"TRUE"', '"t"', '"tr\\u0075e"'),
    *('"w\\u0061l"', '"\\x77\\141l\\n"', '"\\"q\\" \\\\ \\t"', '"\\U0001F600"', '"${env}"', '"a${ "b\\n" }c\\u0041"'),
    *('"${ a\nb }"', '"${ a\r\nb }"', '"ü"'),
    *("0", "1", "7", "0x40", "010", "-3", "1.5", "1e3", "1_000", "0b11", "0o17", "true", "false"),
    *('"64"', '"0x40"', '"010"', '"+5"', '"-5"', '"1_000"', '"0b1000"', '"0o17"', '"0_17"', '"0x_f"', '"1__0"'),
    *('"_1"', '"1_"', '"08"', '"0x"', '"0b2"', '" 5"', '"9223372036854775807"', '"9223372036854775808"'),
    *("[]", '["wal"]', "{}", "wal"),
    "<<EOF\n127.0.0.1\nEOF\n",
    "<<EOF\n{{ GetPrivateIP }}\nEOF\n",
    "<<-EOF\n  {{ GetPrivateIP }}\n  EOF\n",
    "<<EOF\ntrue\nEOF\n",
    "<<EOF\n64\nEOF\n",
    "<<EOF\nEOF\n",
    "<<E\none\n\n  two\nE\n",
    '<<E\n\\n ${x} " # /* \\u0041\nE\n',
    "<<E\r\none\r\ntwo\r\nE\r\n",
    "<<E\none\r\ntwo\nE\n",
    "<<E\none\n  E\n",
    "<<E\none\n\tE\r\r\n",
    "<<LONGER_1\nLONGER\nLONGER_1\n",
    "<<é\nü\né\n",
    "<<-E\n  one\n    two\n  E\n",
    "<<-E\n    one\n  two\n   E\n",
    "<<-E\n\tone\n\t\ttwo\n\tE\n",
    "<<-E\none  \n  E\n",
    "<<-E\r\n  one\r\n\r\n  E\r\n",
    "<<-E\n  one\n\n  two\n  E\n",
    "<<-EOF\n  EOF\n",
]
JSON_FORMS = [
    *(
        '"wal"',
        '"5m"',
        '""',
        '"{{ GetPrivateIP }}"',
        '"TRUE"',
        '"tr\\u0075e"',
        '"w\\u0061l"',
        '"\\n\\t\\"\\\\"',
        '"${env}"',
    ),
    *(
        '"${ \\"b\\" \\u0041}"',
        '"127.0.0.1\\n"',
        '"<<EOF"',
        '"ü"',
        "0",
        "1",
        "7",
        "64",
        "-3",
        "1.5",
        "1e3",
        "true",
        "false",
    ),
    *("null", "[]", "[1]", "{}", '"64"', '"0x40"', '"010"', '"1_000"', '"0b11"', '"1_"', "010"),
]


def in_hcl(key: str, form: str) -> str:
    *blocks, name = key.split(".")
    return "".join(f"{block} {{\n" for block in blocks) + f"{name} = {form}" + "\n}" * len(blocks) + "\n"


def in_json(key: str, form: str) -> str:
    """Lists of one object, because Nomad does not take an object of nothing but objects for a block."""
    *blocks, name = key.split(".")
    return "{" + "".join(f'"{block}": [{{' for block in blocks) + f'"{name}": {form}' + "}]" * len(blocks) + "}"


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    with Agents() as running:
        yield running


def ours(path: Path) -> Any:
    """All settings that are read, without zero values in the blocks; None where we refuse the file."""
    try:
        loaded = config.load([str(path)])
        settings = config.agent_settings(loaded)
    except ConfigError:
        return None
    blocks = [None if one is None else one.values for one in (loaded.logstore, loaded.boltdb)]
    return settings, [one and {name: value for name, value in one.items() if value} for one in blocks]


def theirs(agents: Agents, path: Path) -> Any:
    report = agents.ask([str(path)])
    if report.get("error") or report.get("unexpected"):
        return None
    return expected_settings(report), list(blocks_of(report))


@pytest.mark.parametrize("key", KEYS)
def test_every_form_in_hcl_is_read_as_nomad_reads_it(tmp_path: Path, agents: Agents, key: str) -> None:
    assert_read(agents, tmp_path / "agent.hcl", {form: in_hcl(key, form) for form in HCL_FORMS})


@pytest.mark.parametrize("key", KEYS)
def test_every_form_in_json_is_read_as_nomad_reads_it(tmp_path: Path, agents: Agents, key: str) -> None:
    assert_read(agents, tmp_path / "agent.json", {form: in_json(key, form) for form in JSON_FORMS})


def assert_read(agents: Agents, path: Path, texts: dict[str, str]) -> None:
    """Each of these texts, by its form, is read as Nomad reads it; some are taken and some are not."""
    accepted = 0
    for form, text in texts.items():
        path.write_bytes(text.encode())
        expected = theirs(agents, path)
        assert ours(path) == expected, form
        accepted += expected is not None
    assert 4 <= accepted < len(texts)
