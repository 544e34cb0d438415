# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Generated agents: -config arguments, files and directories, with all that Nomad reads and much that it refuses.

`odd` collects what a case has that Nomad lets pass and the collection refuses on purpose.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from support.agents.choices import Choices
from support.agents.files import BOLTDB, LOGSTORE, Item, Text, render_hcl, render_json

LOADED = ["a.hcl", "nomad.hcl", "b.json", "10-x.hcl", "B.hcl", "é.hcl", "z.json", "_.hcl"]
SKIPPED = ["a.hcl~", ".#b.hcl", "#c.hcl#", "notes.txt", "d.HCL", "e.hcl.bak", "f.conf"]
DECOY = 'server { raft_logstore { backend = "decoy" } }\n'
TEXTS = ['"x"', '"a b"', '"${ "q { }" } {"', '"\\"}\\" \\\\"', '"ü # no"', '<<E\nraft_logstore { } " # x\nE\n']
TEXTS += ['"/* "', '"// ${x}"', "<<-EOF\n  } {\n  EOF\n", '["a", "b # c",]', "[]"]
JSON_TEXTS = ['"x"', '"${ q"', '"} { \\" \\\\ /* "', '"\\u00fc\\n"', "[1, 2.5]", '["a", "b"]', "null", "-3e2", '"ü"']


@dataclass
class Agent:
    """One agent: its files by path relative to a root, links, -config arguments, and the `file` to write to."""

    files: dict[str, Text] = field(default_factory=dict)
    raw: dict[str, bytes] = field(default_factory=dict)  # what stands in for the text where it was damaged
    links: dict[str, str] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    file: str = ""
    odd: set[str] = field(default_factory=set)

    def content(self, name: str) -> bytes:
        return self.raw.get(name, str(self.files[name]).encode())

    def create(self, root: Path) -> list[str]:
        """Write everything below `root`; returns the -config arguments."""
        for name in self.files:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(self.content(name))
        for name, target in self.links.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).symlink_to(root / target)
        for directory in {os.path.dirname(name) for name in [*self.files, *self.links]} - {"elsewhere", ""}:
            for skipped in SKIPPED[:: 1 + len(self.files) % 3]:
                (root / directory / skipped).write_text(DECOY)
            (root / directory / "sub.hcl").mkdir()
        return [str(root / argument) for argument in self.arguments]


def agent(choices: Choices) -> Agent:
    """A whole case."""
    case = Agent()
    for number in range(1 + choices.below(3)):
        if choices.one_in(3):
            name = f"single{number}.{choices.pick(['conf', 'hcl', 'json'])}"
            _file(case, name, choices)
            case.arguments.append(name)
            continue
        for _file_number in range(1 + choices.below(3)):
            _file(case, f"conf{number}.d/{choices.pick(LOADED)}", choices)
        case.arguments.append(f"conf{number}.d" + choices.pick(["", "/", "/../" + f"conf{number}.d"]))
    if choices.one_in(12):
        case.arguments.append(choices.pick(case.arguments))
    if choices.one_in(5):
        case.file = choices.pick([*case.files, "conf0.d/new.hcl", "conf0.d/new.json"])
    if choices.one_in(4):
        name = choices.pick(list(case.files))
        case.raw[name] = _damaged(case.content(name), choices)
    return case


def _file(case: Agent, name: str, choices: Choices) -> None:
    if name in case.files or name in case.links:
        return
    is_json = choices.below(3) == 2
    items = _top(case, choices, is_json)
    text = (render_json if is_json else render_hcl)(items, choices)
    if choices.one_in(10):
        real = f"elsewhere/{len(case.links)}"
        case.files[real], case.links[name] = text, real
    else:
        case.files[name] = text


def _top(case: Agent, choices: Choices, is_json: bool) -> list[Item]:
    texts = JSON_TEXTS if is_json else TEXTS
    items = [_server(case, choices, is_json) for _block in range(choices.pick([0, 1, 1, 1, 1, 2]))]
    if choices.one_in(60):
        items += [Item("server", [Item("enabled", "true")]) for _more in range(5)]
    template = '"{{ GetPrivateIP }}"' if is_json else "<<-E\n  {{ GetPrivateIP }}\n  E\n"
    pool = [
        Item("data_dir", choices.pick(['"/opt/nomad"', '""', '"/d\\u00e4ta"' if is_json else "<<E\n/d ${x}\\n\nE\n"])),
        Item("region", choices.pick(['"eu"', '""', "7"])),
        Item("bind_addr", choices.pick(['"10.0.0.1"', template, '"0.0.0.0"'])),
        Item("leave_on_interrupt", choices.pick(["true", "false", '"1"', "0"])),
        Item("leave_on_terminate", choices.pick(["true", "false", '"TRUE"'])),
        Item("ports", [Item("http", choices.pick(["4646", "5646", '"0x16_26"', "0"]))]),
        Item("addresses", [Item("http", choices.pick(['"10.1.1.1"', '"10.1.1.2 127.0.0.1"', '""']))]),
        Item("tls", [Item("http", choices.pick(["true", "false"])), Item("verify_https_client", "true")]),
        Item("name", choices.pick(texts)),
        Item("log_level", choices.pick(texts)),
        Item("client", [Item("enabled", "true"), Item("meta", [Item("raft", choices.pick(texts))])]),
        Item("telemetry", [Item("prometheus_metrics", "true"), Item("x", choices.pick(texts))]),
    ]
    for item in pool:
        if choices.one_in(4):
            items.insert(choices.below(len(items) + 1), item)
    if choices.one_in(40):
        items.append(Item(choices.pick(["raft_logstore", "raft_boltdb"]), [], LOGSTORE))
    return items


def _server(case: Agent, choices: Choices, is_json: bool) -> Item:
    texts = JSON_TEXTS if is_json else TEXTS
    pool = [
        Item("enabled", choices.pick(["true", "true", "1", "false"])),
        Item("data_dir", choices.pick(['"/srv/raft"', '""'])),
        Item("bootstrap_expect", "3"),
        Item("encrypt", choices.pick([text for text in texts if text[0] in '"<'])),
        Item("retry_join", '["10.0.0.1", "10.0.0.2"]'),
        Item("server_join", [Item("retry_join", '["a"]')]),
        Item("default_scheduler_config", [Item("scheduler_algorithm", '"spread"')]),
    ]
    items = [item for item in pool if choices.one_in(3)]
    for _block in range(choices.pick([0, 0, 1, 1, 1, 1, 1, 2]) if not choices.one_in(3) else 0):
        items.insert(choices.below(len(items) + 1), _logstore(case, choices, is_json))
    if choices.one_in(4):
        value = choices.pick(["true", "false", '"true"', "1", "0"])
        block = Item("raft_boltdb", [Item("no_freelist_sync", value)] if not choices.one_in(5) else [], BOLTDB)
        items.insert(choices.below(len(items) + 1), block)
    if choices.one_in(40) and items:
        items.append(choices.pick(items))  # twice
    server = Item("server", items)
    if is_json and choices.one_in(4):
        server.value = [items, [Item("bootstrap_expect", "1")]] if choices.one_in(4) else [items]
    return server


def _logstore(case: Agent, choices: Choices, is_json: bool) -> Item:
    sizes = ["64", '"32"', "16", "1", "2047"] + ([] if is_json else ["0x40", "010"])
    if choices.one_in(12):
        sizes = ["0", "-1", "2048", "4096", "1.5", '"x"', "null" if is_json else "[]"]
        case.odd.add("size")
    backends = ['"wal"', '"wal"', '"boltdb"', '"boltdb"', '""', '"w\\u0061l"']
    if choices.one_in(15):
        backends = ['"WAL"', "1", "true", "null" if is_json else "<<E\nwal\nE\n", "[]"]
        case.odd.add("backend")
    intervals = ['"5m"', '"1h30m"', '".5s"', '"0"', '""'] if not choices.one_in(8) else ['"5"', '"soon"', '"5 m"', "5"]
    boolean = ["true", "false", "1", '"false"', '"True"']
    pool = [
        Item("backend", choices.pick(backends)),
        Item("backend", choices.pick(backends)),
        Item("boltdb", [Item("no_freelist_sync", choices.pick(boolean))]),
        Item("wal", [Item("segment_size_mb", choices.pick(sizes))] if not choices.one_in(5) else []),
        Item("wal", [Item("segment_size_mb", choices.pick(sizes))]),
        Item("disable_log_cache", choices.pick(boolean)),
        Item("verification", [Item("enabled", choices.pick(boolean)), Item("interval", choices.pick(intervals))]),
    ]
    chances = [1, 12, 4, 3, 12, 4, 4]
    items = [item for item, chance in zip(pool, chances) if choices.one_in(chance)]
    if choices.one_in(15):
        items.insert(0, Item(choices.pick(["backned", "segment_size_mb", "wall", "no_freelist_sync"]), "1"))
        case.odd.add("typo")
    as_list = is_json and choices.one_in(2)
    return Item("raft_logstore", [items] if as_list else items, LOGSTORE)


ALPHABET = [
    *'{}[]=,:"\\$#/*<-\n\r \t.01ex\0',
    "\r\n",
    "<<E\n",
    "\nE\n",
    "${",
    "/*",
    "*/",
    "ä",
    "\ufeff",
    "server {",
    "wal",
]


def _damaged(content: bytes, choices: Choices) -> bytes:
    """The file with one to three bytes or marks removed, put in, or repeated."""
    for _change in range(1 + choices.below(3)):
        at = choices.below(len(content) + 1)
        how = choices.below(4)
        new = choices.pick(ALPHABET).encode() if how < 2 else content[at : at + 1 + choices.below(9)] * (how == 3)
        content = content[:at] + new + content[at + (how % 2 if how < 3 else 0) + (how == 2) :]
    return content


def described(case: Agent, tape: list[int]) -> str:
    """The case for a person who has to find out what is wrong."""
    files = "".join(f"--- {name}\n{case.content(name)!r}\n" for name in case.files)
    links = json.dumps(case.links, ensure_ascii=False)
    return f"arguments {case.arguments} file {case.file!r} links {links}\n{files}tape {tape}"
