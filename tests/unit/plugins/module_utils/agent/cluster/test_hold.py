# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The file that remembers what to put back, and the change of the cluster with compare-and-set."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import Connection
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster import hold
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.hold import Hold, HoldFile
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from support.agent_server import AgentServer, as_json
from support.recordings import recording

HOLD = Hold("controller-1", True, "2026-11-22T13:20:35Z")
CONFIG = "/v1/operator/autopilot/configuration"


@pytest.fixture
def file(tmp_path: Path) -> HoldFile:
    return HoldFile(str(tmp_path / ".raft-hold.json"), os.geteuid())


def test_written_read_and_removed(file: HoldFile) -> None:
    assert file.load() == (None, [])
    file.write(HOLD)
    assert file.load() == (HOLD, [])
    assert os.stat(file.path).st_mode & 0o7777 == 0o600
    file.write(HOLD._replace(origin="controller-2"))
    assert file.load()[0] == HOLD._replace(origin="controller-2")
    file.remove()
    file.remove()  # a second time is fine
    assert os.listdir(os.path.dirname(file.path)) == []


def test_a_half_written_file_of_a_killed_run_is_no_obstacle(file: HoldFile) -> None:
    Path(f"{file.path}.partial").write_bytes(b'{"vers')
    file.write(HOLD)
    assert file.load() == (HOLD, []) and not Path(f"{file.path}.partial").exists()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"version": 2, "origin": "x", "previous": true, "created": ""}',
        '{"version": 1, "origin": "x", "previous": 1, "created": ""}',
        '{"version": 1, "origin": null, "previous": true, "created": ""}',
        '{"version": 1, "origin": "' + "x" * 5000 + '", "previous": true, "created": ""}',
        "\xff",
    ],
)
def test_what_is_no_hold_needs_a_person(file: HoldFile, content: str) -> None:
    Path(file.path).write_text(content, encoding="latin-1")
    with pytest.raises(AgentError, match="is not a hold of this collection") as raised:
        file.load()
    assert file.path in str(raised.value) and "then remove the file" in str(raised.value)


def test_a_file_of_somebody_else_is_not_believed(file: HoldFile) -> None:
    file.write(HOLD)
    found, warnings = HoldFile(file.path, os.geteuid() + 1).load() if os.geteuid() else foreign(file)
    assert found is None and "not trusted" in warnings[0]


def foreign(file: HoldFile) -> tuple[Hold | None, list[str]]:
    os.chown(file.path, 12345, 12345)
    return file.load()


def test_a_link_is_not_followed(file: HoldFile, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(hold.render(HOLD))
    os.symlink(tmp_path / "elsewhere", file.path)
    with pytest.raises(StoreError, match="links are not followed"):
        file.load()


def test_the_hold_of_another_is_refused_unless_taken_over() -> None:
    hold.check_origin(None, "controller-2", take_over=False)
    hold.check_origin(HOLD, "controller-1", take_over=False)
    hold.check_origin(HOLD, "", take_over=False)
    hold.check_origin(HOLD, "controller-2", take_over=True)
    with pytest.raises(AgentError, match=f"held by controller-1 since {HOLD.created}, not by controller-2"):
        hold.check_origin(HOLD, "controller-2", take_over=False)


def config(**fields: object) -> dict[str, object]:
    return {**recording("autopilot_configuration")["body"], **fields}


@pytest.fixture
def client(server: AgentServer) -> Client:
    return Client(Connection(port=server.port, timeout_s=2.0))


def test_a_lost_race_is_run_again_on_what_is_there_now(server: AgentServer, client: Client) -> None:
    mine = config(CleanupDeadServers=False, MinQuorum=5, ModifyIndex=10)
    server.on(CONFIG, as_json(config()), as_json(config(MinQuorum=5, ModifyIndex=9)), as_json(mine))
    server.on(CONFIG, as_json(False), as_json(True), method="PUT")
    assert hold.set_settings(client, {"cleanup_dead_servers": False}).as_dict()["min_quorum"] == 5
    puts = [seen for seen in server.seen if seen.method == "PUT"]
    assert [seen.path.split("=")[1] for seen in puts] == ["4", "9"]
    assert json.loads(puts[1].body)["MinQuorum"] == 5  # what somebody else has set in the meantime is kept


def test_a_race_that_is_lost_for_ever_is_a_sentence(server: AgentServer, client: Client) -> None:
    server.on(CONFIG, as_json(config()))
    server.on(CONFIG, as_json(False), method="PUT")
    with pytest.raises(AgentError, match="somebody else keeps changing"):
        hold.set_settings(client, {"cleanup_dead_servers": False})
    assert len([seen for seen in server.seen if seen.method == "PUT"]) == hold.CAS_TRIES


def test_of_two_who_would_change_it_the_second_is_refused(server: AgentServer, client: Client) -> None:
    """It reads the value from before, as the first one did, and comes too late."""
    server.on(CONFIG, as_json(config()), as_json(config(CleanupDeadServers=False, ModifyIndex=9)))
    server.on(CONFIG, as_json(False), method="PUT")
    with pytest.raises(hold.Overtaken, match="cleanup_dead_servers is False and was True before"):
        hold.set_settings(client, {"cleanup_dead_servers": False}, {"cleanup_dead_servers": True})
    assert len([seen for seen in server.seen if seen.method == "PUT"]) == 1


def test_an_accepted_change_that_did_not_happen_is_noticed(server: AgentServer, client: Client) -> None:
    server.on(CONFIG, as_json(config()))
    server.on(CONFIG, as_json(True), method="PUT")
    with pytest.raises(AgentError):
        hold.set_settings(client, {"cleanup_dead_servers": False})


def test_what_is_so_already_is_not_put(server: AgentServer, client: Client) -> None:
    server.on(CONFIG, as_json(config()))
    hold.set_settings(client, {"cleanup_dead_servers": True, "min_quorum": 0})
    assert [seen.method for seen in server.seen] == ["GET"]


@pytest.mark.parametrize("name", ["server", "raft"])
def test_a_link_above_a_raft_directory_is_not_followed(tmp_path: Path, name: str) -> None:
    """The service user owns these directories; root must not be led elsewhere."""
    real = tmp_path / "elsewhere" / "server" / "raft"
    real.mkdir(parents=True)
    data_dir = tmp_path / "data"
    data_dir.joinpath("server").mkdir(parents=True)
    if name == "server":
        data_dir.joinpath("server").rmdir()
    target = real if name == "raft" else real.parent
    link = data_dir / "server" / "raft" if name == "raft" else data_dir / "server"
    link.symlink_to(target)
    os.chown(link, 4711, 4711, follow_symlinks=False)
    with pytest.raises(StoreError, match="symbolic link"):
        HoldFile(str(data_dir / "server/raft/.raft-hold.json"), os.geteuid()).write(HOLD)
    assert list(real.iterdir()) == []


def test_the_file_is_in_the_directory_named_and_in_no_other(tmp_path: Path) -> None:
    (tmp_path / "raft").mkdir()
    (tmp_path / "server/raft").mkdir(parents=True)
    HoldFile(str(tmp_path / "raft/.raft-hold.json"), os.geteuid()).write(HOLD)
    assert os.listdir(tmp_path / "raft") == [".raft-hold.json"] and not os.listdir(tmp_path / "server/raft")
