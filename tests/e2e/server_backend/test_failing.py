# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend when a step fails: the server is brought back, or left with a sentence, and no write is lost."""

from __future__ import annotations

import pytest
from support.cluster.server import Server
from support.cluster.witness import Witness
from support.rolls import backend
from support.rolls.backend import configuration, faulty, is_wholly_on, running, stop_and

# --- failing at each step


def test_a_stop_that_fails(server: Server, watched: Witness) -> None:
    pid, before = server.pid(), configuration(server)
    result = backend.call(server, stop_command="/bin/false")
    assert result["failed"] and (result["step"], result["left"]) == ("stop", "put_back"), result
    assert (server.pid(), configuration(server)) == (pid, before) and is_wholly_on(server, "boltdb")


def test_a_configuration_that_cannot_be_written(server: Server, watched: Witness) -> None:
    in_the_way = server.config_dir / ".raft_logstore.hcl.partial"
    in_the_way.mkdir()
    (server.config_dir / "raft_logstore.hcl").unlink(missing_ok=True)
    before = configuration(server)
    result = backend.call(server)
    in_the_way.rmdir()
    assert result["failed"] and (result["step"], result["left"]) == ("configuration", "put_back"), result
    assert configuration(server) == before and is_wholly_on(server, "boltdb")


@pytest.mark.parametrize("own_block", [False, True], ids=["new file", "edited block"])
def test_a_conversion_that_is_refused(server: Server, watched: Witness, own_block: bool) -> None:
    drop_in = server.config_dir / "raft_logstore.hcl"
    drop_in.unlink(missing_ok=True)
    if own_block:
        drop_in.write_text('server {\n  raft_logstore {   # ours\r\n    backend="boltdb" // the old one\n  }\n}\n')
    before = configuration(server)
    # Somebody has the Raft directory locked when the server has stopped, as another conversion would.
    lock = f"(flock {server.raft_dir} sleep 8 > /dev/null 2>&1 &) ; sleep 0.3"
    result = backend.call(server, stop_command=stop_and(server, lock), lock_timeout=1)
    assert result["failed"] and (result["step"], result["left"]) == ("conversion", "put_back"), result
    assert "another run of this collection" in result["msg"] and "back in the cluster as it was" in result["msg"]
    assert configuration(server) == before and is_wholly_on(server, "boltdb")


def test_a_start_that_does_not_start(server: Server, watched: Witness) -> None:
    (server.config_dir / "raft_logstore.hcl").unlink(missing_ok=True)
    before = configuration(server)
    result = backend.call(server, start_command=faulty(server, "refuse"), wait_timeout=15)
    assert result["failed"] and (result["step"], result["left"]) == ("rejoin", "returned"), result
    assert result["returned"] and result["backend"] == "boltdb"
    assert configuration(server) == before and is_wholly_on(server, "boltdb")


def test_a_server_that_crashes_on_the_new_backend_keeps_what_it_had_acknowledged(
    server: Server, watched: Witness
) -> None:
    before = configuration(server)
    result = backend.call(server, start_command=faulty(server, "crash"), wait_timeout=15)
    assert result["failed"] and result["left"] == "returned", result
    assert configuration(server) == before and is_wholly_on(server, "boltdb")


def test_a_server_that_hangs_is_left_and_returned_when_asked(server: Server, watched: Witness) -> None:
    before = configuration(server)
    result = backend.call(server, start_command=faulty(server, "hang"), wait_timeout=10)
    assert result["failed"] and (result["left"], result["returned"]) == ("running", False), result
    kill = backend.playbooks.command_of(server, "kill")
    back = backend.call(server, state="returned", repair=True, stop_command=kill)
    assert not back.get("failed") and back["returned"] and back["backend"] == "boltdb", back
    assert configuration(server) == before and is_wholly_on(server, "boltdb")


def test_a_server_that_complains_is_left_and_returned_when_asked(server: Server, watched: Witness) -> None:
    before = configuration(server)
    result = backend.call(server, start_command=faulty(server, "log"))
    assert result["failed"] and (result["step"], result["left"]) == ("log", "running"), result
    assert running(server) == "wal"
    back = backend.call(server, state="returned")
    assert not back.get("failed") and back["returned"] and back["backend"] == "boltdb", back
    assert configuration(server) == before and is_wholly_on(server, "boltdb")


def test_an_error_in_the_log_that_nobody_knows_is_a_warning(server: Server, watched: Witness) -> None:
    result = backend.call(server, start_command=faulty(server, "odd"))
    assert not result.get("failed") and is_wholly_on(server, "wal"), result
    assert [line.endswith("error=EOF") for line in result["log"]["unknown"]] == [True]
    assert result["log"]["unknown"][0] in str(result["warnings"])


def test_without_leave_to_return_it_is_left_as_it_is(server: Server) -> None:
    result = backend.call(server, start_command=faulty(server, "refuse"), wait_timeout=5, return_on_failure=False)
    assert result["failed"] and result["left"] == "down" and not server.is_running(), result
    again = backend.call(server)
    assert not again.get("failed") and is_wholly_on(server, "wal")
