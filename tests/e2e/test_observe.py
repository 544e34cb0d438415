# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A roll that is watched with what people have: callbacks that keep what they are told, and a metric for node_exporter.

With ARA, OpenTelemetry and Grafana's module: tests/field.
"""

from __future__ import annotations

import json
import re
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from support.paths import DOCS, SUPPORT
from support.rolls import leftbehind, playbooks

EXAMPLES = DOCS / "examples"
METRIC = EXAMPLES / "tasks/textfile_metric.yml"
# The text format of Prometheus, as far as this file needs it.
EXPOSITION = re.compile(
    r"# HELP nomad_raft_backend [^\n]+\n# TYPE nomad_raft_backend gauge\n"
    r'nomad_raft_backend\{backend="(wal|boltdb)"\} 1\n'
)


class Watched(NamedTuple):
    """What a roll has left with those who watched it."""

    output: str
    errors: str
    token: str
    junit: Path
    everything: Path
    collector: Path
    collected: set[str]
    inventory: Path


@contextmanager
def collecting(directory: Path) -> Iterator[set[str]]:
    """All that a collector could read meanwhile: the contents of what ends in .prom, looked at without a pause."""
    ended, seen = threading.Event(), set()

    def look() -> None:
        while not ended.wait(0.001):
            seen.update(path.read_text() for path in directory.glob("*.prom"))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        ended.set()
        looking.join()


@pytest.fixture(scope="module")
def watched(make_cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    cluster = make_cluster(size=1, acl=True)
    token, kept = str(cluster.servers[0].token), tmp_path_factory.mktemp("kept")
    collector = kept / "collector"
    collector.mkdir()
    (collector / "nomad_raft_backend.prom").write_text("an older one\n")
    inventory = playbooks.write_inventory(
        cluster,
        raft_logstore_allow_outage=True,
        raft_logstore_post_tasks_file=str(METRIC),
        node_exporter_textfile_dir=str(collector),
    )
    environment = {
        "NOMAD_TOKEN": token,
        "ANSIBLE_CALLBACK_PLUGINS": str(SUPPORT / "rolls/callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit,everything",
        "JUNIT_OUTPUT_DIR": str(kept / "junit"),
        "RAFTOPS_EVERYTHING": str(kept / "everything"),
    }
    with collecting(collector) as collected:
        run = subprocess.run(
            playbooks.command("migrate", inventory),
            env={**playbooks.environment(), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=playbooks.TIMEOUT_S,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    assert leftbehind.observe(cluster).backends == {"s1": "wal"}
    (junit,) = (kept / "junit").iterdir()
    return Watched(run.stdout, run.stderr, token, junit, kept / "everything", collector, collected, inventory)


def test_no_callback_is_told_the_token(watched: Watched) -> None:
    lines = [json.loads(line) for line in watched.everything.read_text().splitlines()]
    results = [what for event, what in lines if event == "result"]
    assert any(host == "s1" and result.get("changed") for host, _task, result in results), "nothing was kept"
    assert watched.token not in watched.everything.read_text()
    assert watched.token not in watched.output + watched.errors


def test_the_report_of_junit_has_each_task_and_no_token(watched: Watched) -> None:
    report = ElementTree.parse(watched.junit).getroot()
    cases = report.findall(".//testcase")
    assert len(cases) == int(report.attrib["tests"]) > 5
    assert (report.attrib["failures"], report.attrib["errors"]) == ("0", "0")
    assert watched.token not in watched.junit.read_text()


def test_progress_is_on_stderr_where_no_callback_is(watched: Watched) -> None:
    said = "s1: is taken out now"
    assert said in watched.errors
    assert said not in watched.output + watched.everything.read_text() + watched.junit.read_text()


def test_the_metric_is_in_place_for_node_exporter(watched: Watched) -> None:
    (metric,) = watched.collector.iterdir()
    found, about = EXPOSITION.fullmatch(metric.read_text()), metric.stat()
    assert metric.name == "nomad_raft_backend.prom" and found and found[1] == "wal"
    assert (stat.S_IMODE(about.st_mode), about.st_uid, about.st_gid) == (0o644, 0, 0)


def test_the_collector_never_reads_half_a_metric(watched: Watched) -> None:
    assert watched.collected == {"an older one\n", *(path.read_text() for path in watched.collector.iterdir())}


def test_a_playbook_writes_the_metric_at_any_time(watched: Watched) -> None:
    (metric,) = watched.collector.iterdir()
    before = metric.read_text()
    metric.unlink()
    run = playbooks.run(str(EXAMPLES / "which_backend.yml"), watched.inventory)
    assert run.returncode == 0, run.stdout
    assert metric.read_text() == before
