# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of an agent's configuration against the parser that Nomad pins (judge agents), and after our edits.

What we accept, Nomad accepts, and both see the same. What Nomad refuses, we refuse. We refuse more: see STRICTER.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import change
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import load as config
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError
from support.agents.check import blocks_of
from support.stores.judge import Agents, Refusal

WAL = {("backend",): "wal"}
ACCEPTED = [
    "",
    "# nothing\n",
    'server { raft_logstore { backend = "wal" } }',
    'server = { raft_logstore = { backend = "wal", wal { segment_size_mb = 8 } } }',
    'server\n{\n  "raft_logstore"\n  {\n    "backend" = "wal"\n  }\n}\n',
    'SERVER { Raft_LogStore { BACKEND = "wal" } }',
    'server { raft_logstore { backend = "boltdb" backend = "wal" } }',
    'server { raft_logstore { wal { segment_size_mb = "0x10" } wal { segment_size_mb = 010 } } }',
    'server { raft_logstore { backend = "wal" } } server { raft_logstore { disable_log_cache = 1 } }',
    'server { raft_boltdb { no_freelist_sync = "TRUE" } }',
    'server { raft_logstore { backend = "w\\u0061l" } }',
    'server { raft_logstore { verification { enabled = true interval = "1m" } } }',
    'name = <<E\nserver { raft_logstore { backend = "wal" } }\nE\nserver { enabled = true }\n',
    'name = <<-E\n  } {\n  E\nserver { raft_logstore { backend = "wal" } }\n',
    'name = "${ "b { }" }" /* server { */ server { raft_logstore { backend = "wal" } // }\n }',
    "server { raft_logstore {\n  backend = <<E\nwal\nE\n  disable_log_cache = true\n} }",
    "server { raft_logstore { backend = <<-E\r\n  boltdb\r\n  E\r\n } }",
    'server { raft_logstore { backend = "wal" } }\r\n# c\r\n',
    '{"server": {"enabled": true, "raft_logstore": {"backend": "wal", "wal": {"segment_size_mb": 8}}}}',
    '{"server": {"raft_logstore": [{"backend": "wal"}]}}',
    '{"server": [{"raft_logstore": [{"backend": "wal"}]}]}',
    '{"server": {"server_join": {"retry_join": ["x"]}}}',
    '{"server": {"enabled": true, "raft_boltdb": {"no_freelist_sync": true}},}',
    '{"Server": {"enabled": "1", "raft_logstore": {"backend": "wal", "verification": {"enabled": true}}}}',
    " \n\t{}\n",
]
REFUSED = [
    "server {",
    "server { raft_logstore { backend = wal } }",
    "server { raft_logstore = [ { } ] }",
    "server { raft_logstore { } raft_logstore { } }",
    'server "label" { raft_logstore { backend = "wal" } }',
    "server { raft_logstore { wal { segment_size_mb = 1.5 } } }",
    "server { raft_logstore { disable_log_cache = 2 } }",
    "server { raft_logstore { backend = [] } }",
    "server { raft_logstore = 1 }",
    'raft_logstore { backend = "wal" }',
    "sever raft_boltdb { }",
    "a = 'x'",
    "a = 1;",
    "a.b = {",
    '\ufeffserver { raft_logstore { backend = "wal" } }',
    '{"server": {"raft_logstore": {"backend": "wal"}}}',
    '{"server": [{"raft_logstore": {"backend": "wal"}}]}',
    '{"server": {"server_join": {"retry_join": []}, "raft_logstore": {"backend": "wal"}}}',
    '{"server": {"enabled": true, "raft_logstore": {"wal": {"segment_size_mb": 8}}}}',
    '{"server": {"enabled": true, "raft_logstore": null}}',
    '{"a": 1, // c\n "b": 2}',
    '{"a": tru}',
]
# Nomad lets these pass: it ignores what it does not know, or its parser does by accident.
STRICTER = [
    'server { raft_logstore { backned = "wal" } }',
    "server { raft_logstore { wal { segment_size = 8 } } }",
    '{"server": {"enabled": true}} trailing',
]


def ours(path: Path) -> tuple[Any, Any]:
    """The two blocks in our reading, as flat settings with Go's zero values left out. Raises ConfigError."""
    loaded = config.load([str(path)])
    blocks = [None if one is None else one.values for one in (loaded.logstore, loaded.boltdb)]
    first, second = (one and {name: value for name, value in one.items() if value} for one in blocks)
    return first, second


@pytest.fixture(scope="module")
def agents() -> Iterator[Agents]:
    with Agents() as running:
        yield running


def theirs(agents: Agents, path: Path) -> tuple[Any, Any]:
    """The same in Nomad's reading. Raises Refusal."""
    report = agents.ask([str(path)])
    if report.get("error") or report.get("unexpected"):
        raise Refusal(report.get("error") or report["unexpected"])
    return blocks_of(report)


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "nomad.conf"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_we_accept_nomad_sees_the_same(tmp_path: Path, agents: Agents, text: str) -> None:
    path = write(tmp_path, text)
    assert ours(path) == theirs(agents, path)


@pytest.mark.parametrize("text", REFUSED)
def test_what_nomad_refuses_we_refuse(tmp_path: Path, agents: Agents, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(Refusal):
        theirs(agents, path)
    with pytest.raises(ConfigError) as raised:
        ours(path)
    assert raised.value.line >= 1


@pytest.mark.parametrize("text", STRICTER)
def test_where_we_are_stricter(tmp_path: Path, agents: Agents, text: str) -> None:
    path = write(tmp_path, text)
    theirs(agents, path)
    with pytest.raises(ConfigError):
        ours(path)


@pytest.mark.parametrize("text", [text for text in ACCEPTED if "server" in text.lower()])
def test_after_our_edit_nomad_sees_wal_and_nothing_else_changed(tmp_path: Path, agents: Agents, text: str) -> None:
    path = write(tmp_path, text)
    before = theirs(agents, path)
    changes = change.plan(config.load([str(path)]), WAL)
    change.apply(changes, str(path), backup=False)
    moved = {("boltdb", name[0]): value for name, value in (before[1] or {}).items()}
    assert theirs(agents, path) == ({**moved, **(before[0] or {}), ("backend",): "wal"}, None)
