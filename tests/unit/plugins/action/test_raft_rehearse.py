# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the action shows of a rehearsal: a line or two for each server, one below the other."""

from __future__ import annotations

import pytest
from ansible_collections.raftops.nomad.plugins.action.raft_rehearse import WIDTH, lines

HOSTS = ["nomad-1", "nomad-10"]
TOLD = "boltdb -> wal 3.1 s (48.0 MB/s), back 4.0 s; 663 entries, all equal."


def test_a_line_for_each_server_one_below_the_other() -> None:
    assert [lines(host, HOSTS, TOLD) for host in HOSTS] == [[f"nomad-1:  {TOLD}"], [f"nomad-10: {TOLD}"]]


@pytest.mark.parametrize("host", ["n", "nomad-1", "a-very-long-name-of-a-server-in-a.subdomain.example.com"])
def test_no_line_is_wider_than_a_narrow_terminal(host: str) -> None:
    told = lines(host, [*HOSTS, host], "The file system of /opt/nomad/data/server/raft (ext4) cannot clone files. " * 4)
    assert len(told) > 3 and max(map(len, told)) <= WIDTH
    assert " ".join(line.strip() for line in told).split(" ", 1)[0] == f"{host}:"
    assert all(line.startswith("  ") for line in told[1:])
