# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run modules one after another within one task, on the task's host."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Protocol, Sequence

from ansible import constants as C
from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.plugin_utils._recorder import Recorder

LOOK, WAIT, WRITE = "raftops.nomad.server_info", "raftops.nomad.server_wait", "raftops.nomad.raft_write_check"
TRANSFER, SAVE = "raftops.nomad.raft_transfer_leadership", "raftops.nomad.snapshot_save"
BACKEND, OLD = "raftops.nomad.server_backend", "raftops.nomad.raft_backup_remove"
COST, AUTOPILOT = "raftops.nomad.raft_cost_info", "raftops.nomad.autopilot_config"
OF_THE_API = (
    LOOK,
    WAIT,
    WRITE,
    TRANSFER,
    SAVE,
    BACKEND,
    COST,
    AUTOPILOT,
)  # those that are told how the agent is reached
CAUSES = ("module_stderr", "module_stdout", "rc", "exception")
NORMAL = "ansible.legacy.normal"  # what runs a module that has no action plugin


class Stopped(Exception):
    """A step ends here: what was being done, why it cannot go on, and the module's result if there is one."""

    def __init__(self, doing: str, message: str, result: Optional[Mapping[str, Any]] = None) -> None:
        super().__init__(message)
        self.doing, self.message, self.result = doing, message, dict(result or {})

    def outcome(self) -> Dict[str, Any]:
        """What the result of a task has of it. Of a module that broke, what it has printed is the reason."""
        said = {name: self.result[name] for name in CAUSES if self.result.get(name)}
        return {**said, "failed": True, "msg": self.message, "doing": self.doing}


class Run(Protocol):
    """Runs a module and returns its result. Raises Stopped where it fails.

    `asks`: it changes nothing and is run in check mode as well; `rehearses`: it is run in check mode in any case.
    """

    def __call__(
        self, doing: str, module: str, args: Mapping[str, Any], asks: bool = False, rehearses: bool = False
    ) -> Dict[str, Any]: ...


class Modules:
    """What `Run` says, in Ansible. Each module is run as by a task of its own, through its action plugin if it has one.

    What they return is noted in the record. Of all of them: `changed`, `did` (what each was run for), `diffs`,
    `warnings`, and `facts`, the interpreter that Ansible has found.
    """

    def __init__(
        self, action: ActionBase, task_vars: Dict[str, Any], connection: Mapping[str, Any], record: Recorder
    ) -> None:
        self._action, self._task_vars, self._connection, self._record = action, task_vars, connection, record
        self.changed = False
        self.did: List[str] = []
        self.diffs: List[Any] = []
        self.warnings: List[Any] = []
        self.facts: Dict[str, Any] = {}

    def __call__(
        self, doing: str, module: str, args: Mapping[str, Any], asks: bool = False, rehearses: bool = False
    ) -> Dict[str, Any]:
        self.did.append(doing)
        action = self._action
        task = action._task.copy()
        task.action = module
        given = {**self._connection, **args} if module in OF_THE_API else args
        task.args = {name: value for name, value in given.items() if value not in (None, "")}
        task.check_mode = rehearses or (task.check_mode and not asks)
        loader = action._shared_loader_obj.action_loader
        handler = loader.get(
            module if loader.has_plugin(module) else NORMAL,
            task=task,
            connection=action._connection,
            play_context=action._play_context,
            loader=action._loader,
            templar=action._templar,
            shared_loader_obj=action._shared_loader_obj,
        )
        try:
            with self._record.step(module, task.args) as noted:
                result: Dict[str, Any] = handler.run(task_vars=self._task_vars)
                noted.update(getattr(handler, "whole", result))
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            raise Stopped(doing, str(error), getattr(error, "result", None)) from error
        finally:
            handler.cleanup()
        self.warnings += result.get("warnings") or []
        if not rehearses:
            self._keep(result)
        if result.get("failed"):
            raise Stopped(doing, str(result.get("msg") or "no reason was given"), result)
        return result

    def _keep(self, result: Mapping[str, Any]) -> None:
        self.changed = self.changed or bool(result.get("changed"))
        found = result.get("diff") or []
        self.diffs += found if isinstance(found, list) else [found]
        facts = result.get("ansible_facts") or {}
        self.facts.update({name: facts[name] for name in facts if name.startswith("discovered_interpreter_")})

    def outcome(self) -> Dict[str, Any]:
        """What the result of the whole task has of these."""
        told: Dict[str, Any] = {"changed": self.changed, "did": self.did}
        self.warnings += self._record.warnings
        if self.diffs:
            told["diff"] = self.diffs
        if self.warnings:
            told["warnings"] = self.warnings
        if self.facts:
            told["ansible_facts"] = self.facts
        return told


def say(lines: Sequence[str]) -> None:
    """Show lines to a person as they are, whatever is left out of what tasks return.

    Where a callback makes one document of all (json, jsonl), they must not be in it.
    """
    for line in lines:
        Display().display(line, stderr="json" in C.DEFAULT_STDOUT_CALLBACK)
