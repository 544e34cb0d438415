# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent with given -config arguments loads, and what of it wins (Nomad's command/agent/config.go, Merge).

Files are merged in order. A later raft_logstore block replaces an earlier one as a whole, and so does raft_boltdb;
both together are refused at start. Elsewhere the last value that is not empty wins, and nothing takes a `true` back.
Settings given on the agent's command line are not seen here. Changes nothing.
"""

from __future__ import annotations

import os
import posixpath
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from . import files
from .blocks import (
    BOLTDB,
    BOLTDB_SCHEMA,
    BOOL,
    INTEGER,
    LOGSTORE,
    LOGSTORE_SCHEMA,
    STRING,
    Path,
    Setting,
    objects,
    read,
    setting,
)
from .errors import ConfigError
from .hcl import Document, Object, parse, text_of

BACKENDS = ("boltdb", "wal")
DEFAULT_BACKEND = "boltdb"
SEGMENT_SIZES_MB = (1, 2047)  # 2048 and more exceed what raft-wal can address (fs/fs.go); 0 and less mean 64 to Nomad
DEFAULT_HTTP_PORT = 4646


class Block(NamedTuple):
    """The raft_logstore or raft_boltdb block that wins: its file and its settings."""

    document: Document
    settings: Dict[Path, Setting]

    @property
    def values(self) -> Dict[Path, Any]:
        """The settings without their places."""
        return {path: found.value for path, found in self.settings.items()}


class Configuration(NamedTuple):
    """All files of an agent, in order, and the two blocks that decide its log store."""

    paths: Tuple[str, ...]
    documents: Tuple[Document, ...]
    logstore: Optional[Block]
    boltdb: Optional[Block]

    def value(self, path: Path) -> Any:
        """A setting of the raft_logstore block in effect, None when it is not there."""
        return self.logstore.values.get(path) if self.logstore else None

    @property
    def backend(self) -> str:
        """The backend as written; the default when nothing is."""
        return str(self.value(("backend",)) or DEFAULT_BACKEND)


def load(paths: Sequence[str], overlay: Optional[Mapping[str, bytes]] = None) -> Configuration:
    """Read and merge the files. `overlay` replaces the content of some, or adds files that do not exist yet.

    Raises ConfigError for what Nomad refuses and for what it ignores inside the two blocks; StoreError when a file
    cannot be read.
    """
    overlay = overlay or {}
    documents = [parse(overlay[path] if path in overlay else files.read(path), path) for path in _all(paths, overlay)]
    logstore = boltdb = None
    for document in documents:
        _refuse_misplaced(document)
        logstore = _block(document, LOGSTORE, LOGSTORE_SCHEMA) or logstore
        boltdb = _block(document, BOLTDB, BOLTDB_SCHEMA) or boltdb
    return Configuration(tuple(paths), tuple(documents), logstore, boltdb)


def _all(paths: Sequence[str], overlay: Mapping[str, bytes]) -> List[str]:
    """As files.list_files, with the new files of the overlay at their places."""
    found: List[str] = []
    for path in paths:
        listed = files.list_files([path])
        new = [name for name in overlay if name not in listed and os.path.dirname(name) == os.path.normpath(path)]
        found += sorted([*listed, *new], key=os.fsencode)
    return found


def _refuse_misplaced(document: Document) -> None:
    """Raise ConfigError for one of the blocks outside of a server block, where Nomad refuses it."""
    servers = objects(document, document.root, "server")
    for parent, first in [(document.root, 0), *((server, 1) for server in servers)]:
        for item in parent.items:
            for key in item.keys[first:]:
                if text_of(key).casefold() in (LOGSTORE, BOLTDB):
                    raise document.error(key.off, f"Nomad takes {text_of(key)} only directly inside a server block")


def _block(document: Document, name: str, schema: Mapping[str, Any]) -> Optional[Block]:
    """The block in this file, merged where several `server` blocks have one. Raises ConfigError when one has two."""
    blocks: List[Object] = []
    for server in objects(document, document.root, "server"):
        found = objects(document, server, name)
        if len(found) > 1:
            raise document.error(found[1].off, f"Nomad refuses a second {name} block in one server block")
        blocks += found
    return Block(document, read(document, blocks, schema)) if blocks else None


def check(configuration: Configuration) -> None:
    """Raise ConfigError for what makes Nomad refuse to start on this log store, or breaks it later."""
    logstore = configuration.logstore
    if logstore is None:
        return
    if configuration.boltdb is not None:
        path = configuration.boltdb.document.path
        hint = "Move no_freelist_sync into the boltdb block of raft_logstore."
        raise ConfigError("Nomad refuses to start with both raft_boltdb and raft_logstore", path, hint=hint)
    backend = logstore.settings.get(("backend",))
    if backend and backend.value not in (*BACKENDS, ""):
        what = f"Nomad knows no backend {backend.value!r}"
        raise logstore.document.error(backend.token.off, what, "It knows boltdb and wal, in lower case.")
    size = logstore.settings.get(("wal", "segment_size_mb"))
    least, most = SEGMENT_SIZES_MB
    if size and not least <= int(size.value) <= most:
        what = f"segment_size_mb {size.value} breaks the log; it must be from {least} to {most}"
        raise logstore.document.error(size.token.off, what)


def effective_backend(paths: Sequence[str]) -> str:
    """The backend ("boltdb" or "wal") on which an agent with these -config arguments would start, read from disk now.

    Raises ConfigError or StoreError when it would not start, or when that cannot be told.
    """
    configuration = load(paths)
    check(configuration)
    return configuration.backend


def agent_settings(configuration: Configuration) -> Dict[str, Any]:
    """The settings that tell where the agent's data and API are, and how it stops. As the module's `agent` result."""
    top = _Last(configuration.documents, ())
    server, tls = _Last(configuration.documents, ("server",)), _Last(configuration.documents, ("tls",))
    data_dir, server_dir = top.text("data_dir"), server.text("data_dir")
    server_dir = server_dir or (posixpath.join(data_dir, "server") if data_dir else "")
    http_host = _Last(configuration.documents, ("addresses",)).text("http") or top.text("bind_addr")
    return {
        "data_dir": data_dir,
        "raft_dir": posixpath.join(server_dir, "raft") if server_dir else "",
        "server": server.flag("enabled"),
        "http_host": _reachable(http_host),
        "http_port": _Last(configuration.documents, ("ports",)).number("http") or DEFAULT_HTTP_PORT,
        "use_ssl": tls.flag("http"),
        "verify_https_client": tls.flag("verify_https_client"),
        "region": top.text("region") or "global",
        "leave_on_interrupt": top.flag("leave_on_interrupt"),
        "leave_on_terminate": top.flag("leave_on_terminate"),
    }


def _reachable(address: str) -> str:
    """Where a listener at this address can be asked from the same host; "" for a template that only Nomad computes."""
    if "{{" in address:
        return ""
    first = address.split()[0] if address.split() else ""
    return "127.0.0.1" if first in ("", "0.0.0.0", "::", "[::]") else first.strip("[]")


class _Last:
    """The last value that counts, over all files, of keys at the top or in blocks of one name."""

    def __init__(self, documents: Sequence[Document], block: Sequence[str]) -> None:
        self._parents = []
        for document in documents:
            parents = [document.root]
            for name in block:
                parents = [inner for parent in parents for inner in objects(document, parent, name)]
            self._parents.append((document, parents))

    def _values(self, name: str, kind: str) -> List[Any]:
        found = [setting(document, parents, name, kind) for document, parents in self._parents]
        return [one.value for one in found if one is not None and one.value]

    def text(self, name: str) -> str:
        """The last string that is not empty."""
        return str(["", *self._values(name, STRING)][-1])

    def number(self, name: str) -> int:
        """The last number that is not 0."""
        return int([0, *self._values(name, INTEGER)][-1])

    def flag(self, name: str) -> bool:
        """Whether it is true anywhere."""
        return bool(self._values(name, BOOL))
