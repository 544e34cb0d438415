# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A configuration file as a diff or a log may show it: without the values of secrets. Pure."""

from __future__ import annotations

import re
from typing import Iterator

from .hcl import Array, Document, Item, Literal, Node, Object
from .tokens import Token

NOT_SHOWN = "(not shown)"
_NAMES = r"encrypt|token|secret|passw|credential|private_key|access_key|(?<![a-z])auth(?![a-z])"
_NAME = re.compile(_NAMES, re.I)
_IN_COMMENT = re.compile(rf'((?:{_NAMES})\w*"?[ \t]*[=:][ \t]*)[^\s][^\n]*', re.I)


def shown(document: Document) -> str:
    """The text of the file without the values of keys that look like secrets, even in comments."""
    hidden = {token.off for token in _secrets(document.root, False)}
    parts = []
    for token in document.tokens:
        parts.append(_IN_COMMENT.sub(rf"\1{NOT_SHOWN}", token.prefix.decode("utf-8")))
        line_end = "\n" if token.kind == "heredoc" else ""
        parts.append(NOT_SHOWN + line_end if token.off in hidden else token.value.decode("utf-8"))
    return "".join(parts)


def _secrets(node: Node, hidden: bool) -> Iterator[Token]:
    """The literals of keys with such a name, whatever they are nested in."""
    if isinstance(node, Literal):
        yield from [node.token] if hidden else []
    elif isinstance(node, Array):
        for element in node.elements:
            yield from _secrets(element, hidden)
    elif isinstance(node, Object):
        for item in node.items:
            yield from _secrets(item.value, hidden or _is_secret(item))


def _is_secret(item: Item) -> bool:
    return bool(_NAME.search(item.name))
