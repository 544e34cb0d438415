# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""server_backend on a server of a running cluster: there and back, refused, failing and left alone at each step."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.cluster.cluster import Cluster, Server, wait_until
from support.cluster.witness import Witness, witnessed
from support.rolls import adhoc, backend, leftbehind

FAULTY = Path(__file__).resolve().parents[1] / "support/cluster/start_faulty.py"
OTHER = {"wal": "boltdb", "boltdb": "wal"}


@pytest.fixture(scope="module")
def cluster(make_cluster: Callable[..., Cluster]) -> Cluster:
    return make_cluster()


@pytest.fixture
def watched(cluster: Cluster) -> Iterator[Witness]:
    """Every write that is acknowledged meanwhile is there afterwards, and a majority always lived."""
    with witnessed(cluster) as witness:
        yield witness


@pytest.fixture
def server(cluster: Cluster) -> Iterator[Server]:
    """A follower of a healthy cluster, on BoltDB, with nothing untold of earlier tests."""
    cluster.start()
    cluster.wait_healthy(60)
    one = cluster.followers()[0]
    result = backend.call(one, backend="boltdb")
    assert not result.get("failed"), result
    yield one
    backend.wait_over(one)


def configuration(server: Server) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each file of the agent's configuration."""
    return {
        path.name: (stat.S_IMODE(path.stat().st_mode), path.read_bytes())
        for path in server.config_dir.iterdir()
        if path.is_file()
    }


def running(server: Server) -> str:
    """The backend on which it says that it runs."""
    answer = wait_until("an answer", lambda: server.try_api("GET", "/v1/agent/self").status == 200, 30)
    assert answer
    return str(server.api("GET", "/v1/agent/self").body["stats"]["raft"]["logstore_backend"])


def is_wholly_on(server: Server, name: str) -> bool:
    return running(server) == name and leftbehind.is_on(server, name) and not leftbehind.is_unfinished(server)


def faulty(server: Server, fault: str, name: str = "wal") -> str:
    return f"{sys.executable} {FAULTY} {fault} {name} {server.root}"


def stop_and(server: Server, shell: str) -> str:
    """A stop command that does something else as well."""
    return f"/bin/sh -c '{backend.arguments(server)['stop_command']} && {shell}'"


# --- there and back


def test_there_and_back_by_one_command_each(server: Server, watched: Witness, tmp_path: Path) -> None:
    inventory = adhoc.inventory(tmp_path / "inventory.json", {server.name: {}})
    before = configuration(server)
    for name in ("wal", "boltdb"):
        ran = adhoc.run(inventory, "server_backend", backend.arguments(server, backend=name))
        assert ran.returncode == 0, ran.output
        result = ran.results[server.name]
        assert result["changed"] and result["backend"] == name and result["previous_backend"] == OTHER[name]
        assert result["conversion"]["verified"] == result["conversion"]["entries"] > 0
        assert set(result["phases"]) == {"stop", "configuration", "conversion", "start", "rejoin", "total"}
        assert result["phases"]["total"] < 10
        assert (result["attached"], result["returned"], result["earlier"]) == (False, False, None)
        assert result["log"]["lines"] > 0 and not result["log"]["errors"]
        assert is_wholly_on(server, name)
    assert configuration(server)["nomad.hcl"] == before["nomad.hcl"]


def test_where_nothing_is_to_do_nothing_is_done(server: Server) -> None:
    pid = server.pid()
    result = backend.call(server, backend="boltdb")
    assert not result["changed"] and server.pid() == pid


def test_check_mode_says_what_would_be_done_and_does_nothing(server: Server) -> None:
    pid, before = server.pid(), configuration(server)
    result = backend.call(server, backend="wal", _ansible_check_mode=True, _ansible_diff=True)
    assert result["changed"] and result["last_look"]["satisfied"], result
    assert len(result["plan"]) == 7 and result["conversion"]["plan"]
    assert result["configuration"]["changed_files"] == [str(server.config_dir / "raft_logstore.hcl")]
    assert [Path(one["after_header"]).name for one in result["diff"]] == ["raft_logstore.hcl", "raft"]
    assert (server.pid(), configuration(server)) == (pid, before) and running(server) == "boltdb"


# --- refused


def test_a_server_that_leads_is_not_stopped(cluster: Cluster, server: Server) -> None:
    leader = cluster.leader()
    assert leader is not None
    pid = leader.pid()
    result = backend.call(leader, gate_timeout=1)
    assert result["failed"] and "leadership must be moved away" in result["msg"]
    assert result["left"] == "untouched" and "It was not stopped." in result["msg"] and leader.pid() == pid


def test_a_server_that_is_needed_is_not_stopped(cluster: Cluster, server: Server) -> None:
    other = next(one for one in cluster.followers() if one is not server)
    other.kill()
    for number in range(300):  # so that autopilot sees how far behind it is
        cluster.write(f"needed/{number}", {"at": str(number)})
    pid = server.pid()
    result = backend.call(server, gate_timeout=15, stable_for=1)
    other.start()
    assert result["failed"] and "cannot do without it" in result["msg"], result
    assert result["left"] == "untouched" and server.pid() == pid


def test_the_only_server_of_a_cluster_needs_leave_for_an_outage(make_cluster: Callable[..., Cluster]) -> None:
    alone = make_cluster(size=1).servers[0]
    refused = backend.call(alone, gate_timeout=1)
    assert refused["failed"] and refused["left"] == "untouched" and running(alone) == "boltdb", refused
    result = backend.call(alone, allow_outage=True)
    assert not result.get("failed"), result
    assert is_wholly_on(alone, "wal")


def test_a_server_is_not_begun_with_that_could_not_be_started_again(server: Server) -> None:
    result = backend.call(server, start_command="")
    assert result["failed"] and "must not be stopped: give start_command" in result["msg"]


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


def test_without_leave_to_return_it_is_left_as_it_is(server: Server) -> None:
    result = backend.call(server, start_command=faulty(server, "refuse"), wait_timeout=5, return_on_failure=False)
    assert result["failed"] and result["left"] == "down" and not server.is_running(), result
    again = backend.call(server)
    assert not again.get("failed") and is_wholly_on(server, "wal")


# --- left alone


@pytest.mark.parametrize("step", backend.STEPS)
@pytest.mark.parametrize("name", ["wal", "boltdb"])
def test_what_began_it_is_killed_and_the_server_is_back_by_itself(
    server: Server, watched: Witness, name: str, step: str
) -> None:
    if name == "boltdb":
        assert not backend.call(server, backend="wal").get("failed")
    before, call = backend.number(server), backend.Call(backend.arguments(server, backend=name, origin="controller-1"))
    backend.wait_for(server, step, before)
    call.kill()
    backend.wait_over(server)
    assert is_wholly_on(server, name)
    told = backend.call(server, backend=name)
    assert not told["changed"] and told["earlier"]["origin"] == "controller-1", told
    assert told["earlier"]["sentence"].endswith("came to its end: the server is back.")
    assert told["earlier"]["result"]["backend"] == name
    assert backend.call(server, backend=name)["earlier"] is None


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_the_signals_of_a_session_that_ends_do_not_reach_it(server: Server, number: int) -> None:
    before, call = backend.number(server), backend.Call(backend.arguments(server))
    backend.wait_for(server, "stop", before)
    note = backend.place(server).note()
    assert note is not None
    os.kill(note.pid, number)
    call.kill(number)
    backend.wait_over(server)
    assert is_wholly_on(server, "wal")


def test_ansible_and_all_it_started_are_killed_and_the_server_is_back_by_itself(
    server: Server, watched: Witness, tmp_path: Path
) -> None:
    """With the module's own files, which are gone with it: nothing may have to be imported any more."""
    inventory = adhoc.inventory(tmp_path / "inventory.json", {server.name: {}})
    slow = stop_and(server, "sleep 2")
    given = backend.arguments(server, stop_command=slow, start_command=faulty(server, "refuse"), wait_timeout=10)
    before = backend.number(server)
    child = subprocess.Popen(
        adhoc.command(inventory, "server_backend", given),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=adhoc.environment(ANSIBLE_LOCAL_TEMP=str(tmp_path / "local"), ANSIBLE_REMOTE_TEMP=str(tmp_path / "remote")),
        cwd=adhoc.CHECKOUT,
        start_new_session=True,
    )
    backend.wait_for(server, "stop", before)
    backend.kill_tree(child.pid)
    child.wait(30)
    subprocess.run(["rm", "-rf", str(tmp_path / "local"), str(tmp_path / "remote")], check=True)
    backend.wait_over(server)
    assert is_wholly_on(server, "boltdb")  # the whole way there, the failure, and the way back
    told = backend.call(server, backend="boltdb")
    assert told["earlier"]["result"]["left"] == "returned" and "has failed: Rejoin" in told["earlier"]["sentence"], told


def test_the_process_itself_is_killed_and_the_next_call_says_so_and_goes_on(server: Server, watched: Witness) -> None:
    """The one death that needs a re-run."""
    before, call = backend.number(server), backend.Call(backend.arguments(server))
    (server.config_dir / "raft_logstore.hcl").unlink(missing_ok=True)
    as_it_was = configuration(server)
    backend.wait_for(server, "conversion", before)
    note = backend.place(server).note()
    assert note is not None
    os.kill(note.pid, signal.SIGKILL)
    result = call.result()
    assert result["failed"] and "has ended before it was done" in result["msg"], result
    # Were it to fail now, the configuration would be what it was before the first of the two.
    again = backend.call(server, start_command=faulty(server, "refuse"), wait_timeout=10)
    assert again["failed"] and again["left"] == "returned", again
    assert configuration(server) == as_it_was and is_wholly_on(server, "boltdb")


# --- two at once


def test_a_call_for_the_same_attaches_and_one_for_another_is_refused(server: Server, watched: Witness) -> None:
    slow = stop_and(server, "sleep 3")
    before = backend.number(server)
    first = backend.Call(backend.arguments(server, stop_command=slow, origin="controller-1"))
    backend.wait_for(server, "stop", before)
    refused = backend.call(server, backend="boltdb")
    second = backend.Call(backend.arguments(server, origin="controller-2"))
    results = [first.result(), second.result()]
    assert [result["attached"] for result in results] == [False, True], results
    same = ("phases", "conversion", "configuration", "plan", "previous_backend", "backend")
    assert all(results[0][name] == results[1][name] for name in same)
    assert refused["failed"] and "cannot be brought to boltdb now" in refused["msg"]
    assert "to wal for controller-1 since" in refused["msg"] and "Let it end" in refused["msg"]
    assert is_wholly_on(server, "wal")


def test_of_two_that_come_in_the_same_moment_one_attaches(server: Server) -> None:
    calls = [backend.Call(backend.arguments(server)) for _number in range(2)]
    results = [call.result() for call in calls]
    assert sorted(result["attached"] for result in results) == [False, True], results
    assert is_wholly_on(server, "wal")


# --- what others can do


def test_an_unprivileged_user_can_do_nothing_to_its_files(server: Server) -> None:
    assert not backend.call(server, backend="wal").get("failed")
    directory = Path(backend.place(server).path_of("lock")).parent
    assert {path.name for path in directory.iterdir()} >= {"lock", "note", "answer", "undo"}
    for path in directory.iterdir():
        for how in ("cat", "rm -f", "touch", "flock -n"):
            tried = f"{how} {path} true" if how.startswith("flock") else f"{how} {path}"
            done = subprocess.run(
                ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/bin/sh", "-c", tried],
                capture_output=True,
                text=True,
                check=False,
            )
            assert "Permission denied" in done.stderr, (tried, done)


def test_no_secret_is_in_what_is_kept(make_cluster: Callable[..., Cluster]) -> None:
    secret = "c2VjcmV0LXNlY3JldC1zZWNyZXQtMzItYnl0ZXMhIQ=="
    cluster = make_cluster(
        acl=True, server_hcl=f'  encrypt = "{secret}"\n  raft_boltdb {{ no_freelist_sync = true }}\n'
    )
    server = cluster.followers()[0]
    assert server.token
    result: dict[str, Any] = backend.call(server, token=server.token, _ansible_diff=True)
    assert not result.get("failed"), result
    directory = Path(backend.place(server).path_of("lock")).parent
    kept = b"".join(path.read_bytes() for path in directory.iterdir())
    for hidden in (server.token, secret):
        assert hidden.encode() not in kept and hidden not in str({**result, "invocation": None})
