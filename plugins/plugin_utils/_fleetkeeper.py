# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program: runs the playbook of one cluster, and outlives whoever has started it.

    python _fleetkeeper.py JOB LOCK_FD    runs what the file JOB says, through ansible-runner where it can be imported
    python _fleetkeeper.py exec JOB       becomes ansible-playbook; ansible-runner starts this

ansible-runner writes the environment of what it starts into its artifacts. So it is started without one: what it
starts reads its environment, the token in it, from a pipe with a name, and then becomes ansible-playbook.

Imports nothing of Ansible or of this collection: one of these runs for each cluster.
"""

from __future__ import annotations

import fcntl
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from typing import Any, Dict, Sequence

# What ansible-runner itself reads or adds to. Everything else in an environment may be a secret.
FOR_RUNNER = ("PATH", "HOME", "LANG", "LC_ALL", "ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_STDOUT_CALLBACK")
TOLD_S = 60  # a keeper that is killed just then tells its child nothing, and the pipe would be waited for for ever
FROM_RUNNER = ("ANSIBLE_CALLBACK_PLUGINS", "ANSIBLE_STDOUT_CALLBACK", "ORIGINAL_STDOUT_CALLBACK")


def by_runner(runner: Any, job: Dict[str, Any], itself: str) -> int:
    """Run it through ansible-runner; its exit code."""
    fifo = os.path.join(job["dir"], "environment")
    os.mkfifo(fifo, 0o600)
    everything = json.dumps(dict(os.environ))

    def tell() -> None:
        with open(fifo, "w", encoding="utf-8") as pipe:
            pipe.write(everything)

    threading.Thread(target=tell, daemon=True).start()
    for name in set(os.environ) - set(FOR_RUNNER):
        del os.environ[name]
    arguments = [itself, "exec", os.path.join(job["dir"], "job.json")]
    done = runner.run(
        private_data_dir=job["dir"],
        ident="roll",
        binary=sys.executable,
        cmdline=shlex.join(arguments),
        suppress_env_files=True,
        quiet=True,
    )
    return int(done.rc)


def by_itself(job: Dict[str, Any], lock_fd: int) -> int:
    """Run it as a child that holds the lock, too; its exit code. Its output goes where ansible-runner has it."""
    place = os.path.join(job["dir"], "artifacts", "roll")
    os.makedirs(place, mode=0o700, exist_ok=True)
    with open(os.path.join(place, "stdout"), "wb") as output:
        child = subprocess.Popen(
            job["command"],
            cwd=job["cwd"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(lock_fd,),
        )
        return child.wait()


def become(job: Dict[str, Any]) -> None:
    """Become ansible-playbook, with the environment from the pipe, and what ansible-runner has added to its own."""
    fifo = os.path.join(job["dir"], "environment")
    signal.alarm(TOLD_S)
    with open(fifo, encoding="utf-8") as pipe:
        environment = json.load(pipe)
    signal.alarm(0)
    os.unlink(fifo)
    for name, value in os.environ.items():
        if name in FROM_RUNNER or name.startswith(("RUNNER_", "AWX_")):
            environment[name] = value
    lock_fd = os.open(job["child_lock"], os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock_fd, fcntl.LOCK_EX)
    os.set_inheritable(lock_fd, True)  # held until ansible-playbook ends, whoever dies before
    os.chdir(job["cwd"])
    os.execvpe(job["command"][0], job["command"], environment)


def main(arguments: Sequence[str]) -> None:
    """As the program is called; see above."""
    path = arguments[-1] if arguments[0] == "exec" else arguments[0]
    with open(path, encoding="utf-8") as file:
        job = json.load(file)
    if arguments[0] == "exec":
        become(job)
    engine, runner = "ansible-playbook", None
    if job["engine"] != "ansible-playbook":
        try:
            import ansible_runner as runner  # type: ignore[import-not-found,no-redef]

            engine = "ansible-runner"
        except ImportError:
            if job["engine"] == "ansible-runner":
                raise
    began = time.time()
    code = by_runner(runner, job, os.path.abspath(__file__)) if runner else by_itself(job, int(arguments[1]))
    result = {"code": code, "began": began, "ended": time.time(), "engine": engine}
    partial = os.path.join(job["dir"], "result.partial")
    with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(result, file)
    os.replace(partial, os.path.join(job["dir"], "result.json"))


if __name__ == "__main__":
    os.umask(0o077)
    main(sys.argv[1:])
