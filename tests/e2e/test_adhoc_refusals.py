# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every refusal names the file, the byte where there is one, and the way out, and leaves the directory byte-identical.

Each case is a host; one command covers them all, so this also shows that a refusal on one host does not harm another.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support.rolls import adhoc
from support.stores.builder import nomad_store

Prepare = Callable[[Path], dict[str, Any]]
HOLDER = """
import fcntl, sys
store = open(sys.argv[1], "r+b")
fcntl.flock(store, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()
"""


class Case(NamedTuple):
    """A store, what is done to it (`prepare` gets the raft directory and returns arguments), and what must be said."""

    store: str
    prepare: Prepare
    path: str
    says: str
    at_byte: bool = False


def no_snapshots(raft: Path) -> dict[str, Any]:
    shutil.rmtree(raft / "snapshots")
    (raft / "snapshots").mkdir()
    return {}


def damaged_snapshot(raft: Path) -> dict[str, Any]:
    state = max(raft.glob("snapshots/*/state.bin"), key=lambda path: int(path.parent.name.split("-")[1]))
    content = bytearray(state.read_bytes())
    content[-1] ^= 1
    state.write_bytes(content)
    return {}


def torn_page(raft: Path) -> dict[str, Any]:
    """Page 2, in a store of 4096-byte pages, says that it is another page."""
    with (raft / "raft.db").open("r+b") as file:
        for page in range(2, 64):
            file.seek(page * 4096)
            file.write(b"\xff" * 8)
    return {}


def cut_short(raft: Path) -> dict[str, Any]:
    os.truncate(raft / "raft.db", 20_000)
    return {}


def other_wal_beside(raft: Path) -> dict[str, Any]:
    other = nomad_store("wal-follower", raft.parents[2] / "other")
    shutil.copytree(other / "wal", raft / "wal")
    shutil.rmtree(raft.parents[2] / "other")
    return {}


def damaged_wal_beside(raft: Path) -> dict[str, Any]:
    (raft / "wal").mkdir()
    (raft / "wal/wal-meta.db").write_bytes(b"\x00" * 16384)
    return {}


def foreign_link(raft: Path) -> dict[str, Any]:
    (raft / "raft.db").rename(raft / "elsewhere.db")
    (raft / "raft.db").symlink_to("elsewhere.db")
    return {}


def link_for_the_directory(raft: Path) -> dict[str, Any]:
    """Of another user: one of root's is followed."""
    raft.rename(raft.parent / "real")
    raft.symlink_to("real")
    os.lchown(raft, 65534, 65534)
    return {}


def lost(raft: Path) -> dict[str, Any]:
    (raft / "raft.db").unlink()
    return {}


def newer_journal(raft: Path) -> dict[str, Any]:
    (raft / ".raft-migrate.json").write_text(json.dumps({"version": 99, "phase": "open", "to": "wal"}))
    return {}


def configuration_on_boltdb(raft: Path) -> dict[str, Any]:
    config = raft.parents[2] / "config.hcl"
    config.write_text('server {\n  enabled = true\n  raft_logstore {\n    backend = "boltdb"\n  }\n}\n')
    return {"config_path": [str(config)]}


def broken_configuration(raft: Path) -> dict[str, Any]:
    config = raft.parents[2] / "config.hcl"
    config.write_text("server {\n  raft_logstore {\n")
    return {"config_path": [str(config)]}


def no_backup_dir(raft: Path) -> dict[str, Any]:
    return {"backup_dir": str(raft.parents[2] / "absent")}


def in_use(_raft: Path) -> dict[str, Any]:
    return {}


def with_arguments(**arguments: Any) -> Prepare:
    return lambda _raft: arguments


def progress_below(raft: Path) -> dict[str, Any]:
    return {"progress_file": str(raft / "progress")}


CASES = {
    "in-use": Case("follower", in_use, "raft.db", "in use"),
    "hole-without-snapshot": Case("restored-gap", no_snapshots, "raft.db", "begins at index 170"),
    "hole-with-damaged-snapshot": Case(
        "restored-gap", damaged_snapshot, "raft.db", "state.bin: the snapshot's checksum"
    ),
    "torn-pages": Case("follower", torn_page, "raft.db", "", at_byte=True),
    "cut-short": Case("follower", cut_short, "raft.db", "", at_byte=True),
    "forked": Case("follower", other_wal_beside, "raft", "each have something that the other lacks"),
    "damaged-wal-beside": Case("follower", damaged_wal_beside, "wal-meta.db", "", at_byte=True),
    "foreign-link": Case("follower", foreign_link, "raft.db", "link"),
    "link-for-the-directory": Case("follower", link_for_the_directory, "raft", "link"),
    "lost": Case("follower", lost, "raft", "snapshot"),
    "newer-tool": Case("follower", newer_journal, ".raft-migrate.json", "version"),
    "configuration-on-boltdb": Case("follower", configuration_on_boltdb, "raft", "boltdb"),
    "broken-configuration": Case("follower", broken_configuration, "config.hcl", ""),
    "no-backup-dir": Case("follower", no_backup_dir, "absent", "No such file"),
    "segment-size-0": Case("follower", with_arguments(wal_segment_size=0), "data", "2047"),
    "segment-size-2048": Case("follower", with_arguments(wal_segment_size=2048), "data", "wal_segment_size is 2048 MB"),
    "progress-in-data-dir": Case("follower", progress_below, "progress", "data_dir"),
}
ARGUMENTS = ("config_path", "backup_dir", "wal_segment_size", "progress_file")


class Refusals(NamedTuple):
    """What each command said, and the trees before and after both."""

    run: adhoc.Ran
    check: adhoc.Ran
    before: dict[str, Any]
    after: dict[str, Any]


@pytest.fixture(scope="module")
def refusals(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refusals]:
    root = tmp_path_factory.mktemp("refusals")
    hosts: dict[str, dict[str, Any]] = {}
    for name, case in CASES.items():
        arguments = case.prepare(nomad_store(case.store, root / name / "data"))
        hosts[name] = {"data": str(root / name / "data"), **arguments}
    inventory = adhoc.inventory(root / "inventory.json", hosts)
    arguments = {"data_dir": "{{ data }}", "force": True}
    arguments.update({name: f"{{{{ {name} | default(omit) }}}}" for name in ARGUMENTS})
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, root / "in-use/data/server/raft/raft.db"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None and holder.stdout.readline() == b"locked\n"
        before = {name: adhoc.listing(root / name) for name in CASES}
        check = adhoc.run(inventory, "raft_migrate_backend", arguments, "--check")
        run = adhoc.run(inventory, "raft_migrate_backend", arguments)
        yield Refusals(run, check, before, {name: adhoc.listing(root / name) for name in CASES})
    finally:
        holder.communicate()


@pytest.mark.parametrize("name", CASES)
def test_it_fails_with_a_sentence_file_byte_and_remedy(refusals: Refusals, name: str) -> None:
    case, result = CASES[name], refusals.run.results[name]
    assert result["changed"] is False
    assert case.says in result["msg"], result["msg"]
    assert Path(result["path"] or "").name == case.path, result
    assert isinstance(result["offset"], int) == case.at_byte, result
    assert result["hint"] and result["hint"] in result["msg"]
    assert result["path"] in result["msg"]
    if case.at_byte:
        assert str(result["offset"]) in result["msg"]


@pytest.mark.parametrize("name", CASES)
def test_the_directory_is_byte_identical(refusals: Refusals, name: str) -> None:
    assert refusals.after[name] == refusals.before[name]


def test_never_a_traceback(refusals: Refusals) -> None:
    for done in (refusals.run, refusals.check):
        assert done.returncode == 2
        assert sorted(done.results) == sorted(CASES)
        assert "Traceback" not in done.output


# In a plan these two are not wrong yet: Nomad still runs, and its configuration is changed after it has stopped.
NOT_YET = {"in-use", "configuration-on-boltdb", "broken-configuration"}


@pytest.mark.parametrize("name", [name for name in CASES if name not in {*NOT_YET, "progress-in-data-dir"}])
def test_check_mode_refuses_in_the_same_words(refusals: Refusals, name: str) -> None:
    assert refusals.check.results[name]["msg"] == refusals.run.results[name]["msg"]


def test_check_mode_reports_a_store_in_use(refusals: Refusals) -> None:
    """A plan is made while Nomad runs: state and steps are known then, entries are not."""
    check = refusals.check.results["in-use"]
    assert check["changed"] is True and check["plan"]
    assert (check["previous_backend"], check["backend"]) == ("boltdb", "wal")
    assert [check[key] for key in ("entries", "first_index", "last_index", "stable")] == [None] * 4


def test_check_mode_only_warns_of_the_configuration(refusals: Refusals) -> None:
    assert refusals.check.results["configuration-on-boltdb"]["changed"] is True
    assert "backend = boltdb" in " ".join(refusals.check.output.split())


def test_the_process_that_has_the_store_is_named(refusals: Refusals) -> None:
    assert "python" in refusals.run.results["in-use"]["msg"]
