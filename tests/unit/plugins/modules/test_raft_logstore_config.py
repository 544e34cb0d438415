# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""raft_logstore_config: options, modes, results; how files are read and edited is in the tests of its libraries."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.modules import raft_logstore_config
from support.run_module import documented, run

MAIN = """data_dir = "/opt/nomad/data"
bind_addr = "10.0.0.1"
server {
  enabled = true
  encrypt = "c2VjcmV0IGdvc3NpcCBrZXk="
}
"""


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "nomad.hcl").write_text(MAIN)
    (tmp_path / "nomad.hcl").chmod(0o640)
    return tmp_path


def configure(conf: Path, **options: Any) -> dict[str, Any]:
    return run(raft_logstore_config, path=[str(conf)], **options)


def test_check_run_and_run_again(conf: Path) -> None:
    checked = configure(conf, check_mode=True, wal_segment_size=128)
    assert os.listdir(conf) == ["nomad.hcl"]
    done = configure(conf, wal_segment_size=128)
    assert done == checked and set(done) == documented(raft_logstore_config) | {"changed"}
    assert done["changed"] and (done["previous_backend"], done["backend"]) == ("boltdb", "wal")
    assert done["file"] == str(conf / "raft_logstore.hcl") and done["changed_files"] == [done["file"]]
    assert done["effective"] == {
        "backend": "wal",
        "wal_segment_size": 128,
        "no_freelist_sync": None,
        "disable_log_cache": False,
        "verification": None,
    }
    assert done["agent"]["raft_dir"] == "/opt/nomad/data/server/raft" and done["agent"]["http_host"] == "10.0.0.1"
    assert (conf / "raft_logstore.hcl").stat().st_mode & 0o777 == 0o640
    again = configure(conf, wal_segment_size=128)
    assert not again["changed"] and again["changed_files"] == [] and again["previous_backend"] == "wal"


def test_results_have_exactly_the_documented_fields(conf: Path) -> None:
    contains = {name: value.get("contains") for name, value in yaml.safe_load(raft_logstore_config.RETURN).items()}
    result = configure(conf)
    for name in ("effective", "agent"):
        assert set(result[name]) == set(contains[name])


def test_the_diff_shows_each_file_without_secrets(conf: Path) -> None:
    result = configure(conf, file=str(conf / "nomad.hcl"), diff=True, check_mode=True)
    (diff,) = result["diff"]
    assert diff["before_header"] == str(conf / "nomad.hcl") and 'backend = "wal"' in diff["after"]
    assert "c2VjcmV0" not in str(result) and "encrypt = (not shown)" in diff["before"]
    assert "diff" not in configure(conf, check_mode=True)


def test_the_diff_is_the_very_file_before_and_after(conf: Path) -> None:
    (conf / "nomad.hcl").write_text("# c\r\nserver {\r\n\tenabled = true # on\r\n}")
    before = (conf / "nomad.hcl").read_bytes().decode()
    checked = configure(conf, file=str(conf / "nomad.hcl"), diff=True, check_mode=True)
    assert (conf / "nomad.hcl").read_bytes().decode() == before
    done = configure(conf, file=str(conf / "nomad.hcl"), diff=True)
    assert checked == done and done["changed"]
    (diff,) = done["diff"]
    assert (diff["before"], diff["after"]) == (before, (conf / "nomad.hcl").read_bytes().decode())
    again = configure(conf, file=str(conf / "nomad.hcl"), diff=True)
    assert not again["changed"] and again["diff"] == []


def test_the_diff_of_a_new_file_begins_with_nothing(conf: Path) -> None:
    (diff,) = configure(conf, diff=True, check_mode=True)["diff"]
    assert diff["before"] == "" and diff["after"].startswith("server {\n  raft_logstore {\n")
    assert diff["after_header"] == str(conf / "raft_logstore.hcl")


@pytest.mark.parametrize("backend", ["wal", "boltdb"])
def test_a_second_run_writes_nothing(conf: Path, backend: str) -> None:
    (conf / "z.hcl").write_text('server {\n  raft_logstore {\n    backend = "wal"\n  }\n}\n')
    configure(conf, backend=backend, wal_segment_size=32, disable_log_cache=True)
    files = {path: (path.read_bytes(), path.stat().st_ino) for path in conf.iterdir()}
    again = configure(conf, backend=backend, wal_segment_size=32, disable_log_cache=True, backup=True)
    assert not again["changed"] and again["backup_files"] == []
    assert {path: (path.read_bytes(), path.stat().st_ino) for path in conf.iterdir()} == files


def test_there_and_back_keeps_the_old_setting(conf: Path) -> None:
    old = MAIN.replace("}\n", "  raft_boltdb { no_freelist_sync = true }\n}\n")
    (conf / "nomad.hcl").write_text(old)
    result = configure(conf, backup=True)
    assert result["effective"]["no_freelist_sync"] is True and len(result["changed_files"]) == 2
    (copy,) = result["backup_files"]
    assert Path(copy).read_text() == old and (conf / "nomad.hcl").read_text() == MAIN
    back = configure(conf, backend="boltdb")
    assert back["backend"] == "boltdb" and back["effective"]["no_freelist_sync"] is True


def test_boltdb_where_nothing_says_otherwise_changes_nothing(conf: Path) -> None:
    result = configure(conf, backend="boltdb")
    assert not result["changed"] and result["file"] == "" and result["backend"] == "boltdb"


def test_all_options(conf: Path) -> None:
    verification = {"enabled": True, "interval": "1m"}
    result = configure(conf, disable_log_cache=True, verification=verification)
    assert result["effective"]["verification"] == verification and result["effective"]["disable_log_cache"] is True


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"wal_segment_size": 0}, "from 1 to 2047"),
        ({"wal_segment_size": 2048}, "from 1 to 2047"),
        ({"verification": {"enabled": True, "interval": "soon"}}, "Go duration"),
        ({"backend": "WAL"}, "one of"),
        ({"file": "/elsewhere/x.hcl"}, "does not load this file"),
    ],
)
def test_wrong_options_are_sentences(conf: Path, options: dict[str, Any], words: str) -> None:
    result = configure(conf, **options)
    assert result["failed"] and words in result["msg"] and os.listdir(conf) == ["nomad.hcl"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("server { raft_logstore { wal { segment_size_mb = 4096 } } }", ":1:50: segment_size_mb 4096 breaks the log"),
        (
            "server { raft_logstor { } }",
            ":1:10: Nomad knows no 'raft_logstor' here and would not start. Is it raft_log",
        ),
        ("server { raft_logstore { } raft_logstore { } }", ":1:28: Nomad refuses a second raft_logstore in one server"),
        ('server { raft_logstore { verification { interval = "5" } } }', ":1:52: Nomad cannot read the interval '5'"),
        ("\ufeffserver { }", ":1:1: Nomad does not accept a byte order mark"),
        ("server {", ":1:9: expected a key, found the file ends"),
        ('{"server": {"raft_logstore": {"backend": "wal"}}}', ":1:12: Nomad does not accept an object of nothing but"),
    ],
)
def test_refusals_name_file_line_and_column_and_change_nothing(conf: Path, source: str, words: str) -> None:
    (conf / "z.hcl").write_text(source)
    for check_mode in (True, False):
        result = configure(conf, check_mode=check_mode)
        assert result["failed"] and result["msg"].startswith(f"{conf}/z.hcl{words}"), result["msg"]
    assert sorted(os.listdir(conf)) == ["nomad.hcl", "z.hcl"] and (conf / "z.hcl").read_text() == source


def test_a_relative_path_is_a_sentence() -> None:
    result = run(raft_logstore_config, path=["nomad.d"])
    assert result["failed"] and "nomad.d" in result["msg"]


def test_a_typo_is_told_with_file_line_and_column(conf: Path) -> None:
    (conf / "z.hcl").write_text('server {\n  raft_logstore {\n    backned = "wal"\n  }\n}\n')
    result = configure(conf)
    assert result["msg"].startswith(f"{conf}/z.hcl:3:5: Nomad knows no 'backned' here")


def test_a_missing_path_is_a_sentence(tmp_path: Path) -> None:
    result = run(raft_logstore_config, path=[str(tmp_path / "absent.hcl")])
    assert result["failed"] and "No such file" in result["msg"]
