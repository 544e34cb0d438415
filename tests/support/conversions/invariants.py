# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a Raft directory whatever has happened to a run.

`nomad_start` of the unit tests is Nomad's start-up rule, written once: it is held to the lab server by the tests here
that start one, and the lab server to recordings of Nomad 2.0.5.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any, Callable, NamedTuple

from support.conversions import conversion
from support.conversions.conversion import End
from support.conversions.situations import UID, Template
from support.stores import judge, ours
from support.stores.builder import nomad_start
from support.stores.judge import Content

CONFIGURATIONS = {"wal": "wal", "boltdb": "boltdb", "none": "boltdb"}  # without a block Nomad takes boltdb
_STAMP = r"\d{8}-\d{6}(-\d)?"
_NAMES = r"raft\.db|wal|snapshots|\.raft-migrate\.json"
PLAIN_NAMES = re.compile(rf"{_NAMES}|(raft\.db|wal)\.migrated\.{_STAMP}")
FINAL_NAMES = re.compile(rf"{_NAMES}|(raft\.db|wal)\.(migrated|superseded)\.{_STAMP}")

_digests: dict[str, Content] = {}


class Before(NamedTuple):
    """What was found: what Nomad would open with each configuration, and the bytes of every store."""

    opens: dict[str, str]
    contents: dict[str, Content]
    stores: set[str]


def before(template: Template) -> Before:
    opens = starts(template.raft)
    names = {name for name in opens.values() if name in ("raft.db", "wal")}
    contents = {name: digest(template.raft / name) for name in names}
    return Before(opens, contents, set(fingerprints(template.raft)))


def starts(raft: Path) -> dict[str, str]:
    """For each configuration the store that Nomad opens, `refuses`, or EMPTY."""
    return {name: nomad_start(raft, backend) for name, backend in CONFIGURATIONS.items()}


def fingerprints(raft: Path) -> list[str]:
    """One hash over all bytes of each store in the directory: of raft.db and of wal/, by whatever name."""
    found = []
    for path in sorted(raft.iterdir()):
        if not path.name.startswith(("raft.db", "wal")) or ".partial" in path.name or path.is_symlink():
            continue
        found.append(fingerprint(path))
    return found


def fingerprint(store: Path) -> str:
    hashed = hashlib.sha256()
    for file in sorted(store.iterdir()) if store.is_dir() else [store]:
        hashed.update(file.name.encode() if store.is_dir() else b"")
        hashed.update(file.read_bytes())
    return hashed.hexdigest()


def digest(store: Path) -> Content:
    """What is in a store; the same bytes are decoded only once."""
    key = fingerprint(store)
    if key not in _digests:
        _digests[key] = ours.digest(store)
    return _digests[key]


def intact(raft: Path, template: Template, found: Before) -> str:
    """The store that counts now. Every store is there unchanged; whatever Nomad starts on has everything.

    A configuration that was dangerous before (a WAL without its guard, an old raft.db put back by hand) may still
    be so, but no other may have become so.
    """
    missing = found.stores - set(fingerprints(raft))
    assert not missing, f"an old store is gone or changed: {sorted(os.listdir(raft))}"
    opened = set()
    for configuration, name in starts(raft).items():
        if name == "refuses" or name == found.opens[configuration] == "EMPTY":
            continue
        assert name != "EMPTY", f"{configuration} starts empty: {sorted(os.listdir(raft))}"
        content = digest(raft / name)
        if content != template.expected:
            assert name == found.opens[configuration] and content == found.contents[name], (configuration, name)
        opened.add(name)
    if template.situation.strict:
        assert len(opened) == 1, f"Nomad can start on {opened}: {sorted(os.listdir(raft))}"
        return opened.pop()
    complete_ones = [name for name in ("wal", "raft.db") if _has(raft / name, template.expected)]
    assert complete_ones, f"no store is complete: {sorted(os.listdir(raft))}"
    return complete_ones[0]


def _has(store: Path, expected: Content) -> bool:
    return store.exists() and digest(store) == expected


def complete(
    raft: Path,
    *,
    backend: str,
    expected: Content,
    clean: bool,
    by_judge: bool,
    run: Callable[..., End] = conversion.run,
    **options: Any,
) -> None:
    """The same command, once more: everything is there on the backend wanted, and nothing half made or in the way.

    `clean`: nothing had to be moved aside either. `by_judge`: HashiCorp's libraries read it, too. A further run has
    nothing to do.
    """
    end = run(raft, backend=backend, **options)
    assert end.succeeded, end.error
    name = "wal" if backend == "wal" else "raft.db"
    assert digest(raft / name) == expected
    assert starts(raft) == {
        configuration: name if wanted == backend else "refuses" for configuration, wanted in CONFIGURATIONS.items()
    }
    names = PLAIN_NAMES if clean else FINAL_NAMES
    assert [other for other in os.listdir(raft) if not names.fullmatch(other)] == []
    again = run(raft, backend=backend, **options)
    assert again.outcome is not None and not again.outcome["changed"], again
    owned(raft / name)
    if by_judge:
        assert judge.digest(raft / name) == expected


def owned(store: Path) -> None:
    """The owner is that of the old store."""
    for path in [store, *(store.iterdir() if store.is_dir() else ())]:
        status = path.stat()
        assert (status.st_uid, status.st_gid) == (UID, UID), path
