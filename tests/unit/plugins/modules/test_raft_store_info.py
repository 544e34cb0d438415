# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own part: arguments, documented keys, a failure as a sentence. What it says of stores: tests/e2e."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.modules import raft_store_info
from support.stores.builder import nomad_store


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    nomad_store("follower", tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        raft_store_info.main()
    return dict(json.loads(capsys.readouterr().out))


@pytest.mark.parametrize("digest", [False, True])
def test_it_returns_what_it_documents(capsys: pytest.CaptureFixture[str], data_dir: Path, digest: bool) -> None:
    result = run(capsys, data_dir=str(data_dir), digest=digest)
    documented = set(yaml.safe_load(raft_store_info.RETURN)["raft_store"]["contains"])
    assert result["changed"] is False
    assert set(result["raft_store"]) == documented - (set() if digest else {"digest"})


@pytest.mark.parametrize("below", ["", "server", "server/raft"])
@pytest.mark.parametrize("option", ["data_dir", "path"])
def test_it_finds_the_store_from_each_of_the_three_directories(
    capsys: pytest.CaptureFixture[str], data_dir: Path, below: str, option: str
) -> None:
    result = run(capsys, **{option: str(data_dir / below)})
    assert result["raft_store"]["raft_dir"] == str(data_dir / "server/raft")


def test_a_wrong_directory_is_a_sentence_with_a_remedy(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = run(capsys, data_dir=str(tmp_path / "absent"))
    assert result["failed"] is True
    assert result["path"] == str(tmp_path / "absent")
    assert result["offset"] is None
    assert result["hint"] and result["hint"] in result["msg"]


def test_a_damaged_store_is_told_with_file_and_byte(capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    store = data_dir / "server/raft/raft.db"
    with store.open("r+b") as file:
        for page in range(2, store.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 8)
    result = run(capsys, data_dir=str(data_dir))
    assert result["raft_store"]["state"] == "damaged"
    assert result["raft_store"]["migratable"] is False
    assert f"{store} at byte " in result["raft_store"]["problems"][0]


def test_a_left_hold_is_told_and_a_forged_one_is_not(capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    assert run(capsys, data_dir=str(data_dir))["raft_store"]["held"] is None
    file = data_dir / "server/raft/.raft-hold.json"
    hold = {"origin": "controller-1", "previous": True, "created": "2026-11-22T13:20:35Z"}
    file.write_text(json.dumps({"version": 1, **hold}))
    assert run(capsys, data_dir=str(data_dir))["raft_store"]["held"] == hold
    file.write_text("{}")
    assert run(capsys, data_dir=str(data_dir))["raft_store"]["held"] is None  # and a warning, which goes Ansible's ways


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        ({"backend": "boltdb"}, ""),
        ({"wal_segment_size": 2048}, "Use 1 to 2047"),
        ({"backup_dir": "/dev/null"}, "/dev/null"),
    ],
)
def test_a_refusal_is_the_one_of_the_conversion(
    capsys: pytest.CaptureFixture[str], data_dir: Path, options: dict[str, Any], words: str
) -> None:
    before = sorted((data_dir / "server/raft").rglob("*"))
    store = run(capsys, data_dir=str(data_dir), **{"backend": "wal", **options})["raft_store"]
    assert store["state"] == "boltdb"
    assert (words in store["refusal"]) if words else store["refusal"] == ""
    assert sorted((data_dir / "server/raft").rglob("*")) == before


def test_a_store_that_cannot_be_converted_is_described_with_the_refusal(
    capsys: pytest.CaptureFixture[str], data_dir: Path
) -> None:
    (data_dir / "server/raft/raft.db").unlink()
    store = run(capsys, data_dir=str(data_dir), backend="wal")["raft_store"]
    assert store["state"] == "lost" and "there was one" in store["refusal"]
