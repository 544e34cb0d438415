# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/observe.md: two rolls of one cluster, the first of which fails, recorded by its callbacks. No token in it.

Grafana is played (support/grafana.py), its module is the real one.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
import yaml
from support.grafana import Grafana, grafana
from support.paths import DOCS
from support.rolls import leftbehind, playbooks

BIN = Path(os.environ["FIELD_BIN"])
HOOKS = DOCS / "examples/tasks"
KEY = "a-key-of-grafana"
CALLBACKS = "ansible.builtin.junit,ansible.posix.profile_tasks,community.general.opentelemetry"


class Recorded(NamedTuple):
    """What each of the two runs said, and where the callbacks have left their records of both."""

    failed: str
    good: str
    token: str
    place: Path
    grafana: Grafana


def environment(place: Path, **more: str) -> dict[str, str]:
    plugins = subprocess.run(
        [BIN / "python", "-m", "ara.setup.callback_plugins"], capture_output=True, text=True, check=True
    ).stdout
    return {
        **playbooks.environment(),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "ANSIBLE_CALLBACK_PLUGINS": plugins.strip(),
        "ANSIBLE_CALLBACKS_ENABLED": CALLBACKS,
        "ARA_BASE_DIR": str(place / "ara"),
        "JUNIT_OUTPUT_DIR": str(place / "junit"),
        "ANSIBLE_OPENTELEMETRY_STORE_SPANS_IN_FILE": str(place / "spans.json"),
        "GRAFANA_API_KEY": KEY,
        **more,
    }


def ansible(*arguments: object, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "ansible-playbook"), *map(str, arguments)]
    return subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def recorded(make_cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    cluster = make_cluster(size=1, acl=True)
    token, place = str(cluster.servers[0].token), tmp_path_factory.mktemp("records")
    failing = place / "failing.yml"
    failing.write_text(yaml.safe_dump([{"name": "Say no", "ansible.builtin.fail": {"msg": "Not tonight."}}]))
    env = environment(place, NOMAD_TOKEN=token)
    with grafana() as played:
        given = {"raft_logstore_allow_outage": True, "grafana_url": played.url}
        inventory = playbooks.write_inventory(cluster, **given, raft_logstore_pre_tasks_file=str(failing))
        failed = ansible("raftops.nomad.migrate", "-i", inventory, env=env)
        assert failed.returncode != 0 and "Not tonight." in failed.stdout, failed.stdout + failed.stderr
        files = {f"raft_logstore_{when}_tasks_file": str(HOOKS / name) for when, name in (
            ("pre", "grafana_before.yml"), ("post", "grafana_after.yml")
        )}  # fmt: skip
        inventory = playbooks.write_inventory(cluster, **given, **files)
        good = ansible("raftops.nomad.migrate", "-i", inventory, env=env)
        assert good.returncode == 0, good.stdout + good.stderr
    assert leftbehind.observe(cluster).backends == {"s1": "wal"}
    yield Recorded(failed.stdout + failed.stderr, good.stdout + good.stderr, token, place, played)


def kept_by_ara(place: Path) -> list[tuple[str, str]]:
    """(table, text) of each value. ARA compresses the long ones: grep finds nothing in its file."""
    found = []
    with sqlite3.connect(place / "ansible.sqlite") as database:
        tables = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
        for table in tables:
            for value in (value for row in database.execute(f'select * from "{table}"') for value in row):
                raw = value if isinstance(value, bytes) else str(value).encode()
                with_header = raw[:1] == b"\x78"
                found.append((table, (zlib.decompress(raw) if with_header else raw).decode(errors="replace")))
    return found


def test_ara_has_both_runs_and_no_secret(recorded: Recorded) -> None:
    listed = subprocess.run(
        [BIN / "ara", "playbook", "list", "-f", "json"],
        env=environment(recorded.place),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert sorted(run["status"] for run in json.loads(listed)) == ["completed", "failed"]
    kept = kept_by_ara(recorded.place / "ara")
    assert any(table == "results" and "Not tonight." in text for table, text in kept), "results can be read"
    for secret in recorded.token, KEY:
        assert [table for table, text in kept if secret in text] == []


def test_junit_has_a_report_of_each_run_and_no_secret(recorded: Recorded) -> None:
    reports = sorted((recorded.place / "junit").iterdir())
    bad = [
        len(ElementTree.parse(path).findall(".//failure") + ElementTree.parse(path).findall(".//error"))
        for path in reports
    ]
    assert len(bad) == 2 and bad[0] > 0 and bad[1] == 0
    written = "".join(path.read_text() for path in reports)
    assert recorded.token not in written and KEY not in written


def test_opentelemetry_has_a_span_for_each_task_and_no_secret(recorded: Recorded) -> None:
    written = (recorded.place / "spans.json").read_text()
    spans = json.loads(written)["spans"]
    assert len(spans) > 5 and any("s1" in str(span["attributes"]) for span in spans)
    assert recorded.token not in written and KEY not in written


def test_profile_tasks_says_what_took_longest(recorded: Recorded) -> None:
    assert "TASKS RECAP" in recorded.good
    assert recorded.token not in recorded.failed + recorded.good and KEY not in recorded.failed + recorded.good


def test_a_silence_and_an_annotation_begin_and_end_with_the_server(recorded: Recorded) -> None:
    (silence,) = recorded.grafana.silences.values()
    assert silence["matchers"] == [{"name": "instance", "value": "s1(:[0-9]+)?", "isRegex": True, "isEqual": True}]
    assert silence["status"]["state"] == "expired"
    (annotation,) = recorded.grafana.annotations.values()
    assert annotation["tags"] == ["nomad", "raft", "s1"] and annotation["time"] < annotation["timeEnd"]
    assert recorded.grafana.keys == {f"Bearer {KEY}"}


def test_ara_keeps_a_file_of_variables_unless_told(recorded: Recorded, tmp_path: Path) -> None:
    """With -e @FILE it is the file that ARA keeps, in plain: what the page warns of, and what helps."""
    variables, password = tmp_path / "token.yml", tmp_path / "password"
    variables.write_text("other_secret: in-this-file\n")
    password.write_text("a password\n")
    playbook = tmp_path / "play.yml"
    playbook.write_text(yaml.safe_dump([{"name": "Nothing", "hosts": "localhost", "gather_facts": False}]))

    def kept(name: str, *arguments: object, **more: str) -> bool:
        env = environment(tmp_path, **more, ARA_BASE_DIR=str(tmp_path / name))
        assert ansible(playbook, "-e", f"@{variables}", *arguments, env=env).returncode == 0
        return any("in-this-file" in text for _table, text in kept_by_ara(tmp_path / name))

    assert kept("plain")
    assert not kept("ignored", ARA_IGNORED_FILES=".ansible/tmp,token.yml")
    vault = [BIN / "ansible-vault", "encrypt", "--vault-password-file", password, variables]
    subprocess.run(vault, env=environment(tmp_path), capture_output=True, check=True)
    assert not kept("vault", "--vault-password-file", password)
