# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, stop and ask about one server of a test cluster: serverctl.py start|stop|kill|status SERVER_DIRECTORY [...]

The role's start, stop and status commands in tests, where there is no systemd. Exit code of status, as of systemctl: 0
runs, 3 does not. stop returns when the process is gone and is content when there was no process, start when the process
exists; what follows the directory are the agent's arguments. kill is for a process that hangs: what systemd does when a
unit has used up its time to stop.
"""

from __future__ import annotations

import sys
from pathlib import Path

# Run as a script, from anywhere: the test helpers are the package support.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from support.cluster.server import Server

LOG_LINES = 50


def main(verb: str, directory: str, *arguments: str) -> int:
    """The exit code."""
    server = Server(Path(directory).resolve())
    if verb == "start":
        if not server.is_running():
            server.start(list(arguments) or None)
    elif verb == "stop":
        if server.is_running():
            server.stop()
    elif verb == "kill":
        server.kill()
    elif verb == "status":
        print(f"{server.name} runs as process {server.pid()}" if server.is_running() else f"{server.name} does not run")
        print("\n".join(server.log().splitlines()[-LOG_LINES:]))
        return 0 if server.is_running() else 3
    else:
        print(f"unknown verb {verb}: start, stop, kill or status", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit((__doc__ or "").split("\n", maxsplit=1)[0])
    sys.exit(main(*sys.argv[1:]))
