# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of real server processes on loopback, for tests and the demo.

Owns the addresses, the configuration files and what concerns several servers; one process is server.py. The same code
runs the lab server and a real Nomad (environment variable NOMAD_BIN). Decides nothing about migrations, edits no store.
Programs outside pytest put the tests directory on sys.path and import support.cluster.cluster.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from support.cluster import http_api
from support.cluster.server import HTTP_PORT, POLL_S, RPC_PORT, SERF_PORT, Server, wait_until
from support.paths import LAB

__all__ = ["Cluster", "Server", "server_binary", "wait_until"]


def server_binary() -> str:
    """The server to test: NOMAD_BIN when set, else the lab server."""
    return os.environ.get("NOMAD_BIN") or str(LAB)


def free_network(size: int) -> str:
    """Prefix of `size` loopback addresses ("127.80.12.") on which nobody listens at our three ports."""
    for _attempt in range(200):
        prefix = f"127.{random.randint(64, 127)}.{random.randint(1, 254)}."
        if all(_is_free(f"{prefix}{n}", port) for n in range(1, size + 1) for port in (HTTP_PORT, RPC_PORT, SERF_PORT)):
            return prefix
    raise AssertionError("no free addresses in 127.64.0.0/10")


def free_addresses(size: int) -> Dict[str, str]:
    """The addresses of `size` servers, s1 and so on, in a network of their own."""
    prefix = free_network(size)
    return {f"s{number}": f"{prefix}{number}" for number in range(1, size + 1)}


def _is_free(address: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


class Cluster:
    """`size` servers below `root` on addresses of their own, or as many as `backends` has, each with its own backend.

    `addresses`: by name, where they are to have others than free ones. An existing root is opened again, with its
    processes.
    """

    def __init__(
        self,
        root: Path,
        binary: str = "",
        size: int = 3,
        backend: str = "boltdb",
        backends: Sequence[str] = (),
        extra_hcl: str = "",
        server_hcl: str = "",
        acl: bool = False,
        addresses: Optional[Dict[str, str]] = None,
    ) -> None:
        self.root = Path(root)
        self.acl = acl
        if not (self.root / "cluster.json").exists():
            each = backends or [backend] * size
            self._create(binary or server_binary(), each, addresses or free_addresses(len(each)), extra_hcl, server_hcl)
        description = json.loads((self.root / "cluster.json").read_text())
        self.acl = description["acl"]
        self.servers = [Server(self.root / name) for name in description["servers"]]

    def _create(
        self, binary: str, backends: Sequence[str], addresses: Dict[str, str], extra_hcl: str, server_hcl: str
    ) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        for (name, address), backend in zip(addresses.items(), backends):
            block = "" if backend == "boltdb" else f'\n  raft_logstore {{\n    backend = "{backend}"\n  }}\n'
            server = Server.create(self.root / name, name, address, binary)
            others = list(addresses.values())
            server.config_path.write_text(main_config(server, others, server_hcl + block, extra_hcl, self.acl))
        (self.root / "cluster.json").write_text(json.dumps({"servers": list(addresses), "acl": self.acl}))

    def start(self) -> None:
        for server in self.servers:
            if not server.is_running():
                server.start()

    def running(self) -> List[Server]:
        return [server for server in self.servers if server.is_running()]

    def leader(self) -> Optional[Server]:
        """The server that the running ones call leader; None when none is known or they disagree."""
        named = {server.try_api("GET", "/v1/status/leader?stale").body for server in self.running()}
        found = [server for server in self.servers if {server.rpc_address} == named]
        return found[0] if found else None

    def followers(self) -> List[Server]:
        leader = self.leader()
        return [server for server in self.servers if leader is not None and server is not leader]

    def lead_by(self, server: Server) -> None:
        """Make this server the leader."""
        leader = wait_until("one leader", self.leader, 30)
        if leader is not server:
            leader.api("PUT", f"/v1/operator/raft/transfer-leadership?address={server.rpc_address}")
            wait_until("the new leader", lambda: self.leader() is server, 30)

    def bootstrap_acl(self, timeout: float = 30.0) -> str:
        """Make the management token and give it to all servers."""
        answer = wait_until("ACL bootstrap", self._tried_bootstrap, timeout)
        for server in self.servers:
            server.remember(token=answer["SecretID"])
        return str(answer["SecretID"])

    def _tried_bootstrap(self) -> Optional[Dict[str, Any]]:
        status, _headers, body = self.servers[0].try_api("POST", "/v1/acl/bootstrap")
        return body if status == 200 else None

    def wait_healthy(self, timeout: float = 60.0) -> None:
        """Until all know one leader, autopilot says healthy with all servers as voters, and a write is accepted."""
        deadline = time.monotonic() + timeout
        wait_until("one leader", self.leader, timeout)
        if self.acl and self.servers[0].token is None:
            self.bootstrap_acl(deadline - time.monotonic())
        wait_until("healthy cluster", self._is_healthy, deadline - time.monotonic())

    def _is_healthy(self) -> bool:
        status, _headers, health = self.servers[0].try_api("GET", "/v1/operator/autopilot/health")
        if status != 200 or len(health["Voters"]) != len(self.servers) or len(self.running()) != len(self.servers):
            return False
        return self.write("raftops/ready", {"at": str(time.time())}).status == 200

    def write(self, path: str, items: Dict[str, str]) -> http_api.Answer:
        """Write one Nomad variable through the first running server."""
        return self.running()[0].try_api("PUT", f"/v1/var/{path}", body={"Path": path, "Items": items})

    def stop_all(self, sig: int = signal.SIGINT) -> None:
        """Stop every server that runs; those that do not end within 15 s are killed."""
        running = self.running()
        for server in running:
            pid = server.pid()
            if pid is not None:
                os.kill(pid, sig)
        deadline = time.monotonic() + 15
        while self.running() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        for server in running:
            server.kill()


def main_config(server: Server, addresses: List[str], server_hcl: str, extra_hcl: str, acl: bool) -> str:
    """Text of a server-only agent's main configuration file."""
    return f"""name      = "{server.name}"
data_dir  = "{server.data_dir}"
bind_addr = "{server.address}"
log_level = "DEBUG"

disable_update_check = true

ports {{
  http = {server.http_port}
  rpc  = {server.rpc_port}
  serf = {server.serf_port}
}}

advertise {{
  http = "{server.address}"
  rpc  = "{server.address}"
  serf = "{server.address}"
}}

server {{
  enabled          = true
  bootstrap_expect = {len(addresses)}

  server_join {{
    retry_join     = {json.dumps(addresses)}
    retry_interval = "1s"
  }}
{server_hcl}}}

acl {{
  enabled = {"true" if acl else "false"}
}}
{extra_hcl}"""
