# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs this on the controller, for people to read."""

from __future__ import annotations

import getpass
import os


def user() -> str:
    """The user's name. In a container it may be a number that has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # which of them depends on the version of Python
        return f"user {os.geteuid()}"
