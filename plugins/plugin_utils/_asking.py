# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's side of a module that changes a server: ask once for all hosts, run it, show how far it is."""

from __future__ import annotations

import uuid
from abc import abstractmethod
from difflib import get_close_matches
from types import TracebackType
from typing import Any, ClassVar, Dict, Mapping, Optional, Sequence, Type

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.raftops.nomad.plugins.plugin_utils._confirm import confirm_once
from ansible_collections.raftops.nomad.plugins.plugin_utils._progress import ProgressLines

CUT = (
    "This task was cut after {} s by its timeout (task_timeout in ansible.cfg, ANSIBLE_TASK_TIMEOUT, --task-timeout, "
    "or timeout on the task). What had begun on the host goes on alone. Run the same again, with timeout: 0: it waits "
    "for what is at work, and says what has become of it."
)


class Words:
    """A context manager that puts the cut into words which Ansible makes when the time of a task is up."""

    def __init__(self, timeout_s: int) -> None:
        self._timeout_s = timeout_s

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], _trace: Optional[TracebackType]
    ) -> None:
        if kind is not None and kind.__name__ == "TaskTimeoutError":  # a private class of Ansible's, no Exception
            raise AnsibleActionFail(CUT.format(self._timeout_s)) from error


class AskingAction(ActionBase):
    """Runs the module called `NAME`, with the options `SPEC`; everything about the server is decided there."""

    NAME = ""
    SPEC: ClassVar[Mapping[str, Any]] = {}
    OPENING = ""  # what to know while it works, said once, after the steps in BEFORE
    BEFORE: ClassVar[Sequence[str]] = ()

    @abstractmethod
    def statement(self, args: Dict[str, Any]) -> str:
        """What will be done, as the question begins."""

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """The module's result, or AnsibleActionFail for options that it would refuse, and when nobody has confirmed."""
        task_vars = task_vars or {}
        result: Dict[str, Any] = super().run(tmp, task_vars)
        args = dict(self._task.args)
        self._refuse_mistakes(args)
        if not self._task.check_mode and not boolean(args.get("force") or False, strict=False):
            refused = self._refused(args, task_vars)
            if refused:
                return {**result, **refused}
            confirm_once(self._task._uuid, self.statement(args), task_vars["ansible_play_hosts_all"])
        result.update(self._run_module(args, task_vars))
        return result

    def _refuse_mistakes(self, args: Dict[str, Any]) -> None:
        """Nobody should be asked about something that the module then refuses. Options that are empty are not given."""
        given = {name: value for name, value in args.items() if value not in (None, "")}
        known = [*self.SPEC, *(alias for option in self.SPEC.values() for alias in option.get("aliases", ()))]
        for name in given:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"Did you mean {near[0]}?" if near else f"ansible-doc raftops.nomad.{self.NAME} has them all."
                raise AnsibleActionFail(f"raftops.nomad.{self.NAME} has no option {name}. {hint} Nothing was changed.")
        checked = ArgumentSpecValidator(dict(self.SPEC)).validate(given)
        if checked.error_messages:
            told = remove_values("; ".join(checked.error_messages), checked._no_log_values)
            raise AnsibleActionFail(
                f"The options of raftops.nomad.{self.NAME}: {told.rstrip('.')}. Nothing was changed."
            )

    def _refused(self, args: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        """The failure of this host in check mode, about which nobody should be asked; empty where it has none."""
        self._task.check_mode = True
        try:
            found: Dict[str, Any] = self._run_module(args, task_vars)
        finally:
            self._task.check_mode = False
        told = self.in_the_way(found)
        if told:
            return {"failed": True, "changed": False, "msg": f"{told} Nothing was changed."}
        return found if found.get("failed") or found.get("unreachable") else {}

    def in_the_way(self, _found: Dict[str, Any]) -> str:
        """Why this would fail although check mode has not, as a sentence; "" for nothing that is known."""
        return ""

    def _run_module(self, args: Dict[str, Any], task_vars: Dict[str, Any]) -> Dict[str, Any]:
        module = f"raftops.nomad.{self.NAME}"
        if self._task.check_mode:
            return self._execute_module(module_name=module, module_args=args, task_vars=task_vars)
        # A new name for each host and run: under a fixed one the last run's numbers would be shown first.
        args.setdefault("progress_file", f"/run/{self.NAME}-{uuid.uuid4().hex}")
        host, path = task_vars["inventory_hostname"], args["progress_file"]
        lines = ProgressLines(self, host, path, opening=self.OPENING, before=self.BEFORE)
        with Words(self._task.timeout or 0), lines:
            return self._execute_module(module_name=module, module_args=args, task_vars=task_vars)
