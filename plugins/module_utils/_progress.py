# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The progress file of a run: one line of JSON, written on the target, read by the action on the controller.

It must never stop a conversion, nor be in a directory that belongs to the service user.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager, suppress
from typing import Callable, Iterator, List, NamedTuple, Optional

from ._disk.errors import Refused
from ._raftstore.conversion.request import ProgressSink, no_progress

INTERVAL_S = 0.5
MAX_LEN = 4096


class Progress(NamedTuple):
    """How far a step has come: entries done of all, bytes done, seconds since it began. Without entries all are 0.

    `waits` is a sentence without its full stop on what it waits for, "" while it does not or has just begun to.
    """

    phase: str
    done: int
    total: int
    bytes_done: int
    elapsed_s: float
    waits: str = ""


Relay = Callable[[Progress], None]


def render(progress: Progress) -> bytes:
    """The content of the file."""
    values = dict(zip(("phase", "done", "total", "bytes", "elapsed"), progress))
    told = {"waits": progress.waits} if progress.waits else {}
    return json.dumps({**values, **told}).encode("ascii") + b"\n"


def parse(text: str) -> Optional[Progress]:
    """What the file says; None if it is empty, not there yet, or not ours."""
    try:
        values = json.loads(text)
        return Progress(
            str(values["phase"]),
            int(values["done"]),
            int(values["total"]),
            int(values["bytes"]),
            float(values["elapsed"]),
            str(values.get("waits", "")),
        )
    except (ValueError, KeyError, TypeError):
        return None


def read_progress(path: str) -> Optional[Progress]:
    """What the file of this path says; None as for `parse`, and when it cannot be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with open(descriptor, "rb") as file:
        return parse(file.read(MAX_LEN).decode("ascii", "replace"))


class ProgressFile:
    """A callable for the conversion. The file exists from construction, where OSError is the caller's, until `close`.

    Each new content replaces the file by a rename, so a reader always sees a whole line. There is no fsync: nobody
    needs the file after the run.
    """

    def __init__(self, path: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._phase = ""
        self._begin = self._last = 0.0
        self._create(path, b"")
        self._open = True

    def show(self, progress: Progress) -> None:
        """Put this into the file, as it is."""
        if self._open:
            self._replace(render(progress))

    def __call__(self, phase: str, done: int, total: int, bytes_done: int) -> None:
        now = self._clock()
        if phase != self._phase:
            self._phase, self._begin = phase, now
        elif now - self._last < INTERVAL_S and done < total:
            return
        self._last = now
        self.show(Progress(phase, done, total, bytes_done, round(now - self._begin, 3)))

    def waits(self, what: str) -> None:
        """Say what the phase waits for that was told last."""
        self.show(Progress(self._phase, 0, 0, 0, round(self._clock() - self._begin, 3), what))

    def close(self) -> None:
        """Remove the file, if it still can be."""
        if self._open:
            self._open = False
            self._remove(self._path)

    def _replace(self, content: bytes) -> None:
        temporary = self._path + ".new"
        try:
            self._create(temporary, content)
            os.rename(temporary, self._path)
        except OSError:  # a full or vanished /run must not stop a conversion: from here on no progress is shown
            self._remove(temporary)
            self.close()

    @staticmethod
    def _create(path: str, content: bytes) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, content)
        finally:
            os.close(descriptor)

    @staticmethod
    def _remove(path: str) -> None:
        with suppress(OSError):  # it is gone already, or the directory is
            os.unlink(path)


@contextmanager
def progress_file(path: str, data_dir: str, warn: Callable[[str], None]) -> Iterator[ProgressSink]:
    """A sink that keeps the file up to date, removed at the end. If it cannot be made, a warning says why."""
    progress = _made(path, data_dir, warn)
    try:
        yield progress or no_progress
    finally:
        if progress:
            progress.close()


@contextmanager
def progress_relay(path: Optional[str], data_dir: str, warn: Callable[[str], None]) -> Iterator[Relay]:
    """The same for what another process tells of its progress; without a path it is dropped."""
    progress = _made(path, data_dir, warn) if path else None
    try:
        yield progress.show if progress else _unseen
    finally:
        if progress:
            progress.close()


@contextmanager
def waits_file(path: Optional[str]) -> Iterator[Callable[[str], None]]:
    """A callable for what is waited for. The file comes with the first word, so a short wait makes none.

    Where it cannot be made, the wait goes on unseen.
    """
    made: List[ProgressFile] = []

    def tell(what: str) -> None:
        if path and not made:
            with suppress(OSError):
                made.append(ProgressFile(path))
        for file in made:
            file.waits(what)

    try:
        yield tell
    finally:
        for file in made:
            file.close()


def _made(path: str, data_dir: str, warn: Callable[[str], None]) -> Optional[ProgressFile]:
    folder, root = os.path.realpath(os.path.dirname(path)), os.path.realpath(data_dir)
    if os.path.commonpath([folder, root]) == root:
        raise Refused("the progress file would lie below data_dir", path, hint="Give a name below /run")
    try:
        return ProgressFile(path)
    except OSError as error:
        warn(f"No progress can be shown: {path} cannot be created: {error.strerror}.")
        return None


def _unseen(_progress: Progress) -> None:
    """What becomes of progress that nobody wants to see."""
