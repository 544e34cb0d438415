# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits in the manner of the file around them: before and after, byte for byte."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.edit import add_item, remove_item, set_value
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.hcl import Document, Object, named, parse

BLOCK = {"backend": "wal", "wal": {"segment_size_mb": 8}}


def server(document: Document) -> Object:
    value = named(document.root, "server")[0].value
    assert isinstance(value, Object)
    return value


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "server {\n  enabled = true\n}\n",
            'server {\n  enabled = true\n  raft_logstore {\n    backend = "wal"\n    wal {\n'
            "      segment_size_mb = 8\n    }\n  }\n}\n",
        ),
        (
            "server {\r\n\tenabled = true # on\r\n\t# last\r\n}",
            'server {\r\n\tenabled = true # on\r\n\t# last\r\n\traft_logstore {\r\n\t\tbackend = "wal"\r\n\t\twal {\r\n'
            "\t\t\tsegment_size_mb = 8\r\n\t\t}\r\n\t}\r\n}",
        ),
        (
            "    server {\n        x = 1\n    }",
            '    server {\n        x = 1\n        raft_logstore {\n            backend = "wal"\n            wal {\n'
            "                segment_size_mb = 8\n            }\n        }\n    }",
        ),
        ("server { x = 1 }", 'server { x = 1 raft_logstore { backend = "wal" wal { segment_size_mb = 8 } } }'),
        ("server {x=1}", 'server {x=1 raft_logstore { backend = "wal" wal { segment_size_mb = 8 } } }'),
        ("server {}", 'server { raft_logstore { backend = "wal" wal { segment_size_mb = 8 } } }'),
        (
            "server {\n}\n",
            'server {\n  raft_logstore {\n    backend = "wal"\n    wal {\n      segment_size_mb = 8\n    }\n  }\n}\n',
        ),
        (
            "server {\n  x = 1\n  /* c */ }\n",
            'server {\n  x = 1\n  /* c */ \nraft_logstore {\n  backend = "wal"\n  wal {\n'
            "    segment_size_mb = 8\n  }\n}\n}\n",
        ),
        (
            "server {\n  x = <<E\ntext\nE\n}\n",
            'server {\n  x = <<E\ntext\nE\n raft_logstore { backend = "wal" wal { segment_size_mb = 8 } } }\n',
        ),
    ],
)
def test_a_block_is_added_to_hcl(before: str, after: str) -> None:
    document = parse(before.encode(), "x")
    assert add_item(document, server(document), "raft_logstore", BLOCK).source.decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "server {\n  enabled = true\n}\n"),
        ("a = 1", "a = 1\nserver {\n  enabled = true\n}\n"),
        ("a = 1 # c\r\n", "a = 1 # c\r\nserver {\r\n  enabled = true\r\n}\r\n"),
        ("# c", "# c\nserver {\n  enabled = true\n}\n"),
    ],
)
def test_a_block_is_added_at_the_end_of_hcl(before: str, after: str) -> None:
    document = parse(before.encode(), "x")
    assert add_item(document, document.root, "server", {"enabled": True}).source.decode() == after


@pytest.mark.parametrize(
    ("before", "as_list", "after"),
    [
        ('{"server": {"x": 1}}', False, '{"server": {"x": 1, "k": {"b": "wal"}}}'),
        ('{"server": {"x": 1,}}', False, '{"server": {"x": 1, "k": {"b": "wal"}}}'),
        ('{"server": {}}', True, '{"server": {"k": [{"b": "wal"}]}}'),
        (
            '{\n    "server": {\n        "x": 1\n    }\n}\n',
            False,
            '{\n    "server": {\n        "x": 1,\n        "k": {\n            "b": "wal"\n        }\n    }\n}\n',
        ),
        (
            '{\r\n\t"server": {\r\n\t\t"x": 1\r\n\t}\r\n}',
            True,
            '{\r\n\t"server": {\r\n\t\t"x": 1,\r\n\t\t"k": [\r\n\t\t\t{\r\n\t\t\t\t"b": "wal"\r\n\t\t\t}\r\n'
            "\t\t]\r\n\t}\r\n}",
        ),
        ('{\n  "server": {\n  }\n}', False, '{\n  "server": {\n    "k": {\n      "b": "wal"\n    }\n  }\n}'),
    ],
)
def test_a_block_is_added_to_json(before: str, as_list: bool, after: str) -> None:
    document = parse(before.encode(), "x")
    edited = add_item(document, server(document), "k", {"b": "wal"}, as_list)
    assert edited.source.decode() == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("server {\n  a = 1\n  gone {\n    x = 1\n  }\n  b = 2\n}\n", "server {\n  a = 1\n  b = 2\n}\n"),
        ("server {\n  gone { } # why\n  b = 2\n}\n", "server {\n  # why\n  b = 2\n}\n"),
        ("server {\n  # lead\n  gone { }\n}\n", "server {\n  # lead\n}\n"),
        ("server { a = 1 gone { x = 1 } b = 2 }", "server { a = 1 b = 2 }"),
        ("server { gone = {}, b = 2 }", "server { b = 2 }"),
        ("server {\r\n  gone { }\r\n}\r\n", "server {\r\n}\r\n"),
        ('{"server": {"a": 1, "gone": {}, "b": 2}}', '{"server": {"a": 1, "b": 2}}'),
        ('{"server": {"a": 1, "gone": {}}}', '{"server": {"a": 1}}'),
        ('{"server": {"gone": [{}]}}', '{"server": {}}'),
        (
            '{\n  "server": {\n    "a": 1,\n    "gone": {\n      "x": 1\n    }\n  }\n}\n',
            '{\n  "server": {\n    "a": 1\n  }\n}\n',
        ),
        (
            '{\n  "server": {\n    "gone": {},\n    "a": 1\n  }\n}\n',
            '{\n  "server": {\n    "a": 1\n  }\n}\n',
        ),
    ],
)
def test_an_item_is_removed_with_its_line_and_without_its_comments(before: str, after: str) -> None:
    document = parse(before.encode(), "x")
    assert remove_item(document, named(server(document), "gone")[0]).source.decode() == after


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ('a = "boltdb" # c', "wal", 'a = "wal" # c'),
        ("a = 0x40", 8, "a = 8"),
        ("a = <<E\nboltdb\nE\n# c", "wal", 'a = "wal"\n# c'),
        ("a = <<-E\r\n  boltdb\r\n  E\r\nb = 1", "wal", 'a = "wal"\r\nb = 1'),
        ('{"a":"1"}', True, '{"a":true}'),
    ],
)
def test_a_value_is_replaced_in_place(before: str, value: Any, after: str) -> None:
    document = parse(before.encode(), "x")
    node: Any = document.root.items[0].value
    assert set_value(document, node.token, value).source.decode() == after
