# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole life of an ad-hoc conversion on every store that Nomad made: look, check, convert, again, look.

All stores go through each stage in one command, each as a host of its own. The judge and the recorded truth decide.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.cluster.recovery import assert_works, found_in_store, recovered
from support.cluster.single import start_and_lead
from support.recordings import STORE_NAMES, store_facts
from support.rolls import adhoc
from support.stores.builder import nomad_store
from support.stores.judge import judge

pytestmark = pytest.mark.long
STORES = STORE_NAMES
BOLTDB_STORES = [name for name in STORES if store_facts(name)["backend"] == "boltdb"]
GUARD = "this-server-is-on-wal/"


class Life(NamedTuple):
    """What the user saw at each stage, and the trees beside it."""

    original: Path
    data: Path
    info: adhoc.Ran
    check: adhoc.Ran
    convert: adhoc.Ran
    again: adhoc.Ran
    info_after: adhoc.Ran
    trees: dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    root = tmp_path_factory.mktemp("stores")
    hosts = {name: {"data": str(root / "data" / name)} for name in STORES}
    for name in STORES:
        nomad_store(name, root / "data" / name)
        nomad_store(name, root / "original" / name)
    inventory = adhoc.inventory(root / "inventory.json", hosts)
    trees: dict[str, list[dict[str, Any]]] = {name: [] for name in STORES}

    def stage(module: str, arguments: dict[str, Any], *flags: str) -> adhoc.Ran:
        done = adhoc.run(inventory, module, {"data_dir": "{{ data }}", **arguments}, *flags)
        for name in STORES:
            trees[name].append(adhoc.listing(root / "data" / name))
        return done

    for name in STORES:
        trees[name].append(adhoc.listing(root / "data" / name))
    return Life(
        root / "original",
        root / "data",
        stage("raft_store_info", {"digest": True}),
        stage("raft_migrate_backend", {}, "--check", "--diff"),
        stage("raft_migrate_backend", {"force": True}, "--diff"),
        stage("raft_migrate_backend", {"force": True}, "--diff"),
        stage("raft_store_info", {"digest": True, "verify": True}),
        trees,
    )


def raft_dir(life: Life, name: str) -> Path:
    return life.data / name / "server/raft"


def kept(name: str) -> tuple[int, int]:
    """First index and number of entries that a store in WAL can have: all, or the tail after the last hole.

    From the recorded truth alone: where there are holes in these stores, the newest snapshot ends at the last of them.
    """
    truth = store_facts(name)
    first, last = truth["oracle"]["first_index"], truth["oracle"]["last_index"]
    if truth["holes"]:
        first = max(snapshot["Index"] for snapshot in truth["snapshots"]) + 1
    return first, last - first + 1


def test_every_stage_succeeds_on_every_store(life: Life) -> None:
    assert len(STORES) == 7
    for done in (life.info, life.check, life.convert, life.again, life.info_after):
        assert done.returncode == 0, done.output
        assert sorted(done.results) == STORES


@pytest.mark.parametrize("name", STORES)
def test_info_tells_the_recorded_truth(life: Life, name: str) -> None:
    store, truth = life.info.results[name]["raft_store"], store_facts(name)
    recorded = truth["oracle"]
    assert store["digest"] == recorded["digest"]
    assert store["backend"] == store["state"] == truth["backend"]
    assert (store["first_index"], store["last_index"]) == (recorded["first_index"], recorded["last_index"])
    assert store["entries"] == recorded["entries"]
    assert sum(gap["last"] - gap["first"] + 1 for gap in store["gaps"]) == truth["holes"]
    absent = truth["stable_keys_absent"]
    assert store["stable"] == {
        "current_term": recorded["current_term"],
        "last_vote_term": None if "LastVoteTerm" in absent else recorded["last_vote_term"],
        "last_vote_candidate": None if "LastVoteCand" in absent else recorded["last_vote_cand"],
    }
    snapshots = sorted(truth["snapshots"], key=lambda snapshot: snapshot["Index"], reverse=True)
    assert [(snapshot["id"], snapshot["index"], snapshot["size"]) for snapshot in store["snapshots"]] == [
        (snapshot["ID"], snapshot["Index"], snapshot["Size"]) for snapshot in snapshots
    ]
    assert store["raft_dir"] == str(raft_dir(life, name))
    assert store["migratable"] is True and store["problems"] == []
    assert [store[key] for key in ("in_use", "guarded", "interrupted", "hold", "backups")] == [False] * 4 + [[]]
    assert (store["required_bytes"] is None) == (truth["backend"] == "wal")
    assert store["available_bytes"] > (store["required_bytes"] or 0)


@pytest.mark.parametrize("name", STORES)
def test_looking_and_checking_change_nothing(life: Life, name: str) -> None:
    before, after_info, after_check, converted, again, after_last_info = life.trees[name]
    assert after_info == before
    assert after_check == before
    assert converted != before
    assert again == converted
    assert after_last_info == converted


@pytest.mark.parametrize("name", BOLTDB_STORES)
def test_check_mode_foretells_the_run(life: Life, name: str) -> None:
    foretold, done = life.check.results[name], life.convert.results[name]
    assert foretold["changed"] is True and done["changed"] is True
    for key in ("backend", "previous_backend", "entries", "first_index", "last_index", "dropped_entries", "stable"):
        assert foretold[key] == done[key], key
    assert foretold["plan"] and len(foretold["plan"]) == len(done["plan"])


@pytest.mark.parametrize("name", BOLTDB_STORES)
def test_the_result_is_right_in_every_number(life: Life, name: str) -> None:
    done, recorded = life.convert.results[name], store_facts(name)["oracle"]
    first, count = kept(name)
    assert (done["backend"], done["previous_backend"]) == ("wal", "boltdb")
    assert (done["first_index"], done["last_index"], done["entries"]) == (first, recorded["last_index"], count)
    assert done["dropped_entries"] == recorded["entries"] - count
    assert done["verified"] == count
    assert done["stable"] == life.info.results[name]["raft_store"]["stable"]
    assert done["segments"] == len(list((raft_dir(life, name) / "wal").glob("*.wal")))
    assert done["bytes_read"] > 0 and done["bytes_written"] > 0 and done["crc32c"] and done["resumed"] is False
    assert done["elapsed"]["total"] >= done["elapsed"]["convert"] >= 0


@pytest.mark.parametrize("name", BOLTDB_STORES)
def test_the_new_store_has_what_the_old_one_had(life: Life, name: str, tmp_path: Path) -> None:
    """For the three stores with holes: what the old one had after the last hole."""
    first, count = kept(name)
    shutil.copy(life.original / name / "server/raft/raft.db", tmp_path / "raft.db")
    shutil.copytree(raft_dir(life, name) / "wal", tmp_path / "wal")
    old, new = judge("digest", "--from", first, tmp_path / "raft.db"), judge("digest", tmp_path / "wal")
    assert (old["entries"], new["entries"]) == (count, count)
    assert new["digest"] == old["digest"]
    assert new["stable"] == old["stable"]
    assert life.info_after.results[name]["raft_store"]["digest"] == old["digest"]


@pytest.mark.parametrize("name", [name for name in STORES if not store_facts(name)["holes"]])
def test_the_digest_is_the_same_before_and_after(life: Life, name: str) -> None:
    before, after = life.info.results[name]["raft_store"], life.info_after.results[name]["raft_store"]
    assert after["digest"] == before["digest"] == store_facts(name)["oracle"]["digest"]
    assert (after["state"], after["backend"], after["guarded"], after["interrupted"]) == ("wal", "wal", True, False)


@pytest.mark.parametrize("name", BOLTDB_STORES)
def test_the_old_store_stays_and_the_guard_stands_in_its_place(life: Life, name: str) -> None:
    backup, raft = Path(life.convert.results[name]["backup"]), raft_dir(life, name)
    assert backup.parent == raft
    assert re.fullmatch(r"raft\.db\.migrated\.\d{8}-\d{6}", backup.name)
    original = life.original / name / "server/raft/raft.db"
    assert backup.read_bytes() == original.read_bytes()
    assert (raft / "raft.db").readlink() == Path(f"{GUARD}see-{backup.name}")
    assert life.info_after.results[name]["raft_store"]["backups"] == [backup.name]


@pytest.mark.parametrize("name", BOLTDB_STORES)
def test_dropped_entries_are_said_aloud(life: Life, name: str) -> None:
    dropped = life.convert.results[name]["dropped_entries"]
    warned = re.findall(r"\[WARNING\][^\[{]*", life.convert.output)
    assert (dropped > 0) == (store_facts(name)["holes"] > 0)
    if dropped:
        assert any(re.search(rf"\b{dropped}\b", text) for text in warned), warned


@pytest.mark.parametrize("name", STORES)
def test_the_second_run_has_nothing_to_do(life: Life, name: str) -> None:
    again = life.again.results[name]
    assert again["changed"] is False
    assert again["plan"] == []
    assert again["backend"] == again["previous_backend"] == "wal"
    first, count = kept(name)
    assert (again["first_index"], again["entries"]) == (first, count)


def test_a_wal_made_by_nomad_gets_the_guard_and_nothing_else(life: Life) -> None:
    done, trees = life.convert.results["wal-follower"], life.trees["wal-follower"]
    before, after = trees[0], trees[-1]
    assert life.check.results["wal-follower"]["changed"] is True and done["changed"] is True
    assert done["backend"] == done["previous_backend"] == "wal"
    assert (raft_dir(life, "wal-follower") / "raft.db").readlink() == Path(f"{GUARD}see-docs")
    new = {name for name in after if name not in before}
    assert {"server/raft/raft.db"} <= new <= {"server/raft/raft.db", "server/raft/.raft-migrate.json"}
    unchanged = [name for name in before if before[name] != after[name] and name != "server/raft"]
    assert unchanged == []


@pytest.mark.parametrize("name", STORES)
def test_a_server_runs_on_the_new_store_with_its_term_and_vote(life: Life, name: str, tmp_path: Path) -> None:
    recorded = store_facts(name)["oracle"]
    server = recovered(raft_dir(life, name), tmp_path / "cluster", "wal")
    try:
        start_and_lead(server)
        if not os.environ.get("NOMAD_BIN"):  # only the lab server says what it found
            first, count = kept(name)
            assert found_in_store(server) == {
                "first_index": str(first),
                "last_index": str(first + count - 1),
                "current_term": str(recorded["current_term"]),
                "last_vote_term": str(recorded["last_vote_term"]),
                "last_vote_candidate": recorded["last_vote_cand"],
            }
        assert_works(server, recorded["current_term"])
    finally:
        server.kill()


def test_a_user_sees_the_directory_before_and_after(life: Life) -> None:
    for done in (life.check, life.convert):
        diffs = done.output.count("--- before")
        assert diffs == len(STORES)
        for line in (r"^-raft\.db", r"^\+raft\.db -> this-server-is-on-wal/", r"^\+raft\.db\.migrated\.", r"^\+wal"):
            assert len(re.findall(line, done.output, re.MULTILINE)) >= len(BOLTDB_STORES), line
    assert "--- before" not in life.again.output


def test_nobody_is_warned_of_progress_or_shown_a_traceback(life: Life) -> None:
    for done in (life.info, life.check, life.convert, life.again, life.info_after):
        assert "Traceback" not in done.output
        assert "No progress" not in done.output
