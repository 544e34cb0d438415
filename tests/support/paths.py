# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are: the checkout, what `make setup` builds below it, and the fixtures.

Programs that are started by their path (serverctl.py, demo.py) put two of these on sys.path themselves, by where they
are: they cannot import this before.
"""

from __future__ import annotations

import os
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
TESTS = CHECKOUT / "tests"
SUPPORT = TESTS / "support"
DOCS = CHECKOUT / "docs"
PLUGINS = CHECKOUT / "plugins"
PLAYBOOKS = CHECKOUT / "playbooks"
ROLE = CHECKOUT / "roles/raft_logstore"

BUILD = CHECKOUT / ".build"
"""The collections path: in it the checkout is ansible_collections/raftops/nomad."""
JUDGE = BUILD / "bin/judge"
LAB = BUILD / "bin/lab"
PYTHONPATH = os.pathsep.join((str(BUILD), str(TESTS)))
"""With which another Python finds the collection and the packages of tests/."""

NOMAD_2_0_5 = TESTS / "fixtures/nomad-2.0.5"
STORES = NOMAD_2_0_5 / "stores"
ANSWERS = NOMAD_2_0_5 / "api"
HOSTILE = TESTS / "fixtures/hostile"

MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
"""For temporary directories in which a sync costs nothing. None is where they are otherwise."""
