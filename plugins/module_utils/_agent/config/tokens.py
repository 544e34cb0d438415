# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts an agent's configuration file into tokens, HCL (version 1) or JSON, without losing a byte. Pure.

A token is what comes before it (white space and comments) and its own text, both slices of the file. Joined, the
tokens are the file again, which `tokenize` proves on every call. A file's first character decides which format it has,
never its name (hashicorp/hcl lex.go). The rules are those of hashicorp/hcl 1.0.1,
hcl/scanner/scanner.go and json/scanner/scanner.go. What they let through by accident is refused here.
"""

from __future__ import annotations

import re
import unicodedata
from typing import List, NamedTuple, Tuple

from ..errors import ConfigError

PUNCTUATION = b"{}[],=:"

_SPACE = re.compile(rb"[ \t\r\n]*")
_HCL_SPACE = re.compile(rb"(?:[ \t\r\n]+|#[^\n]*|//[^\n]*|/\*.*?\*/)*", re.S)
_IDENT = re.compile(rb"[A-Za-z_\x80-\xff][A-Za-z0-9_.\x80-\xff-]*")
_HCL_FLOAT = re.compile(rb"-?(?:[0-9]+\.[0-9]*(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)|\.[0-9]+(?:[eE][+-]?[0-9]+)?")
_HCL_NUMBER = re.compile(rb"-?(?:0[xX][0-9A-Fa-f]+|0[0-7]*|[1-9][0-9]*)")
_JSON_FLOAT = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)")
_JSON_NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)")
_RUNS_ON = re.compile(
    rb"[A-Za-z0-9_.\x80-\xff]"
)  # hcl's scanner takes a number and a word apart here, if it takes both
_ESCAPE = re.compile(
    rb'\\(?:[abfnrtv\\"]|[0-3][0-7]{2}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U00(?:0[0-9A-Fa-f]|10)[0-9A-Fa-f]{4})'
)
_NO_SURROGATE = rb"(?!\\(?:u|U0000)[dD][89A-Fa-f])"  # the other half of a pair would not help: Nomad panics
_JSON_STRING = re.compile(rb'"(?:[^"\\\n]|' + _NO_SURROGATE + _ESCAPE.pattern + rb')*"')
_PLAIN_CHARS = re.compile(rb'[^"\\\n${}]+')
_HEREDOC = re.compile(rb"<<(-?)([A-Za-z0-9_\x80-\xff]+)\r?\n")


class Token(NamedTuple):
    """`kind` is ident, string, number, float, bool, null, heredoc, end, or the punctuation mark itself. `off` is where
    `value` begins in the file; `prefix` is everything between the token before and this one."""

    kind: str
    prefix: bytes
    value: bytes
    off: int

    @property
    def end(self) -> int:
        """Offset of the byte after it."""
        return self.off + len(self.value)


def place(source: bytes, off: int) -> Tuple[int, int]:
    """Line and column of an offset, both from 1; columns count characters."""
    line_start = source.rfind(b"\n", 0, off) + 1
    return source.count(b"\n", 0, off) + 1, len(source[line_start:off].decode("utf-8", "replace")) + 1


def is_json(source: bytes) -> bool:
    """Whether the file is JSON: its first character other than white space is an opening brace."""
    return source.decode("utf-8", "replace").lstrip().startswith("{")


def tokenize(source: bytes) -> List[Token]:
    """All tokens, the last of kind "end". Raises ConfigError with line and column."""
    _check_characters(source)
    json = is_json(source)
    space = _SPACE if json else _HCL_SPACE
    scan = _scan_json if json else _scan_hcl
    tokens: List[Token] = []
    pos = 0
    while not tokens or tokens[-1].kind != "end":
        found = space.match(source, pos)
        off = found.end() if found else pos
        kind, end = ("end", off) if off == len(source) else scan(source, off)
        tokens.append(Token(kind, source[pos:off], source[off:end], off))
        pos = end
    if b"".join(token.prefix + token.value for token in tokens) != source:
        raise ConfigError("the file cannot be read without losing a byte", hint="Report this with the file.")
    return tokens


def _check_characters(source: bytes) -> None:
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _error(source, error.start, "this byte is not UTF-8") from error
    for character, name in (("\0", "a null character"), ("\ufeff", "a byte order mark"), ("\ue123", "U+E123")):
        where = text.find(character)
        if where >= 0:
            raise _error(source, len(text[:where].encode()), f"Nomad does not accept {name}")


def _scan_hcl(source: bytes, off: int) -> Tuple[str, int]:
    """Kind and end of the token at `off`."""
    first = source[off : off + 1]
    if first == b'"':
        return "string", _string_end(source, off)
    if first == b"<":
        return "heredoc", _heredoc_end(source, off)
    if first in PUNCTUATION and first != b":":
        return first.decode(), off + 1
    return _scan_word(source, off, _HCL_FLOAT, _HCL_NUMBER)


def _scan_json(source: bytes, off: int) -> Tuple[str, int]:
    first = source[off : off + 1]
    if first == b'"':
        found = _JSON_STRING.match(source, off)
        if not found:
            raise _error(source, off, "this string does not end, or has an escape that Nomad does not know")
        return "string", found.end()
    if first in PUNCTUATION and first != b"=":
        return first.decode(), off + 1
    kind, end = _scan_word(source, off, _JSON_FLOAT, _JSON_NUMBER)
    if kind == "ident" and source[off:end] != b"null":
        raise _error(source, off, "a bare word has no place in JSON")
    return ("null" if kind == "ident" else kind), end


def _scan_word(source: bytes, off: int, float_: re.Pattern[bytes], number: re.Pattern[bytes]) -> Tuple[str, int]:
    for kind, pattern in (("float", float_), ("number", number), ("ident", _IDENT)):
        found = pattern.match(source, off)
        if found and (kind != "ident" or _is_identifier(found.group())):
            word = found.group()
            if kind != "ident" and _RUNS_ON.match(source, found.end()):
                raise _error(source, off, "Nomad takes this neither for a number nor for a word")
            return ("bool" if word in (b"true", b"false") else kind), found.end()
    what = "this comment does not end" if source.startswith(b"/*", off) else "Nomad does not accept this character here"
    raise _error(source, off, what)


def _is_identifier(word: bytes) -> bool:
    """Whether all characters beyond ASCII are letters or digits, the first one a letter."""
    text = word.decode("utf-8")
    kinds = [unicodedata.category(character) if character > "\x7f" else "Lu" for character in text]
    return kinds[0][0] == "L" and all(kind[0] == "L" or kind == "Nd" for kind in kinds)


def _string_end(source: bytes, off: int) -> int:
    """End of an HCL string: inside ${ } quotes and line ends are text, and braces are counted."""
    pos, braces = off + 1, 0
    while True:
        found = _PLAIN_CHARS.match(source, pos)
        pos = found.end() if found else pos
        mark = source[pos : pos + 1]
        if not mark or (mark == b"\n" and not braces):
            raise _error(source, off, "this string does not end")
        if mark == b'"' and not braces:
            return pos + 1
        if mark == b"\\":
            escape = _ESCAPE.match(source, pos)
            if not escape:
                raise _error(source, pos, "Nomad does not know this escape")
            pos = escape.end()
            continue
        if not braces and source.startswith(b"${", pos):
            braces, pos = 1, pos + 2
            continue
        braces += {b"{": 1, b"}": -1}.get(mark, 0) if braces else 0
        pos += 1


def _heredoc_end(source: bytes, off: int) -> int:
    """End of a heredoc, after the line end that follows its marker.

    As in hcl's scanner, which sees CR LF as LF, an indented one (<<-) ends only at a marker that has something
    beside it on its line.
    """
    opening = _HEREDOC.match(source, off)
    if not opening or not _is_identifier(b"a" + opening.group(2)):
        raise _error(source, off, "this does not begin a heredoc")
    dash, name = opening.groups()
    marker = re.compile(rb"[ \t\n\v\f\r]*" + re.escape(name) + rb"\r*")
    start = opening.end()
    while True:
        line_end = source.find(b"\n", start)
        if line_end < 0:
            raise _error(source, off, "this heredoc does not end", "Its last line needs a line end.")
        text_end = line_end - source.endswith(b"\r", start, line_end)
        if text_end - start >= len(dash + name) and marker.fullmatch(source, start, text_end):
            return line_end + 1
        start = line_end + 1


def _error(source: bytes, off: int, what: str, hint: str = "") -> ConfigError:
    line, column = place(source, off)
    return ConfigError(what, "", line, column, hint)
