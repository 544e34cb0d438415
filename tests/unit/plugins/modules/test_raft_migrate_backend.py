# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's own part: arguments, the configuration that is read again, failures, the diff. More in tests/e2e."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.testing import patch_module_args
from ansible_collections.raftops.nomad.plugins.modules import raft_migrate_backend
from support.stores.builder import nomad_store


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    nomad_store("never-voted", tmp_path / "data")
    return tmp_path / "data"


def run(capsys: pytest.CaptureFixture[str], **arguments: Any) -> dict[str, Any]:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        raft_migrate_backend.main()
    return dict(json.loads(capsys.readouterr().out))


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the module warns of; Ansible itself gathers warnings for the life of a process, across tests."""
    heard: list[str] = []
    monkeypatch.setattr(AnsibleModule, "warn", lambda module, text: heard.append(text))
    return heard


def agent_config(path: Path, backend: str) -> str:
    path.write_text(f'server {{\n  enabled = true\n  raft_logstore {{\n    backend = "{backend}"\n  }}\n}}\n')
    return str(path)


def is_on_boltdb(data_dir: Path) -> bool:
    return sorted(os.listdir(data_dir / "server/raft")) == ["peers.info", "raft.db", "snapshots", "version"]


def test_without_config_path_a_warning_names_the_setting(
    capsys: pytest.CaptureFixture[str], data_dir: Path, warnings: list[str]
) -> None:
    result = run(capsys, data_dir=str(data_dir))
    assert result["changed"] is True and result["backend"] == "wal"
    assert len(warnings) == 1 and 'raft_logstore { backend = "wal" }' in warnings[0]
    assert "diff" not in result


def test_a_configuration_on_wal_is_no_warning(
    capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path, warnings: list[str]
) -> None:
    result = run(capsys, data_dir=str(data_dir), config_path=[agent_config(tmp_path / "a.hcl", "wal")])
    assert result["changed"] is True
    assert warnings == []


def test_later_files_win_and_directories_count(
    capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "nomad.d"
    folder.mkdir()
    agent_config(folder / "z.hcl", "wal")
    before = agent_config(tmp_path / "a.hcl", "boltdb")
    result = run(capsys, data_dir=str(data_dir), config_path=[before, str(folder)])
    assert result["changed"] is True


@pytest.mark.parametrize("backend", ["boltdb", None])
def test_a_configuration_on_boltdb_is_refused(
    capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path, backend: str | None
) -> None:
    config = tmp_path / "a.hcl"
    config.write_text("server {\n  enabled = true\n}\n")
    if backend:
        agent_config(config, backend)
    result = run(capsys, data_dir=str(data_dir), config_path=[str(config)])
    assert result["failed"] is True
    assert "backend = boltdb" in result["msg"] and result["hint"] in result["msg"]
    assert is_on_boltdb(data_dir)


def test_a_configuration_that_cannot_be_read_is_refused_with_its_line(
    capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path
) -> None:
    config = tmp_path / "a.hcl"
    config.write_text("server {\n  raft_logstore {\n")
    result = run(capsys, data_dir=str(data_dir), config_path=[str(config)])
    assert result["failed"] is True
    assert result["path"] == str(config)
    assert f"{config}: line 3, column 1: " in result["msg"]
    assert is_on_boltdb(data_dir)


def test_a_configuration_that_is_not_there_is_refused(
    capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path
) -> None:
    result = run(capsys, data_dir=str(data_dir), config_path=[str(tmp_path / "absent")])
    assert result["failed"] is True
    assert str(tmp_path / "absent") in result["msg"]
    assert is_on_boltdb(data_dir)


def test_a_full_copy_is_made_where_it_was_asked_for(
    capsys: pytest.CaptureFixture[str], data_dir: Path, tmp_path: Path
) -> None:
    backup_dir = tmp_path / "backup"
    backup_dir.mkdir()
    original = (data_dir / "server/raft/raft.db").read_bytes()
    result = run(capsys, data_dir=str(data_dir), backup_dir=str(backup_dir))
    copies = list(backup_dir.iterdir())
    assert [copy.read_bytes() for copy in copies] == [original]
    assert copies[0].stat().st_mode & 0o777 == 0o600
    assert Path(result["backup"]).read_bytes() == original


def test_an_empty_backup_dir_is_none(capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    assert run(capsys, data_dir=str(data_dir), backup_dir="")["changed"] is True


def test_diff_mode_shows_the_names(capsys: pytest.CaptureFixture[str], data_dir: Path) -> None:
    foretold = run(capsys, data_dir=str(data_dir), _ansible_diff=True, _ansible_check_mode=True)["diff"]
    assert is_on_boltdb(data_dir)
    shown = run(capsys, data_dir=str(data_dir), _ansible_diff=True)["diff"]
    assert shown["before"] == foretold["before"] == "peers.info\nraft.db\nsnapshots/\nversion\n"
    names = [line.split(" -> ")[0] for line in shown["after"].splitlines()]
    assert names[0] == ".raft-migrate.json" and "wal/" in names and "raft.db" in names
    assert len(foretold["after"].splitlines()) == len(names)


def test_a_failure_is_a_sentence_with_its_parts(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = run(capsys, data_dir=str(tmp_path / "absent"))
    assert result["failed"] is True
    assert result["path"] == str(tmp_path / "absent")
    assert result["hint"] and result["hint"] in result["msg"]
