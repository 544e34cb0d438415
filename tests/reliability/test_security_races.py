# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The owner of a Raft directory exchanges names in it while root works there: nothing outside is read or changed."""

from __future__ import annotations

import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.hold import Hold, HoldFile
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore import describe, migrate, prune
from support.security import attack as security_attack
from support.security.attack import INSIDE, KINDS, USER, Attacker, Scene
from support.security.watch import Watch
from support.stores.builder import clock, lonely_proc, request
from support.stores.recording import Hook, Recorder

ALL = os.environ.get("RELIABILITY") == "all"
SECONDS = 60 if ALL else 10
SHARDS = 4


@pytest.fixture(autouse=True)
def small_units() -> None:
    """The product's own sizes here, not the small ones of the tests of crashes."""


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.close()


def convert(scene: Scene, backend: str) -> None:
    migrate.migrate(request(scene.data_dir, backend=backend), clock=clock, proc=lonely_proc(scene.root))


def hold(scene: Scene) -> None:
    file = HoldFile(str(scene.raft / ".raft-hold.json"), os.geteuid())
    file.write(Hold("here", True, "2026-11-22T13:20:35Z"))
    file.load()
    file.remove()


WORK: dict[str, Callable[[Scene], object]] = {
    "to WAL": lambda scene: convert(scene, "wal"),
    "describe": lambda scene: describe.describe(str(scene.data_dir), digest=True, proc=lonely_proc(scene.root)),
    "hold": hold,
    "to BoltDB": lambda scene: convert(scene, "boltdb"),
    "remove backups": lambda scene: prune.prune(str(scene.data_dir), 0, False, proc=lonely_proc(scene.root)),
}


@pytest.mark.parametrize("seed", [1])
def test_an_attacker_in_a_loop_reaches_nothing_outside(seed: int, scene: Scene, cover: Callable[..., None]) -> None:
    watch, shared = Watch(scene.outside), scene.shared_state()
    attacker = Attacker(scene, seed)
    ends: Counter[str] = Counter()
    try:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            scene.reset(("boltdb", "wal")[sum(ends.values()) % 2])
            attacker.go_on()
            for work in WORK.values():
                try:
                    work(scene)
                    ends["done"] += 1
                except (StoreError, AgentError) as error:
                    ends[type(error).__name__] += 1
            attacker.pause()
            assert watch.events() == []
            assert scene.shared_state() == shared
    finally:
        attacker.close()
    assert ends["done"] > 0 and ends["Refused"] > 0 and attacker.swaps > 100, ends
    cover("names exchanged by an attacker while root worked", attacker.swaps)
    for end, count in ends.items():
        cover(f"pieces of root's work among them that ended: {end}", count)
    watch.close()


@pytest.mark.parametrize("shard", range(SHARDS))
@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_an_exchange_before_every_single_change_reaches_nothing_outside(
    backend: str, shard: int, scene: Scene, cover: Callable[..., None]
) -> None:
    """Nothing random: before the n-th change of a conversion, each name becomes each kind of something else."""
    other = {"wal": "boltdb", "boltdb": "wal"}[backend]
    watch, shared = Watch(scene.outside), scene.shared_state()
    scene.reset(other)
    recorder = Recorder()
    run(scene, recorder, backend)
    cases = [(number, name, kind) for number in range(len(recorder.made)) for name in INSIDE for kind in KINDS]
    for number, name, kind in cases[shard :: SHARDS if ALL else SHARDS * 7]:
        scene.reset(other)
        spare = str(scene.data_dir / "spare")
        hook = Hook(nth(number), lambda name=name, kind=kind, spare=spare: by_user(kind, name, scene, spare))
        try:
            run(scene, hook, backend)
            cover("conversions in which a name was exchanged, that ended well")
        except StoreError:
            cover("conversions in which a name was exchanged, that were refused")
        assert watch.events() == [], (number, name, kind)
        assert scene.shared_state() == shared, (number, name, kind)
    watch.close()


def run(scene: Scene, calls: Recorder, backend: str) -> None:
    migrate.migrate(request(scene.data_dir, backend=backend), calls, clock=clock, proc=lonely_proc(scene.root))


def nth(number: int) -> Callable[[str, str], bool]:
    """True the n-th time it is asked."""
    asked = iter(range(number + 1))
    return lambda _name, _what: next(asked, None) == number


def by_user(kind: str, name: str, scene: Scene, spare: str) -> None:
    """One exchange, with the rights of the user only."""
    os.setegid(USER)
    os.seteuid(USER)
    try:
        security_attack.swap(kind, name, scene, spare)
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_the_watch_sees_what_a_careless_program_does(scene: Scene) -> None:
    """This suite can fail: opening by path follows the user's link, and is seen."""
    watch, shared = Watch(scene.outside), scene.shared_state()
    assert watch.events() == []
    spare = str(scene.data_dir / "spare")
    by_user("link to a file", "raft.db", scene, spare)
    (scene.raft / "raft.db").read_bytes()
    assert "server/raft/raft.db: read" in watch.events()
    shutil.chown(scene.raft / "raft.db", USER)
    assert "server/raft/raft.db: attributes changed" in watch.events()
    os.unlink(scene.raft / "raft.db")
    by_user("hard link", "raft.db", scene, spare + "2")
    shutil.chown(scene.raft / "raft.db", USER)
    assert scene.shared_state() != shared
    watch.close()
