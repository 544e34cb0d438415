# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Our reading of an agent's configuration against the parser that Nomad pins (judge hcl), before and after our edits.

What we accept, Nomad accepts, and both see the same. What Nomad refuses, we refuse. We refuse more: see STRICTER.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.agent import config, configedit
from ansible_collections.raftops.nomad.plugins.module_utils.agent.errors import ConfigError
from interop.judge import Refusal, judge

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
    'a = <<E\nserver { raft_logstore { backend = "wal" } }\nE\nserver { enabled = true }\n',
    'a = <<-E\n  } {\n  E\nserver { raft_logstore { backend = "wal" } }\n',
    'a = "${ "b { }" }" /* server { */ server { raft_logstore { backend = "wal" } // }\n }',
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
    "server { raft_logstore { backend = <<E\nwal\nE\n } }",
]


def ours(path: Path) -> dict[str, Any]:
    """The two blocks in our reading, as flat settings with Go's zero values left out. Raises ConfigError."""
    loaded = config.load([str(path)])
    values = {
        "logstore": loaded.logstore.values if loaded.logstore else None,
        "boltdb": loaded.boltdb.values if loaded.boltdb else None,
    }
    return {name: None if one is None else {k: v for k, v in one.items() if v} for name, one in values.items()}


# Keys that the judge only reports where a block has come apart; Nomad says "server unexpected keys wal".
LEAKED = {"wal", "boltdb", "verification", "label"}


def theirs(path: Path) -> dict[str, Any]:
    """The same in Nomad's reading. Raises Refusal."""
    server = judge("hcl", path)["server"] or {}
    leaked = LEAKED & set(server.get("unused_keys") or [])
    if leaked:
        raise Refusal(f"server unexpected keys {leaked}")
    return {"logstore": flat(server.get("raft_logstore")), "boltdb": flat(server.get("raft_boltdb"))}


def flat(block: Any) -> Any:
    if block is None:
        return None
    pairs: dict[tuple[str, ...], Any] = {}
    for name, value in block.items():
        if isinstance(value, dict):
            pairs.update({(name, inner): one for inner, one in value.items() if one})
        elif value:
            pairs[(name,)] = value
    return pairs


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "nomad.conf"
    path.write_bytes(text.encode())
    return path


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_we_accept_nomad_sees_the_same(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    assert ours(path) == theirs(path)


@pytest.mark.parametrize("text", REFUSED)
def test_what_nomad_refuses_we_refuse(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(Refusal):
        theirs(path)
    with pytest.raises(ConfigError) as raised:
        ours(path)
    assert raised.value.line >= 1


@pytest.mark.parametrize("text", STRICTER)
def test_where_we_are_stricter(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    theirs(path)
    with pytest.raises(ConfigError):
        ours(path)


@pytest.mark.parametrize("text", [text for text in ACCEPTED if "server" in text.lower()])
def test_after_our_edit_nomad_sees_wal_and_nothing_else_changed(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, text)
    before = theirs(path)
    changes = configedit.plan(config.load([str(path)]), WAL)
    configedit.apply(changes, str(path), backup=False)
    moved = {("boltdb", name[0]): value for name, value in (before["boltdb"] or {}).items()}
    expected = {**moved, **(before["logstore"] or {}), ("backend",): "wal"}
    assert theirs(path) == {"logstore": expected, "boltdb": None}


PIECES = {
    "hcl": {
        "server": ["server {S}", "server = {S}", '"Server" {S}', "server {S} server {S}", "server {S}, client {{ }}"],
        "S": ["{{ {K} }}", "{{\n  enabled = true\n  {K} # c\n}}", "{{ {K}, enabled = 1 }}", "{{\r\n{K}\r\n}}", "{{ }}"],
        "K": [
            "raft_logstore {B}", "raft_logstore = {B}", '"RAFT_LOGSTORE" {B}', "raft_logstore {B} raft_logstore {B}",
            "raft_boltdb {{ no_freelist_sync = true }}", "raft_boltdb {{ }}", "x = <<E\n}}\nE\n raft_logstore {B}",
            "/* c { */ raft_logstore {B}", 'encrypt = "${{a}}"',
        ],
        "B": [
            '{{ backend = "wal" }}', '{{ backend = "boltdb" wal {{ segment_size_mb = 16 }} }}', "{{ }}",
            '{{\n# c\nwal {{ segment_size_mb = "0x20" }}\n}}', "{{ disable_log_cache = true, backend = wal }}",
            '{{ backend = "wal" boltdb {{ no_freelist_sync = 1 }} }}', '{{ verification {{ enabled = "true" }} }}',
            '{{ backend = 1 wal {{ segment_size_mb = 1e3 }} }}',
        ],
    },
    "json": {
        "server": [
            '{{"server": {S}}}', '{{"server": [{S}]}}', '{{"a": 1, "SERVER": {S},}}', '{{"server": [{S}, {S}]}}',
        ],
        "S": [
            '{{{K}}}', '{{"enabled": true, {K}}}', '{{{K}, "enabled": true,}}', '{{"server_join": {{"x": 1}}, {K}}}',
        ],
        "K": [
            '"raft_logstore": {B}', '"raft_logstore": [{B}]', '"Raft_LogStore": [{B}, {B}]',
            '"raft_boltdb": {{"no_freelist_sync": true}}', '"x": null, "raft_logstore": {B}',
        ],
        "B": [
            '{{"backend": "wal"}}', '{{"wal": {{"segment_size_mb": 8}}}}', '{{}}', '{{"backend": null}}',
            '{{"backend": "wal", "wal": [{{"segment_size_mb": "8"}}]}}',
            '{{"boltdb": {{"no_freelist_sync": true}}, "disable_log_cache": 1}}',
        ],
    },
}  # fmt: skip


def generated(chance: random.Random) -> str:
    pieces = PIECES[chance.choice(["hcl", "json"])]

    def expand(name: str) -> str:
        text = chance.choice(pieces[name])
        for inner in ("S", "K", "B"):
            while f"{{{inner}}}" in text:
                text = text.replace(f"{{{inner}}}", f"\0{inner}", 1)
        text = text.replace("{{", "{").replace("}}", "}")
        for inner in ("S", "K", "B"):
            while f"\0{inner}" in text:
                text = text.replace(f"\0{inner}", expand(inner), 1)
        return text

    return expand("server")


def test_generated_configurations_are_read_alike_and_edited_right(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    accepted = edited = 0
    for _try in range(300):
        text = generated(chance)
        path = write(tmp_path, text)
        try:
            judged: Any = theirs(path)
        except Refusal:
            judged = None
        try:
            assert ours(path) == judged, text
        except ConfigError as error:
            if judged is not None:  # an ignored null, or the accident that only the last server block is checked
                assert "must be a string" in str(error) or '"server": [' in text or "second" in str(error), text
            continue
        accepted += 1
        changes = configedit.plan(config.load([str(path)]), WAL)
        configedit.apply(changes, str(path), backup=False)
        after = theirs(path)
        assert after["logstore"][("backend",)] == "wal" and after["boltdb"] is None, text
        edited += bool(changes)
    assert accepted > 80 and edited > 40
