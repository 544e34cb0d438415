# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be relied on of what systemd shows."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.roll.options import Options
from ansible_collections.raftops.nomad.plugins.module_utils.roll.unit import known

UNIT = "KillSignal={}\nExecStart={{ path=/bin/nomad ; argv[]=/bin/nomad agent {} ; ignore_errors=no }}"
GIVEN = Options(config_path=("/etc/nomad.d",))


@pytest.mark.parametrize(
    ("arguments", "paths", "literal"),
    [
        ("-config /etc/nomad.d -config=/etc/extra.hcl", ["/etc/nomad.d", "/etc/extra.hcl"], True),
        ('-config "/etc/nomad d"', ['"/etc/nomad'], False),
        ("-config='/etc/nomad d'", ["'/etc/nomad"], False),
        ("-config $DIR", ["$DIR"], False),
        (r"-config /etc/nomad\x20d", [r"/etc/nomad\x20d"], False),
        ("-dev", [], False),
    ],
)
def test_config_arguments_are_taken_from_the_unit_only_when_they_are_plain(
    arguments: str, paths: list[str], literal: bool
) -> None:
    shown = UNIT.format("2", arguments)
    unit = known(Options(), "s1", shown)
    assert list(unit.paths) == paths
    assert unit.refused is not literal
    assert unit.refusal.endswith("Set raft_logstore_config_path to the agent's -config arguments.") is not literal
    given = known(Options(config_path=("/etc/it's",)), "s1", shown)
    assert given.paths == ("/etc/it's",) and not given.refused


def test_it_is_said_why_the_configuration_is_not_known() -> None:
    assert known(Options(), "s1").refusal.startswith("Only its running agent knows where the configuration of s1 is")
    quoted = known(Options(), "s1", UNIT.format("2", "-config $DIR")).refusal
    assert quoted.startswith("Its unit names the configuration of s1 in a way that only systemd reads: $DIR. ")


def test_what_cannot_end_well_is_refused_before_anything_is_read() -> None:
    assert "Give 1 to 2047" in known(GIVEN._replace(wal_segment_size=2048), "s1").refusal
    assert "will ever be back in time" in known(GIVEN._replace(stable_for=300), "s1").refusal


def test_the_signal_is_known_only_where_nothing_else_stops_the_unit() -> None:
    assert known(GIVEN, "s1", UNIT.format("15", "")).signal == "15"
    assert known(GIVEN, "s1", UNIT.format("15", "") + "\nExecStop={ path=/bin/kill ; }").signal == ""
    assert known(GIVEN, "s1", "").signal == ""


@pytest.mark.parametrize("name", ["nomad", "nomad.service"])
def test_the_drop_in_is_in_the_directory_of_the_unit(name: str) -> None:
    unit = known(GIVEN._replace(service_name=name), "s1")
    assert unit.drop_in == "/run/systemd/system/nomad.service.d/90-raft-logstore.conf"


def test_a_unit_is_barred_while_systemd_shows_the_drop_in() -> None:
    shown = "DropInPaths=/etc/x.conf /run/systemd/system/nomad.service.d/90-raft-logstore.conf"
    assert known(GIVEN, "s1", shown).barred and not known(GIVEN, "s1", "DropInPaths=/etc/x.conf").barred


@pytest.mark.parametrize(
    ("raft_dir", "root"),
    [("/opt/nomad/server/raft", "/opt/nomad"), ("/srv/own/raft", "/srv/own"), ("/opt/raft/server/raft", "/opt/raft")],
)
def test_modules_are_given_the_directory_above_what_the_service_user_owns(raft_dir: str, root: str) -> None:
    assert known(GIVEN, "s1", raft_dir=raft_dir).data_dir == root
    assert known(GIVEN._replace(data_dir="/else"), "s1", raft_dir=raft_dir).data_dir == "/else"


def test_the_log_is_the_file_that_is_named_else_what_the_service_manager_has() -> None:
    by_command = GIVEN._replace(service_manager="command", status_command="/bin/status")
    assert known(GIVEN, "s1").log == {"unit": "nomad"} and known(GIVEN, "s1").systemd
    assert known(by_command, "s1").log == {"command": "/bin/status"} and not known(by_command, "s1").systemd
    for options in GIVEN, by_command:
        assert known(options._replace(log_file="/var/log/nomad"), "s1").log == {"file": "/var/log/nomad"}
