# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a transaction, one function each. Which, and in which order, is roll's to say (roll/transaction.py).

Each reads the truth anew, so it does what is left to do. Raises AgentError or StoreError.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from typing import Callable, Dict, List

from ..._agent.cluster.health import Wanted
from ..._agent.config import ensure
from ..._agent.config.load import effective_backend
from ..._agent.errors import AgentError, ConfigError
from ..._agent.host import loglines
from ..._raftstore.migrate import migrate
from ..._raftstore.rehearse import copy_store
from ..._raftstore.released import is_in_use
from ..._results import success
from ..._roll.host import transaction as roll
from ..stopping import stop as stop_agent
from . import rejoining, undo
from .lastlook import last_look
from .place import UNDO
from .undo import Record
from .work import Work


def stop(work: Work) -> None:
    """The agent is stopped, stays so, and has let go of its store.

    Where it was down before, a conversion of a run that was killed may still be at work on its store: that is waited
    for as long as for a server that comes back.
    """
    params = work.subject.params
    began = time.monotonic()
    if work.stopped is None:
        work.stopped = began
    service = work.subject.service(work.run, "stop")
    stop_agent(service, work.subject.data_dir, params["stop_timeout"] if work.up else params["wait_timeout"])
    work.took("stop", time.monotonic() - began)


def configure(work: Work) -> None:
    """The configuration names the backend. How it becomes again what it was is kept, for a later run too."""
    began = time.monotonic()
    if work.subject.params["state"] == roll.RETURNED:
        _put_back(work.place.undo(roll.OTHER[work.goal]))
    wish = work.subject.wish(work.goal)
    planned = ensure.planned(wish)
    if planned.changes:
        work.records = _records(work.place.undo(work.goal), planned)
        work.place.write_undo(work.goal, work.records)
    work.results["configuration"] = ensure.described(planned, ensure.carry_out(wish, planned))
    work.took("configuration", time.monotonic() - began)


def _records(earlier: List[Record], planned: ensure.Planned) -> List[Record]:
    """How to undo what is about to be written. What a run that died has changed goes back to what was before that."""
    contents = {document.path: document.source for document in planned.found.documents}
    known = {one["path"]: one for one in earlier if undo.fits(one, contents.get(one["path"]))}
    records = []
    for path, before, after in planned.changes:
        first = undo.original(known.pop(path), contents[path]) if path in known else before
        records.append(undo.record(path, first, after))
    return [*known.values(), *records]


def former(work: Work) -> None:
    """The configuration is what it was, byte for byte; where somebody else has changed it meanwhile, in its effect."""
    began = time.monotonic()
    records = work.records or work.place.undo(roll.OTHER[work.goal])
    _put_back(records)
    if effective_backend(work.subject.paths) != work.goal:
        wish = work.subject.wish(work.goal)
        ensure.carry_out(wish, ensure.planned(wish))
    work.place.forget(UNDO)
    work.took("configuration", time.monotonic() - began)


def _put_back(records: List[Record]) -> None:
    """As far as it can be: the effect is looked at afterwards."""
    with suppress(ConfigError):
        undo.put_back(records)


def convert(work: Work) -> None:
    """The store is on the backend: every entry read back and compared, one rename for the switch."""
    began = time.monotonic()
    outcome = migrate(replace(work.subject.request(work.goal), progress=work.tell))
    work.warnings += outcome.warnings
    work.results["conversion"] = success(outcome)
    work.took("conversion", time.monotonic() - began)


def copy(work: Work) -> None:
    """A copy of the store is where a rehearsal finds it."""
    began = time.monotonic()
    copy_store(work.subject.data_dir)
    work.took("copying", time.monotonic() - began)


def start(work: Work) -> None:
    """The agent runs. Never a second one beside one that lives: systemd sees to that itself, a command may not."""
    began, work.began_at = time.monotonic(), time.time()
    if work.subject.is_systemd or not is_in_use(work.subject.data_dir):
        work.subject.service(work.run, "start").start()
    work.started = time.monotonic()
    work.took("start", work.started - began)


def rejoin(work: Work) -> None:
    """The server is back on the backend, caught up, a voter as before, and stays so."""
    max_lag = work.subject.params["max_lag"]
    wanted = Wanted(work.server_id, work.goal, work.voters, work.tolerance, max_lag)
    waited = rejoining.wait(
        work.subject, work.client, wanted, lambda what: work.waits(f"waits until it is back: {what}")
    )
    if not waited.satisfied or waited.good_since is None:
        raise AgentError(f"not back after {waited.elapsed_s:.0f} s: {waited.last.verdict.reason}")
    work.took("rejoin", max(0.0, waited.good_since - work.started))
    if work.up and work.stopped is not None:
        work.phases["total"] = round(waited.good_since - work.stopped, 3)


def look_at_log(work: Work) -> None:
    """Since its start the agent has logged no error about its store."""
    source = work.subject.log_source()
    if source is None:
        work.warnings.append(loglines.SILENT)
        return
    found = loglines.since(source, work.began_at or 0.0, work.run)
    work.results["log"] = loglines.as_result(found)
    work.warnings += loglines.warnings(found)
    if found.errors:
        raise AgentError(loglines.complaint(found))


STEPS: Dict[str, Callable[[Work], None]] = {
    roll.LAST_LOOK: last_look,
    roll.STOP: stop,
    roll.CONFIGURATION: configure,
    roll.FORMER: former,
    roll.CONVERSION: convert,
    roll.COPY: copy,
    roll.START: start,
    roll.REJOIN: rejoin,
    roll.LOG: look_at_log,
}
