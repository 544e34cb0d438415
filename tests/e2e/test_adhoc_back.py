# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""There and back by ad-hoc commands on every store that Nomad made: with what came since on the WAL, and without.

On every store the judge appends to the WAL, as a server would; two of the stores are on a second host, too, on which
nothing happens. The judge and the recorded truth decide.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.recordings import STORE_NAMES, store_facts
from support.rolls import adhoc
from support.stores.builder import nomad_store
from support.stores.judge import judge

pytestmark = pytest.mark.long

STORES = STORE_NAMES
USED = {f"{name}-used": name for name in STORES}
IDLE = {f"{name}-idle": name for name in ("compacted", "installed-snapshot-gap")}
HOSTS = {**USED, **IDLE}


class Journey(NamedTuple):
    """What the user saw at each stage; `wal` is what the judge found in each WAL before the way back."""

    data: Path
    forth: adhoc.Ran
    wal: dict[str, dict[str, Any]]
    check: adhoc.Ran
    back: adhoc.Ran
    again: adhoc.Ran
    info: adhoc.Ran
    remove: adhoc.Ran
    trees: dict[str, list[dict[str, Any]]]


def raft_dir(data: Path, host: str) -> Path:
    return data / host / "server/raft"


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    root = tmp_path_factory.mktemp("back")
    data = root / "data"
    for host, name in HOSTS.items():
        nomad_store(name, data / host)
    inventory = adhoc.inventory(root / "inventory.json", {host: {"data": str(data / host)} for host in HOSTS})
    trees: dict[str, list[dict[str, Any]]] = {host: [] for host in HOSTS}

    def stage(module: str, arguments: dict[str, Any], *flags: str) -> adhoc.Ran:
        done = adhoc.run(inventory, module, {"data_dir": "{{ data }}", **arguments}, *flags)
        for host in HOSTS:
            trees[host].append(adhoc.listing(data / host))
        return done

    forth = stage("raft_migrate_backend", {"force": True})
    wal: dict[str, dict[str, Any]] = {}
    for host in HOSTS:
        if host in USED:
            judge("append", "-count=25", "-size=0..2000", raft_dir(data, host) / "wal")
        shutil.copytree(raft_dir(data, host) / "wal", root / "judged" / host)
        wal[host] = judge("digest", root / "judged" / host)
    for host in HOSTS:
        trees[host] = [adhoc.listing(data / host)]
    return Journey(
        data,
        forth,
        wal,
        stage("raft_migrate_backend", {"backend": "boltdb"}, "--check", "--diff"),
        stage("raft_migrate_backend", {"backend": "boltdb", "force": True}, "--diff"),
        stage("raft_migrate_backend", {"backend": "boltdb", "force": True}),
        stage("raft_store_info", {"digest": True, "verify": True}),
        stage("raft_backup_remove", {"keep": 0}),
        trees,
    )


def put_back(host: str) -> bool:
    """Whether the old raft.db is put back: nothing has happened on the WAL."""
    return host in IDLE


def test_every_stage_succeeds_on_every_store(journey: Journey) -> None:
    for done in journey:
        if isinstance(done, adhoc.Ran):
            assert done.returncode == 0 and "Traceback" not in done.output, done.output
            assert sorted(done.results) == sorted(HOSTS)


@pytest.mark.parametrize("host", HOSTS)
def test_the_digest_is_that_of_the_wal(journey: Journey, host: str) -> None:
    store, wal = journey.info.results[host]["raft_store"], journey.wal[host]
    assert (store["state"], store["backend"], store["guarded"], store["interrupted"]) == (
        "boltdb", "boltdb", False, False,
    )  # fmt: skip
    assert store["stable"] == wal["stable"]
    if put_back(host):
        assert store["digest"] == store_facts(HOSTS[host])["oracle"]["digest"]
    else:
        assert store["digest"] == wal["digest"]
        assert (store["first_index"], store["entries"]) == (wal["first_index"], wal["entries"])


@pytest.mark.parametrize("host", HOSTS)
def test_bbolt_finds_nothing_wrong_and_goes_on(journey: Journey, host: str, tmp_path: Path) -> None:
    shutil.copy(raft_dir(journey.data, host) / "raft.db", tmp_path / "raft.db")
    judge("check", tmp_path / "raft.db")
    assert judge("append", "-count=10", tmp_path / "raft.db")["entries"] >= 10
    judge("check", tmp_path / "raft.db")


@pytest.mark.parametrize("host", HOSTS)
def test_the_result_is_right_and_check_mode_foretold_it(journey: Journey, host: str) -> None:
    foretold, done, wal = journey.check.results[host], journey.back.results[host], journey.wal[host]
    for key in ("changed", "backend", "previous_backend", "entries", "first_index", "last_index", "stable"):
        assert foretold[key] == done[key], key
    assert (done["changed"], done["backend"], done["previous_backend"]) == (True, "boltdb", "wal")
    assert (done["last_index"], done["stable"]) == (wal["last_index"], wal["stable"])
    assert done["verified"] == wal["entries"] and done["segments"] is None and done["dropped_entries"] == 0
    assert any("which has all that wal/ has" in sentence for sentence in done["plan"]) == put_back(host)
    retired = Path(done["backup"])
    assert retired.parent == raft_dir(journey.data, host) and retired.name.startswith("wal.migrated.")


@pytest.mark.parametrize("host", HOSTS)
def test_looking_and_checking_change_nothing_and_old_stores_go_last(journey: Journey, host: str) -> None:
    before, check, back, again, info, remove = journey.trees[host]
    assert check == before
    assert again == back == info
    gone = {name for name in back if name not in remove}
    removed = journey.remove.results[host]["removed"]
    assert {name.split("/")[2] for name in gone} == set(removed)
    expected = 2 if host in USED and store_facts(HOSTS[host])["backend"] == "boltdb" else 1
    assert len(removed) == expected


def test_a_user_sees_the_directory_before_and_after(journey: Journey) -> None:
    for done in (journey.check, journey.back):
        assert done.output.count("--- before") == len(HOSTS)
        assert done.output.count("-raft.db -> this-server-is-on-wal/") == len(HOSTS)
    assert all(result["changed"] is False and result["plan"] == [] for result in journey.again.results.values())
