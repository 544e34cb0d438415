# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a unit's next start would get other arguments, where systemd takes them from variables. Reads only.

The values are compared and never told: an environment may have a token in it.
"""

from __future__ import annotations

import glob
import re
import shlex
from typing import Dict, Iterator, Sequence, Tuple

from .._disk.mounts import read_text

_NAME = re.compile(r"\$\{?(\w+)")
_LINE = re.compile(r"(?m)^[ \t]*(\w+)=(.*?)[ \t]*$")


def present(paths: Sequence[str]) -> Tuple[str, ...]:
    """The files that EnvironmentFile= means: each may be a pattern."""
    return tuple(found for path in paths for found in sorted(glob.glob(path)))


def changed(words: Sequence[str], paths: Sequence[str], environ: bytes) -> Tuple[str, ...]:
    """Those of the variables in these words for which the files have another value than a process was started with.

    One that is in no file comes from elsewhere, and nothing is known of it. `environ` is as in /proc/PID/environ.
    """
    pairs = (entry.partition("=") for entry in environ.decode("utf-8", "replace").split("\0"))
    had = {name: _words(value) for name, _equals, value in pairs}
    gets: Dict[str, str] = {}
    for path in present(paths):
        gets.update(_values(path))
    names = {name for word in words for name in _NAME.findall(word)}
    return tuple(sorted(name for name in names if name in gets and gets[name] != had.get(name, "")))


def _values(path: str) -> Iterator[Tuple[str, str]]:
    for name, value in _LINE.findall(read_text(path)):
        yield name, _words(_unquoted(value))


def _unquoted(value: str) -> str:
    if value[:1] not in "\"'" or not value:
        return value
    try:
        return " ".join(shlex.split(value))
    except ValueError:  # an open quote
        return value


def _words(value: str) -> str:
    return " ".join(value.split())
