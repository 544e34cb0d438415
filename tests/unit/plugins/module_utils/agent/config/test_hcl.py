# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree over a configuration file: forms that Nomad reads, and refusals with their place."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.hcl import (
    Array,
    Literal,
    Node,
    Object,
    fold,
    named,
    parse,
    text_of,
)
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import ConfigError


def plain(node: Node) -> object:
    """The node as plain values: an object as a list of pairs, a literal as its bytes."""
    if isinstance(node, Literal):
        return node.token.value.decode()
    if isinstance(node, Array):
        return [plain(element) for element in node.elements]
    return [(" ".join(text_of(key) for key in item.keys), plain(item.value)) for item in node.items]


@pytest.mark.parametrize(
    ("source", "tree"),
    [
        ("", []),
        ("server { enabled = true }", [("server", [("enabled", "true")])]),
        ("server = { enabled = true }", [("server", [("enabled", "true")])]),
        ("server\n{\n enabled = true\n}", [("server", [("enabled", "true")])]),
        ('"server" { "enabled" = "1" }', [("server", [("enabled", '"1"')])]),
        ("server { a = 1 b = 2, c = 3, } d = 4", [("server", [("a", "1"), ("b", "2"), ("c", "3")]), ("d", "4")]),
        ('plugin "x" "y" { }', [("plugin x y", [])]),
        ("a = [1, {b = 2}, [3],]", [("a", ["1", [("b", "2")], ["3"]])]),
        ("a-b.c = 1", [("a-b.c", "1")]),
        ('{"server": {"a": [1, {"b": null}]}}', [("server", [("a", ["1", [("b", "null")]])])]),
        ('{"a": 1, "a": 2,}', [("a", "1"), ("a", "2")]),
        ("{}", []),
    ],
)
def test_the_tree_of_a_file(source: str, tree: object) -> None:
    document = parse(source.encode(), "x")
    assert plain(document.root) == tree
    assert document.json is source.startswith("{")


@pytest.mark.parametrize(
    ("source", "place", "words"),
    [
        ("server {", "2:1", "expected a key, found the file ends"),
        ("\nserver { }}", "2:11", "expected a key, found '}'"),
        ("a", "1:2", "expected '{' or '='"),
        ("a b = 1", "1:5", "expected '{'"),
        ("a = b", "1:5", "expected a value, found 'b'"),
        ("a = \n}", "2:1", "expected a value"),
        ("{}\nx = 1", "2:1", "bare word"),
        ('{"a": 1} {}', "1:10", "something follows"),
        ('{"a": 1', "1:8", "expected ',' or '}'"),
        ('{"a" 1}', "1:6", "expected ':'"),
        ('{"a": 1 "b": 2}', "1:9", "expected ',' or '}'"),
        ('{"a": [1 2]}', "1:10", "expected ',' or ']'"),
        ('{"a": [[1]]}', "1:8", "nested too deeply"),
        ('{"a": [null]}', "1:8", "no null in a list"),
        ("a = [1 2]", "1:8", "expected ',' or ']'"),
        ("a {" * 60, None, "nested too deeply"),
        ("a = " + "[" * 60, None, "nested too deeply"),
    ],
)
def test_a_refusal_says_where(source: str, place: str | None, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse((source + ("\n" if source == "server {" else "")).encode(), "/etc/nomad.d/x.hcl")
    assert words in str(raised.value)
    if place:
        assert str(raised.value).startswith(f"/etc/nomad.d/x.hcl:{place}: ")


def test_names_are_compared_without_case() -> None:
    document = parse(b'Server { } "SERVER" { } client { }', "x")
    assert len(named(document.root, "server")) == 2


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ('"a\\n\\u00e4\\x41\\101\\""', 'a\näAA"'),
        ('"\\xc3\\xa4\\303\\244\\U0001F600"', "ää\U0001f600"),
        ('"\\ud800"', "\ufffd"),
        ('"\\n${x \\" {\\n} }\\n"', '\n${x \\" {\\n} }\n'),
        ("word", "word"),
    ],
)
def test_the_text_of_a_token(source: str, text: str) -> None:
    item = parse(f"{source} {{}}".encode(), "x").root.items[0]
    assert text_of(item.keys[0]) == text


def test_in_json_nothing_is_a_template() -> None:
    token = parse(b'{"${\\n}": 1}', "x").root.items[0].keys[0]
    assert text_of(token, json=True) == "${\n}"


@pytest.mark.parametrize(
    ("key", "folded"),
    [
        ("Raft_LogStore", "raft_logstore"),
        ("raft_log\u017ftore", "raft_logstore"),
        ("raft_log\ufb06ore", "raft_log\ufb06ore"),
    ],
)
def test_keys_fold_as_in_go_letter_by_letter(key: str, folded: str) -> None:
    assert fold(key) == folded


def test_a_splice_keeps_what_is_around_it() -> None:
    document = parse(b"# c\na = 1 # d\n", "x")
    node = document.root.items[0].value
    assert document.splice(node.off, node.end, b"22").source == b"# c\na = 22 # d\n"
    with pytest.raises(ConfigError):
        document.splice(node.off, node.end, b"{")


def test_a_node_knows_its_bytes() -> None:
    document = parse(b"a { b = [1] }\n", "x")
    item = document.root.items[0]
    assert document.source[item.off : item.end] == b"a { b = [1] }"
    assert isinstance(item.value, Object)
    assert document.source[item.value.off : item.value.end] == b"{ b = [1] }"
