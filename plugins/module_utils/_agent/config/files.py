# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads configuration files as an agent finds them and replaces one in a single step. Knows nothing of their content.

A new file goes to the last directory that outlasts a reboot. A later file wins, so the last one of all would be the
natural place. But that may hold secrets, in memory: a block there is gone after a reboot, and Nomad then starts with
the former backend or, on the WAL, not at all.

Owner, group, mode and SELinux label of a replaced file are kept. The new bytes are written beside the file under a name
that no agent loads, flushed, and renamed over it.
"""

from __future__ import annotations

import os
import stat
import time
from contextlib import closing
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

from ..._disk import places
from ..._disk.attributes import Attributes
from ..._disk.durable import Directory, read_exact
from ..._disk.freename import free_name, stamp
from ..._disk.reading import reading
from ..errors import ConfigError

_MAX_LINKS = 8
MAX_LEN = 16 << 20  # bytes; a configuration file is a few kB
SUFFIXES = (".hcl", ".json")


class PassedOver(NamedTuple):
    """A directory in which the file would have won against more, and why it does not go there, in words."""

    path: str
    why: str


def unfit(directory: str) -> str:
    """Why a new file in this directory would not last, or cannot be made; "" when nothing is known against it."""
    try:
        place = places.look(os.path.join(directory, "new"))
    except OSError:
        return ""  # what is wrong is said where the directory is read
    if place.volatile:
        return f"it is on {place.mount.kind}, which is gone after a reboot"
    if place.mount.read_only:
        return "it is on a mount that is read-only"
    return "nothing can be added to it (chattr)" if place.frozen else ""


def choose_directory(directories: Sequence[str], against: Callable[[str], str] = unfit) -> str:
    """The last directory that nothing is known against; the last one where there is something against each."""
    return next((one for one in reversed(directories) if not against(one)), directories[-1])


def passed_over(directories: Sequence[str], chosen: str, against: Callable[[str], str] = unfit) -> List[PassedOver]:
    """The directories after the chosen one."""
    if chosen not in directories:
        return []
    last = len(directories) - list(reversed(directories)).index(chosen)
    return [PassedOver(one, against(one)) for one in directories[last:]]


def is_loaded_name(name: str) -> bool:
    """Whether an agent loads a file of this name from a directory (command/agent/config.go, LoadConfigDir)."""
    is_editors = name.startswith(".#") or (name.startswith("#") and name.endswith("#")) or name.endswith("~")
    return name.endswith(SUFFIXES) and not is_editors


def list_files(paths: List[str]) -> List[str]:
    """The files that an agent with these -config arguments loads, in the order in which it merges them."""
    files: List[str] = []
    for path in paths:
        if not os.path.isabs(path):
            raise ConfigError(f"{path!r} is not an absolute path, and where the agent was started is not known")
        path = os.path.normpath(path)
        files += _inside(path) if os.path.isdir(path) else [path]
    return files


def _inside(path: str) -> List[str]:
    """The loaded files of a directory. A link to a directory is not one to the agent: it fails on it, as we do."""
    try:
        with os.scandir(path) as entries:
            found = [
                entry.path
                for entry in entries
                if is_loaded_name(entry.name) and not entry.is_dir(follow_symlinks=False)
            ]
    except OSError as error:
        raise ConfigError(f"cannot list the directory: {os.strerror(error.errno or 0)}", path) from error
    return sorted(found, key=os.fsencode)


def read(path: str) -> bytes:
    """The content of a file; links are followed, as the agent does. Raises StoreError or ConfigError."""
    real = os.path.realpath(path)
    if real == os.devnull:
        return b""  # a link to it disables a file
    if os.path.islink(path) and not os.path.lexists(real):
        what = f"this is a link to {os.readlink(path)}, and there is no file. Nomad would not start"
        raise ConfigError(what, path, hint="Remove the link, or put the file back.")
    if not os.path.exists(os.path.dirname(real)):
        where = "" if real == path else f" (its links lead to {real})"
        raise ConfigError(f"No such file or directory{where}. Nomad would not start", path)
    if os.path.islink(path) and os.path.islink(real):
        raise ConfigError("this link leads to itself. Nomad would not start", path, hint="Remove the link.")
    return _read(path)[0]


def _read(path: str) -> Tuple[bytes, Attributes]:
    directory, name = _open_real(path)
    with closing(directory):
        return _read_in(directory, name, path)


def _read_in(directory: Directory, name: str, path: str) -> Tuple[bytes, Attributes]:
    with reading(directory, name) as fd:
        length = os.fstat(fd).st_size
        if length > MAX_LEN:
            raise ConfigError(f"the file has {length} bytes; no configuration is that long", path)
        mode = stat.S_IMODE(os.fstat(fd).st_mode) & 0o777
        return read_exact(fd, length, 0, path), Attributes.of(fd)._replace(mode=mode)


def _open_real(path: str) -> Tuple[Directory, str]:
    real = os.path.realpath(path)
    return Directory.open(os.path.dirname(real)), os.path.basename(real)


def _open_parent(path: str) -> Tuple[Directory, str]:
    """The directory of a path, and its last name, which may be that of a link."""
    parent, name = os.path.split(os.path.abspath(path))
    return Directory.open(os.path.realpath(parent)), name


def _open_trusted(path: str) -> Tuple[Directory, str]:
    """The directory and name of the file that a path means, reached only through links of root or of our own.

    The configuration directory often belongs to the service user, who could point us at any file of root's and may
    swap names at any moment. So each link is held open while its owner is checked and its target is read.
    """
    for _link in range(_MAX_LINKS):
        directory, name = _open_parent(path)
        target = _target(directory, name, path)
        if target is None:
            return directory, name
        directory.close()
        path = os.path.join(directory.path, target)
    raise ConfigError("too many symbolic links", path, hint="Give the real file in path.")


def _target(directory: Directory, name: str, path: str) -> Optional[str]:
    """Where a link leads; None if this is not a link. Raises ConfigError for a link of another user."""
    try:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory.fd)
    except OSError as error:
        directory.close()
        raise ConfigError(f"cannot look at it: {os.strerror(error.errno or 0)}", path) from error
    try:
        status = os.fstat(fd)
        if not stat.S_ISLNK(status.st_mode):
            return None
        if status.st_uid not in (0, os.geteuid()):
            directory.close()
            raise ConfigError("this is a symbolic link of another user", path, hint="Give the real file in path.")
        return os.readlink("", dir_fd=fd)
    finally:
        os.close(fd)


def check_links(path: str) -> None:
    """Raise ConfigError when `write` would not reach an existing file, because somebody else's link is on the way."""
    _open_trusted(path)[0].close()


def write(path: str, before: Optional[bytes], after: bytes, like: str, backup: bool) -> Optional[str]:
    """Put `after` in place of `before` (None: the file is new and gets owner, mode and label of `like`).

    Returns the path of the copy that was kept, if one was. Raises ConfigError when the file is no longer what it was,
    or is reached through a link of somebody else.
    """
    # From here on the directory is held open: a link put there meanwhile cannot lead us elsewhere.
    directory, name = _open_trusted(path) if before is not None else _open_parent(path)
    try:
        kept = None
        if before is None:
            attributes = _read(like)[1]
            if directory.stat(name) is not None:
                raise ConfigError("the file has appeared meanwhile", path, hint="Run again.")
        else:
            found, attributes = _read_in(directory, name, path)
            if found != before:
                raise ConfigError("the file has been changed meanwhile", path, hint="Run again.")
            kept = _keep_copy(directory, name, before, attributes) if backup else None
        directory.replace_file(name, f".{name}.partial", after, attributes)
        return kept
    finally:
        directory.close()


def remove(path: str, content: bytes) -> None:
    """Remove a file that still has this content. Raises ConfigError when it has not, or is reached through a link."""
    directory, name = _open_parent(path)
    try:
        if _read_in(directory, name, path)[0] != content:
            raise ConfigError("the file has been changed meanwhile", path, hint="Run again.")
        directory.remove(name)
    finally:
        directory.close()


def _keep_copy(directory: Directory, name: str, content: bytes, attributes: Attributes) -> str:
    copy = free_name(directory.names(), f"{name}.{stamp(time.time())}", "~")
    new = directory.create(copy, attributes)
    try:
        new.write([content])
        new.sync()
    finally:
        new.close()
    directory.sync()
    return directory.path_of(copy)
