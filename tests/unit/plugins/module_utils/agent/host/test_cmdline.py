# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines as /proc has them, read as Go's package flag reads them; Nomad's own ways to write them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host import cmdline
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.cmdline import CommandLine

# command line, what it says
LINES: list[tuple[str, dict[str, Any]]] = [
    ("/usr/bin/nomad agent -config /etc/nomad.d", {"config_paths": ("/etc/nomad.d",)}),
    ("nomad agent -config=a.hcl --config b.d -config=c=d", {"config_paths": ("a.hcl", "b.d", "c=d")}),
    ("nomad agent -data-dir=/a -data-dir /b", {"data_dir": "/b"}),
    ("nomad agent -server -config x", {"server": True, "config_paths": ("x",)}),
    ("nomad agent -server=false -config x", {"config_paths": ("x",)}),
    ("nomad agent -dev", {"dev": True, "others": ("dev",)}),
    ("nomad agent -dev=false", {"others": ("dev",)}),
    ("nomad agent -dev-connect", {"dev": True, "others": ("dev-connect",)}),
    ("nomad agent -encrypt SECRET -region=eu -config x", {"others": ("encrypt", "region"), "config_paths": ("x",)}),
    ("nomad agent -log-level -config -config x", {"others": ("log-level",), "config_paths": ("x",)}),  # as Go does
    ("nomad agent -rejoin -acl-enabled -config x", {"others": ("acl-enabled", "rejoin"), "config_paths": ("x",)}),
    ("nomad agent -config x -- -config y", {"config_paths": ("x",)}),
    ("nomad agent -config x y -config z", {"config_paths": ("x",)}),
    ("nomad agent -config", {"config_paths": ("",)}),
]


@pytest.mark.parametrize(("line", "said"), LINES)
def test_a_command_line(line: str, said: dict[str, Any]) -> None:
    assert cmdline.parse(b"\0".join(line.encode().split(b" ")) + b"\0") == CommandLine(agent=True, **said)


def test_a_blank_in_an_argument_and_bytes_that_are_no_text() -> None:
    found = cmdline.parse(b"nomad\0agent\0-config\0/etc/my nomad\0-data-dir\0/\xff\0")
    assert found.config_paths == ("/etc/my nomad",)
    assert found.data_dir.encode("utf-8", "surrogateescape") == b"/\xff"


@pytest.mark.parametrize("line", [b"", b"rsync\0-a\0agent\0", b"nomad\0", b"nomad\0server\0members\0"])
def test_what_is_no_agent(line: bytes) -> None:
    assert cmdline.parse(line) == CommandLine()


def test_only_names_of_variables_are_kept() -> None:
    found = cmdline.variables(b"PATH=/bin\0NOMAD_LICENSE=secret\0NOMAD_ADDR=x\0NOMAD_CLIENT_INTRO_TOKEN=secret\0")
    assert found == ("NOMAD_LICENSE", "NOMAD_CLIENT_INTRO_TOKEN")
    assert cmdline.variables(b"") == ()


CGROUPS = [
    ("0::/system.slice/nomad.service\n", "nomad.service"),
    ("0::/system.slice/system-nomad.slice/nomad@a.service/inner\n", "nomad@a.service"),
    ("0::/user.slice/user-0.slice/session-3.scope\n", ""),
    ("12:cpu:/x.service\n1:name=systemd:/system.slice/nomad.service\n0::/\n", "nomad.service"),  # cgroup v1
    ("0::/\n", ""),
    ("", ""),
]


@pytest.mark.parametrize(("text", "unit"), CGROUPS)
def test_the_unit_of_a_process(text: str, unit: str) -> None:
    assert cmdline.unit(text) == unit
