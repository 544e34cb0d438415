# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which screens there are: a roll that goes well, then one that fails, is interrupted and is finished."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from screens import place
from screens.terminal import Terminal
from support.cluster.cluster import Cluster

STATUS = "ansible-playbook raftops.nomad.status -i inventory"
MIGRATE = "ansible-playbook raftops.nomad.migrate -i inventory"
CHECK = f"{MIGRATE} --check --diff"
CLEANUP = "ansible-playbook raftops.nomad.cleanup -i inventory --check"
QUESTION = "Only 'yes' is accepted"
BROKEN = "nomad-2"
OUT = f"{BROKEN}: is taken out now"
LIMIT_S = 300


class Screen(NamedTuple):
    """What one command shows. `lines` are as written, not broken; the first `above` of them are another screen's.

    `code`: its exit code; None while it runs. `about`: what to read in it. `head`: how many lines are shown at least.
    """

    title: str
    about: str
    command: str
    lines: list[str]
    code: int | None = None
    above: int = 0
    head: int = 80


def told(columns: int) -> Iterator[Screen]:
    """All screens at a terminal of so many columns, in order."""
    with place.cluster():
        yield from well(columns)
    with place.cluster() as cluster:
        yield from badly(columns, cluster)


def terminal(columns: int, command: str) -> Terminal:
    return Terminal(columns, command, place.ROOT, place.environment())


def seen(columns: int, title: str, about: str, command: str) -> Screen:
    """A command that asks nothing."""
    with terminal(columns, command) as shown:
        code = shown.wait_end(LIMIT_S)
        return Screen(title, about, command, shown.lines(), code)


def rolled(columns: int, title: str, about: str, until: str = "") -> Screen:
    """A roll, to whose question the answer is yes. With `until` Ctrl-C is pressed as soon as that is shown."""
    with terminal(columns, MIGRATE) as shown:
        shown.wait_for(QUESTION, 120)
        above = len(shown.lines()) - 1
        shown.press("yes", "Enter")
        if until:
            shown.wait_for(until, LIMIT_S)
            shown.press("C-c")
        code = shown.wait_end(LIMIT_S)
        return Screen(title, about, MIGRATE, shown.lines(), code, above)


def well(columns: int) -> Iterator[Screen]:
    yield seen(columns, "Status", "The line above PLAY RECAP says whether all is well.", STATUS)
    about = "Each change is shown as a diff. The last message says what would be done, or what stands against it."
    yield seen(columns, "Check", about, CHECK)._replace(head=190)
    about = "The last message is for the ticket: what was done on each server, what is left, and the verdict."
    roll = rolled(columns, "Roll", about)
    about = "Each server that would be taken, in order, and the space that it needs."
    asked = roll.lines[: roll.above + 1]
    yield roll._replace(title="The question", about=about, lines=asked, code=None, above=0)
    yield roll
    yield seen(
        columns, "Second run", "Nothing is stopped. The last message says that there was nothing to do.", MIGRATE
    )
    yield seen(columns, "Status after the roll", "All three run on wal, and so say config and disk.", STATUS)
    about = "The old stores that would go, and the space that would become free."
    yield seen(columns, "Cleanup, check", about, CLEANUP)


def badly(columns: int, cluster: Cluster) -> Iterator[Screen]:
    (server,) = [one for one in cluster.servers if one.name == BROKEN]
    broken = server.root / place.BROKEN
    broken.touch()
    about = "nomad-2 does not start on WAL, and returns to BoltDB. The last message says so, and what comes next."
    yield rolled(columns, "A server that does not start", about)._replace(head=190)
    broken.unlink()
    about = "The line `is taken out now` has said what becomes of nomad-2: its host finishes it."
    yield rolled(columns, "Ctrl-C in the middle of a server", about, OUT)
    yield seen(columns, "Status right after Ctrl-C", "It says what the host of nomad-2 is doing.", STATUS)
    about = "It says what became of nomad-2, and goes on with the others."
    yield rolled(columns, "The same command again", about)
