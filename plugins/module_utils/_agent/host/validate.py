# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the agent's own program whether it takes a configuration: `nomad config validate`, with a time limit.

It finds what is wrong in any block. An unknown backend, a bad interval and both blocks at once only the start finds,
and load.check for us.
"""

from __future__ import annotations

import asyncio
import re
from typing import Callable, NamedTuple, Sequence

from .service import Ran

TIMEOUT_S = 20.0
MAX_SAID = 600  # characters
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "NOMAD_CLI_NO_COLOR": "1"}
# Lines that say nothing about the cause.
_NOISE = re.compile(r"(?:==> )?WARNING\b|Configuration is (?:in)?valid|\d+ errors? occurred:|$")

TimedRunner = Callable[[Sequence[str], float], Ran]


class Verdict(NamedTuple):
    """Whether the configuration was taken, and what was said when not; `asked` is False when no answer came."""

    asked: bool
    taken: bool
    said: str


def run_for(command: Sequence[str], seconds: float) -> Ran:
    """A command's end, in an environment of our own. Raises OSError, or asyncio.TimeoutError after its kill."""
    return asyncio.run(_ended(command, seconds))


async def _ended(command: Sequence[str], seconds: float) -> Ran:
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, stdin=nothing, stdout=pipe, stderr=pipe, env=ENVIRONMENT, cwd="/", start_new_session=True
    )
    try:
        stdout, stderr = await asyncio.wait_for(process.communicate(), seconds)
    except asyncio.TimeoutError:
        process.kill()
        await process.wait()
        raise
    return Ran(process.returncode or 0, stdout.decode("utf-8", "replace"), stderr.decode("utf-8", "replace"))


def validate(program: str, paths: Sequence[str], run: TimedRunner = run_for) -> Verdict:
    """What the program says of the configuration that an agent with these -config arguments would load."""
    try:
        ran = run([program, "config", "validate", *paths], TIMEOUT_S)
    except asyncio.TimeoutError:
        return Verdict(False, False, f"it has not answered within {TIMEOUT_S:g} seconds")
    except OSError as error:
        return Verdict(False, False, f"it cannot be run: {error.strerror}")
    return Verdict(ran.code in (0, 1), ran.code == 0, complaint(ran))


def complaint(ran: Ran) -> str:
    """What is wrong, in one line, from the output of `config validate`."""
    lines = [line.strip().lstrip("* ").strip() for line in f"{ran.stderr}\n{ran.stdout}".splitlines()]
    said = "; ".join(line for line in lines if not _NOISE.match(line))
    return said[:MAX_SAID] or f"it ended with exit code {ran.code} and gave no reason"
