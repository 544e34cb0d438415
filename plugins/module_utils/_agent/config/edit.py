# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes one value, adds one item or removes one, in the style of the file around it. Pure.

Each function returns the document parsed anew. All bytes outside the place of the change are the same: indentation,
line ends, comments, even a missing line end at the end of the file.
"""

from __future__ import annotations

import json
import re
from typing import Any, List, Optional

from .hcl import Document, Item, Object
from .tokens import Token

DEFAULT_INDENT = "  "
_INDENT = re.compile(rb"[ \t]*")


def set_value(document: Document, token: Token, value: Any) -> Document:
    """The document with another value in place of this token. The line end of a heredoc stays."""
    end = len(token.value.rstrip(b"\r\n")) if token.kind == "heredoc" else len(token.value)
    return document.splice(token.off, token.off + end, json.dumps(value).encode("ascii"))


def add_item(document: Document, parent: Object, name: str, value: Any, as_list: bool = False) -> Document:
    """The document with one more item at the end of `parent`. A dict becomes a block (JSON, `as_list`: in a list)."""
    if document.json:
        return _add_json(document, parent, name, [value] if as_list else value)
    return _add_hcl(document, parent, name, value)


def _add_hcl(document: Document, parent: Object, name: str, value: Any) -> Document:
    closing = parent.closing
    if parent.opening is None:
        eol, ends = line_end(document), document.source[-1:] in (b"", b"\n")
        text = ("" if ends else eol) + eol.join(hcl_lines(name, value, "", DEFAULT_INDENT)) + eol
        return document.splice(closing.off, closing.off, text.encode("utf-8"))
    newline, indent = closing.prefix.rpartition(b"\n")[1:]
    if not newline:
        text = f" {hcl_inline(name, value)}"
        start = closing.off - len(closing.prefix)
        return document.splice(start, start, (text if closing.prefix else text + " ").encode("utf-8"))
    if indent.strip(b" \t"):  # a comment stands before the brace
        lines = hcl_lines(name, value, "", DEFAULT_INDENT)
        eol = line_end(document)
        return document.splice(closing.off, closing.off, (eol + eol.join(lines) + eol).encode("utf-8"))
    outer = indent.decode("ascii")
    inner = _inner_indent(document, parent, outer)
    eol = line_end(document)
    lines = hcl_lines(name, value, inner, inner[len(outer) :] or DEFAULT_INDENT)
    start = closing.off - len(indent)
    return document.splice(start, start, (eol.join(lines) + eol).encode("utf-8"))


def _inner_indent(document: Document, parent: Object, outer: str) -> str:
    """The indentation inside a block, taken from its first item that begins a line."""
    for item in parent.items:
        found = _line_indent(document, item.off)
        if found is not None and found.startswith(outer) and found != outer:
            return found
    return outer + ("\t" if "\t" in outer else DEFAULT_INDENT)


def _line_indent(document: Document, off: int) -> Optional[str]:
    """The white space before an offset, if nothing else comes before it on its line."""
    start = document.source.rfind(b"\n", 0, off) + 1
    found = _INDENT.match(document.source, start)
    return document.source[start:off].decode("ascii") if found and found.end() == off else None


def line_end(document: Document) -> str:
    """The line end of the file, by its first one."""
    first = document.source.find(b"\n")
    return "\r\n" if first > 0 and document.source[first - 1 : first] == b"\r" else "\n"


def hcl_lines(name: str, value: Any, indent: str, unit: str) -> List[str]:
    """An item as lines of HCL without line ends."""
    if not isinstance(value, dict):
        return [f"{indent}{name} = {json.dumps(value)}"]
    lines = [f"{indent}{name} {{"]
    for inner_name, inner in value.items():
        lines += hcl_lines(inner_name, inner, indent + unit, unit)
    return [*lines, f"{indent}}}"]


def hcl_inline(name: str, value: Any) -> str:
    """An item on one line."""
    if not isinstance(value, dict):
        return f"{name} = {json.dumps(value)}"
    return "{} {{ {} }}".format(name, " ".join(hcl_inline(inner_name, inner) for inner_name, inner in value.items()))


def _add_json(document: Document, parent: Object, name: str, value: Any) -> Document:
    last = document.token_before(parent.closing)
    start = last.end if last else parent.closing.off
    comma = "," if last and last.kind not in ("{", ",") else ""
    outer = _line_indent(document, parent.closing.off)
    if outer is None:
        space = " " if parent.items else ""
        return document.splice(start, start, f"{comma}{space}{json.dumps(name)}: {json.dumps(value)}".encode("ascii"))
    inner = _inner_indent(document, parent, outer)
    body = json.dumps({name: value}, indent=inner[len(outer) :] or DEFAULT_INDENT).split("\n")[1:-1]
    eol = line_end(document)
    text = comma + "".join(eol + outer + line for line in body)
    return document.splice(start, start, text.encode("ascii"))


def remove_item(document: Document, item: Item) -> Document:
    """The document without this item. Its line goes too if there is nothing else on it; a comment stays.

    Its comma goes with it, and so do the blanks on one side.
    """
    start, end = item.off, item.end
    after = document.token_after(end)
    before = document.token_before(document.token_after(start))
    if after.kind == ",":
        end = after.end
    elif document.json and before is not None and before.kind == ",":
        start = before.off  # else the comma of the item before would be the last thing in the object
    source = document.source
    line_start = source.rfind(b"\n", 0, start) + 1
    rest = re.compile(rb"[ \t]*\r?\n").match(source, end)
    if rest and not source[line_start:start].strip(b" \t"):
        start, end = line_start, rest.end()
    elif source[start - 1 : start] in (b" ", b"\t"):
        blanks = _INDENT.match(source, end)
        end = blanks.end() if blanks else end
    return document.splice(start, end, b"")
