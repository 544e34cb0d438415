# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run has a user also where its number has no name, as in a container."""

from __future__ import annotations

import os
import pwd

import pytest
from ansible_collections.raftops.nomad.plugins.plugin_utils._user import user

VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")


def test_a_user_that_nobody_knows_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert user() == pwd.getpwuid(os.getuid()).pw_name
    unknown = next(number for number in range(60000, 65000) if number not in {one.pw_uid for one in pwd.getpwall()})
    monkeypatch.setattr(os, "getuid", lambda: unknown)
    monkeypatch.setattr(os, "geteuid", lambda: unknown)
    assert user() == f"user {unknown}"
