# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent's configuration file as a tree over its tokens, and edits that keep every other byte. Pure.

Nodes are syntax, not meaning: what a key means is up to blocks.py and load.py. An edit replaces a slice of the
file's bytes and parses the result again, so a tree never differs from its bytes. The grammar is that of
hashicorp/hcl 1.0.1 (hcl/parser/parser.go, json/parser/parser.go); what its parsers accept by accident is refused.
"""

from __future__ import annotations

import re
from typing import Iterator, List, NamedTuple, Optional, Tuple, Union

from ..errors import ConfigError
from .tokens import Token, is_json, place, tokenize

MAX_DEPTH = 50
_LITERALS = ("string", "number", "float", "bool", "heredoc")
_SIMPLE_ESCAPES = dict(zip(b'abfnrtv\\"', b'\a\b\f\n\r\t\v\\"'))
_ESCAPE = re.compile(rb'\\(?:([abfnrtv\\"])|([0-7]{3})|x(..)|u(....)|U(........))')


class Literal(NamedTuple):
    """A value of one token."""

    token: Token

    @property
    def off(self) -> int:
        """Where it begins."""
        return self.token.off

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.token.end


class Array(NamedTuple):
    """A list in brackets."""

    opening: Token
    elements: Tuple[Node, ...]
    closing: Token

    @property
    def off(self) -> int:
        """Where it begins."""
        return self.opening.off

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.closing.end


class Item(NamedTuple):
    """One key (or several, in HCL) with its value. `name` is the first key as Nomad compares it, see `fold`."""

    keys: Tuple[Token, ...]
    value: Node
    name: str

    @property
    def off(self) -> int:
        """Where it begins."""
        return self.keys[0].off

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.value.end


class Object(NamedTuple):
    """Items in braces; the root of an HCL file has no braces, its `closing` is the end of the file."""

    opening: Optional[Token]
    items: Tuple[Item, ...]
    closing: Token

    @property
    def off(self) -> int:
        """Where it begins."""
        return self.opening.off if self.opening else 0

    @property
    def end(self) -> int:
        """The byte after it."""
        return self.closing.end


Node = Union[Literal, Array, Object]


class Document(NamedTuple):
    """A parsed file. `path` is for messages."""

    path: str
    source: bytes
    json: bool
    root: Object
    tokens: Tuple[Token, ...]

    def error(self, off: int, what: str, hint: str = "") -> ConfigError:
        """An error at a place in this file."""
        line, column = place(self.source, off)
        return ConfigError(what, self.path, line, column, hint)

    def splice(self, start: int, end: int, new: bytes) -> Document:
        """The file with these bytes in place of those from `start` to `end`, parsed again."""
        return parse(self.source[:start] + new + self.source[end:], self.path)

    def token_before(self, token: Token) -> Optional[Token]:
        """The token before this one, or None."""
        where = self.tokens.index(token)
        return self.tokens[where - 1] if where else None

    def token_after(self, off: int) -> Token:
        """The first token at or after an offset."""
        return next(token for token in self.tokens if token.off >= off)


def parse(source: bytes, path: str = "") -> Document:
    """The file as a tree. Raises ConfigError with path, line and column."""
    try:
        tokens = tokenize(source)
    except ConfigError as error:
        error.path = path
        raise
    return _Parser(tokens, source, path).document()


def text_of(token: Token, json: bool = False) -> str:
    """The text that an identifier, a number, a string or a heredoc stands for. In HCL, parts in ${ } are kept."""
    if token.kind == "heredoc":
        return _heredoc_text(_one_line_end(token.value)).decode("utf-8")
    if token.kind != "string":
        return token.value.decode("utf-8")
    text, pos, parts = token.value[1:-1], 0, []
    text = text if json else _one_line_end(text)
    while not json and b"${" in text[pos:]:
        start = text.index(b"${", pos)
        end = _template_end(text, start)
        parts += [_ESCAPE.sub(_unescape, text[pos:start]), text[start:end]]
        pos = end
    return b"".join([*parts, _ESCAPE.sub(_unescape, text[pos:])]).decode("utf-8", "replace")


def _one_line_end(text: bytes) -> bytes:
    """Nomad's parser of HCL makes this change to the whole file before it reads it."""
    return text.replace(b"\r\n", b"\n")


def _heredoc_text(heredoc: bytes) -> bytes:
    """The lines between the markers, as hcl/token/token.go counts bytes: it takes the last line to be as long as the
    first one without "<<", or "<<-". What stands before the marker there is text, or with <<- the indentation that is
    taken off all lines, if all have it.
    """
    first = heredoc.index(b"\n")
    start, last = first + 1, len(heredoc) - first + 1
    if heredoc[2:3] != b"-":
        return heredoc[start:last]
    lines = heredoc[start : last + 1].split(b"\n")
    indent = lines[-1]
    if not all(line.startswith(indent) for line in lines):
        return heredoc[start:last].rstrip(b" \t")
    return b"\n".join([*(line[len(indent) :] for line in lines[:-1]), b""])


def _template_end(text: bytes, start: int) -> int:
    """The byte after the brace that closes the ${ at `start`; the tokenizer has made sure that there is one."""
    depth = 0
    for found in re.compile(rb"[{}]").finditer(text, start):
        depth += 1 if found.group() == b"{" else -1
        if not depth:
            return found.end()
    return len(text)


def _unescape(found: re.Match[bytes]) -> bytes:
    """The bytes of an escape. As in Go, octal and \\x are bytes, \\u and \\U characters."""
    simple, octal, byte, *point = found.groups()
    if simple:
        return bytes([_SIMPLE_ESCAPES[ord(simple)]])
    if octal or byte:
        return bytes([int(octal, 8) if octal else int(byte, 16)])
    code = int(point[0] or point[1], 16)
    return chr(0xFFFD if 0xD800 <= code < 0xE000 else code).encode("utf-8")


def fold(name: str) -> str:
    """A key with upper and lower case made equal, character by character as in Go's EqualFold."""
    if name.isascii():
        return name.lower()
    return "".join(one if len(one) == 1 else letter for letter, one in ((c, c.casefold()) for c in name))


def named(parent: Object, name: str) -> List[Item]:
    """The items of an object whose first key is this one."""
    return [item for item in parent.items if item.name == name]


class _Parser:
    """Recursive descent over the tokens; `_next` is the token to look at."""

    def __init__(self, tokens: List[Token], source: bytes, path: str) -> None:
        self._tokens = tokens
        self._source = source
        self._path = path
        self._stream: Iterator[Token] = iter(tokens)
        self._next = next(self._stream)
        self._json = is_json(source)
        self._depth = 0

    def document(self) -> Document:
        """The whole file."""
        root = self._object(self._take("{"), "}") if self._json else self._object(None, "end")
        if self._next.kind != "end":
            raise self._error("something follows the end of the configuration")
        return Document(self._path, self._source, self._json, root, tuple(self._tokens))

    def _advance(self) -> Token:
        token = self._next
        self._next = next(self._stream, token)
        return token

    def _take(self, kind: str) -> Token:
        if self._next.kind != kind:
            raise self._error(f"expected {kind!r}")
        return self._advance()

    def _error(self, what: str) -> ConfigError:
        line, column = place(self._source, self._next.off)
        found = "the file ends" if self._next.kind == "end" else repr(self._next.value[:20].decode("utf-8", "replace"))
        return ConfigError(f"{what}, found {found}", self._path, line, column)

    def _object(self, opening: Optional[Token], close: str) -> Object:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._error("the blocks are nested too deeply")
        items = []
        while self._next.kind != close:
            items.append(self._item())
            if self._next.kind == ",":
                self._advance()
            elif self._json and self._next.kind != close:
                raise self._error("expected ',' or '}'")
        self._depth -= 1
        return Object(opening, tuple(items), self._next if close == "end" else self._take(close))

    def _item(self) -> Item:
        keys = []
        while self._next.kind == "string" or (self._next.kind == "ident" and not self._json):
            keys.append(self._advance())
            if self._json:
                break
        if not keys:
            raise self._error("expected a key")
        if self._json:
            self._take(":")
        elif self._next.kind == "=" and len(keys) == 1:
            self._advance()
        elif self._next.kind != "{":
            raise self._error("expected '{'" if len(keys) > 1 else "expected '{' or '='")
        return Item(tuple(keys), self._value(), fold(text_of(keys[0], self._json)))

    def _value(self) -> Node:
        if self._next.kind in _LITERALS or (self._json and self._next.kind == "null"):
            return Literal(self._advance())
        if self._next.kind == "{":
            return self._object(self._advance(), "}")
        if self._next.kind == "[":
            return self._array(self._advance())
        raise self._error("expected a value")

    def _array(self, opening: Token) -> Array:
        self._depth += 1
        if self._depth > MAX_DEPTH or (self._json and self._next.kind == "["):
            raise self._error("lists are nested too deeply")
        elements: List[Node] = []
        while self._next.kind != "]":
            if self._next.kind == "null":
                raise self._error("Nomad takes no null in a list")
            elements.append(self._value())
            if self._next.kind == ",":
                self._advance()
            elif self._next.kind != "]":
                raise self._error("expected ',' or ']'")
        self._depth -= 1
        return Array(opening, tuple(elements), self._advance())
