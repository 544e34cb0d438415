# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The shipped role and playbooks as text: keywords with which a roll goes on after a failure, and order of steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.raftops.nomad.plugins.module_utils._roll.turns.turn import ALONE, NEXT, SETTLED, TOGETHER
from support.paths import PLAYBOOKS, PLUGINS, ROLE
from support.rolls.roletext import STEPS, TASKS, imported, nodes, parsed, plays_of

# Without a queue there is nothing to do, and no warning of a group that is not there.
ROLL = "{{ ('raft_logstore_queue' in groups) | ternary('raft_logstore_queue', []) }}"
# What of these is allowed, and why: see there. The release, and the end of a cleanup, are one task for all, in a play
# on all servers at once.
ALLOWED = {
    "failure.yml": [("Ask the other servers about the cluster", {"ignore_unreachable"})],
    "release.yml": [("Release autopilot's removal of dead servers", {"ignore_unreachable"})],
    "finish.yml": [("Release the hold, as all are back", {"run_once"})],
    "cleanup_remove.yml": [("Show what has gone", {"run_once"})],
}
FORBIDDEN = {"any_errors_fatal", "max_fail_percentage", "run_once", "ignore_unreachable", "ignore_errors"}
# Files of the role that are for plays on all servers at once, never for the roll.
AT_ONCE = ["plan", "cluster", "finish", "status", "assess", "verdict", "rehearse"]
AT_ONCE += ["look", "cleanup_look", "cleanup_ask", "cleanup_remove"]
# Those that run the others, each for one cluster of many, have a beginning of their own.
OF_ONE_CLUSTER = sorted(path for path in PLAYBOOKS.glob("*.yml") if not path.stem.startswith("fleet"))
NOT_IN_THE_ROLL = {f"{name}.yml" for name in AT_ONCE}


def forbidden(node: dict[str, Any]) -> set[str]:
    """Those that are in force there; set to false they keep out those of a play or of the controller."""
    return {word for word in FORBIDDEN & set(node) if node[word] is not False}


@pytest.mark.parametrize("path", TASKS, ids=lambda path: path.name)
def test_no_task_of_the_role_lets_a_roll_go_on(path: Path) -> None:
    found = [(node.get("name"), forbidden(node)) for node in nodes(parsed(path)) if forbidden(node)]
    assert found == ALLOWED.get(path.name, [])
    assert not [node for node in nodes(parsed(path)) if "end_" in str(node.get("ansible.builtin.meta", ""))]


@pytest.mark.parametrize("path", sorted((PLAYBOOKS).glob("*.yml")), ids=lambda path: path.name)
def test_every_play_waits_for_all_hosts_at_each_task(path: Path) -> None:
    """With another strategy, set for all of a controller's plays, nobody would wait for the others' answers."""
    assert {play["strategy"] for play in plays_of(path.stem)} == {"ansible.builtin.linear"}


@pytest.mark.parametrize("path", OF_ONE_CLUSTER, ids=lambda path: path.name)
def test_every_playbook_begins_with_the_question_whether_there_are_hosts(path: Path) -> None:
    """The question is written down once, and asked before anything else."""
    (asked,) = parsed(PLAYBOOKS / "hosts.yml")
    assert plays_of(path.stem)[0] == asked and asked["any_errors_fatal"]


@pytest.mark.parametrize("path", sorted((PLAYBOOKS).glob("*.yml")), ids=lambda path: path.name)
def test_no_setting_of_the_controller_cuts_a_task(path: Path) -> None:
    assert {play["timeout"] for play in plays_of(path.stem)} == {0}


def test_what_a_play_around_the_role_says_does_not_open_a_gate() -> None:
    """Its keywords are those of each task that has none of its own; a block's come first."""
    (server,) = parsed(ROLE / "tasks/main.yml")
    kept = {"any_errors_fatal": False, "ignore_errors": False, "ignore_unreachable": False, "timeout": 0}
    assert {name: server[name] for name in kept} == kept and server["rescue"]


def test_nothing_of_the_role_has_a_tag_a_handler_or_runs_on_its_own() -> None:
    """What a controller says about these then changes nothing. The one tag is that of the question about tags."""
    words = {"tags", "notify", "listen", "async", "poll", "throttle", "debugger"}
    found = [node["name"] for path in TASKS for node in nodes(parsed(path)) if words & set(node)]
    assert found == ["Measure its disk"], "one after the other"
    assert not (ROLE / "handlers").exists()
    (start,) = parsed(PLAYBOOKS / "hosts.yml")[0]["tasks"]
    assert start["tags"] == ["always"] and start["raftops.nomad.roll_step"]["step"] == "start"
    playbooks = [node for path in OF_ONE_CLUSTER for node in nodes(parsed(path)) if words & set(node)]
    assert playbooks == [start]


def test_the_roll_takes_one_server_at_a_time_and_stops_at_the_first_failure() -> None:
    plays = {play["hosts"]: play for play in plays_of("migrate")}
    assert plays[ROLL]["serial"] == 1
    assert plays[ROLL]["any_errors_fatal"] is False, "not the controller's either"
    assert not [node for node in nodes(plays[ROLL]) if forbidden(node)]
    assert [(role["name"], role.get("tasks_from")) for role in imported(plays[ROLL])] == [
        ("raftops.nomad.raft_logstore", None)
    ]


def test_a_rehearsal_that_stops_a_server_does_so_in_the_plays_of_a_roll() -> None:
    """The plan, the turn and the end are the same entry points, with the same keywords."""
    roll, rehearsal = ({play["name"]: play for play in plays_of(name)} for name in ("migrate", "rehearse"))
    same = {
        "Plan the roll": "Plan the stop of one server",
        "Roll through the servers": "Copy the store of one server",
        "Prove the end state": "Prove that all are as before",
    }
    for its, copying in same.items():
        theirs = [(role["name"], role.get("tasks_from")) for role in imported(rehearsal[copying])]
        assert theirs == [(role["name"], role.get("tasks_from")) for role in imported(roll[its])]
        for word in ("strategy", "timeout", "serial", "any_errors_fatal"):
            assert rehearsal[copying].get(word) == roll[its].get(word), (copying, word)
    assert [name for name in rehearsal if name in same.values()] == list(same.values())
    needed = "raft_logstore_stop_needed"
    assert all(needed in rehearsal[same[its]]["hosts"] for its in ("Plan the roll", "Prove the end state"))
    assert rehearsal[same["Roll through the servers"]]["hosts"] == ROLL


@pytest.mark.parametrize("playbook", ["migrate", "status", "cleanup", "rehearse"])
def test_the_variables_are_checked_once_before_anything_else(playbook: str) -> None:
    """By the role itself: Ansible's own validation prints the whole specification, and is a task on every server."""
    roles = [role for play in plays_of(playbook) for role in imported(play)]
    assert roles[0]["tasks_from"] in ("plan", "look") and not any(role["rolespec_validate"] for role in roles)
    (first,) = parsed(ROLE / "tasks/look.yml")
    told = first["raftops.nomad.roll_step"]
    assert told["step"] == "look" and "when" not in first
    assert told["specified"] == "{{ __raft_logstore_specified }}" and "__raft_logstore_set" in told["variables"]
    assert first["vars"]["__raft_logstore_names"], "those that are misspelt as well"
    (planned,) = parsed(ROLE / "tasks/plan.yml")
    assert planned[STEPS[0]] == "look.yml" and planned["vars"] == {"__raft_logstore_plans": True}


def test_every_play_before_the_roll_ends_everything_when_one_server_fails() -> None:
    plays = plays_of("migrate")
    before = plays[: [play["hosts"] for play in plays].index(ROLL)]
    assert before
    assert all(play["any_errors_fatal"] for play in before)


def test_the_first_task_of_the_role_is_the_interlock() -> None:
    """The step `begin`, which asks that first; what it returns is all that is done in the turn."""
    (server,) = parsed(ROLE / "tasks" / "main.yml")
    first, turn = server["block"]
    assert first["raftops.nomad.roll_step"]["step"] == "begin" and "when" not in first and "when" not in turn
    assert turn["loop"] == "{{ __raft_logstore_begun.turn.steps }}"
    assert turn[STEPS[1]] == "{{ __raft_logstore_step }}"


def test_files_of_the_roll_are_all_reached_from_main() -> None:
    """So that a file left out of NOT_IN_THE_ROLL by mistake is noticed, and no file is dead."""
    reached, waiting = set(), ["main.yml", *(Path(file).name for file in (TOGETHER, ALONE, SETTLED, NEXT))]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            tasks = nodes(parsed(next(path for path in TASKS if path.name == name)))
            files = [node[verb] for node in tasks for verb in STEPS if verb in node]
            waiting += [Path(file).name for file in files if not file.startswith("{{")]  # the operator's own
    assert reached | NOT_IN_THE_ROLL == {path.name for path in TASKS} and len(TASKS) <= 22


def test_the_name_of_a_task_is_read_at_a_glance() -> None:
    paths = [*TASKS, *PLAYBOOKS.glob("*.yml")]
    names = [str(node["name"]) for path in paths for node in nodes(parsed(path)) if "name" in node]
    assert len(names) > 50 and [name for name in names if len(name.split()) > 8] == []


def test_entry_points_lie_apart_from_fragments() -> None:
    specs = parsed(ROLE / "meta" / "argument_specs.yml")["argument_specs"]
    assert {path.stem for path in (ROLE / "tasks").glob("*.yml")} == set(specs)


def test_all_between_the_last_look_and_back_is_one_task_after_the_others_were_asked() -> None:
    """What a controller does between stop and start is lost when it is lost."""
    acting = {"agent_service", "raft_logstore_config", "raft_migrate_backend", "server_backend"}
    assert not [
        path.name
        for path in TASKS
        for node in nodes(parsed(path))
        if {f"raftops.nomad.{one}" for one in acting} & set(node)
    ]
    steps = [(path.name, node["step"]) for path in TASKS for node in nodes(parsed(path)) if "step" in node]
    assert [file for file, step in steps if step == "work"] == ["alone.yml"]
    assert [file for file, step in steps if step == "take_back"] == ["return.yml"]
    code = {path.name: path.read_text() for path in (PLUGINS / "plugin_utils/_steps").glob("*.py")}
    assert {name for name, text in code.items() if re.search(r"\brun\([^)]*\bBACKEND\b", text)} == {
        "work.py",
        "holding.py",
    }
    named = {module: {name for name, text in code.items() if f"raftops.nomad.{module}" in text} for module in acting}
    assert named == {
        "agent_service": {"look.py"}, "server_backend": {"modules.py"}, "raft_logstore_config": set(),
        "raft_migrate_backend": set(),
    }  # fmt: skip


def test_a_server_that_runs_is_taken_back_only_after_the_others_have_agreed() -> None:
    asks, back = parsed(ROLE / "tasks/steps/return.yml")
    assert asks["when"] == "__raft_logstore_failure.asks"
    condition, transfer, others = asks["block"]
    assert condition["raftops.nomad.server_wait"]["until"] == "stoppable" and "when" not in condition
    assert "raftops.nomad.raft_transfer_leadership" in transfer and others[STEPS[0]] == "others_apply.yml"
    assert back["raftops.nomad.roll_step"]["step"] == "take_back" and "when" not in back


def conditions() -> Iterator[str]:
    for path in TASKS:
        for node in nodes(parsed(path)):
            for given in node.get("when", []), node.get("that", []):
                yield from [given] if isinstance(given, str) else given


def braces() -> Iterator[str]:
    """Whatever Ansible evaluates elsewhere in the role."""
    for path in ROLE.rglob("*"):
        if path.suffix == ".yml" and path.parent.name in ("tasks", "steps", "main"):
            yield from (found.strip() for found in re.findall(r"\{[{%](.*?)[}%]\}", path.read_text(), re.S))


HANDED_ON = re.compile(r"(not )?[\w.]+|\{\{ [\w.]+ \}\}|\w+")
WORDS = r" (in|and|or|not|is|if) |\b(ternary|length|(select|reject)(attr)?|regex_\w+|union|unique|sort|first|last)\b"
JUDGING = re.compile(rf"[=!<>]=|[<>]|{WORDS}")
# A value that may be missing, and a sentence for that.
PASSED_ON = re.compile(r"join\(' and '\)| or (omit|none|'127[.0-9]+')|\| default\('[\w ]+'\)| \| select\('defined'\)")


def test_a_condition_is_one_boolean_that_a_module_or_a_filter_has_returned() -> None:
    """What decides is in module_utils/_roll, where it is tested on values."""
    checked = 0
    for path in TASKS:
        for node in nodes(parsed(path)):
            for name in "when", "that", "failed_when", "until":
                given = node.get(name, [])
                for one in given if isinstance(given, list) else [given]:
                    checked += 1
                    assert isinstance(one, bool) or HANDED_ON.fullmatch(one), f"{path.name}: {one}"
    assert checked > 10


def test_an_expression_hands_a_value_on() -> None:
    judging = [one for one in braces() if JUDGING.search(PASSED_ON.sub("", one))]
    assert judging == []
    assert JUDGING.search("raft_logstore_backend == 'wal'") and len(list(braces())) > 100


def test_what_may_come_as_text_is_given_to_python_as_it_is() -> None:
    """From the command line (-e) and from an INI inventory all values are text, and `false` would be true.

    Modules and filters make it a boolean or a number.
    """
    options = parsed(ROLE / "meta" / "argument_specs.yml")["argument_specs"]["main"]["options"]
    typed = "|".join(name for name, option in options.items() if option["type"] in ("bool", "int"))
    judged = re.compile(rf"(?<!ternary\()(?<!ternary\(0, )\b({typed})\b(?! \| (bool|int|default))")
    assert [one for one in conditions() if judged.search(one)] == []
    assert [one for one in braces() if judged.search(one) and not re.fullmatch(typed, one)] == []
    assert judged.search("raft_logstore_take_over or true") and len([*conditions(), *braces()]) > 100


def test_the_way_back_is_the_way_forward_in_the_other_direction() -> None:
    (play,) = parsed(PLAYBOOKS / "rollback.yml")
    assert play["ansible.builtin.import_playbook"] == "migrate.yml"
    assert play["vars"] == {"raft_logstore_backend": "boltdb"}


def test_every_variable_with_a_default_is_specified_with_the_same_default() -> None:
    specs = parsed(ROLE / "meta" / "argument_specs.yml")["argument_specs"]
    defaults = parsed(ROLE / "defaults" / "main.yml")
    assert specs["main"]["options"] == specs["plan"]["options"]
    specified = {name: spec["default"] for name, spec in specs["main"]["options"].items() if "default" in spec}
    assert specified == defaults


def test_no_loop_goes_over_the_variables_of_hosts() -> None:
    """Ansible shows the items of a loop at -v, and the variables of a host have its token among them."""
    loops = [str(node["loop"]) for path in TASKS for node in nodes(parsed(path)) if "loop" in node]
    assert len(loops) > 2
    assert [loop for loop in loops if re.search(r"hostvars|raft_logstore_(server|look|begun\b(?!\.turn))", loop)] == []
