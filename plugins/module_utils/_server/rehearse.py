# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathers what the rules on the next start ask about (roll/rehearsal.py), from one look at a server. Reads only."""

from __future__ import annotations

import os
import shlex
import shutil
import time
from typing import Any, Dict, List, Optional, Sequence, Tuple

from .._agent.config import files
from .._agent.config.ensure import Wish, passed_over
from .._agent.config.load import agent_settings
from .._agent.errors import ConfigError
from .._agent.host import process as processes
from .._agent.host.process import Process
from .._agent.host.validate import TimedRunner, run_for
from .._agent.versions import untried
from .._disk import places
from .._disk.errors import StoreError
from .._disk.mounts import PROC
from .._roll.host.facts import CONFIGURATION, STORE, Facts, LogFile, Spot
from .._roll.host.rehearsal import Finding, rehearse
from . import environment, metadata
from .look import Seen
from .startfiles import unusable
from .validation import validation

Paths = Tuple[str, ...]
_PEERS = "peers.json"  # what Nomad recovers from at its start, and removes (hashicorp/raft, RecoverCluster)


def findings(seen: Seen, run: TimedRunner = run_for, proc: str = PROC) -> List[Finding]:
    """What would go wrong at this server's next start."""
    return rehearse(gather(seen, run, proc))


def gather(seen: Seen, run: TimedRunner = run_for, proc: str = PROC) -> Facts:
    """The facts that the rules judge."""
    raft_dir, link = _raft_dir(seen)
    process = seen.process
    return Facts(
        manager=seen.given["service_manager"],
        unit=seen.unit_name,
        unit_loaded=seen.unit.loaded,
        unit_stale=seen.unit.stale,
        arguments_changed=_arguments_changed(seen, proc),
        environment_changed=_changed_since(environment.present(seen.unit.environment_files), seen.unit.started),
        unit_literal=bool(seen.given["config_path"]) or seen.unit.literal,
        commands=_commands(seen),
        paths=_real(seen.paths),
        named=_named(seen, process),
        files=_files(seen),
        files_loaded=_loaded(seen, process),
        configuration_error=seen.errors.get("configuration", ""),
        configuration_path=seen.configuration_error_path,
        raft_dir=raft_dir,
        agent_raft_dir=_agent_raft_dir(seen, process),
        unseen=_unseen(seen),
        wal_of_later=_wal_of_later(seen, process),
        **_of_process(process),
        validation=validation(seen, run),
        peers_json=os.path.lexists(os.path.join(raft_dir, _PEERS)) if raft_dir else False,
        raft_link=link,
        raft_mount=_is_mount(raft_dir, proc),
        foreign_links=_foreign_links(seen),
        user_id=os.geteuid(),
        spots=_spots(seen, raft_dir, proc),
        told=os.path.normpath(seen.given["config_file"]) if seen.given["config_file"] else "",
        passed_over=_passed_over(seen),
        log_file=_log_file(seen.given["log_file"]),
        unusable=unusable(seen, proc),
    )


def _of_process(process: Optional[Process]) -> Dict[str, Any]:
    if process is None:
        return {}
    return {
        "pid": process.pid,
        "contained": process.contained,
        "of_unit": process.unit,
        "dev": process.command.dev,
        "variables": process.variables,
        "program": process.program,
        "program_now": _program_now(process),
    }


def _real(paths: Sequence[str], start: str = "/") -> Paths:
    return tuple(os.path.realpath(os.path.join(start, path)) for path in paths)


def _named(seen: Seen, process: Optional[Process]) -> Tuple[Tuple[str, Paths], ...]:
    """Who else names -config arguments: the unit, the process, and the agent where it says something else again."""
    named: List[Tuple[str, Paths]] = []
    if process is not None and process.contained:  # the paths of each are those of its container
        return ()
    if seen.given["config_path"] and seen.unit.literal:
        named.append((f"The unit {seen.unit_name}", _real(seen.unit.config_paths)))
    start = process.cwd if process else "/"
    if process is not None:
        named.append((f"The running agent (PID {process.pid})", _real(process.command.config_paths, start)))
    if seen.agent is not None:
        said = _real(seen.agent.config_paths, start)
        if said not in [paths for _who, paths in named]:
            named.append((f"The agent that answers ({seen.agent.name})", said))
    return tuple(named)


def _arguments_changed(seen: Seen, proc: str) -> Paths:
    if seen.process is None or not seen.unit.variables:
        return ()
    environ = processes.environ(seen.process.pid, proc)
    return environment.changed(seen.unit.variables, seen.unit.environment_files, environ) if environ else ()


def _changed_since(paths: Sequence[str], started_s: float) -> Paths:
    """Those that were written after this moment on the monotonic clock; none where there was no start."""
    since = time.time() - (time.monotonic() - started_s)
    return tuple(path for path in paths if started_s and os.stat(path).st_mtime > since)


def _files(seen: Seen) -> Paths:
    return _real([document.path for document in seen.planned.found.documents]) if seen.planned else ()


def _loaded(seen: Seen, process: Optional[Process]) -> Paths:
    if seen.agent is None or (process is not None and process.contained):
        return ()
    return _real(seen.agent.config_files, process.cwd if process else "/")


def _raft_dir(seen: Seen) -> Tuple[str, str]:
    """The Raft directory, and the link on the way to it below the data_dir, if there is one that was not followed."""
    raft_dir = seen.store["raft_dir"] if seen.store else os.path.join(seen.data_dir, "server/raft")
    if not seen.data_dir:
        return "", ""
    above = os.path.dirname(raft_dir)
    links = [
        path for path in (above, raft_dir) if os.path.basename(path) in ("server", "raft") and os.path.islink(path)
    ]
    return os.path.realpath(raft_dir), links[0] if links and seen.store is None else ""


def _agent_raft_dir(seen: Seen, process: Optional[Process]) -> str:
    """Where the agent that runs has its store, by its own word, else by its command line."""
    if process is not None and process.contained:
        return ""
    if seen.agent is not None and seen.agent.raft_dir:
        return os.path.realpath(seen.agent.raft_dir)
    if process is None or not process.command.data_dir:
        return ""
    configured = agent_settings(seen.planned.found) if seen.planned else {"data_dir": "", "raft_dir": ""}
    apart = configured["raft_dir"] != os.path.join(configured["data_dir"], "server", "raft")
    if configured["raft_dir"] and apart:  # server.data_dir, which the command line does not change
        return os.path.realpath(configured["raft_dir"])
    return os.path.realpath(os.path.join(process.cwd, process.command.data_dir, "server", "raft"))


def _unseen(seen: Seen) -> str:
    """Why the process of an agent that runs is not known; "" when it is, and when none runs."""
    runs = seen.agent is not None or bool(seen.store and seen.store["in_use"])
    if not runs or seen.process is not None:
        return ""
    return seen.errors.get("process") or "no process that can be seen from here has the store open. Run as root."


def _program_now(process: Process) -> str:
    if not process.replaced:
        return "same"
    return "replaced" if os.path.exists(process.program) else "gone"


def _wal_of_later(seen: Seen, process: Optional[Process]) -> bool:
    """A known version needs no look into its program, which has 150 MB; one that the agent does not run yet does."""
    if process is None or process.contained or seen.given["backend"] != "wal":
        return False
    known = seen.agent is not None and not untried(seen.agent.version) and not process.replaced
    return not known and metadata.is_later(process.program)


def _commands(seen: Seen) -> Dict[str, str]:
    """What is wrong with the commands that do what systemd would. The log can come from a file instead of status."""
    if seen.systemd:
        return {}
    needed = ["stop_command", "start_command", *([] if seen.given["log_file"] else ["status_command"])]
    wrong = {name: "missing" for name in needed if not seen.given[name]}
    for name in ("stop_command", "start_command", "status_command"):
        command = seen.given[name]
        if command:
            program = _first_word(command)
            wrong[name] = "" if shutil.which(program) else program
    return wrong


def _first_word(command: str) -> str:
    try:
        return (shlex.split(command) or [command])[0]
    except ValueError:  # an open quote
        return command


def _is_mount(path: str, proc: str) -> bool:
    try:
        return bool(path) and places.look(path, proc).bound
    except OSError:
        return False


def _foreign_links(seen: Seen) -> Paths:
    """Why files that have to change would not be reached, in sentences."""
    wrong = []
    for change in seen.planned.changes if seen.planned else ():
        try:
            if change.before is not None:
                files.check_links(change.path)
        except (ConfigError, StoreError) as error:
            wrong.append(str(error))
    return tuple(wrong)


def _spots(seen: Seen, raft_dir: str, proc: str) -> Tuple[Spot, ...]:
    """Where a change would write: each file of the configuration that has to change, and the store."""
    changes = seen.planned.changes if seen.planned else []
    wanted = [(change.path, CONFIGURATION) for change in changes]
    new = [change.path for change in changes if change.before is None]
    if seen.store is not None:
        raft_db = os.path.join(raft_dir, "raft.db")  # on a WAL it is a link, the guard, or not there
        name = raft_db if os.path.isfile(raft_db) and not os.path.islink(raft_db) else os.path.join(raft_dir, "wal")
        wanted.append((name, STORE))
    spots = []
    for path, use in wanted:
        try:
            place = places.look(path, proc)
        except OSError as error:
            seen.errors["rehearsal"] = f"{path}: {os.strerror(error.errno or 0)}"
            continue
        mount, writable = place.mount, os.access(os.path.dirname(place.real), os.W_OK, effective_ids=True)
        seen_there = (mount.kind, mount.point, mount.read_only, place.bound, place.frozen, writable, place.volatile)
        spots.append(Spot(path, use, *seen_there, new=path in new))
    return tuple(spots)


def _passed_over(seen: Seen) -> Tuple[Tuple[str, str], ...]:
    """Why a new file of the configuration does not go where it would have won against more."""
    if seen.planned is None:
        return ()
    wish = Wish(seen.paths, seen.given["backend"], file=seen.given["config_file"] or "")
    return tuple((one.path, one.why) for one in passed_over(wish, seen.planned))


def _log_file(path: Optional[str]) -> LogFile:
    if not path:
        return LogFile("")
    try:
        kind = places.look(path).kind
    except OSError:
        kind = ""
    return LogFile(path, kind, os.access(path, os.R_OK))
