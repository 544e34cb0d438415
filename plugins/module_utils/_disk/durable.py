# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only code that changes files: create, write, fsync, rename, link, remove; owner, mode, label; locks.

Every path below a raft directory is opened relative to a held descriptor of that directory, and no link is followed:
the directory belongs to an unprivileged user while this code runs as root. A call that changes a name is durable when
it returns; the weaker form says so in its name (`_nosync`). Nothing here knows what the files mean.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import closing, suppress
from typing import Callable, List, Optional, Sequence

from .attributes import Attributes
from .errors import HINTS, Corrupt, InUse, Refused, StoreError, WriteFailed, unreadable
from .syscalls import REAL, Buffer, SystemCalls, fail

_OPEN = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK  # O_NONBLOCK: a FIFO in place of a file must not hang us
_IOV_MAX = 1024


def lock_exclusive(fd: int, path: str, shared: bool = False) -> None:
    """Take the flock(2) that bbolt takes, without waiting; `shared`: against writers only. Raises InUse if it is taken.

    The lock belongs to the open file: forked workers keep it, and it ends with the last of them.
    """
    try:
        fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise WriteFailed(f"cannot lock: {os.strerror(error.errno or 0)}", path) from error
        hint = "Stop the Nomad server, then run again."
        raise InUse("the file is locked by another process", path, hint=hint) from error


def read_exact(fd: int, length: int, off: int, path: str = "") -> bytes:
    """`length` bytes from `off`. Raises Corrupt if the file ends too early, StoreError if it cannot be read."""
    chunks: List[bytes] = []
    have = 0
    while have < length:
        try:
            chunk = os.pread(fd, length - have, off + have)
        except OSError as error:
            what = f"cannot read: {os.strerror(error.errno or 0)}"
            raise StoreError(what, path, off + have, "Check the disk and the kernel log.") from error
        if not chunk:
            raise Corrupt(f"the file ends here, but {length - have} more bytes are expected", path, off + have)
        if have == 0 and len(chunk) == length:
            return chunk
        chunks.append(chunk)
        have += len(chunk)
    return b"".join(chunks)


def _change(doing: str, path: str, call: Callable[[], None]) -> None:
    try:
        call()
    except OSError as error:
        fail(error, doing, path)


class NewFile:
    """A file that this run has created: written through an unbuffered descriptor, on disk only after `sync`."""

    def __init__(self, directory: Directory, name: str, fd: int) -> None:
        self._directory = directory
        self._calls = directory.calls
        self.name = name
        self.path = directory.path_of(name)
        self.fd = fd
        self.length = 0

    def write(self, buffers: Sequence[Buffer]) -> None:
        """Append the buffers. Raises NoSpace or WriteFailed."""
        self.length = self.write_at(self.length, buffers)

    def write_at(self, off: int, buffers: Sequence[Buffer]) -> int:
        """Write the buffers at `off`; returns the offset after them."""
        todo = [memoryview(buffer).cast("B") for buffer in buffers if len(buffer)]
        start = 0
        while start < len(todo):
            try:
                written = self._calls.pwritev(self.fd, todo[start : start + _IOV_MAX], off)
            except OSError as error:
                fail(error, f"write at byte {off}", self.path)
            off += written
            while start < len(todo) and written >= len(todo[start]):
                written -= len(todo[start])
                start += 1
            if written:
                todo[start] = todo[start][written:]
        return off

    def clone(self, fd: int) -> None:
        """Share all blocks of another open file, as it is at this moment. Raises OSError where that cannot be done."""
        self._calls.clone(self.fd, fd)

    def write_back(self, off: int, end: int) -> None:
        """Begin to write out bytes `off` to `end` (0: all), and drop those already on disk from the page cache."""
        os.posix_fadvise(self.fd, off, end - off, os.POSIX_FADV_DONTNEED)

    def set_length(self, length: int) -> None:
        """Make the file exactly `length` bytes long; a longer one ends in zeros."""
        _change("set the length", self.path, lambda: self._calls.ftruncate(self.fd, length))

    def sync(self) -> None:
        """Flush the content to the disk. Raises WriteFailed; the state of everything written before is then unknown."""
        _change("flush to the disk", self.path, lambda: self._calls.fsync(self.fd))

    def close(self) -> None:
        """Close without syncing."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class Directory:
    """An open directory. All names are single components inside it, and no link is followed."""

    def __init__(self, fd: int, path: str, calls: SystemCalls = REAL) -> None:
        self.fd = fd
        self.path = path
        self.calls = calls

    @classmethod
    def open(cls, path: str, calls: SystemCalls = REAL) -> Directory:
        """A directory by the path that a person gave; links in the path are followed. Raises Refused."""
        try:
            return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), path, calls)
        except OSError as error:
            what = f"cannot open the directory: {os.strerror(error.errno or 0)}"
            hint = "Give a directory that exists, and run as a user who may open it."
            raise Refused(what, path, hint=hint) from error

    def path_of(self, name: str) -> str:
        """The path of a name, for messages."""
        return os.path.join(self.path, name)

    def close(self) -> None:
        """Close the descriptor, which gives up a flock on it."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def names(self) -> List[str]:
        """All names in it, as it is now, sorted. Raises StoreError when they cannot be read."""
        # POSIX leaves open whether a directory opened earlier lists what came since: btrfs does not (Linux >= 6.4.12).
        # Forked workers share its position, too. So each listing has a descriptor of its own.
        with closing(self.subdirectory(".")) as fresh:
            try:
                return sorted(os.listdir(fresh.fd))
            except OSError as error:
                raise unreadable(error, self.path) from error

    def stat(self, name: str) -> Optional[os.stat_result]:
        """Status of the name itself (links not followed), None when there is no such name. Raises StoreError."""
        try:
            return os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(error, self.path_of(name)) from error

    def read_link(self, name: str) -> str:
        """Target of a symbolic link."""
        return os.readlink(name, dir_fd=self.fd)

    def free_bytes(self) -> int:
        """Bytes that an unprivileged writer may still use on this file system."""
        status = os.fstatvfs(self.fd)
        return status.f_bavail * status.f_frsize

    def subdirectory(self, name: str) -> Directory:
        """A directory inside; a link is refused."""
        return Directory(self._open(name, os.O_RDONLY | os.O_DIRECTORY), self.path_of(name), self.calls)

    def open_read(self, name: str) -> int:
        """Descriptor of a regular file for reading; anything else is refused."""
        return self._regular(self._open(name, os.O_RDONLY), name)

    def open_read_write(self, name: str) -> int:
        """The same for reading and writing, which a lock needs on some file systems."""
        return self._regular(self._open(name, os.O_RDWR), name)

    def _open(self, name: str, flags: int) -> int:
        try:
            return os.open(name, flags | _OPEN, dir_fd=self.fd)
        except OSError as error:
            hint = HINTS.get(error.errno or 0, "")
            raise Refused(f"cannot open: {os.strerror(error.errno or 0)}", self.path_of(name), hint=hint) from error

    def _regular(self, fd: int, name: str) -> int:
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        hint = "Find out what put it there and move it away."
        raise Refused("this is not a regular file", self.path_of(name), hint=hint)

    def create(self, name: str, attributes: Optional[Attributes] = None) -> NewFile:
        """A new, empty file of mode 0600 or with the given attributes. Raises WriteFailed when the name is taken."""
        try:
            fd = self.calls.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _OPEN, 0o600, self.fd)
        except OSError as error:
            fail(error, "create the file", self.path_of(name))
        new = NewFile(self, name, fd)
        if attributes is not None:
            try:
                attributes.apply(fd, new.path, self.calls)
            except StoreError:
                new.close()
                raise
        return new

    def make_directory(self, name: str, attributes: Optional[Attributes] = None) -> Directory:
        """A new directory of mode 0700 or with the given attributes; its name is durable after the next `sync`."""
        self._change("make the directory", name, lambda: self.calls.mkdir(name, 0o700, self.fd))
        made = self.subdirectory(name)
        if attributes is not None:
            attributes.apply(made.fd, made.path, self.calls)
        return made

    def sync(self) -> None:
        """Flush the names of this directory to the disk."""
        _change("flush the directory to the disk", self.path, lambda: self.calls.fsync(self.fd))

    def rename(self, old: str, new: str) -> None:
        """Give `old` the free name `new`, durably. Raises WriteFailed when it is taken."""
        self.rename_nosync(old, new)
        self.sync()

    def rename_nosync(self, old: str, new: str) -> None:
        """The same without the sync."""
        if self.stat(new) is not None:
            hint = "Nothing is ever replaced; run the same command again."
            raise WriteFailed("the name is taken", self.path_of(new), hint=hint)
        self._change(f"rename to {new}", old, lambda: self.calls.rename(old, new, self.fd))

    def replace(self, old: str, new: str) -> None:
        """Give `old` the name `new` in one durable step, replacing what had it. The switch is such a call."""
        self._change(f"rename to {new}", old, lambda: self.calls.rename(old, new, self.fd))
        self.sync()

    def link(self, old: str, new: str) -> None:
        """A second name for a file, durably."""
        self._change(f"link as {new}", old, lambda: self.calls.link(old, new, self.fd))
        self.sync()

    def symlink_nosync(self, target: str, name: str) -> None:
        """A symbolic link; its name is durable after the next `sync`."""
        self._change("make the link", name, lambda: self.calls.symlink(target, name, self.fd))

    def symlink(self, target: str, name: str) -> None:
        """A symbolic link, durably."""
        self.symlink_nosync(target, name)
        self.sync()

    def remove(self, name: str) -> None:
        """Remove a file's name, durably."""
        self.remove_nosync(name)
        self.sync()

    def remove_nosync(self, name: str) -> None:
        """The same without the sync."""
        self._change("remove", name, lambda: self.calls.unlink(name, self.fd))

    def remove_directory(self, name: str) -> None:
        """Remove a directory of plain files and its content, durably. Only for what this code has made itself."""
        with closing(self.subdirectory(name)) as inner:
            for inner_name in inner.names():
                inner.remove_nosync(inner_name)
        self.remove_empty(name)

    def remove_empty(self, name: str) -> None:
        """Remove a directory that has nothing in it, durably."""
        self._change("remove the directory", name, lambda: self.calls.rmdir(name, self.fd))
        self.sync()

    def replace_file(self, name: str, temporary: str, content: bytes, attributes: Optional[Attributes] = None) -> None:
        """Put a whole file in place in one durable step: written as `temporary` (a left one goes), synced, renamed."""
        if self.stat(temporary) is not None:
            self.remove(temporary)
        new = self.create(temporary, attributes)
        try:
            new.write([content])
            new.sync()
            self.replace(temporary, name)
        except StoreError:
            with suppress(OSError):  # another failure is being reported; the next run removes a leftover
                self.calls.unlink(temporary, self.fd)
            raise
        finally:
            new.close()

    def _change(self, doing: str, name: str, call: Callable[[], None]) -> None:
        _change(doing, self.path_of(name), call)
