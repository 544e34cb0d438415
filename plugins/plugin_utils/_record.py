# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The record of a roll in files on the controller: a journal, and what is made of it. Runs on the controller.

```
name = prepare(report_dir, given, playbook, group, time.time())    # before anything is changed; raises a sentence
note(report_dir, name, "run_began", {"run": ..., "by": ...})         # one event; see module_utils/_record/kinds.py
note(report_dir, name, "worked", {"server": host, **result})         # whole results: only what is named is kept
write(report_dir, name)                                              # NAME.json and NAME.html as of now
```

Where `report_dir` is "" nothing is done. Ansible's workers are processes of their own, so several may append at once:
each event is one write. No failure here may stop a roll: note and write return a sentence for a warning, else "".
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import time
from typing import Any, Callable, Dict, List, Mapping, Sequence, Tuple

from ansible.errors import AnsibleActionFail
from ansible_collections.raftops.nomad.plugins.module_utils._record import journal, kinds
from ansible_collections.raftops.nomad.plugins.module_utils._record.build import build
from ansible_collections.raftops.nomad.plugins.module_utils._record.page.page import page
from ansible_collections.raftops.nomad.plugins.module_utils._record.stats import stats as in_short
from ansible_collections.raftops.nomad.plugins.plugin_utils._files import put

MAX_LEN = 64 << 20
ROUNDS = 3
APPEND = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
MODE = 0o644  # less what the umask takes


def prepare(report_dir: str, given: str, playbook: str, group: str, at: float) -> str:
    """Make the directory if it is not there and begin, or find, the journal; the record's name.

    `given` is raft_logstore_report_name, or "": then the newest record of this playbook and group goes on, if its last
    run has left something to do, else a new one begins, named after `at`. Raises AnsibleActionFail.
    """
    if not report_dir:
        return ""
    wrong = journal.wrong_name(given) if given else ""
    report_dir = os.path.expanduser(report_dir)
    if not wrong and not os.path.isabs(report_dir):
        wrong = f"raft_logstore_report_dir is {report_dir}. Give an absolute path on this controller."
    if wrong:
        raise AnsibleActionFail(f"{wrong} Nothing was changed.")
    try:
        os.makedirs(report_dir, exist_ok=True)
        name = given or _left(report_dir, playbook, group) or journal.name(playbook, group, at)
        os.close(_open(_path(report_dir, name), APPEND))
    except OSError as error:
        raise AnsibleActionFail(
            f"No record of this roll can be written to raft_logstore_report_dir, {report_dir} on this controller: "
            f"{error.strerror}. Name a directory in which {_user()} may make files. Nothing was changed."
        ) from error
    return name


def note(report_dir: str, name: str, kind: str, given: Mapping[str, Any], secrets: Sequence[str] = ()) -> str:
    """Append an event; "" or a warning. What is kept of `given` is kinds.KINDS[kind]; `secrets` never are."""

    def append() -> None:
        text = journal.line(kinds.event(kind, time.time(), given, secrets))
        descriptor = _open(_path(report_dir, name), APPEND)
        try:
            end = os.fstat(descriptor).st_size
            torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
            whole = (b"\n" if torn else b"") + text
            if os.write(descriptor, whole) < len(whole):
                raise OSError(0, "the file system has taken only a part of a line")
        finally:
            os.close(descriptor)

    return _tried(append, report_dir) if report_dir else ""


def write(report_dir: str, name: str, render: Callable[[Mapping[str, Any]], str] = page) -> str:
    """Make NAME.json and NAME.html of the journal as it is now, each replaced as a whole; "" or a warning.

    Of two that write at once, who has read less may be the last to write. So each looks once more when it is done.
    """

    def replace() -> None:
        for _round in range(ROUNDS):
            events, length = _read(report_dir, name)
            record = build(name, events)
            put(_path(report_dir, name, ".json"), json.dumps(record, indent=2) + "\n", MODE)
            put(_path(report_dir, name, ".html"), render(record), MODE)
            if os.stat(_path(report_dir, name)).st_size == length:
                return

    return _tried(replace, report_dir) if report_dir else ""


def stats(report_dir: str, name: str) -> Dict[str, Any]:
    """An action result's `ansible_stats` for this record, for AWX; {} where there is none."""
    try:
        return in_short(build(name, _read(report_dir, name)[0])) if report_dir else {}
    except OSError:
        return {}


def _tried(what: Callable[[], None], report_dir: str) -> str:
    try:
        what()
    except Exception as error:  # also a bug here: a server may be out
        reason = error.strerror if isinstance(error, OSError) and error.strerror else repr(error)
        return f"The record of this roll in {report_dir} is not complete: {reason}"
    return ""


def _path(report_dir: str, name: str, suffix: str = journal.SUFFIX) -> str:
    return os.path.join(os.path.expanduser(report_dir), name + suffix)


def _left(report_dir: str, playbook: str, group: str) -> str:
    """The newest record of this playbook and group, if its last run has left something to do; else ""."""
    start = journal.prefix(playbook, group)
    ours = [name[: -len(journal.SUFFIX)] for name in os.listdir(report_dir) if name.endswith(journal.SUFFIX)]
    for name in sorted((name for name in ours if journal.is_named(name, start)), reverse=True)[:1]:
        with contextlib.suppress(OSError):  # somebody else's
            return name if journal.goes_on(_read(report_dir, name)[0]) else ""
    return ""


def _open(path: str, flags: int) -> int:
    """A descriptor of a regular file. Raises OSError, also for anything else: the directory may be everybody's."""
    descriptor = os.open(path, flags, MODE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(0, f"{path} is no file")
    return descriptor


def _read(report_dir: str, name: str) -> Tuple[List[Dict[str, Any]], int]:
    """The events, and how many bytes they were."""
    with open(_open(_path(report_dir, name), READ), "rb") as file:
        content = file.read(MAX_LEN)
    return journal.read(content), len(content)


def _user() -> str:
    return f"the user with the number {os.geteuid()}"
