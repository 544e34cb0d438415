# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What modules return is what they document, and a failure is a sentence and its parts."""

from __future__ import annotations

import errno
import os
from dataclasses import fields

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.module_utils import _results as results
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Corrupt
from ansible_collections.raftops.nomad.plugins.module_utils._raftstore.conversion.outcome import Outcome
from ansible_collections.raftops.nomad.plugins.modules import raft_migrate_backend


def documented(returned: str) -> set[str]:
    values = yaml.safe_load(raft_migrate_backend.RETURN)
    return {name for name, value in values.items() if value["returned"] == returned}


def test_success_returns_what_is_documented() -> None:
    assert set(results.success(Outcome())) == documented("success") | {"changed"}
    unknown = set(results.NOT_IN_RESULT) - {field.name for field in fields(Outcome)}
    assert unknown == set()


def test_a_store_error_is_told_whole_and_in_parts() -> None:
    error = Corrupt("page 3 has a wrong checksum", "/data/raft.db", 12288, "Restore it from a backup")
    assert results.failure(error) == {
        "msg": "/data/raft.db at byte 12288: page 3 has a wrong checksum. Restore it from a backup",
        "path": "/data/raft.db",
        "offset": 12288,
        "hint": "Restore it from a backup",
    }
    assert set(results.failure(error)) == documented("failure") | {"msg"}


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EIO, os.strerror(errno.EIO), "/data/raft.db"), "/data/raft.db: Input/output error"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "Input/output error"),
        (OSError("odd"), "odd"),
    ],
)
def test_an_error_of_the_system_is_told_as_well(error: OSError, message: str) -> None:
    assert results.failure(error)["msg"] == message


def test_a_difference_is_one_name_a_line() -> None:
    shown = results.difference(Outcome(raft_dir="/data/raft", before=["raft.db"], after=["raft.db -> guard", "wal/"]))
    assert shown["before"] == "raft.db\n"
    assert shown["after"] == "raft.db -> guard\nwal/\n"
    assert shown["before_header"] == shown["after_header"] == "/data/raft"
