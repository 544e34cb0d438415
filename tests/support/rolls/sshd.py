# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managed hosts that can be lost: SSH servers in the test process, each on a loopback port, whose commands run here.

Each server sees which module a task sends, because with pipelining the module comes on standard input. A Trap names a
module and how the host is lost over it: all its connections end, and new ones are refused, until `up()`. A module that
was started goes on, as it does on a host whose network is gone.

Without pipelining a module comes by SFTP and runs on a terminal, as with sudo's requiretty. The way to all of them may
be a long one.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import paramiko
from support.rolls.delayline import LongWay
from support.rolls.sftp import Files

BEFORE, DURING, AFTER = "before", "during", "after"
MODULE = re.compile(rb"module_fqn='(?:[\w.]*\.)?(\w+)'")
CHUNK_LEN = 1 << 16


class Request(NamedTuple):
    """One module that a task has sent to a host, and when. `arguments` is text to search in."""

    host: str
    module: str
    arguments: str
    at: float

    def has(self, name: str, value: str) -> bool:
        """Whether the module was given this option."""
        return re.search(rf'"{name}\\?": \\?"?{re.escape(value)}\b', self.arguments) is not None

    @property
    def is_check(self) -> bool:
        """Whether it runs in check mode, where it changes nothing."""
        return self.has("_ansible_check_mode", "true")


class Trap:
    """The host that first runs a matching module is lost: before it, while it runs, or before its result is sent."""

    def __init__(self, when: str, matches: Callable[[Request], bool]) -> None:
        self.when = when
        self.sprung = ""
        self._matches = matches
        self._lock = threading.Lock()

    def springs(self, request: Request) -> bool:
        """True for the first match only."""
        with self._lock:
            if self.sprung or not self._matches(request):
                return False
            self.sprung = request.host
            return True


class Hosts:
    """All hosts of one inventory, what they were asked, and the trap that waits for the next of them."""

    def __init__(self, names: list[str], directory: Path, way: LongWay | None = None) -> None:
        self.way = way
        self.requests: list[Request] = []
        self.trap: Trap | None = None
        self.key_path = directory / "key"
        self.key = paramiko.RSAKey.generate(2048)
        self.key.write_private_key_file(str(self.key_path))
        self.all = {name: Host(name, self) for name in names}

    def variables(self, control_dir: str) -> dict[str, dict[str, Any]]:
        """Host variables for an inventory: how each is reached by ssh. Nothing of the user's own ssh set-up is used."""
        options = "-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes"
        common: dict[str, Any] = {
            "ansible_connection": "ssh",
            "ansible_host": "127.0.0.1",
            "ansible_user": "operator",
            "ansible_ssh_private_key_file": str(self.key_path),
            "ansible_ssh_common_args": f"{options} -o LogLevel=ERROR",
            "ansible_control_path_dir": control_dir,
        }
        return {name: {**common, "ansible_port": host.port} for name, host in self.all.items()}

    def up(self) -> None:
        """Every host can be reached again."""
        self.trap = None
        for host in self.all.values():
            host.up()

    def ended(self, name: str) -> None:
        """Return once all that was started on this host has ended."""
        for child in self.all[name].sessions:
            child.wait(timeout=120)

    def close(self) -> None:
        for host in self.all.values():
            host.down()


class Host(paramiko.ServerInterface):
    """One host; a connection for each ssh master, a session for each command."""

    def __init__(self, name: str, hosts: Hosts) -> None:
        self.name = name
        self.port = 0
        self._hosts = hosts
        self._server_key = paramiko.RSAKey.generate(2048)
        self._listener: socket.socket | None = None
        self._transports: list[paramiko.Transport] = []
        self._terminals: set[paramiko.Channel] = set()
        self.sessions: list[subprocess.Popen[bytes]] = []
        self.up()

    def up(self) -> None:
        """Listen, at the same port as always."""
        if self._listener is not None:
            return
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=32)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def down(self) -> None:
        """End every connection and refuse new ones; commands that run are left alone."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for transport in self._transports:
            transport.close()
        self._transports.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _address = listener.accept()
            except OSError:
                return
            way = self._hosts.way
            transport = paramiko.Transport(way.through(connection) if way else connection)
            transport.add_server_key(self._server_key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, Files)
            self._transports.append(transport)
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(server=self, event=threading.Event())

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        known = key.get_base64() == self._hosts.key.get_base64()
        return paramiko.AUTH_SUCCESSFUL if known else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED if kind == "session" else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_pty_request(self, channel: paramiko.Channel, *_arguments: Any) -> bool:
        self._terminals.add(channel)
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=self._execute, args=(channel, command.decode()), daemon=True).start()
        return True

    def _execute(self, channel: paramiko.Channel, command: str) -> None:
        """Run one command, unless the trap springs on it."""
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):  # the connection is gone: by the trap
            given = _received(channel) if "python" in command and channel not in self._terminals else b""
            request = self._noted(given)
            trap = self._hosts.trap
            sprung = request is not None and trap is not None and trap.springs(request)
            if sprung and trap is not None and trap.when == BEFORE:
                self.down()
                return
            child = _started(command)
            self.sessions.append(child)
            if sprung and trap is not None and trap.when == DURING:
                self.down()  # the child has got nothing yet: all its work comes after the loss
            out, err = child.communicate(given)
            if sprung and trap is not None and trap.when == AFTER:
                self.down()
                return
            channel.sendall(out)
            channel.sendall_stderr(err)
            channel.send_exit_status(child.returncode % 256)  # of a killed one, too
            channel.close()
        self._terminals.discard(channel)

    def _noted(self, given: bytes) -> Request | None:
        found = MODULE.search(given)
        if found is None:
            return None
        start = max(0, given.rfind(b"params="))
        request = Request(
            self.name, found.group(1).decode(), given[start:].decode("utf-8", "replace"), time.monotonic()
        )
        self._hosts.requests.append(request)
        return request


def _received(channel: paramiko.Channel) -> bytes:
    """Standard input up to its end."""
    chunks = []
    while True:
        chunk = channel.recv(CHUNK_LEN)
        if not chunk:
            return b"".join(chunks)
        chunks.append(chunk)


def _started(command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
