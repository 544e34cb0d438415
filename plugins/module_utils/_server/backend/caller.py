# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's side: begin a transaction or attach to the one at work, relay its progress, hand over its answer."""

from __future__ import annotations

import os
import time
import uuid
from typing import Any, Callable, Dict, NamedTuple, Optional

from ..._agent.api.client import Client
from ..._agent.errors import AgentError
from ..._agent.host.service import Runner
from ..._progress import ProgressFile, Relay, read_progress
from ..._roll.host import transaction
from ..._roll.host.transaction import Note
from . import process
from .place import LOCK, PROGRESS, Place
from .prospect import Prospect
from .transaction import carry_out
from .work import Work

POLL_S = 0.1
LOOKING_S = 120.0  # a module that has the lock looks at the server before it begins, which may hang
NOTHING_LEFT = {"failed": True, "changed": True, "left": "unknown"}
NOTHING_SAID = (
    "The process that was at work on this server has ended before it was done, {}. "
    "Run this again: it goes on from what is on the disk."
)

DIED = "died_at"
"""In the answer of a transaction that has left none itself: the step that it was last seen at."""

INTERNAL = ("id", DIED)


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
        place.forget(PROGRESS, f"{PROGRESS}.new")
        place.keep_untold(mine)
        place.write_note(mine)
        tell = ProgressFile(place.path_of(PROGRESS))
        todo = Work(subject, place, run, tell, client, subject.goal, prospect.server_id)
        todo.previous, todo.waits = prospect.seen.stored, tell.waits
        unmoved = process.own_scope(run)
        todo.warnings += [unmoved] if unmoved else []
        place.write_answer(mine, carry_out(todo))
        tell.close()

    process.part(work)
    place.leave()
    return note


def attach(place: Place, wish: Wish, patience_s: float = LOOKING_S) -> Optional[Note]:
    """Who is at work here, to attach to; None where nobody is, and then the lock is held.

    Whoever has the lock has not begun yet while the last note is of a transaction that has ended: that is waited for.
    Raises AgentError when it brings the server to another backend.
    """
    deadline = time.monotonic() + patience_s
    while not place.take():
        note = place.note()
        if note is not None and place.answer(note) is None:
            refusal = transaction.other_wish(note, wish.backend, wish.state)
            if refusal:
                raise AgentError(refusal)
            return note
        if time.monotonic() >= deadline:
            what = "somebody is at work on this server, and it is not known who"
            raise AgentError(what, f"Its lock: {place.path_of(LOCK)}")
    return None


def wait(place: Place, note: Note, relay: Relay, sleep: Callable[[float], None] = time.sleep) -> Dict[str, Any]:
    """The answer of this transaction, once it is there. With `failed` where its process is gone without one."""
    step = ""
    while True:
        at_work = _is_at_work(place, note)  # before the answer: that is the last thing that a transaction writes
        answer = place.answer(note)
        if answer is not None and DIED not in answer:
            return answer
        if answer is not None or not at_work:
            at = transaction.last_seen(step or (answer or {}).get(DIED) or "")
            return {**NOTHING_LEFT, "msg": NOTHING_SAID.format(at)}
        shown = read_progress(place.path_of(PROGRESS))
        if shown:
            step = shown.phase
            relay(shown)
        sleep(POLL_S)


def _is_at_work(place: Place, note: Note) -> bool:
    """Whether the lock is held, and by this transaction."""
    if not place.is_at_work():
        return False
    last = place.note()
    return last is not None and last.id == note.id


def left(place: Place) -> Dict[str, Any]:
    """What there is to know for who only looks: `at_work`, `untold`, and either in a `sentence`. Changes nothing."""
    note = place.note()
    at_work = note is not None and place.answer(note) is None and place.is_at_work()  # else somebody only looks
    untold = not at_work and note is not None and bool(place.untold(note))
    sentence = ""
    if note is not None and at_work:
        sentence = f"P{transaction.at_work(note)[1:]}."
    elif untold:
        sentence = _became(place, note)
    return {"at_work": at_work, "untold": bool(sentence) and untold, "sentence": sentence}


def _became(place: Place, note: Optional[Note]) -> str:
    answer, shown = place.answer(note), read_progress(place.path_of(PROGRESS))
    step = (answer or {DIED: shown.phase if shown else ""}).get(DIED)
    return transaction.earlier(note, answer if step is None else None, step or "")


def earlier(place: Place) -> Optional[Dict[str, Any]]:
    """What became of the last transaction, if its answer has reached nobody. The lock must be held.

    One that has left no answer gets one here, so that nobody who comes now takes it to be at work. `untold` is the mark
    to be removed by whoever has got this.
    """
    note = place.note()
    if note is None:
        return None
    answer = place.answer(note)
    if answer is None:
        shown = read_progress(place.path_of(PROGRESS))
        answer = {DIED: shown.phase if shown else ""}
        place.write_answer(note, answer)
    marker, sentence = place.untold(note), _became(place, note)
    known = {name: value for name, value in answer.items() if name not in INTERNAL}
    if not marker or not sentence:
        return None
    return {"sentence": sentence, "began": note.since, "origin": note.origin, "result": known or None, "untold": marker}
