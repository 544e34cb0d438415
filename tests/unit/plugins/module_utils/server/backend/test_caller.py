# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who begins, who attaches, what has still to be told. The transactions are real, their process too."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._progress import Progress
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import caller
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.caller import Wish
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.place import Place
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.prospect import Prospect, look

WISH = Wish("wal", "present", "controller-1")


def begin(host: Any, **given: Any) -> Any:
    place = host.place()
    assert place.take(0)
    return place, caller.begin(place, WISH, prospect(host, **given), host.run)


def prospect(host: Any, **given: Any) -> Prospect:
    """One whose last look finds another agent than the one of the store, so that nothing is ever done."""
    return look(host.subject(), host.run)._replace(subject=host.subject(**given), server_id="another id")


def drop(_progress: Progress) -> None:
    """Nobody watches."""


def arrived(known: dict[str, Any]) -> None:
    """The answer has arrived at the controller: this is all that its action does."""
    Path(known["untold"]).unlink()


def test_begun_waited_for_and_told_until_it_has_arrived(host: Any) -> None:
    place, note = begin(host)
    answer = caller.wait(place, note, drop)
    assert (
        answer["failed"] and "another one than the one whose store" in answer["msg"]
    )  # of the last look: nothing done
    assert (answer["left"], answer["changed"]) == ("untouched", False)
    assert place.take()
    known = caller.earlier(place)
    assert known is not None and known["origin"] == "controller-1" and "has failed: Asking whether" in known["sentence"]
    assert not set(caller.INTERNAL) & set(known["result"])
    assert caller.earlier(place) == known
    arrived(known)
    assert caller.earlier(place) is None


def test_who_only_looks_hears_of_it_and_takes_nothing_away(host: Any) -> None:
    assert Place.found(str(host.root / "data"), str(host.root)) is None
    assert [path.name for path in host.root.iterdir() if path.name.startswith("raftops")] == [], "nothing was made"
    place, note = begin(host)
    caller.wait(place, note, drop)
    assert place.take()
    place.leave()  # by now its process has ended
    looked = Place.found(str(host.root / "data"), str(host.root))
    assert looked is not None
    told = caller.left(looked)
    assert (told["at_work"], told["untold"]) == (
        False,
        True,
    ) and "has failed: Asking whether" in told["sentence"]
    assert caller.left(looked) == told and place.take()
    assert caller.left(looked) == told, "who has the lock now has not begun"
    place.write_note(WISH.note(begun=True))
    assert caller.left(looked)["at_work"]
    assert " has been bringing it to wal for controller-1 since" in caller.left(looked)["sentence"]
    place.write_note(note)
    place.leave()
    arrived({"untold": looked.untold(note)})
    assert caller.left(looked) == {"at_work": False, "untold": False, "sentence": ""}


def test_what_arrives_late_is_not_taken_for_the_answer_of_a_later_run(host: Any) -> None:
    place, first = begin(host)
    caller.wait(place, first, drop)
    marker = place.untold(first)
    assert place.take()
    second = caller.begin(place, WISH, prospect(host), host.run)
    caller.wait(place, second, drop)
    Path(marker).unlink(missing_ok=True)
    assert place.take() and caller.earlier(place) is not None
    assert [path.name for path in Path(place.path_of("")).glob("untold-*")] == [f"untold-{second.id}"]


def test_one_that_is_killed_is_told_with_its_step(host: Any) -> None:
    steps = []

    def relay(progress: Progress) -> None:
        steps.append(progress.phase)
        running = place.note()
        assert running is not None and running.begun and running.pid != os.getpid()
        os.kill(running.pid, signal.SIGKILL)

    place, note = begin(host, port=hanging_port(host), timeout=60)
    answer = caller.wait(place, note, relay)
    assert (
        answer["failed"]
        and "has ended before it was done, while asking whether" in answer["msg"]
        and set(steps) == {"last look"}
    )
    assert place.take()
    known = caller.earlier(place)
    assert known is not None and known["result"] is None and "while asking whether" in known["sentence"]
    assert caller.earlier(place) == known
    arrived(known)
    assert caller.earlier(place) is None


def hanging_port(host: Any) -> int:
    """A port at which somebody listens and never answers."""
    host.listener = socket.socket()
    host.listener.bind(("127.0.0.1", 0))
    host.listener.listen()
    return int(host.listener.getsockname()[1])


def test_who_wants_something_else_is_told_who_is_at_work(host: Any) -> None:
    place, note = begin(host, port=hanging_port(host), timeout=2)
    other = host.place()
    found = caller.attach(other, WISH)
    assert found is not None and found.id == note.id
    with pytest.raises(AgentError, match=r"cannot be brought to boltdb now: process .* for controller-1 since"):
        caller.attach(other, Wish("boltdb", "present", ""))
    caller.wait(place, note, drop)


@pytest.mark.parametrize("last", ["never", "ended", "died"])
def test_who_has_the_lock_and_has_not_begun_is_not_taken_for_the_run_before(host: Any, last: str) -> None:
    """A module that still looks at the server, which may take long: nobody may get the answer of yesterday's run."""
    looking, other = host.place(), host.place()
    if last != "never":
        looking.write_note(WISH.note(begun=True))
    if last == "ended":
        note = looking.note()
        assert note is not None
        looking.write_answer(note, {"changed": True})
    assert looking.take()
    caller.earlier(looking)
    with pytest.raises(AgentError, match="it is not known who"):
        caller.attach(other, Wish("boltdb", "present", ""), patience_s=0)
    looking.leave()
    assert caller.attach(other, WISH) is None and host.place().is_at_work()


def test_who_attached_to_one_that_has_died_does_not_wait_for_the_next_run(host: Any) -> None:
    place = host.place()
    note = WISH.note(begun=True)
    place.write_note(note)
    assert place.take()
    place.write_note(WISH.note(begun=False))
    assert "has ended before it was done" in caller.wait(host.place(), note, drop, sleep=waits)["msg"]


def waits(_seconds: float) -> None:
    raise AssertionError("it waits")


def test_the_token_is_in_none_of_its_files(host: Any) -> None:
    place, note = begin(host, token="5f0e0b1c-1111-2222-3333-0123456789ab")
    caller.wait(place, note, drop)
    kept = b"".join(path.read_bytes() for path in Path(place.path_of("")).iterdir())
    assert b"controller-1" in kept and b"5f0e0b1c" not in kept
