# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives damaged stores to the collection's own code, in forked children whose memory and time are limited.

Every input is read as a conversion reads it, each entry decoded by the strict codec; every sixteenth is described and
converted as well, half of these with two workers and small parts, so that both have work. What may come out is a
StoreError or a store that was read as a whole; all else is a finding: another exception, more memory, more time, a
source that changed, a conversion that holds something else than was read.

    python tests/support/hostile/run.py NUMBER...    says what these inputs are and what comes of them
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).resolve().parents[3] / ".build"), str(Path(__file__).resolve().parents[2])]

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore import describe, migrate
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.boltdb import survey
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.entries import convert
from support.conversions import conversion
from support.hostile import corpus as hostile_corpus
from support.hostile import damage as hostile_damage
from support.hostile.corpus import META, RAFT_DB, Sound
from support.hostile.damage import Damaged
from support.hostile.place import NoSync, Place, names_and_heads, read
from support.paths import MEMORY
from support.stores.builder import request

SEED = "raftops 1"
EXTRA_MEMORY_LEN = 64 << 20
TIME_LIMIT_S = 10.0  # of the processor's time: a busy machine is no finding
HANG_LIMIT_S = 300.0  # of any time: what waits uses no processor
CONVERT_EVERY = 16
REFUSED, SAME, DIFFERENT = "refused", "read, same content", "read, other content"


class TooSlow(BaseException):
    """An input took more than its time."""


class Tally(NamedTuple):
    """What became of a batch: counts by kind of damage and result, findings, numbers of inputs with other content."""

    counts: Counter[str]
    findings: list[str]
    different: list[int]


def the_input(number: int) -> tuple[Sound, Damaged]:
    """The sound store of this number and its damaged copy."""
    rng = random.Random(f"{SEED}/{number}")
    corpus = hostile_corpus.raft_dbs() + hostile_corpus.wals()
    sound = rng.choice(corpus)
    return sound, hostile_damage.damage(sound, rng)


def examine(number: int, place: Place, truths: dict[str, Any]) -> str:
    """The result of one input. Raises AssertionError, or whatever the code under test should not have raised."""
    sound, damaged = the_input(number)
    place.put(damaged)
    is_wal = META in sound.files
    found = None
    try:
        found = read(place, META if is_wal else RAFT_DB)
        result = SAME if found == truths[sound.label] else DIFFERENT
    except StoreError as error:
        assert error.path and error.what and str(error).startswith(error.path), repr(error)
        result = REFUSED
    if number % CONVERT_EVERY == 0:
        shared = number // CONVERT_EVERY % 2
        with small_units() if shared else contextlib.nullcontext():
            describe_and_convert(place, found, "boltdb" if is_wal else "wal", 1 + shared)
        place.empty()
    return f"{damaged.how}: {result}"


@contextlib.contextmanager
def small_units() -> Iterator[None]:
    """With these even a store of a few pages is shared among workers."""
    with pytest.MonkeyPatch.context() as patch:
        conversion.small_units(patch.setattr)
        patch.setattr(convert, "PART_MIN", 1024)
        patch.setattr(survey, "SHARED_MIN", 1024)
        yield


def describe_and_convert(place: Place, found: Any, backend: str, workers: int) -> None:
    """What was read arrives in a conversion, and what could not be read stays as it was."""
    raft, proc = place.raft, place.proc
    before = names_and_heads(raft)
    try:
        described = describe.describe(str(raft), digest=True, proc=proc)
        assert found is None or described["digest"] in (found[0], None)
    except StoreError:
        described = {}
    try:
        migrate.migrate(request(raft, backend=backend, workers=workers), NoSync(), proc=proc)
    except StoreError:
        changed = names_and_heads(raft).items() ^ before.items()
        assert not changed, f"a refused conversion has changed something: {changed}"
        return
    if described["backend"] is not None:  # else there was no store
        assert found is not None, "a store that cannot be read was converted"
        assert read(place, RAFT_DB if backend == "boltdb" else META) == found, "the new store holds something else"


def truths(place: Place) -> dict[str, Any]:
    """What the sound stores hold, by label."""
    known = {}
    for sound in hostile_corpus.raft_dbs() + hostile_corpus.wals():
        place.put(Damaged(sound.files, "", {}))
        known[sound.label] = read(place, META if META in sound.files else RAFT_DB)
    return known


def run(numbers: Iterable[int]) -> Tally:
    """Examine these inputs in a child of this process, in memory where the machine has a place for that."""
    known_before_fork = hostile_corpus.raft_dbs(), hostile_corpus.wals()
    assert all(known_before_fork)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        status = 1
        try:
            os.close(reader)
            with os.fdopen(writer, "w") as pipe:
                _serve(list(numbers), pipe)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        lines = [json.loads(line) for line in pipe]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return _tallied(lines, status)


def _serve(numbers: list[int], pipe: Any) -> None:
    where = Path(tempfile.mkdtemp(prefix="hostile-", dir=MEMORY))
    place = Place(where)
    known = truths(place)
    signal.signal(signal.SIGPROF, _too_slow)
    signal.signal(signal.SIGALRM, _too_slow)
    used_len = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used_len + EXTRA_MEMORY_LEN, used_len + EXTRA_MEMORY_LEN))
    for number in numbers:
        # A call into C that never returns is ended by the second limit, and the line before says at which input.
        resource.setrlimit(resource.RLIMIT_CPU, (int(_cpu_s() + 3 * TIME_LIMIT_S), resource.RLIM_INFINITY))
        _end_after(TIME_LIMIT_S, HANG_LIMIT_S)
        print(json.dumps({"at": number, **_examined(number, place, known)}), file=pipe, flush=True)
        _end_after(0, 0)
    shutil.rmtree(where)


def _examined(number: int, place: Place, known: dict[str, Any]) -> dict[str, str]:
    try:
        return {"result": examine(number, place, known)}
    except BaseException as error:
        _end_after(0, 0)
        frames = traceback.extract_tb(error.__traceback__)[-6:]
        trace = " < ".join(f"{Path(one.filename).name}:{one.lineno}" for one in reversed(frames))
        return {"finding": f"{type(error).__name__}: {str(error)[:300]} ({trace})"}


def _end_after(cpu_s: float, any_s: float) -> None:
    """Raise TooSlow after so much of the processor's time or of any time; 0: never."""
    signal.setitimer(signal.ITIMER_PROF, cpu_s)
    signal.setitimer(signal.ITIMER_REAL, any_s)


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _too_slow(_signal: int, _frame: Any) -> None:
    raise TooSlow(f"more than {TIME_LIMIT_S} s of processor time, or {HANG_LIMIT_S} s in all")


def _tallied(lines: list[dict[str, Any]], status: int) -> Tally:
    findings = [f"input {line['at']}: {line['finding']}" for line in lines if "finding" in line]
    if status:
        last = lines[-1]["at"] if lines else "none"
        findings.append(f"the child ended with {status} after input {last}")
    counts = Counter(line["result"] for line in lines if "result" in line)
    different = [line["at"] for line in lines if line.get("result", "").endswith(DIFFERENT)]
    return Tally(counts, findings, different)


def main(numbers: list[int]) -> None:
    """Say what these inputs are, leave their files, and say what comes of them."""
    for number in numbers:
        sound, damaged = the_input(number)
        where = Path(tempfile.mkdtemp(prefix=f"input-{number}-"))
        place = Place(where)
        place.put(damaged)
        print(f"input {number}: {sound.label}, {damaged.how}, longer: {damaged.longer}; files in {place.raft}")
        try:
            print("  read:", read(place, META if META in sound.files else RAFT_DB))
        except StoreError as error:
            print(f"  refused: {error}")


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]])
