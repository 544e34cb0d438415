# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A variable that is misspelt is told from those that there are."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.action.raft_assess import STATS
from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.stats import stats
from ansible_collections.raftops.nomad.plugins.module_utils._roll.wish.variables import PREFIX, PUBLIC, misspelt
from support.paths import ROLE


def test_the_names_are_those_of_the_role() -> None:
    specs = yaml.safe_load((ROLE / "meta/argument_specs.yml").read_text())["argument_specs"]
    assert [PREFIX + name for name in PUBLIC] == list(specs["plan"]["options"])


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["raft_logstore_forse"], "There is no variable raft_logstore_forse. Did you mean raft_logstore_force?"),
        (["raft_logstore_wait_timout"], "Did you mean raft_logstore_wait_timeout?"),
        (["raft_logstore_xyzzy"], "There is no variable raft_logstore_xyzzy. The role's README has"),
        (["raftlogstore_stop_after"], "variable raftlogstore_stop_after. Did you mean raft_logstore_stop_after?"),
        (["raft_logstoreforce"], "Did you mean raft_logstore_force?"),
        (["raft_logstore_server"], "There is no variable raft_logstore_server."),
        (["raft_logstore_report_die"], "Did you mean raft_logstore_report_dir?"),
        (["raft_logstore_force", "__raft_logstore_look", "raft_dir", "raft_fleet_vars", "mine"], ""),
    ],
)
def test_a_misspelt_one_is_named_with_the_nearest_that_there_is(names: list[str], said: str) -> None:
    told = misspelt(names)
    assert said in told if said else told == ""


def test_what_a_job_leaves_for_the_next_one_of_a_workflow_is_not_misspelt() -> None:
    """AWX hands a job's artifacts to the next job as variables."""
    left = [STATS, *stats(build("n", []))["data"]]
    assert left == ["raft_logstore_assessment", "raft_logstore_report"] and misspelt(left) == ""


def test_all_of_them_are_told_at_once() -> None:
    assert misspelt(["raft_logstore_b", "raft_logstore_a"]).count("There is no variable") == 2
