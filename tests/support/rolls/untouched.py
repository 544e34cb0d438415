# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Everything about a cluster that a run without changes must leave alone. Looks only, never at Ansible's output.

Of Nomad's own files, which it writes all the time, kind, owner, mode and inode are kept; of all others everything.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from support.cluster.cluster import Cluster
from support.cluster.server import Server
from support.rolls import adhoc, playbooks

NOMADS_OWN = re.compile(r"server/(serf|raft/(raft\.db|wal/|snapshots/|peers\.info|version))")
ADDED_BY_NOMAD = re.compile(r"server/raft/snapshots/|server/serf/")


class Picture(NamedTuple):
    """A cluster at one moment: processes, leader, all of autopilot's configuration, configuration files, data."""

    pids: dict[str, int | None]
    leader: str
    autopilot: dict[str, Any]
    config: dict[str, Any]
    data: dict[str, Any]


def picture(cluster: Cluster) -> Picture:
    leader = cluster.leader()
    return Picture(
        {server.name: server.pid() for server in cluster.servers},
        leader.name if leader else "",
        cluster.running()[0].api("GET", "/v1/operator/autopilot/configuration").body,
        {server.name: adhoc.listing(server.config_dir) for server in cluster.servers},
        {server.name: data_of(server) for server in cluster.servers},
    )


def data_of(server: Server) -> dict[str, Any]:
    """The data directory, as adhoc.listing has it, less what changes because Nomad is at work."""
    found = {}
    for path, about in adhoc.listing(server.data_dir).items():
        if ADDED_BY_NOMAD.match(path):
            continue
        mode, uid, gid, links, mtime, inode, content = about
        is_directory = Path(server.data_dir, path).is_dir()
        kept = (mode, uid, gid, inode)
        found[path] = kept if is_directory or NOMADS_OWN.match(path) else (*kept, links, mtime, content)
    return found


def refused(cluster: Cluster, *arguments: str, playbook: str = "migrate", **variables: Any) -> str:
    """What a run said, on one line, that had to fail before anything was changed or anybody was asked."""
    before = picture(cluster)
    run = playbooks.run(playbook, playbooks.write_inventory(cluster, **variables), *arguments)
    assert run.returncode != 0, run.stdout
    assert picture(cluster) == before
    assert "PLAY [Roll through the servers]" not in run.stdout
    return " ".join(run.stdout.split())


def token(cluster: Cluster, name: str, rules: str) -> str:
    """Secret ID of a new token with a policy of its own, of this name and these rules."""
    server = cluster.servers[0]
    assert server.api("POST", f"/v1/acl/policy/{name}", body={"Name": name, "Rules": rules}).status == 200
    made = server.api("POST", "/v1/acl/token", body={"Name": name, "Type": "client", "Policies": [name]})
    assert made.status == 200
    return str(made.body["SecretID"])
