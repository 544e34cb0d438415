# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop and start, through commands and through a systemd that is played here by its own rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Commands, Ran, Systemd

DROP_IN = "nomad.service.d/90-raft-logstore.conf"


class Unit:
    """As much of systemctl as is used: a unit whose drop-ins count from the last daemon-reload on."""

    def __init__(self, units: Path, state: str = "active", refuses: str = "") -> None:
        self.units = units
        self.state = state
        self.refuses = refuses
        self.kept = False
        self.wanted = False  # whether somebody asks for a start while it is being stopped
        self.calls: list[str] = []

    def __call__(self, arguments: Sequence[str]) -> Ran:
        program, verb, *rest = arguments
        assert program == "systemctl"
        self.calls.append(verb)
        if verb == self.refuses:
            return Ran(1, "", f"{verb}: not today")
        if verb == "show":
            assert rest == ["--value", "--property=ActiveState", "nomad.service"]
            return Ran(0, f"{self.state}\n", "")
        if verb == "daemon-reload":
            self.kept = (self.units / DROP_IN).exists()
        elif verb == "stop" and self.wanted and "--job-mode=replace-irreversibly" not in rest:
            return Ran(1, "", "Job for nomad.service canceled.")
        elif verb == "stop":
            self.state = "inactive" if self.state == "active" else self.state
        elif verb == "start" and not self.kept:
            self.state = "active"
        return Ran(0, "", "")


@pytest.mark.parametrize("name", ["nomad", "nomad.service"])
def test_a_unit_is_kept_stopped_until_it_is_started(name: str, tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    service = Systemd(unit, name, str(tmp_path))
    assert service.stop() is True
    assert unit.state == "inactive" and unit.kept
    assert "ConditionPathExists=!/\n" in (tmp_path / DROP_IN).read_text()
    assert service.barrier == str(tmp_path / DROP_IN)
    assert (tmp_path / DROP_IN).stat().st_mode & 0o777 == 0o644
    unit(["systemctl", "start", "nomad.service"])  # Restart=, a person, a configuration run
    assert unit.state == "inactive"
    assert service.stop() is False
    assert service.start() is True
    assert unit.state == "active" and not (tmp_path / DROP_IN).exists()
    assert service.start() is False


def test_it_is_kept_from_starting_before_it_is_stopped(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    Systemd(unit, "nomad", str(tmp_path)).stop()
    assert unit.calls.index("daemon-reload") < unit.calls.index("stop")


def test_a_start_that_is_asked_for_meanwhile_does_not_cancel_the_stop(tmp_path: Path) -> None:
    unit = Unit(tmp_path)
    unit.wanted = True
    assert Systemd(unit, "nomad", str(tmp_path)).stop() is True
    assert unit.state == "inactive"


def test_a_killed_run_leaves_nothing_that_stops_the_next_one(tmp_path: Path) -> None:
    (tmp_path / "nomad.service.d").mkdir()
    (tmp_path / "nomad.service.d" / ".90-raft-logstore.partial").write_text("[Un")
    service = Systemd(Unit(tmp_path), "nomad", str(tmp_path))
    service.stop()
    assert [path.name for path in (tmp_path / "nomad.service.d").iterdir()] == ["90-raft-logstore.conf"]
    service.release()
    service.release()
    assert list((tmp_path / "nomad.service.d").iterdir()) == []


def test_a_failed_unit_may_be_started_again(tmp_path: Path) -> None:
    unit = Unit(tmp_path, "failed")
    assert Systemd(unit, "nomad", str(tmp_path)).start() is True
    assert unit.calls.index("reset-failed") < unit.calls.index("start")


@pytest.mark.parametrize("verb", ["stop", "daemon-reload", "show"])
def test_what_systemctl_says_is_the_message(verb: str, tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=f"{verb}: not today"):
        Systemd(Unit(tmp_path, refuses=verb), "nomad", str(tmp_path)).stop()


def test_a_unit_that_is_not_stopped_or_not_started_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match="is deactivating after its stop"):
        Systemd(Unit(tmp_path, "deactivating"), "nomad", str(tmp_path)).stop()
    still = Systemd(lambda given: Ran(0, "inactive\n" if given[1] == "show" else "", ""), "nomad", str(tmp_path))
    with pytest.raises(AgentError, match="still inactive after its start"):
        still.start()


def test_commands_are_run_and_their_failure_is_told() -> None:
    seen: list[list[str]] = []

    def run(given: Sequence[str]) -> Ran:
        seen.append(list(given))
        return Ran(0 if len(seen) < 3 else 7, "", "no such server\n")

    service = Commands(run, "/usr/bin/stop 'the server' now")
    assert service.stop() is True and service.start() is True
    service.release()
    assert seen == [["/usr/bin/stop", "the server", "now"]] * 2
    with pytest.raises(AgentError, match=r"exit code 7: no such server\. Command: /usr/bin/stop"):
        service.start()
