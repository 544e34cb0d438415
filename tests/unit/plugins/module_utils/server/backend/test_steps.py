# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Single steps, where the order of a whole transaction does not show what they do."""

from __future__ import annotations

import os
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import waiter
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host import transaction
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import steps
from support.member import S1, S2


def test_every_step_of_every_way_is_there() -> None:
    ways = [*transaction.FORWARD.values(), *transaction.BACK.values(), transaction.AS_IT_WAS, transaction.COPYING]
    assert set(steps.STEPS) == {step for way in ways for step in way}


def test_a_second_run_knows_what_was_before_the_first(host: Any) -> None:
    """The first died after its change; the second wants one setting more, and is put back to the very beginning."""
    (host.config / "more.hcl").write_text('server { raft_logstore { backend = "boltdb" } } # mine\n')
    before = host.configuration()
    steps.configure(host.work())
    second = host.work(wal_segment_size=16)
    steps.configure(second)
    assert second.results["configuration"]["effective"]["wal_segment_size"] == 16
    second.goal = "boltdb"
    steps.former(second)
    assert host.configuration() == before


def test_a_second_run_that_finds_all_done_knows_it_too(host: Any) -> None:
    before = host.configuration()
    steps.configure(host.work())
    second = host.work()
    steps.configure(second)
    assert not second.results["configuration"]["changed"]
    second.goal = "boltdb"
    steps.former(second)
    assert host.configuration() == before


def test_what_no_longer_fits_keeps_nothing_from_being_put_back(host: Any) -> None:
    """A record from long ago: the files have been changed by hand since."""
    (host.config / "nomad.hcl").write_text(
        (host.config / "nomad.hcl").read_text() + "server { raft_boltdb { no_freelist_sync = true } }\n"
    )
    steps.configure(host.work())
    (host.config / "nomad.hcl").write_text((host.config / "nomad.hcl").read_text() + "# mine\n")
    (host.config / "raft_logstore.hcl").unlink()
    before = host.configuration()
    again = host.work()
    steps.configure(again)
    again.goal = "boltdb"
    steps.former(again)
    assert host.configuration() == before


def test_where_somebody_has_changed_a_file_the_effect_is_put_back(host: Any) -> None:
    work = host.work()
    steps.configure(work)
    file = host.config / "raft_logstore.hcl"
    file.write_text(file.read_text() + "# mine\n")
    work.goal = "boltdb"
    steps.former(work)
    assert "# mine" in file.read_text() and 'backend = "boltdb"' in file.read_text()


def test_never_a_second_agent_beside_one_that_has_the_store(host: Any) -> None:
    work = host.work()
    with host.store_open():
        steps.start(work)
    assert host.ran == []
    steps.start(work)
    assert host.ran == [["/bin/true", "start"]]


@pytest.mark.parametrize(
    ("expected", "told"),
    [
        ({"server_id": S1}, "the agent that answers is s2.global"),
        ({"goal": "wal"}, "runs on boltdb, not on wal"),
        ({"voters": frozenset({S1, S2})}, "voters are not the expected ones"),
        ({"tolerance": 2}, "the failure tolerance is 1, it was 2 before"),
    ],
)
def test_a_server_is_back_only_as_it_was_and_on_the_backend(host: Any, expected: dict[str, Any], told: str) -> None:
    steps.rejoin(host.work(backend="boltdb"))
    work = host.work(backend="boltdb", wait_timeout=0)
    for name, value in expected.items():
        setattr(work, name, value)
    with pytest.raises(AgentError, match=f"not back after 0 s: .*{told}"):
        steps.rejoin(work)


def test_a_server_is_back_only_when_it_has_been_so_for_long_enough(host: Any) -> None:
    with pytest.raises(AgentError, match=r"not back after 1 s: .*, but only for .* of 60 seconds in a row"):
        steps.rejoin(host.work(backend="boltdb", wait_timeout=1, stable_for=60))


def test_a_wait_says_what_it_waits_for(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiter, "FIRST_TOLD_S", 0.2)
    told: list[str] = []
    work = host.work(backend="boltdb", wait_timeout=1, gate_timeout=1, min_failure_tolerance=2)
    work.waits, work.voters = told.append, frozenset({S1})
    with pytest.raises(AgentError, match="not back"):
        steps.rejoin(work)
    with pytest.raises(AgentError, match="cannot do without it"):
        steps.last_look(work)
    back, stopped = told
    assert back.startswith("waits until it is back: ") and "voters" in back and back.endswith("s of 1 s)")
    assert stopped.startswith("waits until it may be stopped: ") and "not 2 or more" in stopped


def test_a_log_with_an_error_is_a_failure_and_none_a_warning(host: Any) -> None:
    work = host.work()
    steps.look_at_log(work)
    assert "has logged nothing" in work.warnings[0]
    log = host.root / "log"
    log.write_text("2036-11-22T10:47:51.123Z [ERROR] nomad.raft: failed to append to logs\n")
    with pytest.raises(AgentError, match="1 error about the Raft store"):
        steps.look_at_log(host.work(log_file=str(log)))
    os.truncate(log, 0)
    silent = host.work(log_file=str(log))
    steps.look_at_log(silent)
    assert len(silent.warnings) == 1
