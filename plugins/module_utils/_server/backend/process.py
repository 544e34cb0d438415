# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A process that outlives who began it: the module, the connection, the controller and the login session.

It is forked twice, leads a session of its own, has none of the standard streams, and with systemd a scope of its own,
because the end of a login session kills what is left in the session's. Everything it needs must be imported before: the
module's files are gone when the module is. It is forked from a process without threads.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Callable

from ..._agent.errors import AgentError
from ..._agent.host.service import Runner

BOOTED = "/run/systemd/system"  # sd_booted(3)
CGROUP = "/proc/self/cgroup"
MOVE_S = 5.0
POLL_S = 0.01
IGNORED = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)


def part(work: Callable[[], None]) -> None:
    """Run `work` in such a process; returns once it runs. Raises AgentError when it cannot be made."""
    try:
        middle = os.fork()
    except OSError as error:
        raise _no_process(os.strerror(error.errno or 0)) from error
    if middle == 0:
        status = 1
        try:  # whatever happens, no more of the module's code may run here
            os.setsid()
            if os.fork() == 0:
                _serve(work)
            status = 0
        finally:
            os._exit(status)
    if os.waitpid(middle, 0)[1] != 0:
        raise _no_process("its parent has failed")


def _serve(work: Callable[[], None]) -> None:
    status = 1
    try:
        null_fd = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null_fd, fd)
        os.close(null_fd)
        os.chdir("/")
        for number in IGNORED:  # by a handler, because what ignores a signal passes that on to the commands it runs
            signal.signal(number, _unheard)
        work()
        status = 0
    finally:
        os._exit(status)


def own_scope(run: Runner, booted: str = BOOTED, cgroup: str = CGROUP) -> str:
    """Move this process into a scope of its own, where systemd is. What went wrong, in a sentence, or ""."""
    if not os.path.isdir(booted):
        return ""
    name = f"raftops-nomad-{os.getpid()}.scope"
    call = ("call", "org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    arguments = (name, "fail", "1", "PIDs", "au", "1", str(os.getpid()), "0")
    ran = run(["busctl", *call, "StartTransientUnit", "ssa(sv)a(sa(sv))", *arguments])
    if ran.code != 0:
        return _unmoved((ran.stderr or ran.stdout).strip()[-300:])
    deadline = time.monotonic() + MOVE_S
    while time.monotonic() < deadline:
        with open(cgroup, encoding="utf-8") as file:
            if name in file.read():
                return ""
        time.sleep(POLL_S)
    return _unmoved(f"it is not in {name} after {MOVE_S:g} s")


def _unheard(_number: int, _frame: object) -> None:
    """What a signal of a session that ends does here."""


def _unmoved(why: str) -> str:
    return f"The work could not be moved out of the login session, whose end may kill it: {why}"


def _no_process(why: str) -> AgentError:
    return AgentError(f"cannot start a process for the work: {why}", "Nothing was changed. Run this again.")
