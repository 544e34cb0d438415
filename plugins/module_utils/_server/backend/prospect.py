# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one server is like before anything is done to it, what would be done, and what prevents it. Reads only."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from ..._agent.cluster.observe import ask_itself
from ..._agent.config import ensure
from ..._agent.errors import AgentError
from ..._agent.host.service import Runner
from ..._raftstore.conversion.outcome import Outcome
from ..._raftstore.describe import describe
from ..._raftstore.rehearse import Wish, rehearse
from ..._results import difference, success
from ..._roll.host import rehearsal, transaction
from ..._roll.host.transaction import Obstacles, Seen
from .. import ondisk
from ..look import look_for_start
from ..rehearse import findings
from .subject import Subject


class Prospect(NamedTuple):
    """A server before the work. `obstacles` and `notes` are sentences.

    `outcome` is the conversion's answer in check mode, `planned` what has to change in the configuration.
    """

    subject: Subject
    server_id: str
    seen: Seen
    obstacles: List[str]
    outcome: Optional[Outcome]
    planned: ensure.Planned
    notes: Tuple[str, ...] = ()

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to do."""
        copies = self.subject.params["state"] == transaction.COPIED
        return not copies and transaction.is_done(self.seen, self.subject.goal)

    @property
    def plan(self) -> List[str]:
        """The steps in words."""
        return transaction.sentences(self.subject.params["state"], self.subject.params["backend"])

    @property
    def conversion(self) -> Optional[Dict[str, Any]]:
        """What the conversion would do, as raft_migrate_backend tells it in check mode."""
        return success(self.outcome) if self.outcome else None

    @property
    def configuration(self) -> Dict[str, Any]:
        """What would change in the configuration, as raft_logstore_config tells it."""
        return ensure.described(self.planned)

    def differences(self) -> List[Dict[str, str]]:
        """The configuration, without the values of secrets, and the names in the Raft directory."""
        names = [difference(self.outcome)] if self.outcome else []
        return ensure.differences(self.planned) + names


def look(subject: Subject, run: Runner) -> Prospect:
    """What this server is like, and what would go wrong at its next start.

    Raises AgentError or StoreError where that, or its new configuration, cannot be had.
    """
    planned = ensure.planned(subject.wish(subject.goal))
    store = describe(subject.data_dir)
    if not store["node_id"]:
        raise AgentError(f"there is no node-id beside {store['raft_dir']}", "Check data_dir.")
    asked = ask_itself(subject.connection)
    agent, silent = asked.agent, "" if asked.agent or asked.down else asked.error
    seen = Seen(agent.backend if agent else "", subject.configured, store["backend"], store["interrupted"])
    rehearsed = ondisk.prospect(subject.request(subject.goal, check=True))
    found = Obstacles(
        missing_commands=_missing(subject),
        leave_on_interrupt=subject.agent["leave_on_interrupt"] or bool(agent and agent.leave_on_interrupt),
        leave_on_terminate=subject.agent["leave_on_terminate"] or bool(agent and agent.leave_on_terminate),
        stop_signal=subject.stop_signal,
        silent="" if subject.params["repair"] else silent,
        refusal=rehearsed.refusal,
        wait_s=(subject.params["stable_for"], subject.params["wait_timeout"]),
    )
    next_start = _next_start(subject, run)
    obstacles = [*transaction.obstacles(found, subject.goal), *rehearsal.refusals(next_start)]
    if subject.params["state"] == transaction.COPIED:
        obstacles += transaction.not_to_be_copied(
            seen, subject.goal, rehearse(Wish(subject.data_dir, check=True)).refusal
        )
    notes = rehearsal.warnings(next_start)
    return Prospect(subject, store["node_id"], seen, obstacles, rehearsed.outcome, planned, notes)


def _next_start(subject: Subject, run: Runner) -> List[Dict[str, str]]:
    """What would go wrong at it, as server_info tells it."""
    given = {**subject.params, "backend": subject.goal, "data_dir": subject.data_dir}
    return [one._asdict() for one in findings(look_for_start(given, subject.connection, run))]


def _missing(subject: Subject) -> tuple[str, ...]:
    if subject.is_systemd:
        return ()
    return tuple(name for name in ("stop_command", "start_command") if not subject.params[name])
