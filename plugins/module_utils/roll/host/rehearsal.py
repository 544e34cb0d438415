# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next start of an agent, rehearsed: from what was seen on its host to what would go wrong. Pure.

Each row of RULES is a thing that public bug reports, or our own tests, have seen end with a server that is down, or
that has lost something, after a roll that had looked at nothing but the file it edits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Tuple

REFUSE = "refuse"
WARN = "warn"

CONFIGURATION = "configuration"
STORE = "store"
_IN_MEMORY = ("tmpfs", "ramfs")
Paths = Tuple[str, ...]


class Finding(NamedTuple):
    """One thing that rules out the next start (`refuse`), or that somebody should know before it (`warn`)."""

    severity: str
    code: str
    what: str
    path: str


class Spot(NamedTuple):
    """A place where something would be written. `use` is CONFIGURATION or STORE, `kind` that of the file system."""

    path: str
    use: str
    kind: str = "ext4"
    point: str = "/"
    read_only: bool = False
    bound: bool = False
    frozen: str = ""
    writable: bool = True  # for this user


class Validation(NamedTuple):
    """What `nomad config validate` says of the configuration `now` and `after` the change; `skipped`: why it did not.

    An empty string where it was taken.
    """

    now: str = ""
    after: str = ""
    skipped: str = ""


class LogFile(NamedTuple):
    """The log file that was named. `kind` is file, directory, other or "" for none."""

    path: str
    kind: str = "file"
    readable: bool = True


_VALID = Validation()
_NO_LOG = LogFile("")


@dataclass(frozen=True)
class Facts:
    """What was seen of one server. The defaults are those of a host on which nothing is wrong."""

    manager: str = "systemd"
    unit: str = "nomad.service"
    unit_loaded: bool = True
    unit_stale: bool = False
    unit_literal: bool = True  # or config_path was given
    commands: Dict[str, str] = field(default_factory=dict)  # option -> "", "missing" or the program that is not there
    paths: Paths = ("/etc/nomad.d",)
    named: Tuple[Tuple[str, Paths], ...] = ()  # who else names -config arguments, in words
    files: Paths = ()
    files_loaded: Paths = ()  # () when no agent has said
    configuration_error: str = ""
    configuration_path: str = ""
    raft_dir: str = "/opt/nomad/data/server/raft"
    agent_raft_dir: str = ""  # of the agent that runs; "" when none does
    pid: int = 0
    unseen: str = ""  # why the process of an agent that runs could not be looked at
    contained: bool = False
    of_unit: str = ""  # the unit in which the process is
    dev: bool = False
    variables: Paths = ()
    program: str = ""
    program_now: str = "same"  # same, replaced or gone
    wal_of_later: bool = False  # whether the program keeps the metadata of its WAL in a file that is not known here
    validation: Validation = _VALID
    peers_json: bool = False
    raft_link: str = ""
    raft_mount: bool = False
    foreign_links: Paths = ()  # sentences about links of other users on the way to the configuration
    user_id: int = 0
    spots: Tuple[Spot, ...] = ()
    told: bool = False  # whether config_file was given
    log_file: LogFile = _NO_LOG


class Rule(NamedTuple):
    """One row: how bad it is, its name for programs, in what it is found, and the sentence and path for each of these.

    `find` gives what is wrong, and nothing or false values where nothing is. The texts are formats over `facts` and
    `it`, one of those that were found.
    """

    severity: str
    code: str
    find: Callable[[Facts], Iterable[Any]]
    what: str
    path: str = ""


class _Named(NamedTuple):
    who: str
    paths: str
    ours: str
    first: str


class _Wrong(NamedTuple):
    name: str
    what: str


def rehearse(facts: Facts) -> List[Finding]:
    """All findings, those that refuse first."""
    return [
        Finding(
            rule.severity, rule.code, rule.what.format(facts=facts, it=found), rule.path.format(facts=facts, it=found)
        )
        for severity in (REFUSE, WARN)
        for rule in RULES
        if rule.severity == severity
        for found in rule.find(facts)
        if found
    ]


def _differently(facts: Facts) -> Iterable[_Named]:
    """Who names other -config arguments than those that are gone by."""
    return [
        _Named(who, " ".join(paths), " ".join(facts.paths), paths[0])
        for who, paths in facts.named
        if paths and facts.paths and paths != facts.paths
    ]


def _only_in(some: Paths, others: Paths) -> Paths:
    return tuple(path for path in some if path not in others) if some and others else ()


def _not_of_unit(facts: Facts) -> Iterable[str]:
    """Where an agent that the unit cannot stop comes from."""
    if facts.manager == "systemd" and facts.unit_loaded and facts.pid and facts.of_unit != facts.unit:
        yield f"runs in {facts.of_unit}" if facts.of_unit else "was not started by systemd"


def _is_volatile(spot: Spot) -> bool:
    """Whether it is gone after a reboot, or with the container whose root it is on."""
    return spot.kind in _IN_MEMORY or (spot.kind == "overlay" and spot.point == "/")


def _store_stays(facts: Facts) -> bool:
    return not any(_is_volatile(spot) for spot in facts.spots if spot.use == STORE)


def _volatile(facts: Facts) -> Iterable[Spot]:
    """Places of the configuration that are lost where the store is not."""
    if not facts.told and _store_stays(facts):
        yield from (spot for spot in facts.spots if spot.use == CONFIGURATION and _is_volatile(spot))


def _log_file(facts: Facts) -> Iterable[str]:
    log = facts.log_file
    if log.path:
        wrong = {"": "is not there", "directory": "is a directory", "other": "is no regular file"}
        yield wrong.get(log.kind, "" if log.readable else "cannot be read")


# fmt: off
RULES: Tuple[Rule, ...] = (
    Rule(REFUSE, "config_unknown", lambda f: [not f.paths],
         "It is unknown where the agent's configuration is. Set config_path to its -config arguments."),
    Rule(REFUSE, "config_not_literal", lambda f: [not f.unit_literal],
         "The unit {facts.unit} names the configuration in a way that only systemd reads. Set config_path to the "
         "agent's -config arguments."),
    Rule(REFUSE, "config_paths", _differently,
         "{it.who} has the -config arguments {it.paths}, and the configuration looked at is {it.ours}. Set "
         "config_path to those with which the agent will start, and start it with them.", "{it.first}"),
    Rule(REFUSE, "configuration", lambda f: [f.configuration_error],
         "The configuration cannot be changed: {it}", "{facts.configuration_path}"),
    Rule(REFUSE, "validate_now", lambda f: [f.validation.now],
         "Nomad refuses the configuration as it is, before any change: {it}. The agent would not start again: "
         "correct it first."),
    Rule(REFUSE, "validate_after", lambda f: [not f.validation.now and f.validation.after],
         "Nomad would refuse the configuration as the change leaves it: {it}. Change it by hand, or give config_file."),
    Rule(REFUSE, "data_dir", lambda f: [f.raft_dir and f.agent_raft_dir not in ("", f.raft_dir) and f.agent_raft_dir],
         "The running agent has its store in {it}, but the store looked at is in {facts.raft_dir}. Give its own "
         "data_dir, and name it in the configuration instead of on the command line.", "{it}"),
    Rule(REFUSE, "dev", lambda f: [f.dev],
         "The agent runs with -dev: its Raft log is in memory, and there is nothing to convert."),
    Rule(REFUSE, "unit_unknown", lambda f: [f.manager == "systemd" and not f.unit_loaded],
         "systemd knows no unit {facts.unit}. Give its name as service_name, or service_manager=command with the "
         "commands that stop and start the agent."),
    Rule(REFUSE, "not_of_unit", _not_of_unit,
         "The agent that has the store (PID {facts.pid}) {it}, so {facts.unit} cannot stop it. Give its own "
         "unit as service_name, or start it through that unit."),
    Rule(REFUSE, "command_missing", lambda f: [name for name, wrong in f.commands.items() if wrong == "missing"],
         "Without systemd, {it} has to be given."),
    Rule(REFUSE, "command_gone",
         lambda f: [_Wrong(name, wrong) for name, wrong in f.commands.items() if wrong not in ("", "missing")],
         "The {it.name} begins with {it.what}, and there is no such program.", "{it.what}"),
    Rule(REFUSE, "program_gone", lambda f: [f.program_now == "gone"],
         "The program of the running agent is gone: {facts.program}. Put it back.", "{facts.program}"),
    Rule(REFUSE, "wal_of_later", lambda f: [f.wal_of_later],
         "This Nomad is newer than those known here: it keeps the metadata of its WAL in wal-meta.json, and would "
         "refuse a WAL with wal-meta.db, as it is made here. Nothing is wrong with the server. Look for a version of "
         "this collection that knows it.", "{facts.program}"),
    Rule(REFUSE, "peers_json", lambda f: [f.peers_json],
         "There is a peers.json in the Raft directory: at its next start Nomad takes the voters from it, and may "
         "elect a leader that lacks acknowledged writes. Remove it, unless this is a recovery; then end that "
         "first.",
         "{facts.raft_dir}/peers.json"),
    Rule(REFUSE, "raft_link", lambda f: [f.raft_link],
         "{it} is a symbolic link: whoever owns the data directory could point it anywhere. Put the real directory "
         "there, or give the real one as data_dir and in the configuration.", "{it}"),
    Rule(REFUSE, "foreign_link", lambda f: f.foreign_links,
         "The configuration would not be changed there: {it}"),
    Rule(REFUSE, "unwritable",
         lambda f: [spot for spot in f.spots if not (spot.writable or spot.read_only or spot.frozen)],
         "User {facts.user_id} may not write where {it.path} is, and the {it.use} has to change there. Run this as "
         "root (become: true, or -b).", "{it.path}"),
    Rule(REFUSE, "read_only", lambda f: [spot for spot in f.spots if spot.read_only],
         "{it.path} is on a mount that is read-only ({it.point}), and the {it.use} has to change there.", "{it.path}"),
    Rule(REFUSE, "frozen", lambda f: [spot for spot in f.spots if spot.frozen],
         "{it.frozen} is immutable or append-only: not even root can replace what the {it.use} needs there. Take "
         "the attribute away with chattr -i -a.", "{it.frozen}"),
    Rule(REFUSE, "bound", lambda f: [spot for spot in f.spots if spot.bound and spot.use == CONFIGURATION],
         "{it.path} is a mount of its own, as containers bind single files: it cannot be replaced in one step. "
         "Change it where it comes from, or give config_file.", "{it.path}"),
    Rule(REFUSE, "volatile", _volatile,
         "{it.path} is on {it.kind} and is lost with a reboot or a new container, but the store is not: Nomad "
         "would then start with the old configuration. Give a lasting place as config_file.", "{it.path}"),
    Rule(REFUSE, "log_file", _log_file,
         "The log file {facts.log_file.path} {it}: after the start nothing could tell whether the store works. "
         "Give the file that the agent writes as log_file.", "{facts.log_file.path}"),
    Rule(WARN, "files", lambda f: _only_in(f.files, f.files_loaded),
         "The running agent has not loaded {it}; its next start will.", "{it}"),
    Rule(WARN, "files", lambda f: _only_in(f.files_loaded, f.files),
         "The running agent has loaded {it}; its next start will not.", "{it}"),
    Rule(WARN, "validate_skipped", lambda f: [f.validation.skipped],
         "Nomad was not asked about the configuration: {it}.", "{facts.program}"),
    Rule(WARN, "unseen", lambda f: [f.unseen],
         "The command line of the agent is not known: {it}"),
    Rule(WARN, "contained", lambda f: [f.contained],
         "The agent (PID {facts.pid}) has another root directory, as in a container: its paths may mean other files."),
    Rule(WARN, "variables",
         lambda f: [(f.manager != "systemd" or f.of_unit != f.unit) and ", ".join(f.variables)],
         "The running agent was given {it} in its environment. See that its next start has the same."),
    Rule(WARN, "unit_stale", lambda f: [f.unit_stale],
         "The files of {facts.unit} have changed since systemd read them: the next start uses the new ones. "
         "Load them with systemctl daemon-reload, then look again."),
    Rule(WARN, "program_replaced", lambda f: [f.program_now == "replaced"],
         "{facts.program} is not the program that runs: it was replaced since the start, and the next start runs "
         "the new one. Restart the agents on it first, so that two changes do not come at once.", "{facts.program}"),
    Rule(WARN, "raft_mount", lambda f: [f.raft_mount],
         "{facts.raft_dir} is a mount of its own. Where it is not mounted at a start, Nomad begins with an empty "
         "store: let the unit have RequiresMountsFor= with this path.", "{facts.raft_dir}"),
    Rule(WARN, "store_volatile", lambda f: [not _store_stays(f)],
         "{facts.raft_dir} is lost with a reboot or a new container, so this server has no lasting store.",
         "{facts.raft_dir}"),
)
# fmt: on
