# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The question before a conversion: one for all hosts at a real terminal, and a clear failure where nobody answers."""

from __future__ import annotations

import fcntl
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import ansible_runner
import pexpect
import pytest
from support.paths import CHECKOUT
from support.rolls import adhoc
from support.stores.builder import nomad_store
from support.stores.judge import judge

HOSTS = ["h1", "h2", "h3"]
QUESTION = "Only 'yes' is accepted, within "


class Cluster:
    """Three stores, as three hosts of one inventory."""

    def __init__(self, root: Path) -> None:
        self.data = {host: root / host for host in HOSTS}
        for data in self.data.values():
            nomad_store("never-voted", data)
        self.inventory = adhoc.inventory(root / "inventory.json", {h: {"data": str(d)} for h, d in self.data.items()})
        self.before = self.listings()

    def listings(self) -> dict[str, Any]:
        return {host: adhoc.listing(data) for host, data in self.data.items()}

    def arguments(self) -> dict[str, str]:
        return {"data_dir": "{{ data }}"}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


def at_a_terminal(cluster: Cluster, *keys: str, **changes: str) -> adhoc.Ran:
    """Run the conversion in a pseudo-terminal and answer with these keys, or not at all."""
    program, *arguments = adhoc.command(cluster.inventory, "raft_migrate_backend", cluster.arguments())
    child = pexpect.spawn(
        program, arguments, env=adhoc.environment(**changes), cwd=CHECKOUT, encoding="utf-8", timeout=120,
        dimensions=(50, 200),
    )  # fmt: skip
    child.expect_exact(QUESTION)
    shown = child.before + child.after
    for key in keys:
        child.send(key)
    child.expect(pexpect.EOF)
    child.close()
    output = (shown + child.before).replace("\r\n", "\n")
    return adhoc.Ran(child.exitstatus, output, adhoc.results_in(output))


def test_one_yes_converts_all_three(cluster: Cluster) -> None:
    done = at_a_terminal(cluster, "yes\r")
    assert done.returncode == 0, done.output
    assert done.output.count(QUESTION) == 1
    assert "3 hosts: h1, h2, h3" in done.output
    assert done.output.count('"changed": true') == len(HOSTS), done.output
    for host in HOSTS:
        assert judge("digest", cluster.data[host] / "server/raft/wal")["entries"] == 258


@pytest.mark.parametrize(
    ("keys", "reason"), [("no\r", "did not answer 'yes'"), ("\r", "did not answer 'yes'"), ("\x03", "pressed Ctrl-C")]
)
def test_one_no_stops_all_three(cluster: Cluster, keys: str, reason: str) -> None:
    done = at_a_terminal(cluster, keys)
    assert done.returncode == 2, done.output
    assert done.output.count(QUESTION) == 1
    for host in HOSTS:
        assert reason in done.results[host]["msg"]
        assert "force=true" not in done.results[host]["msg"]
    assert cluster.listings() == cluster.before


def test_a_terminal_at_which_nobody_types_is_left_after_the_time_limit(cluster: Cluster) -> None:
    begin = time.monotonic()
    done = at_a_terminal(cluster, RAFTOPS_CONFIRM_TIMEOUT="2")
    assert time.monotonic() - begin < 30
    assert done.returncode == 2, done.output
    for host in HOSTS:
        assert "Nobody answered within 2 seconds" in done.results[host]["msg"]
    assert cluster.listings() == cluster.before


def test_without_a_terminal_it_fails_at_once_and_names_force(cluster: Cluster) -> None:
    done = adhoc.run(cluster.inventory, "raft_migrate_backend", cluster.arguments())
    assert done.returncode == 2
    for host in HOSTS:
        message = done.results[host]["msg"]
        assert "no terminal" in message and "force=true" in message and "raft_logstore_force=true" in message
    assert QUESTION not in done.output and "Traceback" not in done.output
    assert cluster.listings() == cluster.before


def test_what_would_be_refused_is_refused_without_a_question(cluster: Cluster) -> None:
    """The agent of h1 runs, so to speak. There is no terminal, and of h1 nothing is said about that."""
    with (cluster.data["h1"] / "server/raft/raft.db").open("r+b") as store:
        fcntl.flock(store, fcntl.LOCK_EX)
        done = adhoc.run(cluster.inventory, "raft_migrate_backend", cluster.arguments())
    assert "no terminal" in done.results["h2"]["msg"], done.output
    told = "The store of this server is in use. Stop its agent first. Nothing was changed."
    assert done.results["h1"]["msg"] == told, done.output
    assert cluster.listings() == cluster.before


@pytest.mark.parametrize("module", ["raft_migrate_backend", "raft_confirm"])
def test_under_ansible_runner_it_fails_within_the_time_limit(cluster: Cluster, tmp_path: Path, module: str) -> None:
    """ansible-runner, and so AWX, gives Ansible a terminal at which nobody types: without a limit it would hang."""
    arguments = cluster.arguments() if module == "raft_migrate_backend" else {"msg": "All will be moved."}
    begin = time.monotonic()
    runner = ansible_runner.run(
        private_data_dir=str(tmp_path),
        inventory=str(cluster.inventory),
        host_pattern="all",
        module=f"raftops.nomad.{module}",
        module_args=json.dumps(arguments),
        cmdline=shlex.join(["-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]),
        envvars=adhoc.environment(RAFTOPS_CONFIRM_TIMEOUT="2"),
        quiet=True,
        timeout=60,
    )
    assert time.monotonic() - begin < 45
    assert (runner.status, runner.rc) == ("failed", 2)
    failures = [event["event_data"]["res"] for event in runner.events if event["event"] == "runner_on_failed"]
    assert len(failures) == len(HOSTS)
    for failure in failures:
        assert "Nobody answered within 2 seconds" in failure["msg"] and "force=true" in failure["msg"]
    assert cluster.listings() == cluster.before


PLAY = """
- hosts: all
  gather_facts: false
  serial: 1
  tasks:
    - raftops.nomad.raft_confirm:
        msg: All will be moved.
        force: "{{ forced | default(false) }}"
      register: answer
    - ansible.builtin.debug:
        var: answer.asked
"""


def playbook(cluster: Cluster, tmp_path: Path, *flags: str) -> pexpect.spawn:
    play = tmp_path / "play.yml"
    play.write_text(PLAY)
    return pexpect.spawn(
        str(Path(sys.executable).with_name("ansible-playbook")),
        ["-i", str(cluster.inventory), "-c", "local", str(play), *flags],
        env=adhoc.environment(), cwd=CHECKOUT, encoding="utf-8", timeout=120, dimensions=(50, 200),
    )  # fmt: skip


def test_a_play_in_batches_is_confirmed_once_for_the_whole_cluster(cluster: Cluster, tmp_path: Path) -> None:
    child = playbook(cluster, tmp_path)
    child.expect_exact(QUESTION)
    assert "3 hosts: h1, h2, h3" in child.before
    child.send("yes\r")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    assert QUESTION not in child.before
    assert child.before.count('"answer.asked": true') == len(HOSTS)


@pytest.mark.parametrize("flags", [["--check"], ["-e", "forced=true"]])
def test_check_mode_and_force_never_ask(cluster: Cluster, tmp_path: Path, flags: list[str]) -> None:
    child = playbook(cluster, tmp_path, *flags)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0, child.before
    assert QUESTION not in child.before
    assert child.before.count('"answer.asked": false') == len(HOSTS)
