# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's loader of action plugins, in tests of what runs modules by them: notes what was asked for, and answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins import loader as plugins
from ansible.plugins.action import ActionBase
from ansible.template import Templar


class Handlers:
    """Hands out one that returns a result, or raises it. `by_module` has results of single modules, `whole` is what it
    knows beside."""

    def __init__(
        self, result: Any = (), known: Sequence[str] = (), by_module: Mapping[str, Any] | None = None, whole: Any = None
    ) -> None:
        self.result, self.known, self.by_module = result, known, by_module or {}
        self.about = {"whole": whole} if whole else {}
        self.got: list[tuple[str, Task]] = []
        self.cleaned = 0

    def has_plugin(self, name: str) -> bool:
        """Whether a module has an action plugin of its own."""
        return name in self.known

    def get(self, name: str, task: Task, **_given: Any) -> Any:
        """The plugin of this name, for this task."""
        self.got.append((name, task))
        return SimpleNamespace(run=self._run, cleanup=self._cleanup, **self.about)

    @property
    def modules(self) -> list[str]:
        """The modules that were run, without the name of the collection."""
        return [task.action.rsplit(".", 1)[-1] for _name, task in self.got]

    def _run(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        assert "inventory_hostname" in task_vars
        result = self.by_module.get(self.modules[-1], self.result)
        if isinstance(result, Exception):
            raise result
        return dict(result)

    def _cleanup(self) -> None:
        self.cleaned += 1


def action(kind: type[ActionBase], loader: Handlers, args: Mapping[str, Any], **keywords: Any) -> Any:
    """An action plugin of this class on a task with these arguments and keywords, whose modules are run by `loader`."""
    task, data = Task(), DataLoader()
    task.args = dict(args)
    for name, value in keywords.items():
        setattr(task, name, value)
    connection = plugins.connection_loader.get("local", PlayContext())
    made = kind(task, connection, PlayContext(), data, Templar(loader=data), plugins)
    made._shared_loader_obj = SimpleNamespace(action_loader=loader)  # type: ignore[assignment]  # what is handed over is not taken
    return made
