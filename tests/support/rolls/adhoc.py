# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs modules as a user would, with the `ansible` command, and looks at directories. Asserts nothing.

Each store of a test is the data_dir of a host of its own on a local connection: one command works on many stores.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from support.paths import BUILD, CHECKOUT

RUNNING = ("ansible", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}")
TIMEOUT_S = 300


class Ran(NamedTuple):
    """One `ansible` command: its exit status, both outputs together, and the result of each host."""

    returncode: int
    output: str
    results: dict[str, dict[str, Any]]


def listing(root: Path) -> dict[str, tuple[Any, ...]]:
    """Everything in a tree that would show a change: names, kinds, owners, modes, times, contents, link targets."""
    found = {}
    for path in [root, *root.rglob("*")]:
        about = path.lstat()
        content = ""
        if stat.S_ISLNK(about.st_mode):
            content = os.readlink(path)
        elif stat.S_ISREG(about.st_mode):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        found[str(path.relative_to(root))] = (
            about.st_mode, about.st_uid, about.st_gid, about.st_nlink, about.st_mtime_ns, about.st_ino, content,
        )  # fmt: skip
    return found


def environment(**changes: str) -> dict[str, str]:
    """The caller's environment with the collection found from the checkout and results as JSON."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": str(BUILD),
        "ANSIBLE_CALLBACK_RESULT_FORMAT": "json",
        "ANSIBLE_FORKS": "4",
        "ANSIBLE_NOCOLOR": "1",
        **changes,
    }


def inventory(path: Path, hosts: dict[str, dict[str, Any]]) -> Path:
    """An inventory file with these hosts and their variables."""
    path.write_text(json.dumps({"all": {"hosts": hosts}}))
    return path


def command(inventory_file: Path, module: str, arguments: dict[str, Any], *flags: str) -> list[str]:
    """What a user would type. Values of arguments may be templates over the host's variables."""
    program, *rest = RUNNING
    return [
        str(Path(sys.executable).with_name(program)), "all", "-i", str(inventory_file), *rest,
        "-m", f"raftops.nomad.{module}", "-a", json.dumps(arguments), *flags,
    ]  # fmt: skip


def run(inventory_file: Path, module: str, arguments: dict[str, Any], *flags: str, **changes: str) -> Ran:
    """Run one command without a terminal to its end."""
    done = subprocess.run(
        command(inventory_file, module, arguments, *flags),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        env=environment(**changes),
        cwd=CHECKOUT,
        check=False,
    )
    return Ran(done.returncode, done.stdout, results_in(done.stdout))


def results_in(output: str) -> dict[str, dict[str, Any]]:
    """The result of each host, as the command prints it: `host | CHANGED => {...}`.

    Not only at the start of a line: two threads of Ansible print, and a terminal has shown a result behind other text.
    """
    found = {}
    for match in re.finditer(r"(\S+) \| [A-Z]+!? => (?=\{)", output):
        found[match[1]] = json.JSONDecoder().raw_decode(output, match.end())[0]
    return found
