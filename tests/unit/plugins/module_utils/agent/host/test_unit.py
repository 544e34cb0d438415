# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `systemctl show` prints, of systemd 252 and 255, about Nomad's packaged unit and worse ones."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host import unit
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.unit import Unit

PACKAGED = """\
MainPID=812
ExecStart={ path=/usr/bin/nomad ; argv[]=/usr/bin/nomad agent -config /etc/nomad.d ; ignore_errors=no ; \
start_time=[Mon 2026-11-30 01:00:00 UTC] ; stop_time=[n/a] ; pid=812 ; code=(null) ; status=0/0 }
KillSignal=2
LoadState=loaded
ActiveState=active
DropInPaths=
NeedDaemonReload=no
"""
START = "ExecStart={{ path=/usr/bin/nomad ; argv[]=/usr/bin/nomad agent {} ; ignore_errors=no ; start_time=[n/a] }}\n"
ABSENT = "MainPID=0\nKillSignal=15\nLoadState=not-found\nActiveState=inactive\nDropInPaths=\nNeedDaemonReload=no\n"


def test_the_packaged_unit() -> None:
    found = unit.parse(PACKAGED)
    assert found == Unit(("/etc/nomad.d",), 2, True, "active", 812, (), False)
    assert found.literal


def test_a_unit_that_is_not_there() -> None:
    assert unit.parse(ABSENT) == Unit(signal=15, state="inactive")
    assert unit.parse("") == Unit()


def test_drop_ins_and_newer_files() -> None:
    drop_in = "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"
    shown = PACKAGED.replace("DropInPaths=", f"DropInPaths={drop_in} /etc/systemd/system/nomad.service.d/a.conf")
    found = unit.parse(shown.replace("NeedDaemonReload=no", "NeedDaemonReload=yes"))
    assert found.drop_ins == (drop_in, "/etc/systemd/system/nomad.service.d/a.conf") and found.stale


def test_an_exec_stop_may_send_any_signal() -> None:
    assert unit.parse(PACKAGED + "ExecStop={ path=/bin/kill ; argv[]=/bin/kill 1 ; ignore_errors=no }\n").signal == 0


@pytest.mark.parametrize("argument", ["$NOMAD_CONFIG", "'/etc/my nomad'", '"/etc/nomad.d"', "/etc/a\\x20b"])
def test_arguments_that_only_systemd_reads(argument: str) -> None:
    assert not unit.parse(PACKAGED.replace("/etc/nomad.d", argument)).literal


@pytest.mark.parametrize("name", ["nomad", "nomad.service"])
def test_the_full_name(name: str) -> None:
    assert unit.full_name(name) == "nomad.service"


@pytest.mark.parametrize(
    "arguments, paths, literal",
    [
        ("-config /etc/nomad.d", ("/etc/nomad.d",), True),
        ("-config=/etc/nomad.d -config /srv/more.hcl", ("/etc/nomad.d", "/srv/more.hcl"), True),
        ("-dev", (), True),
        ('-config "/etc/nomad d"', ('"/etc/nomad',), False),
        ("-config ${CONFIG}", ("${CONFIG}",), False),
        ("-config /etc/nomad.d $NOMAD_ARGS", ("/etc/nomad.d",), False),
        ("$NOMAD_ARGS -config /etc/nomad.d", ("/etc/nomad.d",), False),
        ("-config /etc/nomad.d -bind=${IP}", ("/etc/nomad.d",), True),
        ("-config /etc/nomad.d -bind ${IP}", ("/etc/nomad.d",), True),
        ("-config /etc/nomad.d -bind $IP", ("/etc/nomad.d",), False),
        ("-config /etc/nomad.d -server ${MORE}", ("/etc/nomad.d",), False),
    ],
)
def test_where_the_configuration_is(arguments: str, paths: tuple[str, ...], literal: bool) -> None:
    found = unit.parse(START.format(arguments) + "KillSignal=2\n")
    assert (found.config_paths, found.literal, found.signal) == (paths, literal, 2)


def test_words_that_may_stand_for_any_arguments() -> None:
    assert unit.parse(START.format("-config /etc/nomad.d $NOMAD_ARGS ${MORE}")).variables == ("$NOMAD_ARGS", "${MORE}")
    assert unit.parse(PACKAGED).variables == ()


def test_where_its_environment_comes_from_and_since_when_it_has_it() -> None:
    shown = (
        "EnvironmentFiles=/etc/nomad.d/nomad.env (ignore_errors=yes)\n"
        "EnvironmentFiles=/etc/my defaults (ignore_errors=no)\nExecMainStartTimestampMonotonic=81242310000\n"
    )
    older = unit.parse(PACKAGED + shown.replace("EnvironmentFiles=", "EnvironmentFile="))
    found = unit.parse(PACKAGED + shown)
    assert older == found
    assert found.environment_files == ("/etc/nomad.d/nomad.env", "/etc/my defaults") and found.started == 81242.31
