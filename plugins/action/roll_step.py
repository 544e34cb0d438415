# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of the role raft_logstore: several modules on one host, with what is decided between them."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from functools import partial
from typing import Any, Callable, Dict, Optional

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.action import ActionBase
from ansible_collections.raftops.nomad.plugins.module_utils._roll.closing import at_end
from ansible_collections.raftops.nomad.plugins.modules.roll_step import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils._recorder import Recorder
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import mistakes, options, plain
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps import (
    cleanup,
    finish,
    holding,
    look,
    recording,
    starting,
    way,
    work,
)
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.given import Given, Result
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Modules, Stopped, say
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.planning import Asking
from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.starting import Tags

Values = Dict[str, Any]
LAST = ("back", "end", "remove_old")  # after them nothing puts anything right


class ActionModule(ActionBase):
    """What a step does is in plugin_utils._steps, what it decides in module_utils._roll."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """What the step returns; where it fails, `doing` says at what, and what it has found by then is there."""
        task_vars = task_vars or {}
        result: Dict[str, Any] = super().run(tmp, task_vars)
        args = self.validate_argument_spec(argument_spec=SPEC)[1]
        told = mistakes(args["specified"], args["variables"])
        if told:  # before they are read
            return {**result, "failed": True, "msg": told, "doing": "The role's variables are valid"}
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
        except AnsibleConnectionFailure:
            raise
        except Stopped as stopped:
            if args["step"] in LAST:
                told = {"step": stopped.doing, "message": stopped.message}
                recording.failed(record, {"server": given.host, **told})
            found.pop("server", None)  # nothing new is known that matters, and a failure is shown with all of it
            found.update(stopped.outcome())
        except Exception as error:  # also a bug here: what was done to a server must reach the rescue
            if "phases" not in found:
                raise
            found.update(failed=True, msg=repr(error), doing=modules.did[-1])
        say(found.get("lines", ()))
        result.update(found, **modules.outcome())
        return result

    def _steps(
        self, args: Dict[str, Any], task_vars: Dict[str, Any], record: Recorder
    ) -> Dict[str, Callable[..., None]]:
        """Each step, those with what only they need among them."""
        return {
            "start": partial(self._start, args["group"], task_vars),
            "look": partial(self._look, args, task_vars),
            "begin": look.begin,
            "make_way": partial(way.make_way, at=datetime.now(timezone.utc)),
            "work": work.work,
            "settle": work.settle,
            "next": work.let_next,
            "hold": holding.hold,
            "release": partial(holding.release, peer=args["peer"]),
            "take_back": holding.take_back,
            "failed": partial(self._failed, args, record),
            "stop": partial(finish.stop, message=args["failure"].get("message", "")),
            "back": finish.back,
            "end": look.end,
            "show": partial(self._show, args["record"], record),
            "find_old": cleanup.find_old,
            "ask_cleanup": partial(self._ask_cleanup, args),
            "remove_old": partial(self._remove_old, record),
            "show_removed": cleanup.show_removed,
        }

    def _start(self, group: str, task_vars: Values, _run: Modules, _given: Given, _result: Result) -> None:
        tags = Tags(self._task.tags, task_vars["ansible_run_tags"], task_vars["ansible_skip_tags"])
        limited = task_vars["ansible_play_hosts_all"] if task_vars.get("ansible_limit") else ()
        starting.start(tags, task_vars["groups"].get(group, ()), group, limited)

    def _look(
        self, args: Dict[str, Any], task_vars: Dict[str, Any], run: Modules, given: Given, result: Result
    ) -> None:
        python = task_vars.get("ansible_python_interpreter", "")
        look.look(run, given, result, look.First(args["plans"], plain(args["connection"]), python))

    def _failed(self, args: Values, record: Recorder, _run: Modules, given: Given, result: Result) -> None:
        recording.failed(record, {"server": given.host, **plain(args["failure"])})
        result.update(recording.in_short(given.options, args["record"]))

    def _show(self, name: str, record: Recorder, _run: Modules, given: Given, result: Result) -> None:
        servers = given.all
        result["lines"] = at_end(servers, given.options, time.time())
        recording.latency(record, given.servers, "after")
        recording.ended(record, servers, given.options, result["lines"])
        result.update(recording.in_short(given.options, name))

    def _ask_cleanup(self, args: Values, run: Modules, given: Given, result: Result) -> None:
        secrets = [args["connection"].get("token") or ""]
        result["record"], record = recording.begun(given.options, args["group"], given.host, time.time(), secrets)
        recording.planned(record, {}, given.all)
        try:
            asking = Asking(args["force"], args["confirm_timeout"])
            cleanup.ask_cleanup(run, given, result, asking, time.time())
        except Stopped as stopped:
            recording.refused(record, stopped.message)
            raise

    def _remove_old(self, record: Recorder, run: Modules, given: Given, result: Result) -> None:
        cleanup.remove_old(run, given, result)
        recording.cleaned(record, given.all, given.options)
