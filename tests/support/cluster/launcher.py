# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts one command as a detached daemon: launcher.py PID_FILE EXIT_FILE COMMAND...

Returns once PID_FILE holds "pid start-time". A small process of its own session stays behind to write the command's
exit code to EXIT_FILE (minus the signal number when a signal killed it). Imports only os and sys, to start fast.
"""

from __future__ import annotations

import os
import sys


def write(path: str, text: str) -> None:
    with open(path + ".new", "w") as file:
        file.write(text)
    os.rename(path + ".new", path)


def main(pid_path: str, exit_path: str, *command: str) -> None:
    ready_r, ready_w = os.pipe()
    if os.fork():
        os.close(ready_w)
        sys.exit(0 if os.read(ready_r, 1) else 1)
    os.setsid()
    # The command starts only once its pid file is there: whoever sees a running server can find it.
    gate_r, gate_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(gate_w)
        os.read(gate_r, 1)
        os.execv(command[0], command)
    with open(f"/proc/{pid}/stat") as stat:
        write(pid_path, f"{pid} {stat.read().rpartition(')')[2].split()[19]}")
    os.close(gate_w)
    os.write(ready_w, b"1")
    write(exit_path, str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


if __name__ == "__main__":
    main(*sys.argv[1:])
