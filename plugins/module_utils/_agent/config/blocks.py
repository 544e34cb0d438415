# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the blocks of one configuration file mean to Nomad: objects by key, values by type. Pure.

Values are taken as in hashicorp/hcl's decoder.go: a bool may be written as a string or number, an integer as a string,
a string as a heredoc, number or bool. Keys are compared without case, the last of several equal keys wins. The blocks
are those of Nomad's command/agent/config.go (RaftLogStoreConfig, RaftBoltConfig). Nomad silently ignores unknown keys
inside them: a typo there makes a server start empty on the wrong store, so it is an error here.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from .hcl import Array, Document, Item, Literal, Node, Object, named, text_of
from .tokens import Token

Path = Tuple[str, ...]
Schema = Mapping[str, Any]  # key -> kind of value, or the schema of a block

STRING, INTEGER, BOOL = "a string", "a whole number", "true or false"
SERVER = "server"
RAFT_LOGSTORE = "raft_logstore"
RAFT_BOLTDB = "raft_boltdb"
WAL, BOLTDB = "wal", "boltdb"  # each is a backend, and a block with its settings
SEGMENT_SIZE: Path = (WAL, "segment_size_mb")
NO_FREELIST_SYNC: Path = (BOLTDB, "no_freelist_sync")
LOGSTORE_SCHEMA: Schema = {
    "backend": STRING,
    BOLTDB: {"no_freelist_sync": BOOL},
    WAL: {"segment_size_mb": INTEGER},
    "disable_log_cache": BOOL,
    "verification": {"enabled": BOOL, "interval": STRING},
}
BOLTDB_SCHEMA: Schema = {"no_freelist_sync": BOOL}

_INTEGER = re.compile(
    r"([+-]?)(?:0[xX]((?:_?[0-9A-Fa-f]){1,99})|0[bB]((?:_?[01]){1,99})|0[oO]?((?:_?[0-7]){1,99})|(0|[1-9](?:_?[0-9]){0,99}))"
)
_BASES = (16, 2, 8, 10)  # of its groups
_BOOLS = {"1": True, "true": True, "0": False, "false": False}


class Setting(NamedTuple):
    """A value and the token that gives it."""

    value: Union[str, int, bool]
    token: Token


def objects(document: Document, parent: Object, name: str) -> List[Object]:
    """The blocks of this name directly inside `parent`, in order. Raises ConfigError for what Nomad refuses."""
    found: List[Object] = []
    for item in named(parent, name):
        if len(item.keys) > 1:
            raise document.error(item.keys[1].off, f"Nomad takes no label on {name}")
        for value in _elements(document, item):
            if not isinstance(value, Object):
                raise document.error(value.off, f"{name} must be a block")
            if document.json and _comes_apart(value, name):
                hint = 'Write "raft_logstore": [{...}], a list of one object, and name the backend in it.'
                what = f"Nomad does not accept an object of nothing but objects for {name}"
                raise document.error(value.off, what, hint)
            found.append(value)
    return found


def _elements(document: Document, item: Item) -> Tuple[Node, ...]:
    """In JSON a list of objects stands for that many blocks; HCL has no such form."""
    if isinstance(item.value, Array) and document.json and item.value.elements:
        return item.value.elements
    return (item.value,)


def _comes_apart(value: Object, name: str) -> bool:
    """Whether Nomad refuses this JSON object because hcl merges its key with those inside it (json/parser/flatten.go).

    That happens to objects of nothing but objects. Nomad then finds the inner keys where it does not expect them. It
    makes an exception for some, and where it does not check for unexpected keys they do no harm.
    """
    if not value.items or not all(isinstance(item.value, Object) for item in value.items):
        return False
    if name == SERVER:
        return any(item.name != "server_join" for item in value.items)
    return name in (RAFT_LOGSTORE, RAFT_BOLTDB, *LOGSTORE_SCHEMA)


def value_of(document: Document, node: Node, kind: str, name: str) -> Setting:
    """The value of a node as this kind. Raises ConfigError where Nomad would refuse it."""
    if isinstance(node, Literal):
        value = _READERS[kind](node.token, document.json)
        if value is not None:
            return Setting(value, node.token)
    raise document.error(node.off, f"{name} must be {kind}")


def setting(document: Document, parents: List[Object], name: str, kind: str) -> Optional[Setting]:
    """The last value of a key in these blocks, or None. Raises ConfigError where Nomad would refuse any of them."""
    found = [value_of(document, item.value, kind, name) for parent in parents for item in named(parent, name)]
    return found[-1] if found else None


def read(document: Document, parents: List[Object], schema: Schema, prefix: Path = ()) -> Dict[Path, Setting]:
    """All settings of these blocks of one name, the last of equal ones. Raises ConfigError for an unknown key."""
    found: Dict[Path, Setting] = {}
    for parent in parents:
        for item in parent.items:
            kind = schema.get(item.name)
            if kind is None:
                raise _unknown(document, item, schema)
            if isinstance(kind, str):
                found[(*prefix, item.name)] = value_of(document, item.value, kind, item.name)
        for name, kind in schema.items():
            if not isinstance(kind, str):
                inner = objects(document, parent, name)
                found.update(read(document, inner, kind, (*prefix, name)))
    return found


def _unknown(document: Document, item: Item, schema: Schema) -> Exception:
    what = f"Nomad knows no {text_of(item.keys[0])!r} here and would ignore it"
    return document.error(item.off, what, "It knows {}.".format(", ".join(schema)))


def _string(token: Token, json: bool) -> Optional[str]:
    """hcl also takes numbers and bools for strings, and null for an empty one. A heredoc keeps its last line end."""
    return "" if token.kind == "null" else text_of(token, json)


def _integer(token: Token, json: bool) -> Optional[int]:
    """As Go's ParseInt with base 0: 0x is hexadecimal, 0b binary, a leading 0 octal; _ may stand between digits."""
    found = _INTEGER.fullmatch(text_of(token, json)) if token.kind in ("string", "number") else None
    if not found:
        return None
    sign, *groups = found.groups()
    digits, base = next((digits, base) for digits, base in zip(groups, _BASES) if digits)
    value = int(sign + digits.replace("_", ""), base)
    return value if -(1 << 63) <= value < 1 << 63 else None


def _bool(token: Token, _json: bool) -> Optional[bool]:
    text = token.value.decode("utf-8").replace('"', "").lower()
    return _BOOLS.get(text) if token.kind in ("bool", "string", "number") else None


_READERS: Dict[str, Any] = {STRING: _string, INTEGER: _integer, BOOL: _bool}
