# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's side: begin a transaction or attach to the one at work, relay its progress, hand over its answer."""

from __future__ import annotations

import os
import select
import time
import uuid
from typing import Any, Callable, Dict, NamedTuple, Optional

from ...agent.api.client import Client
from ...agent.errors import AgentError
from ...agent.host.service import Runner
from ...progress import ProgressFile, Relay, read_progress
from ...roll.host import transaction
from ...roll.host.transaction import Note
from . import process
from .place import LOCK, PROGRESS, Place
from .prospect import Prospect
from .transaction import carry_out
from .work import Work

POLL_S = 0.1
STDOUT = 1
NOTHING_LEFT = {"failed": True, "changed": True, "left": "unknown"}
NOTHING_SAID = (
    "The process that was at work on this server has ended before it was done, at: {}. "
    "Run this again: it goes on from what is on the disk."
)

INTERNAL = ("id", "told")


class Wish(NamedTuple):
    """What a module asks a transaction for: the backend, and whether it is given up (`state` returned)."""

    backend: str
    state: str
    origin: str

    def note(self, begun: bool, number: str = "") -> Note:
        """The note of this process."""
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return Note(number or uuid.uuid4().hex, os.getpid(), self.origin, now, self.backend, self.state, begun)


def begin(place: Place, wish: Wish, prospect: Prospect, run: Runner) -> Note:
    """Begin a transaction; its note. The place's lock must be held, and is the transaction's from then on."""
    note = wish.note(begun=False)
    place.write_note(note)
    subject = prospect.subject
    client = Client(subject.connection)  # here, where a wrong certificate is still the module's to tell

    def work() -> None:
        mine = wish.note(begun=True, number=note.id)
        place.write_note(mine)
        place.forget(PROGRESS, f"{PROGRESS}.new")
        tell = ProgressFile(place.path_of(PROGRESS))
        todo = Work(subject, place, run, tell, client, subject.goal, prospect.server_id)
        todo.previous = prospect.seen.stored
        unmoved = process.own_scope(run)
        todo.warnings += [unmoved] if unmoved else []
        place.write_answer(mine, carry_out(todo))
        tell.close()

    process.part(work)
    place.leave()
    return note


def at_work(place: Place, wish: Wish) -> Note:
    """Who is at work here, to attach to. Raises AgentError when it brings the server to another backend."""
    note = place.note()
    if note is None:
        raise AgentError(
            "somebody is at work on this server, and it is not known who", f"Its lock: {place.path_of(LOCK)}"
        )
    refusal = transaction.other_wish(note, wish.backend, wish.state)
    if refusal:
        raise AgentError(refusal)
    return note


def wait(place: Place, note: Note, relay: Relay, sleep: Callable[[float], None] = time.sleep) -> Dict[str, Any]:
    """The answer of this transaction, once it is there. With `failed` where its process is gone without one."""
    step = ""
    while True:
        at_work = place.is_at_work()  # before the answer: the answer is the last thing that a transaction writes
        answer = place.answer(note)
        if answer is not None or not at_work:
            return answer or {**NOTHING_LEFT, "msg": NOTHING_SAID.format(step or "its beginning")}
        shown = read_progress(place.path_of(PROGRESS))
        if shown:
            step = shown.phase
            relay(shown)
        sleep(POLL_S)


def earlier(place: Place) -> Optional[Dict[str, Any]]:
    """What became of the last transaction, if nobody has been told yet. The lock must be held."""
    note = place.note()
    answer = place.answer(note)
    shown = read_progress(place.path_of(PROGRESS))
    known = {name: value for name, value in (answer or {}).items() if name not in INTERNAL}
    sentence = "" if (answer or {}).get("told") else transaction.earlier(note, answer, shown.phase if shown else "")
    if not sentence or note is None:
        return None
    return {"sentence": sentence, "began": note.since, "origin": note.origin, "result": known or None}


def tell(place: Place, note: Optional[Note]) -> None:
    """Take down that this answer is handed over, unless nobody is there any more to read what is printed."""
    if note is None or not _is_read(STDOUT) or not place.take():
        return
    place.write_answer(note, {**(place.answer(note) or {}), "told": True})
    place.leave()


def _is_read(fd: int) -> bool:
    """Whether whoever shall read what is written there is still there: the other end of a pipe that is cut is gone."""
    poll = select.poll()
    poll.register(fd, 0)
    return not any(event & (select.POLLERR | select.POLLHUP | select.POLLNVAL) for _fd, event in poll.poll(0))
