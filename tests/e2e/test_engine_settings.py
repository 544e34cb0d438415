# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a controller, arguments and keywords that cut, skip, repeat or ignore a task: harmless, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.cluster.cluster import Cluster
from support.rolls import adhoc, backend, leftbehind, playbooks
from support.rolls.untouched import picture

HARMLESS = {
    "TASK_TIMEOUT": "1",
    "ANY_ERRORS_FATAL": "true",
    "STRATEGY": "free",
    "FORKS": "1",
    "GATHERING": "explicit",
    "INJECT_FACT_VARS": "false",
    "HASH_BEHAVIOUR": "merge",
    "ERROR_ON_MISSING_HANDLER": "true",
    "FORCE_HANDLERS": "true",
    "RETRY_FILES_ENABLED": "true",
    "DISPLAY_OK_HOSTS": "false",
    "DISPLAY_SKIPPED_HOSTS": "false",
    "SKIP_TAGS": "slow,noisy",
    "CACHE_PLUGIN": "jsonfile",
}


@pytest.fixture(scope="module")
def calm(make_cluster: Any) -> Cluster:
    """A healthy cluster for the tests that must not change it."""
    return make_cluster()


@pytest.mark.long
def test_a_roll_under_settings_that_would_cut_others(
    make_cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once. Each task may take a second, and a server is watched for three: in none of them may it be cut."""
    cluster = make_cluster(backends=("boltdb", "wal", "wal"))
    for name, value in HARMLESS.items():
        monkeypatch.setenv(f"ANSIBLE_{name}", value)
    monkeypatch.setenv("ANSIBLE_CACHE_PLUGIN_CONNECTION", str(tmp_path / "facts"))
    run = playbooks.run("migrate", playbooks.write_inventory(cluster))
    assert run.returncode == 0, run.stdout
    after = leftbehind.observe(cluster)
    assert set(after.backends.values()) == {"wal"} and after.cleanup
    assert not list((tmp_path / "facts").glob("*logstore*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--tags", "convert"], "--tags convert --skip-tags would leave out tasks"),
        (["--tags", "tagged"], "--tags tagged --skip-tags would leave out tasks"),
        (["--skip-tags", "untagged"], "--tags all --skip-tags untagged would leave out tasks"),
        (["--skip-tags", "all"], "--tags all --skip-tags all would leave out tasks"),
        (["--limit", "s2", "--tags", "convert"], "--tags convert --skip-tags would leave out tasks"),
        (
            ["--start-at-task", "*Look at this server"],
            "--start-at-task=*Look at this server leaves out what comes before",
        ),
    ],
)
def test_what_would_leave_out_a_part_is_refused(calm: Cluster, arguments: list[str], told: str) -> None:
    before = picture(calm)
    run = playbooks.run("migrate", playbooks.write_inventory(calm), *arguments)
    assert run.returncode != 0, run.stdout
    assert told in " ".join(run.stdout.split())
    assert picture(calm) == before


@pytest.mark.long
def test_a_playbook_that_is_tagged_where_it_is_imported_is_run_by_its_tag(calm: Cluster) -> None:
    """All of it has that tag then, so nothing is left out."""
    site = calm.root / "site.yml"
    site.write_text(yaml.safe_dump([{"import_playbook": "raftops.nomad.migrate", "tags": ["nomad"]}]))
    run = playbooks.run(str(site), playbooks.write_inventory(calm), "--check", "--tags", "nomad", *playbooks.ONE)
    assert run.returncode == 0, run.stdout
    assert "order server role" in " ".join(run.stdout.split())
    other = playbooks.run(str(site), playbooks.write_inventory(calm), "--check", "--tags", "others")
    assert other.returncode != 0 and "--tags others --skip-tags would leave out tasks" in " ".join(other.stdout.split())


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"timeout": 20}, "Each task would be cut after 20 s"),
        ({"ignore_errors": True}, "ignore_errors is set around this role"),
        pytest.param(
            {"ignore_unreachable": True}, "ignore_unreachable is set around this role", marks=pytest.mark.long
        ),
    ],
)
def test_a_play_of_ones_own_that_would_pass_a_closed_gate_is_refused(
    calm: Cluster, keywords: dict[str, Any], told: str
) -> None:
    """The shipped plays with one keyword more on each. Where errors are ignored, there must at least be no queue."""
    plays = playbooks.shipped("migrate")
    own = calm.root / "own.yml"
    own.write_text(yaml.safe_dump([{**play, **keywords} if "hosts" in play else play for play in plays]))
    before = picture(calm)
    run = playbooks.run(str(own), playbooks.write_inventory(calm))
    assert run.returncode != 0, run.stdout
    assert told in " ".join(run.stdout.split())
    assert picture(calm) == before


@pytest.mark.long
def test_the_role_takes_no_leave_to_ignore_from_the_play_around_it(calm: Cluster) -> None:
    """A gate that closes after the plan: another controller's hold. Only the play of the roll says to ignore errors."""
    plays = playbooks.shipped("migrate")
    (roll,) = [play for play in plays if "raft_logstore_queue" in play.get("hosts", "")]
    roll.update(ignore_errors=True, ignore_unreachable=True, any_errors_fatal=True, timeout=1)
    roll["vars"]["hold"] = {"version": 1, "origin": "elsewhere", "previous": True, "created": "2026-11-22T13:20:35Z"}
    paths = [server.raft_dir / ".raft-hold.json" for server in calm.servers]
    copy = {"content": "{{ hold | to_json }}", "dest": "{{ item }}", "mode": "0600"}
    roll["pre_tasks"] = [{"ansible.builtin.copy": copy, "loop": list(map(str, paths)), "timeout": 0}]
    own = calm.root / "own_roll.yml"
    own.write_text(yaml.safe_dump(plays))
    before = picture(calm)
    run = playbooks.run(str(own), playbooks.write_inventory(calm))
    for path in paths:
        path.unlink()
    assert run.returncode != 0, run.stdout
    assert "elsewhere has begun to convert it since the plan" in " ".join(run.stdout.split())
    assert picture(calm) == before


def test_a_module_that_is_cut_says_that_its_work_goes_on(make_cluster: Any) -> None:
    """And the same command again tells what has become of it, while the server is back."""
    cluster = make_cluster()
    server = cluster.followers()[0]
    inventory = playbooks.write_inventory(cluster)
    arguments = backend.arguments(server, stable_for=5)
    limit = ("--limit", server.name)
    cut = adhoc.run(inventory, "server_backend", arguments, *limit, "--task-timeout", "4")
    assert cut.returncode != 0, cut.output
    assert "This task was cut after 4 s by its timeout" in cut.output
    assert "What had begun on the host goes on alone" in cut.output
    again = adhoc.run(inventory, "server_backend", arguments, *limit)
    assert again.returncode == 0, again.output
    assert leftbehind.observe(cluster).backends[server.name] == "wal"
    result = again.results[server.name]
    assert result["attached"] or result["earlier"], again.output
