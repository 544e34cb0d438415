# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server of a cluster that is none: a store that Nomad wrote, its configuration, an API with recorded answers."""

from __future__ import annotations

import contextlib
import copy
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.place import Place
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.subject import Subject, find
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.work import Work
from ansible_collections.raftops.nomad.plugins.modules.server_backend import SPEC
from support.agent_server import AgentServer, as_json
from support.recordings import recording
from support.stores.builder import nomad_store

S1, S2 = "e93eaec1-b82a-bf92-f2a5-79d404511e21", "1e70156a-c6aa-01a1-ba14-e2df5513ced6"
CONNECTION = dict.fromkeys(
    ("host", "port", "use_ssl", "validate_certs", "ca_path", "client_cert", "client_key", "tls_server_name", "region")
)


def among_listeners(agent: dict[str, Any], port: int) -> dict[str, Any]:
    """The same answer of an agent, but all servers are where somebody listens."""
    raft = agent["stats"]["raft"]
    here = f"Address:127.0.0.1:{port}"
    raft["latest_configuration"] = re.sub(r"Address:[\d.]+:\d+", here, raft["latest_configuration"])
    return agent


def with_listeners(autopilot: dict[str, Any], port: int) -> dict[str, Any]:
    """The same answer of a leader, but all servers are where somebody listens, as `among_listeners` has it."""
    for server in autopilot["Servers"]:
        server["Address"] = f"127.0.0.1:{port}"
    return autopilot


class Host:
    """The server s2. `ran` are the commands that were run; one that begins with "fail" ends with exit code 1."""

    def __init__(self, root: Path, api: AgentServer) -> None:
        self.root, self.api = root, api
        self.raft = nomad_store("follower", root / "data")
        (self.raft.parent / "node-id").write_text(S2)
        self.config = root / "config"
        self.config.mkdir()
        text = f'data_dir = "{root}/data"\nports {{ http = {api.port} }}\nserver {{ enabled = true }}\n'
        (self.config / "nomad.hcl").write_text(text)
        self.ran: list[list[str]] = []
        self.leader_says(copy.deepcopy(recording("autopilot_health-healthy")["body"]))
        self.runs_on("boltdb")

    def runs_on(self, backend: str, **config: Any) -> None:
        """What the agent answers from now on."""
        body = copy.deepcopy(recording("agent_self-follower-boltdb-after-return")["body"])
        body["stats"]["raft"].update(applied_index="15", commit_index="15", logstore_backend=backend)
        files = sorted(str(path) for path in self.config.iterdir())
        own = {"DataDir": str(self.root / "data"), "ConfigPaths": [str(self.config)], "Files": files}
        body["config"].update(own, **config)
        self.answers(body)

    def answers(self, body: dict[str, Any]) -> None:
        """What the agent answers about itself from now on."""
        self.api.on("/v1/agent/self", as_json(among_listeners(body, self.api.port)))

    def leader_says(self, body: dict[str, Any]) -> None:
        """What autopilot answers from now on."""
        self.api.on("/v1/operator/autopilot/health", as_json(with_listeners(body, self.api.port)))

    def run(self, command: Sequence[str]) -> Ran:
        self.ran.append(list(command))
        return Ran(int(command[0].startswith("fail")), "", "no")

    def params(self, **given: Any) -> dict[str, Any]:
        """The module's parameters as it has them."""
        defaults = {name: spec.get("default") for name, spec in SPEC.items()}
        own = {
            "service_manager": "command",
            "config_path": [str(self.config)],
            "stop_command": "/bin/true stop",
            "start_command": "/bin/true start",
            "stable_for": 0.1,
            "interval": 0.05,
            "gate_timeout": 3,
            "wait_timeout": 3,
        }
        return {**CONNECTION, "timeout": 10, "token": None, **defaults, **own, **given}

    def subject(self, **given: Any) -> Subject:
        return find(self.params(**given), {}, self.run)

    def place(self) -> Place:
        return Place.of(str(self.root / "data"), str(self.root))

    def work(self, **given: Any) -> Work:
        subject = self.subject(**given)
        return Work(subject, self.place(), self.run, self.tell, Client(subject.connection), subject.goal, S2)

    def tell(self, step: str, *_numbers: int) -> None:
        """A server that is started is on the backend that its configuration names."""
        if step == "start":
            text = "".join(path.read_text() for path in self.config.iterdir())
            self.runs_on("wal" if '"wal"' in text else "boltdb")

    @contextlib.contextmanager
    def store_open(self) -> Iterator[None]:
        """Another process has the store open."""
        with open(self.raft / "raft.db") as store, subprocess.Popen(["sleep", "60"], stdin=store) as holder:
            yield
            holder.kill()

    def configuration(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.config.iterdir()}
