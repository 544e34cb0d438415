# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Old records are removed, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetold import remove_old
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import Fleet, held

NOW = 1795964400.0  # 2026-11-29 15:00
OLD, NEW = "20261119T145959Z-migrate-7", "20261119T150001Z-migrate-8"


def test_what_is_older_is_removed_but_nothing_of_a_cluster_whose_process_lives(tmp_path: Path) -> None:
    fleet = Fleet(str(tmp_path))
    for name in ("a", "b"):
        for run in (OLD, NEW):
            Path(fleet.cluster(name), f"{run}-roll", "artifacts").mkdir(parents=True)
    for kind in ("runs", "looks"):
        for run in (OLD, NEW):
            (tmp_path / kind / f"{run}.json").write_text("{}")
    (tmp_path / "clusters/a/00-mine").write_text("")
    lock = held(str(tmp_path / "clusters/b/child"))
    remove_old(fleet, 10, NOW)
    os.close(lock or 0)
    assert sorted(path.name for path in (tmp_path / "clusters/a").iterdir()) == ["00-mine", f"{NEW}-roll"]
    assert {path.name for path in (tmp_path / "clusters/b").iterdir()} == {"child", f"{OLD}-roll", f"{NEW}-roll"}
    assert [path.name for kind in ("runs", "looks") for path in (tmp_path / kind).iterdir()] == [f"{NEW}.json"] * 2
