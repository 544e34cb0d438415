# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plans the changes that give an agent's configuration the wanted log store, and proves them before they are written.

The block that wins is edited in its file; if there is none, it goes to a file of its own. The deprecated raft_boltdb
moves into it, because Nomad refuses to start with both. The file with the block comes first among the
changes: a run that dies between two of them leaves both blocks, which the agent refuses, and no setting is lost.
Computes only; writing is up to the caller.
"""

from __future__ import annotations

import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from ..errors import ConfigError
from . import files
from .blocks import LOGSTORE_SCHEMA, NO_FREELIST_SYNC, RAFT_BOLTDB, RAFT_LOGSTORE, Path, objects, read
from .edit import add_item, remove_item, set_value
from .hcl import Document, Object, named, parse
from .load import DEFAULT_BACKEND, Configuration, agent_settings, check, load

DROP_IN = "raft_logstore.hcl"


class Change(NamedTuple):
    """One file's new content; `before` is None for a file that does not exist yet."""

    path: str
    before: Optional[bytes]
    after: bytes


def plan(found: Configuration, wanted: Dict[Path, Any], file: str = "") -> List[Change]:
    """The changes after which `wanted` (settings of the block by path, `backend` among them) is in effect.

    Raises ConfigError if that is impossible. The result is already proven, see `prove`.
    """
    wanted = dict(wanted)
    if found.logstore is None and wanted == {("backend",): DEFAULT_BACKEND}:
        return []  # in effect without any block, and raft_boltdb may stay
    if _is_default(found, wanted):
        del wanted[("backend",)]
    if found.boltdb is not None and found.value(NO_FREELIST_SYNC) is None:
        moved = found.boltdb.values.get(("no_freelist_sync",))
        wanted.update({NO_FREELIST_SYNC: True} if moved else {})
    target = found.logstore.document if found.logstore else _target(found, file)
    edited = _without_boltdb(_with_block(target, wanted))
    after = {edited.path: edited.source}
    done = {os.path.realpath(edited.path)}
    for document in found.documents:
        real = os.path.realpath(document.path)
        if real not in done:
            after[document.path] = _without_boltdb(document).source
        done.add(real)
    before = {document.path: document.source for document in found.documents}
    changes = [Change(path, before.get(path), new) for path, new in after.items() if before.get(path) != new]
    prove(found, load(found.paths, after), wanted)
    return changes


def _is_default(found: Configuration, wanted: Dict[Path, Any]) -> bool:
    """Whether the block need not name the backend: it names none, and everything wanted is already in effect."""
    if found.logstore is None or wanted[("backend",)] != DEFAULT_BACKEND or found.value(("backend",)):
        return False
    return all(found.value(path) == value for path, value in wanted.items() if path != ("backend",))


def prove(before: Configuration, after: Configuration, wanted: Dict[Path, Any]) -> None:
    """Raise ConfigError unless the wanted settings are in effect and no others have changed."""
    check(after)
    expected = dict(before.logstore.values if before.logstore else {})
    expected.update(wanted)
    have = after.logstore.values if after.logstore else {}
    if after.logstore is None and wanted == {("backend",): DEFAULT_BACKEND}:
        return
    if have != expected or agent_settings(before) != agent_settings(after):
        path = after.logstore.document.path if after.logstore else ""
        hint = "Nothing was written. Look at this file: another one may override it."
        raise ConfigError("the change would not have the wanted effect", path, hint=hint)


def _target(found: Configuration, file: str) -> Document:
    """The document for a new block: `file`, or a drop-in in the directory chosen, or the file with the server block."""
    holder = _with_server(found)  # a configuration without a server is not ours to extend
    folders = directories(found)
    if not file and not folders:
        return holder
    path = os.path.normpath(file or os.path.join(files.choose_directory(folders), DROP_IN))
    for document in found.documents:
        if document.path == path:
            return document
    name = os.path.basename(path)
    if os.path.dirname(path) not in folders or not files.is_loaded_name(name):
        raise ConfigError("the agent does not load this file", path, hint="Put it into a directory that is in path.")
    return parse(b"{\n}\n" if name.endswith(".json") else b"", path)


def directories(found: Configuration) -> List[str]:
    """Those of the -config arguments that are directories, in order."""
    return [os.path.normpath(path) for path in found.paths if os.path.isdir(path)]


def _with_server(found: Configuration) -> Document:
    holders = [document for document in found.documents if objects(document, document.root, "server")]
    if not holders:
        what = "no file of the agent has a server block"
        raise ConfigError(what, ", ".join(found.paths), hint="Check path: it must name all -config arguments.")
    return holders[-1]


def owner_model(found: Configuration) -> str:
    """The file whose owner, mode and label a new file takes over: the last one with a server block."""
    return _with_server(found).path


def _blocks(document: Document) -> List[Object]:
    servers = objects(document, document.root, "server")
    return [block for server in servers for block in objects(document, server, RAFT_LOGSTORE)]


def _with_block(document: Document, wanted: Dict[Path, Any]) -> Document:
    if not _blocks(document):
        return _add_block(document, _nested(wanted))
    for path, value in wanted.items():
        document = _with_setting(document, path, value)
    return document


def _nested(wanted: Dict[Path, Any]) -> Dict[str, Any]:
    """The settings as a block, in the order in which Nomad documents them."""
    block: Dict[str, Any] = {}
    for name in LOGSTORE_SCHEMA:
        for path in sorted(wanted):
            if path == (name,):
                block[name] = wanted[path]
            elif path[0] == name:
                block.setdefault(name, {})[path[1]] = wanted[path]
    return block


def _add_block(document: Document, block: Dict[str, Any]) -> Document:
    servers = objects(document, document.root, "server")
    if not servers:
        return add_item(document, document.root, "server", {RAFT_LOGSTORE: [block] if document.json else block})
    # In JSON, Nomad does not take an object of nothing but objects for a block, but it takes a list of one object.
    staying = [item.value for item in servers[-1].items if item.name != RAFT_BOLTDB]
    only_objects = all(isinstance(value, Object) for value in staying)
    return add_item(document, servers[-1], RAFT_LOGSTORE, block, as_list=only_objects)


def _with_setting(document: Document, path: Path, value: Any) -> Document:
    blocks = _blocks(document)
    present = read(document, blocks, LOGSTORE_SCHEMA).get(path)
    if present is not None:
        return document if present.value == value else set_value(document, present.token, value)
    if len(path) == 1:
        return add_item(document, blocks[-1], path[0], value)
    inner = [one for block in blocks for one in objects(document, block, path[0])]
    if inner:
        return add_item(document, inner[-1], path[1], value)
    return add_item(document, blocks[-1], path[0], {path[1]: value})


def _without_boltdb(document: Document) -> Document:
    while True:
        servers = objects(document, document.root, "server")
        items = [item for server in servers for item in named(server, RAFT_BOLTDB)]
        if not items:
            return document
        document = remove_item(document, items[0])


def apply(changes: Sequence[Change], like: str, backup: bool) -> List[str]:
    """Write the changes in order; returns the copies that were kept. Raises ConfigError or StoreError."""
    kept = [files.write(change.path, change.before, change.after, like, backup) for change in changes]
    return [path for path in kept if path is not None]
