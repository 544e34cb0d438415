# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes in the record what modules are run for on one host, and what they return. Runs on the controller.

```
recorder = Recorder(report_dir, name, host, secrets)
with recorder.step(module, args) as answer:   # begun
    answer.update(handler.run(...))           # ended: its events, and whether it failed
```
"""

from __future__ import annotations

import contextlib
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible_collections.raftops.nomad.plugins.module_utils._record import results
from ansible_collections.raftops.nomad.plugins.plugin_utils import _record as record


class Recorder:
    """The record from one host. `warnings` are those about the record itself, each once; without a directory it notes
    nothing."""

    def __init__(self, report_dir: str, name: str, host: str, secrets: Sequence[str] = ()) -> None:
        self._report_dir, self._name, self._host, self._secrets = report_dir, name, host, secrets
        self.warnings: List[str] = []

    def note(self, kind: str, given: Mapping[str, Any]) -> None:
        """One event."""
        self._warn(record.note(self._report_dir, self._name, kind, given, self._secrets))

    def write(self) -> None:
        """The files, as of now."""
        self._warn(record.write(self._report_dir, self._name))

    def _warn(self, told: str) -> None:
        if told and told not in self.warnings:
            self.warnings.append(told)

    @contextlib.contextmanager
    def step(self, module: str, args: Mapping[str, Any]) -> Iterator[Dict[str, Any]]:
        """While a module runs, whose result goes into what this hands out. A lost host is noted as one that failed.

        What the body raises is raised. Of a run that is ended in its midst, only the beginning is known.
        """
        step = results.step_of(module, args)
        answer: Dict[str, Any] = {}
        if step:
            self.note("step_began", {"server": self._host, "step": step})
        try:
            yield answer
        except AnsibleConnectionFailure as error:
            self._lost(step, str(error))
            raise
        except AnsibleError as error:
            told = getattr(error, "result", None) or {}
            self._ended(step, module, args, {**told, "failed": True, "msg": str(error)})
            raise
        self._ended(step, module, args, answer)

    def _lost(self, step: str, message: str) -> None:
        """A host whose hold cannot be released keeps its file, and the run goes on."""
        told = {"server": self._host, "message": f"{self._host}: {message}"}
        if step == "release":
            self.note("warning", told)
        else:
            self.note("failed", {**told, "step": step, "unreachable": True})
            self.write()

    def _ended(self, step: str, module: str, args: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        failed = bool(answer.get("failed"))
        for kind, given in results.events(self._host, module, args, answer):
            self.note(kind, given)
        if step:
            message = str(answer.get("msg") or "") if failed else ""
            self.note("step_ended", {"server": self._host, "step": step, "ok": not failed, "message": message})
        if failed or step in ("backend", "return"):
            self.write()
