# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a unit can be relied on. The texts are what systemctl show prints for packaged and for edited units."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.agent.host import unit

START = "ExecStart={{ path=/usr/bin/nomad ; argv[]=/usr/bin/nomad agent {} ; ignore_errors=no ; start_time=[n/a] }}\n"


@pytest.mark.parametrize(
    "arguments, paths, literal",
    [
        ("-config /etc/nomad.d", ("/etc/nomad.d",), True),
        ("-config=/etc/nomad.d -config /srv/more.hcl", ("/etc/nomad.d", "/srv/more.hcl"), True),
        ("-dev", (), True),
        ('-config "/etc/nomad d"', ('"/etc/nomad',), False),
        ("-config ${CONFIG}", ("${CONFIG}",), False),
    ],
)
def test_where_the_configuration_is(arguments: str, paths: tuple[str, ...], literal: bool) -> None:
    found = unit.parse(START.format(arguments) + "KillSignal=2\n")
    assert (found.config_paths, found.literal, found.signal) == (paths, literal, 2)


def test_an_own_stop_command_may_send_any_signal() -> None:
    shown = START.format("-config /etc/nomad.d") + "ExecStop={ path=/bin/kill ; argv[]=/bin/kill 1 }\nKillSignal=15\n"
    assert unit.parse(shown).signal == 0
    assert unit.parse("").signal == 0
