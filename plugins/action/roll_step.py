# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of the role raft_logstore: several modules on one host, with what is decided between them."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, Optional

from ansible.plugins.action import ActionBase
from ansible_collections.raftops.nomad.plugins.module_utils._roll.closing import at_end
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import parse
from ansible_collections.raftops.nomad.plugins.modules.roll_step import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils._record import stats
from ansible_collections.raftops.nomad.plugins.plugin_utils._recorder import Recorder
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import mistakes, options, plain
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps import (
    cleanup,
    finish,
    look,
    recording,
    starting,
    way,
    work,
)
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given, Result
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Modules, Stopped, say
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.starting import Tags

LAST = ("stop", "back", "end", "remove_old")  # after them nothing puts anything right


class ActionModule(ActionBase):
    """What a step does is in plugin_utils._steps, what it decides in module_utils._roll."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """What the step returns; where it fails, `doing` says at what, and what is known by then is there as well."""
        task_vars = task_vars or {}
        result: Dict[str, Any] = super().run(tmp, task_vars)
        args = self.validate_argument_spec(argument_spec=SPEC)[1]
        given = Given(
            host=task_vars["inventory_hostname"],
            options=options(args["options"]),
            servers=plain(args["servers"]),
            agent=plain(args["agent"]),
            so_far=plain(args["so_far"]),
            before=plain(args["before"]),
        )
        connection = plain(args["connection"])
        kept = given.options.report_dir if args["record"] else ""
        record = Recorder(kept, args["record"], given.host, [connection.get("token") or ""])
        modules = Modules(self, task_vars, connection, record)
        found: Dict[str, Any] = {}
        try:
            self._steps(args, task_vars, record)[args["step"]](modules, given, found)
        except Stopped as stopped:
            if args["step"] in LAST:
                told = {"step": stopped.doing, "message": stopped.message, "left": args["left"]}
                recording.failed(record, {"server": given.host, **told})
            found.update(failed=True, msg=stopped.message, doing=stopped.doing)
        say(found.get("lines", ()))
        result.update(found, **modules.outcome())
        return result

    def _steps(
        self, args: Dict[str, Any], task_vars: Dict[str, Any], record: Recorder
    ) -> Dict[str, Callable[..., None]]:
        """Each step, with what only this one needs."""

        def first_look(run: Modules, given: Given, result: Result) -> None:
            told = mistakes(args["specified"], args["variables"])
            python = task_vars.get("ansible_python_interpreter", "")
            look.look(run, given, result, look.First(args["plans"], plain(args["connection"]), python, told))

        def make_way(run: Modules, given: Given, result: Result) -> None:
            way.make_way(run, given, result, datetime.now(timezone.utc))

        def ask_cleanup(run: Modules, given: Given, result: Result) -> None:
            secrets = [args["connection"].get("token") or ""]
            name, begun = recording.begun(given.options, args["group"], given.host, time.time(), secrets)
            result["record"] = name
            recording.planned(begun, {}, [parse(one) for one in given.servers])
            try:
                cleanup.ask_cleanup(run, given, result, args["force"], args["confirm_timeout"])
            except Stopped as stopped:
                recording.failed(begun, {"step": stopped.doing, "message": stopped.message})
                raise

        def remove_old(run: Modules, given: Given, result: Result) -> None:
            cleanup.remove_old(run, given, result)
            recording.ended(record, [parse(one) for one in given.servers], given.options, [])

        def show(_run: Modules, given: Given, result: Result) -> None:
            servers = [parse(one) for one in given.servers]
            result["lines"] = at_end(servers, given.options, time.time())
            recording.ended(record, servers, given.options, result["lines"])
            if args["record"]:
                result["ansible_stats"] = stats(given.options.report_dir, args["record"])

        def stop(_run: Modules, _given: Given, _result: Result) -> None:
            raise Stopped("Stop the roll", args["message"])

        def start(_run: Modules, _given: Given, _result: Result) -> None:
            tags = Tags(self._task.tags, task_vars["ansible_run_tags"], task_vars["ansible_skip_tags"])
            starting.start(tags, task_vars["groups"].get(args["group"], ()), args["group"])

        return {
            "start": start,
            "look": first_look,
            "begin": look.begin,
            "make_way": make_way,
            "work": work.work,
            "settle": work.settle,
            "next": work.let_next,
            "stop": stop,
            "back": finish.back,
            "end": look.end,
            "show": show,
            "find_old": cleanup.find_old,
            "ask_cleanup": ask_cleanup,
            "remove_old": remove_old,
        }
