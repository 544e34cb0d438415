# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diff may show: all bytes of a file but the values of secrets, however they are written."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.hcl import parse
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.redact import shown


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('server {\r\n  encrypt = "k3y" # on\r\n}', "server {\r\n  encrypt = (not shown) # on\r\n}"),
        ('consul { token="a\\"b${ "c" }" auth = "me:pw" }', "consul { token=(not shown) auth = (not shown) }"),
        ("vault { Token = <<E\nk3y\nE\n}", "vault { Token = (not shown)\n}"),
        ('a { secrets = ["x", { y = "z" }] b = 1 }', "a { secrets = [(not shown), { y = (not shown) }] b = 1 }"),
        ('keyring "awskms" { secret_key = "x" }', 'keyring "awskms" { secret_key = (not shown) }'),
        ('{"server": {"encrypt": "k3y", "x": 1}}', '{"server": {"encrypt": (not shown), "x": 1}}'),
        ('# encrypt = "k3y"\na = 1 // token: k3y\n', "# encrypt = (not shown)\na = 1 // token: (not shown)\n"),
        ('authoritative_region = "eu"\n', 'authoritative_region = "eu"\n'),
    ],
)
def test_secrets_are_left_out_and_nothing_else(source: str, expected: str) -> None:
    assert shown(parse(source.encode())) == expected
