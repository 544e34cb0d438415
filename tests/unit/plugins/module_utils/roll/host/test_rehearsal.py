# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule on the next start: a host on which one thing is wrong, and what is said about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.facts import (
    CONFIGURATION,
    STORE,
    Facts,
    LogFile,
    Spot,
    Validation,
)
from ansible_collections.raftops.nomad.plugins.module_utils._roll.host.rehearsal import REFUSE, RULES, WARN, rehearse

RAFT = "/opt/nomad/data/server/raft"
BLOCK = "/etc/nomad.d/raft_logstore.hcl"
RUNS = {"pid": 812, "of_unit": "nomad.service", "program": "/usr/bin/nomad"}
FINE = Facts(
    named=(("The running agent (PID 812)", ("/etc/nomad.d",)),),
    files=("/etc/nomad.d/nomad.hcl",),
    files_loaded=("/etc/nomad.d/nomad.hcl",),
    agent_raft_dir=RAFT,
    spots=(Spot(BLOCK, CONFIGURATION), Spot(f"{RAFT}/raft.db", STORE)),
    variables=("NOMAD_LICENSE_PATH",),
    log_file=LogFile("/var/log/nomad.log"),
    **RUNS,
)
OTHERS = (("The running agent (PID 812)", ("/srv/nomad.hcl", "/srv/conf.d")),)


def spots(**changes: Any) -> tuple[Spot, ...]:
    """The block's place with something wrong, and a store on a disk."""
    return (Spot(BLOCK, CONFIGURATION)._replace(**changes), Spot(f"{RAFT}/raft.db", STORE))


# code, what is wrong, what the sentence has in it, the path that it is about
WRONG: list[tuple[str, dict[str, Any], str, str]] = [
    ("config_unknown", {"paths": (), "named": ()}, "It is unknown where the agent's configuration is", ""),
    ("config_not_literal", {"unit_literal": False}, "in a way that only systemd reads", ""),
    (
        "config_paths",
        {"named": OTHERS},
        "The running agent (PID 812) has the -config arguments /srv/nomad.hcl /srv/conf.d, but the configuration "
        "looked at is /etc/nomad.d",
        "/srv/nomad.hcl",
    ),
    (
        "configuration",
        {"configuration_error": "/etc/nomad.d/a.hcl:3:5: no", "configuration_path": "/etc/nomad.d/a.hcl"},
        "The configuration cannot be changed: /etc/nomad.d/a.hcl:3:5: no",
        "/etc/nomad.d/a.hcl",
    ),
    ("validate_now", {"validation": Validation(now="unexpected keys x")}, "before any change: unexpected keys x", ""),
    (
        "validate_after",
        {"validation": Validation(after="unexpected keys x")},
        "as the change leaves it: unexpected",
        "",
    ),
    (
        "data_dir",
        {"agent_raft_dir": "/srv/data/server/raft"},
        f"has its store in /srv/data/server/raft, but the store looked at is in {RAFT}",
        "/srv/data/server/raft",
    ),
    ("wal_of_later", {"wal_of_later": True}, "it keeps the metadata of its WAL in wal-meta.json", "/usr/bin/nomad"),
    ("dev", {"dev": True}, "runs with -dev", ""),
    ("unit_unknown", {"unit_loaded": False}, "systemd knows no unit nomad.service", ""),
    (
        "not_of_unit",
        {"of_unit": "", "variables": ()},
        "(PID 812) was not started by systemd, so nomad.service cannot stop it",
        "",
    ),
    (
        "not_of_unit",
        {"of_unit": "n.service", "variables": ()},
        "(PID 812) runs in n.service, so nomad.service cannot stop it",
        "",
    ),
    ("command_missing", {"commands": {"stop_command": "missing"}}, "stop_command has to be given", ""),
    (
        "command_gone",
        {"commands": {"stop_command": "", "start_command": "/opt/start"}},
        "The start_command begins with /opt/start, and there is no such program",
        "/opt/start",
    ),
    ("program_gone", {"program_now": "gone"}, "program of the running agent is gone: /usr/bin/nomad", "/usr/bin/nomad"),
    ("peers_json", {"peers_json": True}, "There is a peers.json in the Raft directory", f"{RAFT}/peers.json"),
    ("raft_link", {"raft_link": RAFT}, f"{RAFT} is a symbolic link that others than root could turn elsewhere", RAFT),
    (
        "foreign_link",
        {"foreign_links": ("/e/a.hcl: no.",)},
        "The configuration would not be changed there: /e/a.hcl",
        "",
    ),
    (
        "unwritable",
        {"spots": spots(writable=False), "user_id": 1000},
        f"User 1000 may not write where {BLOCK} is, and the configuration has to change there",
        BLOCK,
    ),
    (
        "read_only",
        {"spots": spots(read_only=True, point="/etc", writable=False)},
        f"{BLOCK} is on a mount that is read-only (/etc), and the configuration has to change there",
        BLOCK,
    ),
    (
        "frozen",
        {"spots": (Spot(f"{RAFT}/raft.db", STORE, frozen=RAFT),)},
        f"{RAFT} is immutable or append-only: not even root can replace what the store needs there",
        RAFT,
    ),
    ("bound", {"spots": spots(bound=True)}, f"{BLOCK} is a mount of its own, as containers bind single files", BLOCK),
    ("volatile", {"spots": spots(kind="tmpfs", volatile=True, new=True)}, f"{BLOCK} is on tmpfs and is lost", BLOCK),
    (
        "volatile_block",
        {"spots": spots(kind="overlay", volatile=True)},
        f"{BLOCK} has to change, but",
        BLOCK,
    ),
    (
        "volatile_block",
        {"spots": spots(kind="tmpfs", volatile=True), "told": "/etc/nomad.d/other.hcl"},
        "would undo that, and the store would stay converted",
        BLOCK,
    ),
    (
        "environment_arguments",
        {"arguments_changed": ("NOMAD_ARGS",)},
        "nomad.service takes arguments from NOMAD_ARGS, which has another value now than when the agent was started",
        "",
    ),
    (
        "environment_changed",
        {"environment_changed": ("/etc/default/nomad",)},
        "has what is there now in its environment",
        "/etc/default/nomad",
    ),
    (
        "start_file",
        {"unusable": (("/tls/server.pem", "it is not there"),)},
        "The next start reads /tls/server.pem, and it is not there. The running agent has read it long ago.",
        "/tls/server.pem",
    ),
    ("log_file", {"log_file": LogFile("/l", "")}, "The log file /l is not there", "/l"),
    ("log_file", {"log_file": LogFile("/l", "directory")}, "The log file /l is a directory", "/l"),
    ("log_file", {"log_file": LogFile("/l", "other")}, "The log file /l is no regular file", "/l"),
    ("log_file", {"log_file": LogFile("/l", "file", False)}, "The log file /l cannot be read", "/l"),
    ("files", {"files": ("/etc/nomad.d/nomad.hcl", "/n.hcl")}, "has not loaded /n.hcl; its next start will", "/n.hcl"),
    (
        "files",
        {"files_loaded": ("/etc/nomad.d/nomad.hcl", "/o.hcl")},
        "loaded /o.hcl; its next start will not",
        "/o.hcl",
    ),
    (
        "placed",
        {"passed_over": (("/run/secrets", "it is on tmpfs, which is gone after a reboot"),)},
        "goes to an earlier -config directory than /run/secrets: it is on tmpfs, which is gone after a reboot.",
        "/run/secrets",
    ),
    ("validate_skipped", {"validation": Validation(skipped="no agent runs")}, "was not asked", "/usr/bin/nomad"),
    ("unseen", {"unseen": "it is another user's."}, "is not known: it is another user's.", ""),
    ("contained", {"contained": True}, "(PID 812) has another root directory", ""),
    ("variables", {"manager": "command"}, "was given NOMAD_LICENSE_PATH in its environment", ""),
    ("unit_stale", {"unit_stale": True}, "systemctl daemon-reload", ""),
    ("program_replaced", {"program_now": "replaced"}, "is not the program that runs", "/usr/bin/nomad"),
    ("raft_mount", {"raft_mount": True}, "RequiresMountsFor=", RAFT),
    ("store_volatile", {"spots": (Spot(f"{RAFT}/wal", STORE, "ramfs", volatile=True),)}, "has no lasting store", RAFT),
]
WARNS = {"files", "placed", "environment_changed", "validate_skipped", "unseen", "contained", "variables"}
WARNS |= {"unit_stale", "program_replaced", "raft_mount", "store_volatile"}


def test_a_host_on_which_nothing_is_wrong() -> None:
    assert rehearse(FINE) == [] and rehearse(Facts()) == []


@pytest.mark.parametrize(("code", "wrong", "said", "path"), WRONG)
def test_one_thing_that_is_wrong(code: str, wrong: dict[str, Any], said: str, path: str) -> None:
    found = rehearse(replace(FINE, **wrong))
    assert [(finding.severity, finding.code, finding.path) for finding in found] == [
        (WARN if code in WARNS else REFUSE, code, path)
    ]
    assert (said in found[0].what and found[0].what.endswith(".")) or code == "configuration"


def test_every_rule_has_its_row() -> None:
    assert {rule.code for rule in RULES} == {code for code, *_rest in WRONG}


def test_what_refuses_comes_first() -> None:
    facts = replace(FINE, unit_stale=True, peers_json=True, raft_mount=True)
    assert [finding.code for finding in rehearse(facts)] == ["peers_json", "unit_stale", "raft_mount"]


# Places that are no worse than the store's, or that somebody has chosen.
NOT_LOST: list[dict[str, Any]] = [
    {"spots": spots(kind="tmpfs", volatile=True, new=True), "told": BLOCK},
    {"spots": tuple(Spot(path, use, volatile=True) for path, use in ((BLOCK, CONFIGURATION), (RAFT, STORE)))},
    {"spots": spots(kind="btrfs")},
]


@pytest.mark.parametrize("facts", NOT_LOST)
def test_a_place_that_is_lost_with_the_store_or_was_chosen(facts: dict[str, Any]) -> None:
    codes = {finding.code for finding in rehearse(replace(FINE, **facts))}
    assert not codes & {"volatile", "volatile_block"}


def test_a_store_may_be_a_mount() -> None:
    assert rehearse(replace(FINE, spots=(Spot(f"{RAFT}/wal", STORE, bound=True),))) == []


def test_the_configuration_after_is_not_judged_where_it_is_refused_now() -> None:
    found = rehearse(replace(FINE, validation=Validation(now="a", after="b")))
    assert [finding.code for finding in found] == ["validate_now"]


def test_without_systemd_no_unit_is_asked_for() -> None:
    found = rehearse(replace(FINE, manager="command", unit_loaded=False, of_unit="", variables=()))
    assert found == []


def test_braces_in_a_name_are_no_format() -> None:
    facts = replace(FINE, log_file=LogFile("/var/{it}{0}", ""))
    assert "The log file /var/{it}{0} is not there" in rehearse(facts)[0].what
