# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The backend as the configuration has it at the moment of the question."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import Refused
from ansible_collections.raftops.nomad.plugins.module_utils._server.configured import effective_backend


def test_it_is_read_when_it_is_asked_for(host: Any) -> None:
    read = effective_backend([str(host.config)])
    assert read is not None and read() == "boltdb"
    (host.config / "wal.hcl").write_text('server { raft_logstore { backend = "wal" } }')
    assert read() == "wal"
    (host.config / "wal.hcl").write_text('server { raft_logstore { backend = "mal" } }')
    with pytest.raises(Refused, match="line 1, column 36: Nomad knows no backend 'mal'"):
        read()


@pytest.mark.parametrize("paths", [None, []])
def test_nobody_can_ask_where_nobody_said_where_it_is(paths: Any) -> None:
    assert effective_backend(paths) is None
