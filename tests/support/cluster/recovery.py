# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server on a Raft directory that came from somewhere else, whose peers are other addresses.

This is Nomad's own recovery: peers.json beside the store names this server as the only peer. At its start the server
reads every entry above its snapshot, packs all into a new snapshot with the new peer set, and empties the log; current
term and vote stay as they are, so its first election is for the next term. What the store held before stands in the
lab server's log: found_in_store(). The given directory is copied, never changed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import uuid
from pathlib import Path
from typing import Dict

from support.cluster.cluster import Cluster, Server, wait_until


def recovered(raft_dir: Path, root: Path, backend: str) -> Server:
    """A server below `root`, not started, on a copy of `raft_dir` (links kept), alone in its cluster."""
    server = Cluster(root, size=1, backend=backend).servers[0]
    server.raft_dir.parent.mkdir(parents=True)
    shutil.copytree(raft_dir, server.raft_dir, symlinks=True)
    identity = str(uuid.uuid4())
    (server.data_dir / "server" / "node-id").write_text(identity)
    peers = [{"id": identity, "address": server.rpc_address, "non_voter": False}]
    (server.raft_dir / "peers.json").write_text(json.dumps(peers))
    # Without peers.info beside it, peers.json is deleted unread.
    (server.raft_dir / "peers.info").touch()
    return server


def is_lab(server: Server) -> bool:
    said = subprocess.run([server.binary, "version"], capture_output=True, text=True, timeout=30, check=True).stdout
    return "lab server" in said


def found_in_store(server: Server) -> Dict[str, str]:
    """What the lab server found at its last start: first_index, last_index, current_term, last_vote_term, and so on."""
    line = [line for line in server.log().splitlines() if "lab found in the raft store: " in line][-1]
    return {name: value.strip('"') for name, value in re.findall(r"(\w+)=(\S+)", line)}


def assert_works(server: Server, current_term: int) -> None:
    """Fail unless a started server leads in the term after this one and takes a write that outlives a restart."""
    wait_until("own leader", lambda: server.try_api("GET", "/v1/status/leader").status == 200, 20)
    assert int(server.api("GET", "/v1/agent/self").body["stats"]["raft"]["term"]) == current_term + 1
    body = {"Path": "recovery/written", "Items": {"k": "v"}}
    wait_until("write", lambda: server.try_api("PUT", "/v1/var/recovery/written", body=body).status == 200, 20)
    assert server.stop() == 1
    server.start()
    wait_until("read", lambda: server.try_api("GET", "/v1/var/recovery/written").status == 200, 20)
