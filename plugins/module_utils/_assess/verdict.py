# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is it worth it? One sentence with its reasons, for a server and for the cluster. Pure.

What the WAL saves at each commit is the freelist, which BoltDB writes anew, and one of two flushes to the disk. That is
worth something where the freelist is large, where a commit is slow, or where there are many.
"""

from __future__ import annotations

from typing import List, NamedTuple, Optional, Sequence, Tuple

from .._text.sizes import human
from .figures import Figures

# Bytes. BoltDB writes the freelist at each commit, 8 bytes for a free page, and flushes it; HashiCorp names this as the
# reason for the WAL (developer.hashicorp.com, Consul, "WAL LogStore backend overview"). From 1 MB on it alone takes a
# disk of 100 MB/s longer than etcd allows a whole write.
FREELIST_MUCH = 1 << 20
# etcd asks for a disk that writes and flushes in less than 10 ms (etcd.io, "Hardware recommendations" and FAQ).
SLOW_MS = 10.0
# The share of the time in which a store is writing. Writes come in bursts: from a tenth on they wait for each other.
BUSY = 0.1
# Commits. From here on whoever waits for them sees that each takes half as long.
MANY_PER_S = 10.0

WORTH, SOME, LITTLE, NOTHING, UNKNOWN = "worth it", "some gain", "little to gain", "nothing to gain", "not known"
ORDER = (WORTH, SOME, UNKNOWN, LITTLE, NOTHING)  # one that was not read may be the slow one
ANSWERS = {WORTH: "Yes", SOME: "A little, not urgent", LITTLE: "Hardly", NOTHING: "No", UNKNOWN: "Not known"}


class Verdict(NamedTuple):
    """How much there is to gain, why, as parts of a sentence, and on which server; "" for all, or the only one."""

    gain: str
    reasons: Tuple[str, ...]
    host: str = ""

    def sentence(self) -> str:
        """All of it."""
        return f"{self.gain}{f' on {self.host}' if self.host else ''}: {', '.join(self.reasons)}."

    def answer(self) -> str:
        """The same as an answer to the question that a person has."""
        who = f". {self.host}" if self.host else ""
        most = " has most to gain" if self.host and self.gain != UNKNOWN else ""
        return f"Worth it? {ANSWERS[self.gain]}{who}{most}: {', '.join(self.reasons)}."


class Known(NamedTuple):
    """What is known of one server. `synced` is what a flush to its disk takes, in ms, None if that was not measured."""

    host: str
    backend: str
    figures: Figures
    synced: Optional[float] = None
    no_freelist_sync: bool = False
    unknown: str = ""


def verdict(one: Known, wanted: str) -> Verdict:
    """For one server. The WAL is what is gained: the way back to BoltDB gains nothing."""
    if one.backend == wanted:
        return Verdict(NOTHING, (f"it is on {wanted} already",))
    if wanted != "wal":
        return Verdict(NOTHING, ("BoltDB writes more at each commit than the WAL",))
    if one.figures.commits_per_s is None:
        return Verdict(UNKNOWN, (one.unknown or "its agent shows no metrics of Raft",))
    strong = [*_freelist(one), *_slow(one), *_busy(one)]
    if strong:
        return Verdict(WORTH, tuple(strong))
    if one.figures.commits_per_s >= MANY_PER_S:
        return Verdict(SOME, (_writes(one), *_saved(one)))
    return Verdict(LITTLE, (_writes(one), f"freelist {human(one.figures.freelist_bytes or 0)}"))


def of_cluster(servers: Sequence[Known], wanted: str) -> Verdict:
    """That of the server which has most to gain: each of them is in the way of a commit, as leader or in a quorum."""
    slowest = sorted(servers, key=lambda one: -one.figures.append.mean_ms if one.figures.append else 0)
    found = [(verdict(one, wanted), one.host) for one in slowest]
    if not found:
        return Verdict(UNKNOWN, ("no server could be read",))
    best, host = min(found, key=lambda one: ORDER.index(one[0].gain))  # the first of them, of several
    if best.gain == NOTHING and wanted == "wal":
        return Verdict(NOTHING, ("all servers are on wal already",))
    if len(found) == 1 or best.gain == NOTHING:
        return best
    return best._replace(host=host)


def _freelist(one: Known) -> List[str]:
    length = one.figures.freelist_bytes or 0
    if length < FREELIST_MUCH or one.no_freelist_sync:
        return []
    return [f"each commit rewrites {human(length)} of freelist"]


def _slow(one: Known) -> List[str]:
    append = one.figures.append
    if append is None or append.mean_ms < SLOW_MS:
        return []
    disk = f", of which the disk needs {one.synced:.1f} for each flush" if one.synced is not None else ""
    return [f"storing an entry takes {append.mean_ms:.0f} ms{disk}"]


def _busy(one: Known) -> List[str]:
    append, rate = one.figures.append, one.figures.commits_per_s or 0.0
    share = rate * append.mean_ms / 1000 if append else 0.0
    return [f"its store is writing {100 * share:.0f} % of the time"] if share >= BUSY else []


def _writes(one: Known) -> str:
    rate = one.figures.commits_per_s or 0.0
    return f"{rate:.0f} writes a second" if rate >= MANY_PER_S else f"{rate:.1f} writes a second"


def _saved(one: Known) -> List[str]:
    append = one.figures.append
    return [f"each takes {append.mean_ms:.2f} ms and would take about half"] if append else []
