# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One generated agent held against Nomad's parser and merge rules, as read, and after each of several edits.

What we accept, Nomad accepts and sees the same. What Nomad refuses, we refuse, or leave refused. After an edit Nomad
sees what was wanted and everything else as before, and every byte outside the two blocks is what it was.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections import Counter
from pathlib import Path
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import change
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config import load as config
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from support.agents.cases import Agent
from support.agents.choices import Choices
from support.agents.files import BOLTDB, LOGSTORE, Text
from support.stores.judge import Agents

Settings = dict[tuple[str, ...], Any]

TO_WAL: Settings = {("backend",): "wal"}
TO_BOLTDB: Settings = {("backend",): "boltdb"}
OPTIONS: Settings = {
    ("wal", "segment_size_mb"): 128,
    ("disable_log_cache",): True,
    ("verification", "enabled"): True,
    ("verification", "interval"): "1m",
}
# What may stop an edit of a configuration that can be read, each with what must then be so.
STOPS = {
    "no file of the agent has a server block": "server",
    "the agent does not load this file": "file",
    "breaks the log": "size",
    "an object of nothing but objects": "json",
    "cannot read the interval": "interval",
}


def flat(block: Any) -> Settings | None:
    """A block of the judge as settings by path, without Go's zero values; None for no block."""
    if block is None:
        return None
    pairs: Settings = {}
    for name, value in block.items():
        inner = {(name, key): one for key, one in value.items()} if isinstance(value, dict) else {(name,): value}
        pairs.update({path: one for path, one in inner.items() if one})
    return pairs


def blocks_of(report: dict[str, Any]) -> tuple[Settings | None, Settings | None]:
    server = report["config"]["server"]
    return flat(server["raft_logstore"]), flat(server["raft_boltdb"])


def other_settings(report: dict[str, Any]) -> dict[str, Any]:
    """All that the judge decodes but for the two blocks."""
    found = dict(report["config"])
    found["server"] = {**found["server"], "raft_logstore": None, "raft_boltdb": None}
    return found


class Examination:
    """Of one case, in a directory of its own."""

    def __init__(self, case: Agent, root: Path, agents: Agents, choices: Choices) -> None:
        self.case, self.root, self.agents, self.choices = case, root, agents, choices
        self.paths = case.create(root)
        self.file = str(root / case.file) if case.file else ""
        self.counts: Counter[str] = Counter()
        self.original = {name: case.content(name) for name in case.files}

    def run(self) -> Counter[str]:
        report = self.agents.ask(self.paths)
        try:
            loaded = config.load(self.paths)
            settings = config.agent_settings(loaded)
        except (ConfigError, StoreError) as error:
            self.refused(report, error)
            return self.counts
        self.accepted(report, loaded, settings)
        self.edited()
        return self.counts

    def refused(self, report: dict[str, Any], error: Exception) -> None:
        assert str(self.root) in str(error), f"no file in: {error}"
        assert isinstance(error, StoreError) or (error.line >= 1 and error.column >= 1), f"no place in: {error}"
        is_fine = not report.get("error") and not report.get("unexpected")
        self.counts["refused by us alone" if is_fine else "refused by both"] += 1
        is_damaged = bool(self.case.raw)
        assert not is_fine or is_damaged or report.get("ignored") or self.case.odd, f"Nomad takes this: {error}"

    def accepted(self, report: dict[str, Any], loaded: config.Configuration, settings: dict[str, Any]) -> None:
        self.counts["accepted"] += 1
        assert not report.get("error"), f"Nomad refuses this: {report['error']}"
        ours = "raft_logstore|raft_boltdb|wal|boltdb|verification|backend|server"
        twice = "enabled|data_dir|server_join|retry_join"
        of_ours = re.compile(rf"unexpected keys ({ours})$|server unexpected keys ({twice})$", re.I)
        leaks = [line for line in report.get("unexpected", []) if of_ours.search(line)]
        assert not leaks, f"Nomad refuses this: {leaks}"
        assert not report.get("ignored"), f"Nomad ignores {report['ignored']}"
        assert [document.path for document in loaded.documents] == report["files"]
        mine = [
            None if one is None else {k: v for k, v in one.values.items() if v}
            for one in (loaded.logstore, loaded.boltdb)
        ]
        assert tuple(mine) == blocks_of(report)
        assert settings == expected_settings(report)
        size = loaded.value(("wal", "segment_size_mb"))
        starts = not report.get("start_error") and (size is None or 1 <= size <= 2047)
        try:
            backend = config.effective_backend(self.paths)
            assert starts, f"Nomad would not start, or not for long: {report.get('start_error')} {size}"
            assert backend == report["store"]["backend"]
        except ConfigError as error:
            assert not starts, f"Nomad would start: {error}"

    def edited(self) -> None:
        """There and back and there again, or there with options."""
        plain = self.choices.below(3) < 2
        states = []
        for wanted in [TO_WAL, TO_BOLTDB, TO_WAL] if plain else [self.options(TO_WAL), self.options(TO_BOLTDB)]:
            if not self.edit(wanted):
                return
            states.append(self.contents())
        respelt = any(b"u0061" in content for content in self.original.values())
        assert not plain or respelt or states[0] == states[2], "there and back and there is not there"

    def options(self, backend: Settings) -> Settings:
        return {**backend, **{path: value for path, value in OPTIONS.items() if self.choices.below(2)}}

    def contents(self) -> dict[str, bytes]:
        """All files that are there, by path below the root, decoys and links included."""
        found = (Path(folder) / name for folder, _folders, names in os.walk(self.root) for name in names)
        return {str(path.relative_to(self.root)): path.read_bytes() for path in found}

    def edit(self, wanted: Settings) -> bool:
        before, old = self.agents.ask(self.paths), self.contents()
        found = config.load(self.paths)
        try:
            changes = change.plan(found, wanted, self.file)
        except ConfigError as error:
            self.stopped(error, old)
            return False
        change.apply(changes, change.owner_model(found) if changes else "", backup=False)
        self.counts["edited" if changes else "nothing to do"] += 1
        after, new = self.agents.ask(self.paths), self.contents()
        self.meaning(before, after, wanted)
        names = {os.path.relpath(os.path.realpath(made.path), self.root) for made in changes}
        names |= {name for name, target in self.case.links.items() if target in names}
        assert {name for name in new if new[name] != old.get(name)} == names
        assert change.plan(config.load(self.paths), wanted, self.file) == [], "a second run finds something to do"
        winner = os.path.realpath(found.logstore.document.path) if found.logstore else ""
        for name in names & set(self.original):
            if old[name] == str(self.case.files[name]).encode():  # neither damaged nor edited before
                bytes_kept(self.case.files[name], new[name].decode(), winner == str(self.root / name))
        return True

    def stopped(self, error: ConfigError, old: dict[str, bytes]) -> None:
        reason = next((reason for words, reason in STOPS.items() if words in str(error)), "")
        texts = b"\n".join(self.original.values())
        may_be = {
            "server": b"server" not in texts.lower(),
            "file": bool(self.case.file),
            "size": "size" in self.case.odd,
            "json": b"raft_boltdb" in texts.lower(),  # its removal leaves objects only
            "interval": b'"5' in texts or b"soon" in texts or b"interval" in texts.lower(),
        }
        self.counts[f"not edited: {reason}"] += 1
        assert reason and (may_be[reason] or self.case.raw), f"not edited: {error}"
        assert self.contents() == old

    def meaning(self, before: dict[str, Any], after: dict[str, Any], wanted: Settings) -> None:
        """Nomad sees the wanted, and everything else as before."""
        assert not after.get("error"), f"Nomad refuses what we wrote: {after['error']}"
        assert sorted(after.get("unexpected", [])) == sorted(before.get("unexpected", []))
        assert not after.get("start_error"), f"Nomad would not start: {after['start_error']}"
        assert other_settings(after) == other_settings(before)
        new_files = [name for name in after["files"] if name not in before["files"]]
        assert len(set(new_files)) <= 1 and [n for n in after["files"] if n not in new_files] == before["files"]
        logstore, boltdb = blocks_of(before)
        if logstore is None and wanted == TO_BOLTDB:
            assert blocks_of(after) == (logstore, boltdb)
            return
        expected = {**(logstore or {}), **wanted}
        frees = ("boltdb", "no_freelist_sync")
        if boltdb and boltdb.get(("no_freelist_sync",)):
            expected[frees] = True
        have, conflict = blocks_of(after)[0] or {}, bool(before.get("start_error")) and boltdb is not None
        if logstore is not None and conflict:  # an explicit false in the new block wins; the judge cannot tell
            expected.pop(frees, None)
            have.pop(frees, None)
        if wanted[("backend",)] == "boltdb" and ("backend",) not in have:
            expected.pop(("backend",))
        assert blocks_of(after)[1] is None and have == {path: value for path, value in expected.items() if value}


def expected_settings(report: dict[str, Any]) -> dict[str, Any]:
    """The module's `agent` result as it follows from the judge's reading."""
    read = report["config"]
    server, tls, ports = read["server"], read["tls"] or {}, read["ports"] or {}
    directory = server["data_dir"] or (posixpath.join(read["data_dir"], "server") if read["data_dir"] else "")
    return {
        "data_dir": read["data_dir"],
        "raft_dir": posixpath.join(directory, "raft") if directory else "",
        "server": server["enabled"],
        "http_host": config._reachable((read["addresses"] or {}).get("http") or read["bind_addr"]),
        "http_port": ports.get("http") or 4646,
        "use_ssl": tls.get("http", False),
        "verify_https_client": tls.get("verify_https_client", False),
        "region": read["region"] or "global",
        "leave_on_interrupt": read["leave_on_interrupt"],
        "leave_on_terminate": read["leave_on_terminate"],
    }


BLANKS = " \t\r\n,"


def bytes_kept(old: Text, new: str, is_winner: bool) -> None:
    """Every byte of the file outside the two blocks is where it was, and so are the comments in raft_logstore."""
    if "\n" in str(old) and not re.search(r"(?<!\r)\n", str(old)):
        assert not re.search(r"(?<!\r)\n", new), "line ends are mixed now"
    comments = re.compile(r"c\d+;")
    staying = "".join(text for kind, text in old.pieces if kind != BOLTDB)
    assert comments.findall(new) == comments.findall(staying)
    if LOGSTORE not in old.kinds or not is_winner:
        if BOLTDB in old.kinds:
            staying, new = (re.sub(r"[\s,]", "", text) for text in (staying, new))
        assert is_one_insertion(staying, new), "bytes outside the blocks have changed"
        return
    pattern, cut = "", False
    for place, (kind, text) in enumerate(old.pieces):
        if kind == BOLTDB:
            pattern, cut = pattern + f"[{BLANKS}]*", True
            continue
        text = text.lstrip(BLANKS) if cut else text
        cut = False
        if old.kinds[place + 1 : place + 2] == [BOLTDB]:
            text = text.rstrip(BLANKS)
        pattern += r"(?s:.*?)" if kind == LOGSTORE else re.escape(text)
    assert re.fullmatch(pattern, new), "bytes outside the blocks have changed"


def is_one_insertion(old: str, new: str) -> bool:
    """Whether `new` is `old` with one piece put in, or with none."""
    start = next((at for at, (one, other) in enumerate(zip(old, new)) if one != other), min(len(old), len(new)))
    return len(new) >= len(old) and new.endswith(old[start:])
