# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server from one backend to the other: the steps in order, and after a failure the way back.

Which steps, and what a failure has left, is decided in roll. Whatever happens here ends in an answer: nobody else is
there to bring the server back.
"""

from __future__ import annotations

from typing import Any, Dict, List

from ..._agent.errors import AgentError, ApiError
from ..._agent.host import loglines
from ..._disk.errors import StoreError
from ..._raftstore.describe import describe
from ..._roll.host import left, transaction
from .steps import STEPS
from .work import Work


def carry_out(work: Work) -> Dict[str, Any]:
    """Walk the steps; the module's results. With `failed`, `msg` tells what failed and how the server is left."""
    params = work.subject.params
    failure = ""
    try:
        walk(work, transaction.steps(params["state"], params["backend"]))
    except Exception as error:  # also a bug must not leave the server down
        failure = _said(error)
    return _failed(work, failure) if failure else _result(work, params["state"] == transaction.RETURNED)


def walk(work: Work, steps: tuple[str, ...]) -> None:
    """Walk some steps. Raises what a step raises; `work.step` is the one that did."""
    for work.step in steps:
        work.tell(work.step, 0, 0, 0)
        STEPS[work.step](work)


def _failed(work: Work, failure: str) -> Dict[str, Any]:
    """Look at what is left, and bring the server back to where it came from, if that needs nobody's leave."""
    params = work.subject.params
    step, goal, again = work.step, transaction.away(params["state"], params["backend"]), ""
    state = left.left_by(look_after(work), goal)
    log_end = _log_end(work) if state != left.UNTOUCHED else []
    remedy = left.remedy(state, goal) if params["return_on_failure"] else ()
    if remedy:
        work.goal = transaction.OTHER[goal]
        try:
            walk(work, remedy)
            state = left.healed(state)
        except Exception as error:  # as above
            again = f"{transaction.shown(work.step)}: {_said(error)}"
            log_end = _log_end(work)
            state = left.left_by(look_after(work), goal)
    told = left.Told(step, failure, again, state, work.up, _barred_by(work) if state in left.STOPPED else "")
    about = {"step": step, "failure": failure, "again": again, "left": state, "barred_by": told.barred_by}
    failed = {"failed": True, "msg": left.sentence(told, goal), "log_end": log_end, **about}
    return {**_result(work, state == left.RETURNED), **failed}


def _log_end(work: Work) -> List[str]:
    """The last lines that the agent has logged by now."""
    source = work.subject.log_source()
    try:
        return loglines.end(source, work.run) if source else []
    except AgentError as error:
        return [str(error)]


def look_after(work: Work) -> left.Found:
    """The server after a failure. Two stores in use have not been compared: then nothing is known."""
    answers = in_use = True
    store = None
    try:
        work.client.agent_self()
    except ApiError:
        answers = False
    try:
        found = describe(work.subject.data_dir)
        in_use = found["in_use"]
        if found["state"] in transaction.OTHER or not in_use:
            store = found["backend"]
    except (StoreError, OSError) as error:
        work.warnings.append(f"It is unknown what the failure has left of the store: {error}")
    return left.Found(work.stopped is not None, store, answers or in_use)


def _result(work: Work, returned: bool) -> Dict[str, Any]:
    return {
        "changed": work.stopped is not None,
        "backend": work.goal,
        "returned": returned,
        "began_at": work.began_at,
        "phases": work.phases,
        "warnings": work.warnings,
        "previous_backend": work.previous,
        "plan": transaction.sentences(work.subject.params["state"], work.subject.params["backend"]),
        **{name: work.results.get(name) for name in ("conversion", "configuration", "log")},
    }


def _barred_by(work: Work) -> str:
    if not work.subject.is_systemd:
        return ""
    return work.subject.service(work.run, "start").barrier  # type: ignore[union-attr]


def _said(error: Exception) -> str:
    if isinstance(error, (AgentError, StoreError, OSError)):
        return str(error)
    return f"this is a bug of the collection, please report it: {error!r}"
