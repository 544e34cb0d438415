# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state table: from what is on disk to a state, and from (state, backend wanted) to the names of steps. Pure.

One literal, looked up from the top; the first row whose words all match decides. What is in no row is refused: there is
no transition outside this table. Rows with "clears" clear one thing away; the look-up then goes on as if it had never
been there. Row numbers are those of docs/crash-safety.md, whose table is compared with `render` by a test.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, NamedTuple, Tuple, Union

from ..base.store import WAL
from ..directory.evidence import Evidence

ASIDE_JOURNAL = "move the foreign journal aside"
ASIDE_PARTIALS = "move foreign partial files aside"
REMOVE_PARTIALS = "remove our partial files"
UNLINK_SECOND = "unlink the second name of raft.db"
ASIDE_MARKER = "move the Nomad command's marker aside"
ASIDE_WAL = "move wal/ aside"
ADD_GUARD = "add the guard"
BEGIN = "open the journal"
BUILD = "build and verify wal.partial"
BUILD_BACK = "build and verify raft.db.partial"
PUT_BACK = "or link the backup as raft.db.partial"
COPY = "copy raft.db to backup_dir"
COPY_WAL = "copy wal/ to backup_dir"
PUBLISH = "publish wal/"
CONFIGURATION = "check the configuration"
LINK_BACKUP = "link raft.db as backup"
LINK_SUPERSEDED = "link raft.db as superseded"
SWITCH = "switch"
SWITCH_BACK = "switch to raft.db"
LOOK_AGAIN = "look for waiting processes"
RETIRE_WAL = "rename wal/ as backup"
UNLINK_BACKUP = "unlink the backup's old name"
FINISH = "close the journal"

REFUSE = "refuse"
Steps = Tuple[str, ...]
Cell = Union[str, Steps]

NOTHING: Steps = ()
TO_WAL: Steps = (COPY, CONFIGURATION, LINK_BACKUP, SWITCH, LOOK_AGAIN, FINISH)
CONVERT: Steps = (ASIDE_MARKER, BEGIN, BUILD, COPY, PUBLISH, CONFIGURATION, LINK_BACKUP, SWITCH, LOOK_AGAIN, FINISH)
CONVERT_ANEW: Steps = (ASIDE_WAL, *CONVERT)
KEEP_WAL: Steps = (ASIDE_MARKER, BEGIN, COPY, CONFIGURATION, LINK_SUPERSEDED, SWITCH, LOOK_AGAIN, FINISH)
TO_BOLTDB: Steps = (BEGIN, BUILD_BACK, PUT_BACK, COPY_WAL, SWITCH_BACK, RETIRE_WAL, UNLINK_BACKUP, FINISH)
REPLACE: Steps = (
    ASIDE_MARKER, BEGIN, BUILD_BACK, COPY_WAL, LINK_SUPERSEDED, SWITCH_BACK, LOOK_AGAIN, RETIRE_WAL, FINISH,
)  # fmt: skip

Words = Tuple[str, ...]


class Row(NamedTuple):
    """One row. `when` has the words allowed in each column; a column that is missing there may be anything."""

    number: int
    state: str
    when: Dict[str, Words]
    to_wal: Cell
    to_boltdb: Cell
    clears: Tuple[Tuple[str, str], ...] = ()


ROWS = (
    Row(25, "in use", {"run_lock": ("taken",)}, REFUSE, REFUSE),
    Row(24, "in use", {"store_lock": ("taken",)}, REFUSE, REFUSE),
    Row(23, "", {"journal": ("not ours",)}, (ASIDE_JOURNAL,), (ASIDE_JOURNAL,), (("journal", "-"),)),
    Row(22, "newer_tool", {"journal": ("unknown",)}, REFUSE, REFUSE),
    Row(21, "foreign", {"place": ("foreign",)}, REFUSE, REFUSE),
    Row(20, "foreign", {"raft_db": ("other",)}, REFUSE, REFUSE),
    Row(19, "foreign", {"names": ("foreign",)}, REFUSE, REFUSE),
    Row(18, "", {"names": ("ours",)}, (UNLINK_SECOND,), (UNLINK_SECOND,), (("names", "one"),)),
    Row(
        17, "", {"leftovers": ("some",), "journal": ("-", "done")},
        (ASIDE_PARTIALS,), (ASIDE_PARTIALS,), (("leftovers", "none"),),
    ),
    Row(
        16, "", {"leftovers": ("some",), "journal": ("open",), "raft_db": ("G", "ok", "0", "-")},
        (REMOVE_PARTIALS,), (REMOVE_PARTIALS,), (("leftovers", "none"),),
    ),
    Row(1, "empty", {"raft_db": ("-",), "wal": ("-", "0"), "past": ("none",)}, NOTHING, NOTHING),
    Row(2, "lost", {"raft_db": ("-", "G", "0"), "wal": ("-", "0"), "past": ("recorded",)}, REFUSE, REFUSE),
    Row(3, "boltdb", {"raft_db": ("ok", "0"), "wal": ("-",)}, CONVERT, (FINISH,)),
    Row(4, "boltdb", {"raft_db": ("ok",), "wal": ("0",)}, CONVERT_ANEW, (ASIDE_WAL, ASIDE_MARKER, FINISH)),
    Row(
        10, "forked", {"raft_db": ("G", "ok", "0"), "wal": ("ok",), "journal": ("open",), "backup": ("not covered",)},
        REFUSE, REFUSE,
    ),
    Row(
        5, "both", {"raft_db": ("ok",), "wal": ("ok",), "relation": ("equal",)},
        (ASIDE_MARKER, BEGIN, *TO_WAL), (BEGIN, RETIRE_WAL, FINISH),
    ),
    Row(
        6, "both", {"raft_db": ("ok",), "wal": ("ok",), "relation": ("raft.db covers wal/",)},
        CONVERT_ANEW, (ASIDE_WAL, FINISH),
    ),
    Row(
        7, "both", {"raft_db": ("ok", "0"), "wal": ("ok",), "relation": ("wal/ covers raft.db",)},
        KEEP_WAL, REPLACE,
    ),
    Row(8, "forked", {"raft_db": ("ok",), "wal": ("ok",), "relation": ("neither",)}, REFUSE, REFUSE),
    Row(
        9, "wal", {"raft_db": ("G",), "wal": ("ok",), "journal": ("open",), "backup": ("covered",)},
        (FINISH,), TO_BOLTDB,
    ),
    Row(11, "wal", {"raft_db": ("G",), "wal": ("ok",), "journal": ("-", "done")}, NOTHING, TO_BOLTDB),
    Row(
        12, "wal", {"raft_db": ("-",), "wal": ("ok",)},
        (ASIDE_MARKER, ADD_GUARD, FINISH), (ASIDE_MARKER, ADD_GUARD, *TO_BOLTDB),
    ),
    Row(13, "damaged", {"raft_db": ("ok",), "wal": ("bad",)}, REFUSE, REFUSE),
    Row(14, "damaged", {"raft_db": ("bad",)}, REFUSE, REFUSE),
    Row(15, "damaged", {"raft_db": ("G", "-"), "wal": ("bad",)}, REFUSE, REFUSE),
)  # fmt: skip
UNLISTED = Row(0, "foreign", {}, REFUSE, REFUSE)


def classify(evidence: Evidence) -> Row:
    """The row that decides when all that can be cleared away is left out of account; UNLISTED when there is none."""
    return walk(evidence)[-1]


def walk(evidence: Evidence) -> List[Row]:
    """The rows passed: those that clear something away, and at the end the one that decides."""
    rows: List[Row] = []
    while True:
        row = next((row for row in ROWS if _matches(row, evidence)), UNLISTED)
        rows.append(row)
        if not row.clears:
            return rows
        evidence = replace(evidence, **dict(row.clears))


def plan(evidence: Evidence, wanted: str) -> Tuple[Row, Cell]:
    """(the row that decides, its steps after those that clear the way; or REFUSE)."""
    rows = walk(evidence)
    cell = _cell(rows[-1], wanted)
    if isinstance(cell, str):
        return rows[-1], cell
    steps: Steps = ()
    for row in rows[:-1]:
        steps += tuple(_cell(row, wanted))
    return rows[-1], steps + cell


def state_of(row: Row, evidence: Evidence) -> str:
    """The state for a person. Which of two stores counts cannot be said while they are in use: both."""
    unread = row is UNLISTED and evidence.raft_db == evidence.wal == "ok" and not evidence.relation
    return "both" if unread else row.state


def _matches(row: Row, evidence: Evidence) -> bool:
    return all(getattr(evidence, column) in words for column, words in row.when.items())


def _cell(row: Row, wanted: str) -> Cell:
    return row.to_wal if wanted == WAL else row.to_boltdb


def render() -> str:
    """The table as Markdown, in the order of the look-up."""
    lines = ["| # | When | State | Wanted: wal | Wanted: boltdb |", "|---|---|---|---|---|"]
    for row in ROWS:
        when = "; ".join(f"{column} {_words(words)}" for column, words in row.when.items())
        state = row.state or "look again"
        lines.append(f"| {row.number} | {when} | {state} | {_text(row.to_wal)} | {_text(row.to_boltdb)} |")
    return "\n".join(lines) + "\n"


def _words(words: Words) -> str:
    return " or ".join(f"`{word}`" for word in words)


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    return ", ".join(cell) or "nothing"
