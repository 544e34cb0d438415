# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next start of an agent, rehearsed: from what was seen on its host to what would go wrong. Pure.

Each row of RULES is a thing that public bug reports, or our own tests, have seen end with a server that is down, or
that has lost something, after a roll that had looked at nothing but the file it edits.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, List, Mapping, NamedTuple, Tuple

from .facts import CONFIGURATION, STORE, Facts, Paths, Spot

REFUSE = "refuse"
WARN = "warn"


class Finding(NamedTuple):
    """One thing that rules out the next start (`refuse`), or that somebody should know before it (`warn`)."""

    severity: str
    code: str
    what: str
    path: str


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


# Said in other words, and under other conditions, by those that stop a server.
SAID_BY_OTHERS = ("command_missing", "configuration", "config_unknown", "config_not_literal")


Plain = Iterable[Mapping[str, str]]
"""Findings as server_info tells them."""


def refusals(findings: Plain) -> Tuple[str, ...]:
    """Why a server must not be stopped, in sentences without their full stop."""
    told = [one for one in findings if one["severity"] == REFUSE and one["code"] not in SAID_BY_OTHERS]
    return tuple(one["what"].rstrip(". ") for one in told)


def warnings(findings: Plain) -> Tuple[str, ...]:
    """What somebody should know before it, in sentences."""
    return tuple(one["what"] for one in findings if one["severity"] == WARN)


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
    if facts.contained:  # the unit may have started the container
        return
    if facts.manager == "systemd" and facts.unit_loaded and facts.pid and facts.of_unit != facts.unit:
        yield f"runs in {facts.of_unit}" if facts.of_unit else "was not started by systemd"


def _store_stays(facts: Facts) -> bool:
    return not any(spot.volatile for spot in facts.spots if spot.use == STORE)


def _volatile(facts: Facts, new: bool) -> Iterable[Spot]:
    """Places of the configuration that are lost where the store is not, but for the one that was told."""
    if _store_stays(facts):
        spots = [spot for spot in facts.spots if spot.use == CONFIGURATION and spot.volatile and spot.new == new]
        yield from (spot for spot in spots if spot.path != facts.told)


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
         "The command line of the unit {facts.unit} has parts written in a way that only systemd reads, and they may "
         "name a part of the configuration. Set config_path to the agent's -config arguments."),
    Rule(REFUSE, "config_paths", _differently,
         "{it.who} has the -config arguments {it.paths}, but the configuration looked at is {it.ours}. Set "
         "config_path to those with which the agent will start, and start it with them.", "{it.first}"),
    Rule(REFUSE, "environment_arguments", lambda f: [f.pid and ", ".join(f.arguments_changed)],
         "The unit {facts.unit} takes arguments from {it}, which has another value now than when the agent was "
         "started. Restart the agent by hand first, when the others are healthy."),
    Rule(REFUSE, "configuration", lambda f: [f.configuration_error],
         "The configuration cannot be changed: {it}", "{facts.configuration_path}"),
    Rule(REFUSE, "validate_now", lambda f: [f.validation.now],
         "Nomad refuses the configuration as it is, before any change: {it}. The agent would not start again: "
         "correct it first."),
    Rule(REFUSE, "validate_after", lambda f: [not f.validation.now and f.validation.after],
         "Nomad would refuse the configuration as the change leaves it: {it}. Change it by hand, or give config_file."),
    Rule(REFUSE, "data_dir", lambda f: [f.raft_dir and f.agent_raft_dir not in ("", f.raft_dir) and f.agent_raft_dir],
         "The running agent has its store in {it}, but the store looked at is in {facts.raft_dir}. Set "
         "data_dir to the agent's own, and name it in the configuration instead of on the command line.", "{it}"),
    Rule(REFUSE, "dev", lambda f: [f.dev],
         "The agent runs with -dev: its Raft log is in memory, and there is nothing to convert."),
    Rule(REFUSE, "unit_unknown", lambda f: [f.manager == "systemd" and not f.unit_loaded],
         "systemd knows no unit {facts.unit}. Give its name as service_name, or service_manager=command with the "
         "commands that stop and start the agent."),
    Rule(REFUSE, "not_of_unit", _not_of_unit,
         "The agent that has the store (PID {facts.pid}) {it}, so {facts.unit} cannot stop it. Set "
         "service_name to the agent's own unit, or start the agent through {facts.unit}."),
    Rule(REFUSE, "command_missing", lambda f: [name for name, wrong in f.commands.items() if wrong == "missing"],
         "Without systemd, {it} has to be given."),
    Rule(REFUSE, "command_gone",
         lambda f: [_Wrong(name, wrong) for name, wrong in f.commands.items() if wrong not in ("", "missing")],
         "The {it.name} begins with {it.what}, and there is no such program.", "{it.what}"),
    Rule(REFUSE, "program_gone", lambda f: [f.program_now == "gone"],
         "The program of the running agent is gone: {facts.program}. Put it back.", "{facts.program}"),
    Rule(REFUSE, "wal_of_later", lambda f: [f.wal_of_later],
         "This Nomad is newer than those known here: it keeps the metadata of its WAL in wal-meta.json, and would "
         "refuse the wal-meta.db that is made here. Nothing is wrong with the server. Look for a version of this "
         "collection that knows it.", "{facts.program}"),
    Rule(REFUSE, "peers_json", lambda f: [f.peers_json],
         "There is a peers.json in the Raft directory: at its next start Nomad takes the voters from it, and may "
         "elect a leader that lacks acknowledged writes. Remove it, unless this is a recovery; then end that "
         "first.",
         "{facts.raft_dir}/peers.json"),
    Rule(REFUSE, "raft_link", lambda f: [f.raft_link],
         "{it} is a symbolic link that others than root could turn elsewhere. Let root own it (chown -h root), "
         "pointing to the directory itself, and let only root write to the directories above that; or mount the "
         "directory there (mount --bind).", "{it}"),
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
    Rule(REFUSE, "volatile", lambda f: _volatile(f, new=True),
         "{it.path} is on {it.kind} and is lost with a reboot or a new container, but the store is not: Nomad "
         "would then start with the old configuration. Add a -config directory that lasts, before or after the "
         "others, and restart the agent with it; or set config_file to a file that lasts and is among the -config "
         "arguments.", "{it.path}"),
    Rule(REFUSE, "volatile_block", lambda f: _volatile(f, new=False),
         "{it.path} has to change, but it is on {it.kind}: whatever writes it anew after a reboot or in a new "
         "container would undo that, and the store would stay converted. Remove raft_logstore and raft_boltdb "
         "from what it is written from, and add a -config directory that lasts, for the new block.", "{it.path}"),
    Rule(REFUSE, "start_file", lambda f: [_Wrong(path, what) for path, what in f.unusable],
         "The next start reads {it.name}, and {it.what}. The running agent has read it long ago.", "{it.name}"),
    Rule(REFUSE, "log_file", _log_file,
         "The log file {facts.log_file.path} {it}: after the start nothing could tell whether the store works. "
         "Set log_file to the file that the agent writes.", "{facts.log_file.path}"),
    Rule(WARN, "placed", lambda f: [_Wrong(path, why) for path, why in f.passed_over],
         "The block goes to an earlier -config directory than {it.name}: {it.what}.", "{it.name}"),
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
    Rule(WARN, "environment_changed", lambda f: f.environment_changed,
         "{it} has changed since the start of the agent: its next start has what is there now in its environment.",
         "{it}"),
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
