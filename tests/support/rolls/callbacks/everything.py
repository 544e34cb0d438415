# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A callback plugin that keeps what callbacks are told, one JSON text a line, in the file RAFTOPS_EVERYTHING.

What ARA, JUnit and OpenTelemetry write is a part of it, whatever their versions. It leaves out the arguments of a task
that has run, which hold the values of all options, whatever the module says of them.
"""

from __future__ import annotations

import json
import os
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: everything
type: aggregate
short_description: Keep what callbacks are told
description: For tests.
"""


class CallbackModule(CallbackBase):
    """Plays, tasks with their arguments as written, results, and the statistics at the end."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "everything"

    def _keep(self, event: str, what: Any) -> None:
        with open(os.environ["RAFTOPS_EVERYTHING"], "a", encoding="utf-8") as kept:
            kept.write(json.dumps([event, what], default=repr) + "\n")

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._keep("play", play.dump_attrs())

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._keep("task", task.dump_attrs())

    def v2_on_any(self, *given: Any, **named: Any) -> None:
        for one in given:
            if hasattr(one, "_result"):
                self._keep("result", [one._host.name, one._task.name, one._result])

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._keep("stats", [stats.custom, {host: stats.summarize(host) for host in stats.processed}])
