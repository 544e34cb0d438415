# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who begins, who attaches, who is told. The transactions are real, their process too."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils.agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils.progress import Progress
from ansible_collections.raftops.nomad.plugins.module_utils.server.backend import caller
from ansible_collections.raftops.nomad.plugins.module_utils.server.backend.caller import Wish
from ansible_collections.raftops.nomad.plugins.module_utils.server.backend.prospect import Prospect, look

WISH = Wish("wal", "present", "controller-1")


def begin(host: Any, **given: Any) -> Any:
    place = host.place()
    assert place.take(0)
    return place, caller.begin(place, WISH, prospect(host, **given), host.run)


def prospect(host: Any, **given: Any) -> Prospect:
    """One whose last look finds another agent than the one of the store, so that nothing is ever done."""
    return look(host.subject())._replace(subject=host.subject(**given), server_id="another id")


def drop(_progress: Progress) -> None:
    """Nobody watches."""


def test_begun_waited_for_and_told_once(host: Any) -> None:
    place, note = begin(host)
    answer = caller.wait(place, note, drop)
    assert (
        answer["failed"] and "another one than the one whose store" in answer["msg"]
    )  # of the last look: nothing done
    assert (answer["left"], answer["changed"]) == ("untouched", False)
    assert place.take()
    known = caller.earlier(place)
    assert known is not None and known["origin"] == "controller-1" and "has failed: Last look" in known["sentence"]
    assert not {"id", "told"} & set(known["result"])
    caller.tell(place, place.note())
    assert place.take() and caller.earlier(place) is None


def test_what_nobody_reads_is_not_told(host: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    place, note = begin(host)
    caller.wait(place, note, drop)
    reader, writer = os.pipe()
    monkeypatch.setattr(caller, "STDOUT", writer)
    os.close(reader)
    caller.tell(place, place.note())
    assert place.take() and caller.earlier(place) is not None
    os.close(writer)


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
        and "has ended before it was done, at: last look" in answer["msg"]
        and set(steps) == {"last look"}
    )
    assert place.take()
    known = caller.earlier(place)
    assert known is not None and known["result"] is None and "at: last look" in known["sentence"]
    caller.tell(place, place.note())
    assert place.take() and caller.earlier(place) is None


def hanging_port(host: Any) -> int:
    """A port at which somebody listens and never answers."""
    host.listener = socket.socket()
    host.listener.bind(("127.0.0.1", 0))
    host.listener.listen()
    return int(host.listener.getsockname()[1])


def test_who_wants_something_else_is_told_who_is_at_work(host: Any) -> None:
    place, note = begin(host, port=hanging_port(host), timeout=2)
    other = host.place()
    assert not other.take(0.1)
    assert caller.at_work(other, WISH).id == note.id
    with pytest.raises(AgentError, match=r"cannot be brought to boltdb now: process .* for controller-1 since"):
        caller.at_work(other, Wish("boltdb", "present", ""))
    caller.wait(place, note, drop)


def test_the_token_is_in_none_of_its_files(host: Any) -> None:
    place, note = begin(host, token="5f0e0b1c-1111-2222-3333-0123456789ab")
    caller.wait(place, note, drop)
    kept = b"".join(path.read_bytes() for path in Path(place.path_of("")).iterdir())
    assert b"controller-1" in kept and b"5f0e0b1c" not in kept
