# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""autopilot_config: single settings, and the hold from beginning to end, and its interruptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.modules import autopilot_config
from support.agent_server import AgentServer, as_json, plain
from support.recordings import recording
from support.run_module import documented, run

CONFIG = "/v1/operator/autopilot/configuration"
NOW: dict[str, Any] = recording("autopilot_configuration")["body"]


class Cluster:
    """A server that keeps the autopilot configuration it is given, with compare-and-set."""

    def __init__(self, server: AgentServer) -> None:
        self.server = server
        self.show(**NOW)

    def show(self, **fields: Any) -> None:
        """This is the configuration from now on; a PUT is accepted and shown by the next GET."""
        self.server.on(CONFIG, as_json({**NOW, **fields}))
        self.server.on(CONFIG, as_json(True), method="PUT")

    def accept(self, **fields: Any) -> None:
        """The next PUT leads to this configuration."""
        before = self.server.answers["GET", CONFIG]
        self.server.on(CONFIG, *[before[0]] * 2, as_json({**NOW, **fields}))  # type: ignore[index]

    @property
    def puts(self) -> list[dict[str, Any]]:
        """What was put."""
        return [json.loads(seen.body) for seen in self.server.seen if seen.method == "PUT"]


@pytest.fixture
def cluster(server: AgentServer) -> Cluster:
    return Cluster(server)


@pytest.fixture
def hold_file(tmp_path: Path) -> Path:
    return tmp_path / ".raft-hold.json"


def config(cluster: Cluster, **options: Any) -> dict[str, Any]:
    return run(autopilot_config, port=cluster.server.port, **options)


def held(cluster: Cluster, hold_file: Path, **options: Any) -> dict[str, Any]:
    return config(cluster, state="held", hold_file=str(hold_file), **{"origin": "me", **options})


def released(cluster: Cluster, hold_file: Path, **options: Any) -> dict[str, Any]:
    return config(cluster, state="released", hold_file=str(hold_file), **options)


def test_without_settings_it_only_reads(cluster: Cluster) -> None:
    result = config(cluster)
    assert set(result) == documented(autopilot_config) | {"changed"}
    assert not result["changed"] and result["config"]["cleanup_dead_servers"] is True and cluster.puts == []


def test_named_settings_are_set_and_the_others_sent_back(cluster: Cluster) -> None:
    cluster.accept(MinQuorum=3)
    result = config(cluster, min_quorum=3, diff=True)
    assert result["changed"] and result["config"]["min_quorum"] == 3
    assert cluster.puts == [{**NOW, "MinQuorum": 3}]
    assert result["diff"]["before"]["autopilot"]["min_quorum"] == 0
    assert result["diff"]["after"]["autopilot"]["min_quorum"] == 3


def test_check_mode_shows_and_does_not_put(cluster: Cluster, hold_file: Path) -> None:
    result = config(cluster, min_quorum=3, check_mode=True)
    assert result["changed"] and result["config"]["min_quorum"] == 3
    assert held(cluster, hold_file, check_mode=True)["hold"]["previous"] is True
    assert cluster.puts == [] and not hold_file.exists()


def test_a_hold_and_its_release(cluster: Cluster, hold_file: Path) -> None:
    cluster.accept(CleanupDeadServers=False)
    result = held(cluster, hold_file)
    assert (result["changed"], result["adopted"], result["previous"]) == (True, False, True)
    assert json.loads(hold_file.read_text())["previous"] is True and hold_file.stat().st_mode & 0o777 == 0o600
    assert cluster.puts[-1]["CleanupDeadServers"] is False

    again = held(cluster, hold_file)
    assert (again["changed"], again["adopted"], again["previous"]) == (False, True, True)
    assert config(cluster, hold_file=str(hold_file))["hold"]["origin"] == "me"

    cluster.show(CleanupDeadServers=False)
    cluster.accept(CleanupDeadServers=True)
    result = released(cluster, hold_file, origin="me")
    assert result["changed"] and result["previous"] is True and result["hold"] is None
    assert cluster.puts[-1]["CleanupDeadServers"] is True and not hold_file.exists()
    assert not released(cluster, hold_file)["changed"]


def test_the_file_is_there_before_the_cluster_is_changed(cluster: Cluster, hold_file: Path) -> None:
    cluster.server.on(CONFIG, plain(500, "rpc error: EOF"), method="PUT")
    assert "rpc error" in held(cluster, hold_file)["msg"]
    assert json.loads(hold_file.read_text())["previous"] is True


def test_the_file_stays_until_the_value_is_back(cluster: Cluster, hold_file: Path) -> None:
    cluster.accept(CleanupDeadServers=False)
    held(cluster, hold_file)
    cluster.server.on(CONFIG, plain(500, "No cluster leader"), method="PUT")
    assert "No cluster leader" in released(cluster, hold_file)["msg"]
    assert hold_file.exists()


def test_a_later_run_never_takes_the_held_value_for_the_previous_one(cluster: Cluster, hold_file: Path) -> None:
    cluster.accept(CleanupDeadServers=False)
    held(cluster, hold_file)
    cluster.show(CleanupDeadServers=False)
    assert held(cluster, hold_file, origin="me")["previous"] is True
    second = hold_file.with_name("second.json")  # the next server of the roll, told by the first one's result
    assert held(cluster, second, previous=True)["hold"]["previous"] is True
    assert json.loads(second.read_text())["previous"] is True


def test_an_own_file_is_no_leave_to_pass_over_what_another_has_begun(cluster: Cluster, hold_file: Path) -> None:
    """A run was killed after it had written its file. Its next one plans, and then another controller holds."""
    cluster.server.on(CONFIG, plain(500, "rpc error: EOF"), method="PUT")
    assert held(cluster, hold_file, expected=True)["failed"]
    cluster.show(CleanupDeadServers=False)
    said = held(cluster, hold_file, expected=True, previous=True)["msg"]
    assert "cleanup_dead_servers is False and was True before: somebody else has changed it" in said
    assert json.loads(hold_file.read_text())["previous"] is True, "it is what the next run puts back"
    assert held(cluster, hold_file, expected=False, previous=True)["adopted"]
    cluster.show(CleanupDeadServers=True)
    cluster.accept(CleanupDeadServers=False)
    assert held(cluster, hold_file, expected=False, previous=True)["adopted"], "a new leader may have forgotten it"


def test_a_cluster_that_never_removed_dead_servers_stays_so(cluster: Cluster, hold_file: Path) -> None:
    cluster.show(CleanupDeadServers=False)
    assert held(cluster, hold_file)["previous"] is False
    result = released(cluster, hold_file)
    assert result["config"]["cleanup_dead_servers"] is False and cluster.puts == [] and not hold_file.exists()


def test_the_hold_of_another_is_refused_with_its_origin(cluster: Cluster, hold_file: Path) -> None:
    cluster.accept(CleanupDeadServers=False)
    held(cluster, hold_file, origin="first")
    assert "held by first since" in held(cluster, hold_file, origin="second")["msg"]
    assert "held by first since" in released(cluster, hold_file, origin="second")["msg"]
    taken = held(cluster, hold_file, origin="second", take_over=True)
    assert taken["adopted"] and taken["hold"]["origin"] == "second" and taken["previous"] is True


def test_a_stand_in_releases_with_the_value_it_is_told(cluster: Cluster, hold_file: Path) -> None:
    cluster.show(CleanupDeadServers=False)
    cluster.accept(CleanupDeadServers=True)
    assert released(cluster, hold_file, previous=True)["config"]["cleanup_dead_servers"] is True


def test_options_that_do_not_fit_together(cluster: Cluster, hold_file: Path) -> None:
    assert "only with state=present" in held(cluster, hold_file, min_quorum=3)["msg"]
    assert "origin" in config(cluster, state="held", hold_file=str(hold_file))["msg"]
    assert "hold_file" in config(cluster, state="released")["msg"]
    assert cluster.puts == []


def test_files_that_disagree_are_released_with_the_value_that_is_given(cluster: Cluster, hold_file: Path) -> None:
    cluster.show(CleanupDeadServers=False)
    assert held(cluster, hold_file)["previous"] is False
    cluster.accept(CleanupDeadServers=True)
    assert released(cluster, hold_file, previous=True)["config"]["cleanup_dead_servers"] is True
    assert not hold_file.exists()
