# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a new file of the configuration goes: the last place that lasts, and the others are told."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.ensure import Wish, passed_over, planned
from ansible_collections.raftops.nomad.plugins.module_utils._agent.config.files import choose_directory, unfit
from support.attributes import attribute, mounted

A, B, C = "/etc/a", "/etc/b", "/run/c"


@pytest.mark.parametrize(("unfit_ones", "chosen"), [((), C), ((C,), B), ((B, C), A), ((B,), C), ((A, B, C), C)])
def test_the_last_one_that_nothing_is_known_against(unfit_ones: tuple[str, ...], chosen: str) -> None:
    assert choose_directory([A, B, C], lambda path: "no" if path in unfit_ones else "") == chosen


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name in "a", "secrets":
        (tmp_path / name).mkdir()
    (tmp_path / "a/nomad.hcl").write_text('data_dir = "/d"\nserver {\n  enabled = true\n}\n')
    return tmp_path / "a", tmp_path / "secrets"


def placed(*folders: Path, file: str = "") -> tuple[str, list[tuple[str, str]]]:
    """The file that would change, and what was passed over."""
    wish = Wish([str(path) for path in folders], "wal", file=file)
    what = planned(wish)
    assert what.proven.backend == "wal", "the loader says that it is in effect"
    return what.changes[0].path, [tuple(one) for one in passed_over(wish, what)]


def test_secrets_in_memory_come_last(folders: tuple[Path, Path]) -> None:
    a, secrets = folders
    assert placed(a, secrets) == (str(secrets / "raft_logstore.hcl"), [])
    with mounted("-t", "tmpfs", "none", secrets):
        (secrets / "token.hcl").write_text("acl {\n  enabled = true\n}\n")
        why = "it is on tmpfs, which is gone after a reboot"
        assert placed(a, secrets) == (str(a / "raft_logstore.hcl"), [(str(secrets), why)])
        assert placed(a, secrets, file=f"{secrets}/own.hcl") == (f"{secrets}/own.hcl", []), "somebody has said so"
        assert placed(a, secrets, a) == (str(a / "raft_logstore.hcl"), []), "the last one lasts"


def test_a_last_directory_that_nothing_can_be_added_to(folders: tuple[Path, Path]) -> None:
    a, fixed = folders
    with attribute("i", fixed):
        assert placed(a, fixed) == (str(a / "raft_logstore.hcl"), [(str(fixed), "nothing can be added to it (chattr)")])
    with mounted("--bind", fixed, fixed):
        subprocess.run(["mount", "-o", "remount,bind,ro", fixed], check=True)
        assert unfit(str(fixed)) == "it is on a mount that is read-only"
        assert placed(a, fixed)[0] == str(a / "raft_logstore.hcl")


def test_where_none_lasts_the_last_one_stays_and_the_rehearsal_refuses_it(folders: tuple[Path, Path]) -> None:
    a, secrets = folders
    text = (a / "nomad.hcl").read_text()
    with mounted("-t", "tmpfs", "none", secrets), mounted("-t", "ramfs", "none", a):
        (a / "nomad.hcl").write_text(text)
        assert placed(a, secrets) == (str(secrets / "raft_logstore.hcl"), [])
