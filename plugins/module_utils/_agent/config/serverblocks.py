# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The server blocks of one configuration file, and the two blocks for the log store in them. Pure.

hcl silently merges repeated blocks, but what it merged shows up among the unexpected keys, and for
those Nomad refuses the file (command/agent/config_parse.go, extraKeys). So Nomad refuses a block for the log store in a
wrong place, any key that comes twice in one server block, and more server blocks than it tolerates.
"""

from __future__ import annotations

import difflib
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from .blocks import RAFT_BOLTDB, RAFT_LOGSTORE, SERVER, Path, Setting, objects, read
from .hcl import Document, Object, fold, text_of

MAX_SERVER_BLOCKS = 5  # in one file
_ALIKE = 0.9  # raft_log_store is 0.96 like raft_logstore, raft_log_level 0.74


class Block(NamedTuple):
    """A raft_logstore or raft_boltdb block: its file and its settings."""

    document: Document
    settings: Dict[Path, Setting]

    @property
    def values(self) -> Dict[Path, Any]:
        """The settings without their places."""
        return {path: found.value for path, found in self.settings.items()}


def servers(document: Document) -> List[Object]:
    """The server blocks of the file. Raises ConfigError for what Nomad refuses in and around them."""
    found = objects(document, document.root, SERVER)
    if len(found) > MAX_SERVER_BLOCKS:
        what = f"Nomad refuses more than {MAX_SERVER_BLOCKS} server blocks in one file"
        raise document.error(found[MAX_SERVER_BLOCKS].off, what)
    _refuse_misplaced(document, found)
    for server in found:
        _refuse_repeated(document, server)
        _refuse_misspelt(document, server)
    return found


def block(document: Document, name: str, schema: Mapping[str, Any]) -> Optional[Block]:
    """The block in this file, merged if several server blocks have one. Raises ConfigError if one has two."""
    blocks: List[Object] = []
    for server in servers(document):
        found = objects(document, server, name)
        if len(found) > 1:
            raise document.error(found[1].off, f"Nomad refuses a second {name} in one server block")
        blocks += found
    return Block(document, read(document, blocks, schema)) if blocks else None


def _refuse_misplaced(document: Document, found: List[Object]) -> None:
    for parent, first in [(document.root, 0), *((server, 1) for server in found)]:
        for item in parent.items:
            for key in item.keys[first:]:
                if fold(text_of(key)) in (RAFT_LOGSTORE, RAFT_BOLTDB):
                    raise document.error(key.off, f"Nomad takes {text_of(key)} only directly inside a server block")


def _refuse_repeated(document: Document, server: Object) -> None:
    seen = set()
    for item in server.items:
        if item.name in seen:
            raise document.error(item.off, f"Nomad refuses a second {item.name} in one server block")
        seen.add(item.name)


def _refuse_misspelt(document: Document, server: Object) -> None:
    for item in server.items:
        if item.name in (RAFT_LOGSTORE, RAFT_BOLTDB) or not item.name.startswith("raft"):
            continue
        alike = difflib.get_close_matches(item.name, [RAFT_LOGSTORE, RAFT_BOLTDB], 1, _ALIKE)
        if alike:
            what = f"Nomad knows no {text_of(item.keys[0])!r} here and would not start"
            raise document.error(item.off, what, f"Is it {alike[0]}?")
