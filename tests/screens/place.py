# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A place that looks as an operator's machine does: its name, its paths, the servers' addresses, an inventory.

All of it is in namespaces of its own, so that nothing of this machine is shown or changed, and no server outlives it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from support.cluster import serverctl, start_faulty
from support.cluster.cluster import Cluster
from support.cluster.writer import fill
from support.paths import CHECKOUT
from support.rolls.playbooks import tool

ROOT = Path("/srv")
FILL_MB = 8
ADDRESSES = {f"nomad-{number}": f"10.0.0.1{number}" for number in (1, 2, 3)}
LEADER = "nomad-1"
BROKEN = "broken"
"""With a file of this name in its directory a server does not start on WAL."""

INVENTORY = """[nomad_servers]
nomad-1 ansible_host=10.0.0.11
nomad-2 ansible_host=10.0.0.12
nomad-3 ansible_host=10.0.0.13

[nomad_servers:vars]
ansible_connection=local
ansible_python_interpreter=auto_silent
raft_logstore_data_dir=/srv/{{ inventory_hostname }}/data
raft_logstore_config_path=["/srv/{{ inventory_hostname }}/config"]
raft_logstore_snapshot_dest=/srv/{{ inventory_hostname }}/snapshots
raft_logstore_service_manager=command
raft_logstore_start_command=service-of {{ inventory_hostname }} start
raft_logstore_stop_command=service-of {{ inventory_hostname }} stop
raft_logstore_status_command=service-of {{ inventory_hostname }} status
"""
SERVICE = f"""#!/bin/sh
server={ROOT}/$1
if [ "$2" = start ] && [ -e "$server/{BROKEN}" ]; then
  {sys.executable} {start_faulty.__file__} fail wal "$server" && exit
  echo "Job for nomad.service failed because the control process exited with error code." >&2
  exit 1
fi
exec {sys.executable} {serverctl.__file__} "$2" "$server"
"""


def enter(*arguments: str) -> None:
    """Begin this program again in namespaces of its own, with these arguments. Does not return."""
    if ROOT in CHECKOUT.parents:
        sys.exit(f"The checkout is in {ROOT}, which is covered by the place of the screens. Take another one.")
    namespaces = ["--mount", "--net", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    os.execvp("unshare", ["unshare", *namespaces, sys.executable, *arguments])


@contextlib.contextmanager
def furnished() -> Iterator[None]:
    """Within the namespaces: the host's name, the addresses, and ROOT with the commands that an operator has."""
    socket.sethostname("controller")
    for address in ADDRESSES.values():
        subprocess.run(["ip", "address", "add", f"{address}/24", "dev", "lo"], check=True)
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    with tempfile.TemporaryDirectory() as empty:
        subprocess.run(["mount", "--bind", empty, str(ROOT)], check=True)
        try:
            (ROOT / "inventory").write_text(INVENTORY)
            (ROOT / "ansible.cfg").touch()
            installed = ROOT / ".ansible/collections/ansible_collections/raftops/nomad"
            installed.mkdir(parents=True)
            subprocess.run(["mount", "--bind", str(CHECKOUT), str(installed)], check=True)
            commands = ROOT / "bin"
            commands.mkdir()
            (commands / "ansible-playbook").symlink_to(tool("ansible-playbook"))
            (commands / "service-of").write_text(SERVICE)
            (commands / "service-of").chmod(0o755)
            yield
        finally:
            subprocess.run(["umount", "--lazy", str(ROOT)], check=True)


def environment() -> dict[str, str]:
    """What the operator's shell has: Ansible as it is installed, without a configuration of ours."""
    return {
        "PATH": f"{ROOT}/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(ROOT),
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
    }


@contextlib.contextmanager
def cluster() -> Iterator[Cluster]:
    """A healthy cluster on BoltDB with some MB in each raft.db, led by LEADER; stopped and removed at the end."""
    made = Cluster(ROOT, addresses=ADDRESSES)
    try:
        made.start()
        made.wait_healthy()
        fill([(server.address, server.http_port) for server in made.servers], FILL_MB)
        (leader,) = (server for server in made.servers if server.name == LEADER)
        made.lead_by(leader)
        made.wait_healthy()
        yield made
    finally:
        made.stop_all()
        for server in made.servers:
            shutil.rmtree(server.root)
        (ROOT / "cluster.json").unlink()
