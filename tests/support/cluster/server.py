# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One server process on a loopback address: its files, its start and end, and the questions asked over HTTP.

A server is a detached daemon that any process finds again through its directory: server.json says what it is, its pid
file which process runs it. The lab server and a real Nomad are run alike. This file knows nothing of other servers.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable, List, Optional

from support.cluster import http_api

LAUNCHER = Path(__file__).resolve().with_name("launcher.py")
HTTP_PORT, RPC_PORT, SERF_PORT = 4646, 4647, 4648
POLL_S = 0.05


def wait_until(what: str, predicate: Callable[[], Any], timeout: float) -> Any:
    """The first true value of predicate; AssertionError naming `what` and the last value after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout} s: {what} (last: {value!r})")
        time.sleep(POLL_S)


def process_start_time(pid: int) -> Optional[int]:
    """Kernel start time in clock ticks; None when the process is gone or a zombie (proc(5), stat fields 3 and 22)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else int(fields[19])


class Server:
    """One server below `root`: its configuration, data, log and process. Can be opened again with Server(root)."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        identity = json.loads((self.root / "server.json").read_text())
        self.name: str = identity["name"]
        self.address: str = identity["address"]
        self.binary: str = identity["binary"]
        self.token: Optional[str] = identity.get("token")
        self.tls: Optional[str] = identity.get("tls")  # where an authority's files are, when it speaks HTTPS
        self.http_port, self.rpc_port, self.serf_port = HTTP_PORT, RPC_PORT, SERF_PORT
        self.data_dir = self.root / "data"
        self.raft_dir = self.data_dir / "server" / "raft"
        self.config_dir = self.root / "config"
        self.config_path = self.config_dir / "nomad.hcl"
        self.log_path = self.root / "server.log"
        self.pid_path = self.root / "server.pid"
        self.exit_path = self.root / "server.exit"

    @classmethod
    def create(cls, root: Path, name: str, address: str, binary: str) -> Server:
        (root / "config").mkdir(parents=True)
        (root / "data").mkdir()
        (root / "server.json").write_text(json.dumps({"name": name, "address": address, "binary": binary}))
        return cls(root)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.address}:{self.http_port}"

    @property
    def rpc_address(self) -> str:
        return f"{self.address}:{self.rpc_port}"

    def remember(self, **known: str) -> None:
        """The `token`, or the files of `tls`, used by api() from now on, in every process that opens this server."""
        path = self.root / "server.json"
        identity = dict(json.loads(path.read_text()), **known)
        path.write_text(json.dumps(identity))
        path.chmod(0o600)
        self.token, self.tls = identity.get("token"), identity.get("tls")

    def pid(self) -> Optional[int]:
        """Process id of the running server; None when the recorded process is gone, whoever has its number now."""
        try:
            pid, start_time = map(int, self.pid_path.read_text().split())
        except FileNotFoundError:
            return None
        return pid if process_start_time(pid) == start_time else None

    def is_running(self) -> bool:
        return self.pid() is not None

    def start(self, arguments: Optional[List[str]] = None) -> None:
        """Start the daemon and return when its process exists. What it says goes to log_path."""
        assert not self.is_running(), f"{self.name} runs already"
        self.pid_path.unlink(missing_ok=True)
        self.exit_path.unlink(missing_ok=True)
        command = [self.binary, "agent"] + (arguments or ["-config", str(self.config_dir)])
        launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(self.pid_path), str(self.exit_path)]
        with open(self.log_path, "ab") as log:
            subprocess.run(
                launcher + command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.root,
                check=True,
                timeout=30,
            )

    def wait_exit(self, timeout: float = 30.0) -> int:
        """Wait for the process to end by itself; its exit code (negative: the signal that killed it)."""
        wait_until(f"end of server {self.name}", lambda: not self.is_running(), timeout)
        wait_until(f"exit code of {self.name}", self.exit_path.exists, 10)
        return int(self.exit_path.read_text())

    def stop(self, sig: int = signal.SIGINT, timeout: float = 30.0) -> int:
        """Send `sig`, wait for the end; the exit code: 1 for a stop without leaving the cluster, as in Nomad."""
        pid = self.pid()
        assert pid is not None, f"{self.name} does not run"
        os.kill(pid, sig)
        return self.wait_exit(timeout)

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone. No error when it is gone already."""
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            self.wait_exit()

    def api(
        self, method: str, path: str, body: Any = None, token: Optional[str] = None, timeout: float = 30.0
    ) -> http_api.Answer:
        """(status, headers, body) of one request; the body as http_api.parsed() gives it.

        `body`: bytes go as they are, anything else as JSON. `token` "" sends none. OSError when nobody listens.
        """
        token = self.token if token is None else token
        return http_api.request(method, self.url + path, body, token, timeout, self.tls)

    def try_api(self, method: str, path: str, **options: Any) -> http_api.Answer:
        """As api(), but status 0 when the server does not answer."""
        try:
            return self.api(method, path, **options)
        except OSError as error:
            return http_api.Answer(0, {}, str(error))

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
