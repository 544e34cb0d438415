# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens: no byte is lost, whatever the file is like; what Nomad cannot read is refused with its place."""

from __future__ import annotations

import random

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.tokens import is_json, place, tokenize
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError

SAMPLES = [
    b"",
    b"\n",
    b"# only a comment",
    b"a = 1",
    b"a=1 b = 2,c=3\n",
    b"server {\r\n  enabled = true\r\n}\r\n",
    b'a = "x ${f("quoted { }")} y"',
    b'a = "${\n}"',
    b"a = <<EOF\n  { # not a comment\n  EOF\nb = 1\n",
    b"a = <<-EOF\n    text\n  EOF\n",
    b"a = <<EOF\r\nx\r\nEOF\r\n",
    'ключ = "значение" // ü\n'.encode(),
    b'a = [1, -2, 0x1F, 010, 1.5, .5, 1e3, true, "s",]\n',
    b"/* a { */ server /* b */ { /* c */ } // d\n# e",
    b'a = "\\u00e4\\x41\\101\\U0001F600\\a"',
    b'{"a": [1, 2.5, -3e2, true, null, {"b": "c\\n"}],}',
    b'\n\t {"a" : 1}\r\n',
]


@pytest.mark.parametrize("source", SAMPLES, ids=range(len(SAMPLES)))
def test_joined_tokens_are_the_file(source: bytes) -> None:
    tokens = tokenize(source)
    assert b"".join(token.prefix + token.value for token in tokens) == source
    assert tokens[-1].kind == "end"
    for token in tokens:
        assert source[token.off : token.end] == token.value


def test_the_kinds() -> None:
    kinds = [token.kind for token in tokenize(b'a "b" = [1, 2.0, true, <<E\nx\nE\n]{}')]
    assert kinds == [
        "ident", "string", "=", "[", "number", ",", "float", ",", "bool", ",", "heredoc", "]", "{", "}", "end",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "line", "column", "words"),
    [
        (b'a = "x\n', 1, 5, "does not end"),
        (b'\n a = "x', 2, 6, "does not end"),
        (b'a = "\\q"', 1, 6, "escape"),
        (b"a = 'x'", 1, 5, "does not accept this character"),
        (b"a: 1", 1, 2, "does not accept this character"),
        (b"a = 1;", 1, 6, "does not accept this character"),
        (b"/* x", 1, 1, "comment does not end"),
        (b"a = <<EOF\nx\nEOF", 1, 5, "heredoc does not end"),
        (b"a = <<-EOF\nx\nEOF\n", 1, 5, "heredoc does not end"),  # hcl wants something beside an indented marker
        (b"a = <<EOF x\n", 1, 5, "does not begin a heredoc"),
        (b"a = <EOF\n", 1, 5, "does not begin a heredoc"),
        (b"a = \xff", 1, 5, "not UTF-8"),
        (b"\xef\xbb\xbfa = 1", 1, 1, "byte order mark"),
        (b"a = 1\0", 1, 6, "null character"),
        ("ü = €".encode(), 1, 5, "does not accept this character"),
        (b'{"a": tru}', 1, 7, "bare word"),
        (b'{"a": 1 // x\n}', 1, 9, "does not accept this character"),
        (b'{"a": "\\/"}', 1, 7, "escape"),
        (b'{"a": 01}', 1, 7, "neither for a number nor for a word"),
        (b'{"a": 1x}', 1, 7, "neither for a number nor for a word"),
        (b'{"a": "\\ud83d\\ude00"}', 1, 7, "escape"),
        (b"a = 089", 1, 5, "neither for a number nor for a word"),
        (b"a = 0x {}", 1, 5, "neither for a number nor for a word"),
        (b"a = 1e {}", 1, 5, "neither for a number nor for a word"),
        (b"a = 1b = 2", 1, 5, "neither for a number nor for a word"),
        (b'a = "\\400"', 1, 6, "escape"),
        (b'a = "\\U00110000"', 1, 6, "escape"),
        ("a = <<€\n€\n".encode(), 1, 5, "does not begin a heredoc"),
    ],
)
def test_what_nomad_cannot_read_is_refused_with_its_place(source: bytes, line: int, column: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        tokenize(source)
    assert (raised.value.line, raised.value.column) == (line, column)


@pytest.mark.parametrize(
    "source",
    [
        b"<<E\r\nx\nE\n",
        b"<<E\nx\r\nE\r\n",
        b"<<E\nEx\nxE\n  E\n",
        b"<<-E\nE\n E\n",
        b"<<-E\r\nE\r\nx\r\n E\r\n",
        b"<<E\nE\r\r\n",
    ],
)
def test_a_heredoc_ends_at_its_marker_whatever_the_line_ends(source: bytes) -> None:
    tokens = tokenize(b"a = " + source + b"b = 1\n")
    assert [token.value for token in tokens if token.kind == "heredoc"] == [source]


@pytest.mark.parametrize(("source", "json"), [(b' \n{"a":1}', True), (b"{", True), (b"a {", False), (b"", False)])
def test_the_format_is_decided_by_the_first_character(source: bytes, json: bool) -> None:
    assert is_json(source) is json


def test_columns_count_characters() -> None:
    assert place("ä\nüx".encode(), 5) == (2, 2)


def test_random_bytes_end_in_tokens_or_in_a_config_error() -> None:
    chance = random.Random(7)
    alphabet = b'{}[]=,:"\\$#/*<-\n\r \tEOFa1.x\xc3\xa4\xff\0'
    accepted = 0
    for _try in range(5_000):
        source = bytes(chance.choice(alphabet) for _byte in range(chance.randint(0, 30)))
        try:
            tokens = tokenize(source)
        except ConfigError as error:
            assert error.line >= 1 and error.column >= 1
            continue
        accepted += 1
        assert b"".join(token.prefix + token.value for token in tokens) == source
    assert accepted > 100
