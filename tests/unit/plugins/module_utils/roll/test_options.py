# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator may not ask for."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options, impossible, origin


@pytest.mark.parametrize(("size", "legal"), [(1, True), (2047, True), (0, False), (2048, False), (4096, False)])
def test_a_segment_size_that_breaks_a_running_wal_is_refused_before_a_stop(size: int, legal: bool) -> None:
    told = impossible(Options(wal_segment_size=size))
    assert told.startswith(f"raft_logstore_wal_segment_size is {size} MB. Give 1 to 2047") is not legal
    assert (told == "") is legal


@pytest.mark.parametrize(("stable_for", "wait_timeout", "fine"), [(9, 10, True), (10, 10, False), (30, 120, True)])
def test_a_server_must_have_the_time_to_stay_back(stable_for: int, wait_timeout: int, fine: bool) -> None:
    told = impossible(Options(stable_for=stable_for, wait_timeout=wait_timeout))
    assert told.startswith(f"raft_logstore_stable_for is {stable_for} s") is not fine
    assert (told == "") is fine


def test_a_canary_is_no_negative_number_of_servers() -> None:
    told = "raft_logstore_stop_after is -1. Give a number of servers, or 0 for all. Nothing was changed."
    assert impossible(Options(stop_after=-1)) == told
    assert impossible(Options(stop_after=1)) == ""


def test_a_name_that_is_none_has_changed_nothing() -> None:
    told = "There is no variable raft_logstore_forse. Did you mean raft_logstore_force? Nothing was changed."
    assert impossible(Options(names=("raft_logstore_force", "raft_logstore_forse"))) == told


def test_files_of_the_operators_tasks_that_cannot_be_used_are_refused_before_a_stop() -> None:
    told = impossible(
        Options(unusable_hooks=("raft_logstore_pre_tasks_file is /x, which is no file on this controller",))
    )
    assert told.startswith("raft_logstore_pre_tasks_file is /x, which is no file on this controller. That would be")


@pytest.mark.parametrize(
    ("said", "template", "awx", "name"),
    [
        ("", "", "", "controller-1"),
        ("", "", "https://awx.example", "controller-1"),  # a project's update, say: no template
        ("", "7", "https://awx.example", "job template 7 of https://awx.example"),
        ("", "7", "", "job template 7 of AWX"),
        ("nomad in prod", "7", "https://awx.example", "nomad in prod"),
        ("nomad in prod", "", "", "nomad in prod"),
    ],
)
def test_a_controller_is_known_by_what_stays_the_same_from_run_to_run(
    said: str, template: str, awx: str, name: str
) -> None:
    assert origin(said, template, awx, "controller-1") == name
