# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent with given -config arguments loads, and which settings win (Nomad's command/agent/config.go, Merge).

Files are merged in order. A later raft_logstore block replaces an earlier one as a whole, and so does raft_boltdb;
both together are refused at start. Elsewhere the last value that is not empty wins, and nothing takes a `true` back.
Does not see settings given on the agent's command line. Changes nothing.
"""

from __future__ import annotations

import os
import posixpath
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..._disk.segmentsize import SEGMENT_MIB, SEGMENT_SIZES
from ..errors import ConfigError
from . import files
from .blocks import (
    BOLTDB,
    BOLTDB_SCHEMA,
    BOOL,
    INTEGER,
    LOGSTORE_SCHEMA,
    RAFT_BOLTDB,
    RAFT_LOGSTORE,
    SEGMENT_SIZE,
    SERVER,
    STRING,
    WAL,
    Path,
    Setting,
    objects,
    setting,
)
from .duration import is_duration
from .hcl import Document, parse
from .serverblocks import Block, block

BACKENDS = (BOLTDB, WAL)
DEFAULT_BACKEND = BOLTDB
DEFAULT_HTTP_PORT = 4646


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
        """The backend as written; the default if none is."""
        return str(self.value(("backend",)) or DEFAULT_BACKEND)

    @property
    def segment_mb(self) -> Optional[int]:
        """The segment size in MB as written, None if none is."""
        size: Optional[int] = self.value(SEGMENT_SIZE)
        return size


def load(paths: Sequence[str], overlay: Optional[Mapping[str, bytes]] = None) -> Configuration:
    """Read and merge the files. `overlay` replaces the content of some, or adds files that do not exist yet.

    Raises ConfigError for what Nomad refuses and for what it ignores inside the two blocks; StoreError when a file
    cannot be read.
    """
    overlay = overlay or {}
    new = {os.path.realpath(path): content for path, content in overlay.items()}  # a file may be loaded by two names
    documents = []
    for path in _all(paths, overlay):
        content = new.get(os.path.realpath(path))
        documents.append(parse(files.read(path) if content is None else content, path))
    logstore = boltdb = None
    for document in documents:
        logstore = block(document, RAFT_LOGSTORE, LOGSTORE_SCHEMA) or logstore
        boltdb = block(document, RAFT_BOLTDB, BOLTDB_SCHEMA) or boltdb
    return Configuration(tuple(paths), tuple(documents), logstore, boltdb)


def _all(paths: Sequence[str], overlay: Mapping[str, bytes]) -> List[str]:
    """As files.list_files, with the new files of the overlay at their places."""
    found: List[str] = []
    for path in paths:
        listed = files.list_files([path])
        new = [name for name in overlay if name not in listed and os.path.dirname(name) == os.path.normpath(path)]
        found += sorted([*listed, *new], key=os.fsencode)
    return found


def check(configuration: Configuration) -> None:
    """Raise ConfigError for anything that makes Nomad refuse to start on this log store, or breaks it later."""
    _check_addresses(configuration)
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
    size = logstore.settings.get(SEGMENT_SIZE)
    if size and int(size.value) not in SEGMENT_MIB:
        what = f"segment_size_mb {size.value} breaks the log; it must be from {SEGMENT_SIZES}"
        raise logstore.document.error(size.token.off, what)
    interval = logstore.settings.get(("verification", "interval"))
    if interval and interval.value and not is_duration(str(interval.value)):
        what = f"Nomad cannot read the interval {interval.value!r} and would not start"
        raise logstore.document.error(interval.token.off, what, "A duration is written like 5m or 1h30m.")


def _check_addresses(configuration: Configuration) -> None:
    """`nomad config validate` lets these pass, and the agent then fails. bind_addr may end in a line end, but has no
    blanks; addresses.http is taken as written, between its blanks. What a template gives only Nomad knows."""
    last: Dict[str, Tuple[Document, Setting]] = {}
    for document in configuration.documents:
        for name, parents in (
            ("bind_addr", [document.root]),
            ("addresses.http", objects(document, document.root, "addresses")),
        ):
            found = setting(document, parents, name.rpartition(".")[2], STRING)
            if found and found.value:
                last[name] = document, found
    for name, (document, found) in last.items():
        address = str(found.value)
        parts = address.split(" ")
        wrong = len(parts) > 1 if name == "bind_addr" else any(part != part.strip() for part in parts)
        if wrong and "{{" not in address:
            what = f"Nomad cannot listen at {name} {address!r} and would not start"
            raise document.error(found.token.off, what, "A heredoc keeps blanks and line end: write it in quotes.")


def effective_backend(paths: Sequence[str]) -> str:
    """The backend ("boltdb" or "wal") on which an agent with these -config arguments would start, read from disk now.

    Raises ConfigError or StoreError if it would not start, or if nobody can tell.
    """
    configuration = load(paths)
    check(configuration)
    return configuration.backend


def agent_settings(configuration: Configuration) -> Dict[str, Any]:
    """Where the agent's data and API are, and how it stops: the module's `agent` result."""
    top = _Last(configuration.documents, ())
    server, tls = _Last(configuration.documents, (SERVER,)), _Last(configuration.documents, ("tls",))
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


def tls_files(configuration: Configuration) -> Dict[str, str]:
    """The certificates that the agent reads at its start, by their keys in the tls block; none where TLS is off."""
    tls = _Last(configuration.documents, ("tls",))
    if not (tls.flag("http") or tls.flag("rpc")):
        return {}
    return {name: tls.text(name) for name in ("ca_file", "cert_file", "key_file")}


def _reachable(address: str) -> str:
    """Where a listener at this address can be asked from the same host; "" for a template that only Nomad computes."""
    if "{{" in address:
        return ""
    first = address.split()[0] if address.split() else ""
    return "127.0.0.1" if first in ("", "0.0.0.0", "::", "[::]") else first.strip("[]")


class _Last:
    """The value in force, over all files, of keys at the top level or in blocks of one name."""

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
