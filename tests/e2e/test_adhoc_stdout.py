# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on stdout stays whole: a callback that writes one JSON document there, as ansible.posix.json does."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

from support.paths import CHECKOUT
from support.rolls import adhoc
from support.stores.judge import judge

ENTRIES = 1_000_000
CALLBACK = '''
DOCUMENTATION = """
name: whole
type: stdout
short_description: All results as one JSON document
description: [All results as one JSON document]
"""
import json
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION, CALLBACK_TYPE, CALLBACK_NAME = 2.0, "stdout", "whole"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.found = {}

    def v2_runner_on_ok(self, result):
        self.found[result._host.get_name()] = json.loads(self._dump_results(result._result))

    v2_runner_on_failed = v2_runner_on_unreachable = v2_runner_on_ok

    def v2_playbook_on_stats(self, stats):
        self._display.display(json.dumps(self.found))
'''


def test_progress_lines_do_not_get_into_the_document(tmp_path: Path) -> None:
    (tmp_path / "callbacks").mkdir()
    (tmp_path / "callbacks/whole.py").write_text(CALLBACK)
    raft = tmp_path / "h1/server/raft"
    raft.mkdir(parents=True)
    judge("gen", "--shape", "plain", "--count", ENTRIES, "--size", 200, "--batch", 20_000, raft / "raft.db")
    inventory = adhoc.inventory(tmp_path / "inventory.json", {"h1": {}})
    arguments = {"data_dir": str(tmp_path / "h1"), "force": True}
    done = subprocess.run(
        adhoc.command(inventory, "raft_migrate_backend", arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=adhoc.TIMEOUT_S,
        env=adhoc.environment(
            ANSIBLE_LOAD_CALLBACK_PLUGINS="true",
            ANSIBLE_CALLBACK_PLUGINS=str(tmp_path / "callbacks"),
            ANSIBLE_STDOUT_CALLBACK="whole",
        ),
        cwd=CHECKOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["h1"]["entries"] == ENTRIES
    assert re.search(rf"(?m)^h1: \w+ \d+ / {ENTRIES} entries", done.stderr)
