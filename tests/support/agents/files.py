# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of generated configuration files, HCL and JSON, that knows which of its bytes belong to which block.

A file is a list of items; `render_hcl` and `render_json` write them in the style that the choices give: line ends,
indentation, one line or many, quoted and mixed-case keys, commas, comments of all kinds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Union

from support.agents.choices import Choices

OUTSIDE, LOGSTORE, BOLTDB = "outside", "raft_logstore", "raft_boltdb"


@dataclass
class Item:
    """A key with its value: text as it stands in the file, the items of a block, or in JSON a list of blocks."""

    key: str
    value: Union[str, list[Item], list[list[Item]]]
    kind: str = ""  # LOGSTORE or BOLTDB; inherited by what is inside

    @property
    def is_list(self) -> bool:
        return bool(self.value) and not isinstance(self.value, str) and isinstance(self.value[0], list)


@dataclass
class Text:
    """A rendered file, as pieces with the block to which each belongs."""

    pieces: list[tuple[str, str]] = field(default_factory=list)

    def add(self, text: str, kind: str) -> None:
        if self.pieces and self.pieces[-1][0] == kind:
            self.pieces[-1] = (kind, self.pieces[-1][1] + text)
        else:
            self.pieces.append((kind, text))

    def __str__(self) -> str:
        return "".join(text for _kind, text in self.pieces)

    @property
    def at_line_start(self) -> bool:
        return bool(self.pieces) and self.pieces[-1][1].endswith("\n")

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _text in self.pieces]


class Style:
    """How one file is written."""

    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.eol = choices.pick(["\n", "\n", "\r\n"])
        self.indent = choices.pick(["  ", "\t", "    "])
        self.comments = 0

    def key(self, key: str, quoted: bool) -> str:
        cased = self.choices.pick([key, key, key, key.upper(), key.title()])
        return json.dumps(cased) if quoted else cased

    def comment(self, one_line: bool) -> str:
        """A comment that looks like what it is not, with a number by which it is found again."""
        self.comments += 1
        text = f"c{self.comments}; " + self.choices.pick(["", "} {", 'raft_logstore { backend = "wal" }', '"', "<<E"])
        if one_line:
            return f"/* {text} */"
        return self.choices.pick([f"# {text}", f"// {text}", f"/* {text} */", f"/* {text}{self.eol} */"])


def render_hcl(items: list[Item], choices: Choices) -> Text:
    """The items as a file of HCL."""
    style, text = Style(choices), Text()
    _hcl_items(items, style, text, "", False, OUTSIDE)
    if not choices.one_in(5):
        text.add(style.eol, OUTSIDE)
    return text


def _hcl_items(items: list[Item], style: Style, text: Text, indent: str, one_line: bool, kind: str) -> None:
    for number, item in enumerate(items):
        if not one_line:
            text.add((style.eol if number else "") + indent, kind)
            if style.choices.one_in(6):
                text.add(style.comment(False) + style.eol + indent, kind)
        elif number:
            ended = text.at_line_start  # a heredoc
            text.add(style.choices.pick([" ", " ", ", ", " /* c */ "]) if not ended else "", kind)
        _hcl_item(item, style, text, indent, one_line, item.kind or kind)
        if not one_line and not text.at_line_start and style.choices.one_in(8):
            text.add(style.choices.pick([",", " ", f" {style.comment(True)}", " # end"]), kind)


def _hcl_item(item: Item, style: Style, text: Text, indent: str, one_line: bool, kind: str) -> None:
    text.add(style.key(item.key, style.choices.one_in(6)), kind)
    if isinstance(item.value, str):
        text.add(style.choices.pick([" = ", "=", "   =\t"]) + item.value.replace("\n", style.eol), kind)
        return
    opening = [" {", " {", "{", " = {"] + ([] if one_line else [style.eol + indent + "{"])
    text.add(style.choices.pick(opening), kind)
    inner_one_line = one_line or style.choices.one_in(4)
    body: list[Item] = item.value  # type: ignore[assignment]
    if inner_one_line:
        text.add(style.choices.pick([" ", "", " /* c */ "]), kind)
        _hcl_items(body, style, text, indent, True, kind)
        text.add("" if text.at_line_start else " ", kind)
    elif body:
        text.add(style.choices.pick(["", "", " # c"]) + style.eol, kind)
        _hcl_items(body, style, text, indent + style.indent, False, kind)
        text.add(("" if text.at_line_start else style.eol) + indent, kind)
    if not inner_one_line and style.choices.one_in(6):
        text.add(style.comment(False) + style.eol + indent, kind)
    text.add("}", kind)


def render_json(items: list[Item], choices: Choices) -> Text:
    """The items as a file of JSON, with the trailing commas that Nomad takes."""
    style, text = Style(choices), Text()
    text.add(choices.pick(["", "", " \t", style.eol]), OUTSIDE)
    _json_object(items, style, text, "", choices.one_in(4), OUTSIDE)
    text.add(choices.pick([style.eol, "", style.eol * 2]), OUTSIDE)
    return text


def _json_object(items: list[Item], style: Style, text: Text, indent: str, one_line: bool, kind: str) -> None:
    text.add("{", kind)
    inner = "" if one_line else style.eol + indent + style.indent
    for number, item in enumerate(items):
        text.add(("," + (" " if one_line else "") if number else "") + inner, kind)
        own = item.kind or kind
        text.add(style.key(item.key, True) + style.choices.pick([": ", ":", " : "]), own)
        _json_value(item, style, text, "" if one_line else indent + style.indent, one_line, own)
    text.add(("," if items and style.choices.one_in(12) else "") + ("" if one_line else style.eol + indent) + "}", kind)


def _json_value(item: Item, style: Style, text: Text, indent: str, one_line: bool, kind: str) -> None:
    if isinstance(item.value, str):
        text.add(item.value, kind)
        return
    one_line = one_line or style.choices.one_in(5)
    if not item.is_list:
        _json_object(item.value, style, text, indent, one_line, kind)  # type: ignore[arg-type]
        return
    text.add("[", kind)
    for number, block in enumerate(item.value):
        text.add(", " if number else "", kind)
        _json_object(block, style, text, indent, one_line, kind)  # type: ignore[arg-type]
    text.add("]", kind)
