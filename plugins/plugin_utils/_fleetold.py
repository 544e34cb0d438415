# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Remove old records of a fleet. No run needs those of another one: each plans all clusters anew."""

from __future__ import annotations

import os
import re
import shutil
import time

from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetchild import alive
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import BEGUN, LOOKS, RUNS, Fleet

DAY_S = 86400
OURS = re.compile(r"\d{8}T\d{6}Z-")  # how the names of records and of children's directories begin


def remove_old(fleet: Fleet, days: int, now: float) -> None:
    """Remove what began more than so many days before `now`. Raises OSError.

    Nothing of a cluster whose child lives: it may have outlived its run for days.
    """
    first = time.strftime(BEGUN, time.gmtime(now - days * DAY_S))
    for path in [*fleet.runs(RUNS), *fleet.runs(LOOKS)]:
        if _older(path, first):
            os.unlink(path)
    clusters = os.path.join(fleet.path, "clusters")
    for cluster in (os.path.join(clusters, name) for name in os.listdir(clusters)):
        if not alive(cluster):
            for name in os.listdir(cluster):
                if _older(name, first):
                    shutil.rmtree(os.path.join(cluster, name))


def _older(path: str, first: str) -> bool:
    """Whether this is a record that began before `first`: names sort as their times do."""
    name = os.path.basename(path)
    return bool(OURS.match(name)) and name < first
