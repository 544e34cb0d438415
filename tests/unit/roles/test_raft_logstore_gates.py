# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates in the text of the role: none is missing, none has got another condition, each knows what to compare with.

Those within a step are in plugins/plugin_utils/_steps, and tested there. That each also stops a roll is shown on
clusters, by the tests that docs/gates.md names.
"""

from __future__ import annotations

from typing import Any

from support.paths import ROLE
from support.rolls.roletext import STEPS, TASKS, nodes, parsed

STEP, PLAN = "raftops.nomad.roll_step", "raftops.nomad.roll_plan"
WAIT, WRITE, MOVE = (
    f"raftops.nomad.{name}" for name in ("server_wait", "raft_write_check", "raft_transfer_leadership")
)
ASSESS, COST, DISK, REHEARSE = (
    f"raftops.nomad.{name}" for name in ("raft_assess", "raft_cost_info", "raft_disk_info", "raft_rehearse")
)
# The last two would end a roll, or remove old stores, past the steps: no task has them.
ASKING = {
    STEP,
    PLAN,
    WAIT,
    WRITE,
    MOVE,
    "raftops.nomad.server_backend",
    "raftops.nomad.autopilot_config",
    "ansible.builtin.fail",
    "raftops.nomad.raft_backup_remove",
}
ASKING |= {ASSESS, COST, DISK, REHEARSE}
NOW, TURN, FAILURE = "__raft_logstore_now", "__raft_logstore_begun.turn", "__raft_logstore_failure"

# What can end a roll, in the order of each file: its name, its step or module, and when it is done; None for always.
GATES: dict[str, list[tuple[str, str, str | None]]] = {
    "look": [("Look at this server", "look", None)],
    "cluster": [("Plan the roll", PLAN, None)],
    "main": [("See whether this server may come", "begin", None)],
    "one_server": [
        ("Every other server itself says that it serves", WAIT, None),
        ("Ask the leader, move leadership, save snapshots", "make_way", None),
    ],
    "others_apply": [("Every other server applies what is written now", WRITE, None)],
    "hold": [("Keep the leader from removing this server", "hold", f"{TURN}.holds")],
    "alone": [("Take it out, convert, bring it back", "work", None)],
    "settle": [("See that it is back for good", "settle", None)],
    "next": [("Let the next server come", "next", None)],
    "release": [("Release autopilot's removal of dead servers", "release", f"{NOW}.releases")],
    "return": [
        ("The cluster can do without this server meanwhile", WAIT, None),
        ("Transfer leadership and prove it", MOVE, f"{NOW}.leadership.moves"),
        ("Take the server back to its old backend", "take_back", None),
    ],
    "finish": [("See that this server is back", "back", None), ("See that it would start again", "end", None)],
    "failure": [("Take note of the failure", "failed", None), ("Stop the roll", "stop", None)],
    "status": [("Show the cluster", "show", None)],
    "assess": [("Measure what its log costs", COST, None), ("Measure its disk", DISK, None)],
    "verdict": [("Is the change worth it?", ASSESS, None)],
    "rehearse": [("Rehearse on a clone of its store", REHEARSE, None)],
    "cleanup_look": [("Find the old stores", "find_old", None)],
    "cleanup_ask": [("Ask before anything is removed", "ask_cleanup", None)],
    "cleanup_remove": [("Remove the old stores", "remove_old", None), ("Show what has gone", "show_removed", None)],
}
# The only ones whose failure is judged by something else than the module itself.
JUDGED = {"Transfer leadership and prove it": f"{NOW}.leadership.failed", "Rehearse on a clone of its store": False}
# The files that each file takes in, in their order, and when.
TAKEN_IN = {
    "plan": [("look.yml", None)],
    "main": [("{{ __raft_logstore_step }}", None), ("steps/failure.yml", None)],
    "one_server": [("others_apply.yml", f"{TURN}.looks_again"), ("hold.yml", None), ("alone.yml", None)],
    "failure": [("return.yml", f"{FAILURE}.returns"), ("release.yml", f"{FAILURE}.is_back")],
    "return": [("others_apply.yml", None)],
    "finish": [("steps/release.yml", None)],
}

CONTENT = {path.stem: list(nodes(parsed(path))) for path in TASKS}


def is_gate(node: dict[str, Any]) -> bool:
    """Whether this is a task that can end a roll; module_defaults name a module as well."""
    return "name" in node and bool(ASKING & set(node) or "failed_when" in node)


def doing(task: dict[str, Any]) -> str:
    """The step of a task that runs one, else its module."""
    (module,) = ASKING & set(task)
    return str(task[module]["step"]) if module == STEP else module


FOUND = {file: [node for node in found if is_gate(node)] for file, found in CONTENT.items()}
EVERY = [task for tasks in FOUND.values() for task in tasks]


def test_every_gate_is_there_and_asked_when_it_has_to_be() -> None:
    found = {
        file: [(task["name"], doing(task), task.get("when")) for task in tasks]
        for file, tasks in FOUND.items()
        if tasks
    }
    assert found == GATES
    assert {task["name"]: task["failed_when"] for task in EVERY if "failed_when" in task} == JUDGED


def test_every_step_is_there_in_its_place_and_under_its_condition() -> None:
    taken = {
        file: [(node[verb], node.get("when")) for node in found for verb in STEPS if verb in node]
        for file, found in CONTENT.items()
    }
    assert {file: steps for file, steps in taken.items() if steps} == TAKEN_IN


def test_a_turn_is_asked_about_made_way_for_and_proven_in_this_order() -> None:
    """Of one file, tasks and the files that it takes in."""
    order = [task.get(STEPS[0]) or doing(task) for task in parsed(ROLE / "tasks/steps/one_server.yml")]
    assert order == [WAIT, "make_way", "others_apply.yml", "hold.yml", "alone.yml"]
    finish = [task.get(STEPS[0]) or doing(task) for task in parsed(ROLE / "tasks/finish.yml")]
    assert finish == ["back", "steps/release.yml", "end"]


def given_to(module: str) -> list[dict[str, Any]]:
    return [task[module] for task in EVERY if module in task]


def test_every_question_says_which_server_is_meant() -> None:
    """Without it another server may answer, at an address that is wrong."""
    asked = given_to(WAIT) + given_to(WRITE)
    peer, own = f"{{{{ {TURN}.ids[__raft_logstore_peer] }}}}", f"{{{{ {NOW}.ids[inventory_hostname] }}}}"
    assert sorted(one["server_id"] for one in asked) == sorted([peer, peer, own])


def test_every_other_server_is_asked_itself() -> None:
    asked = [task for task in EVERY if task.get("loop") == f"{{{{ {TURN}.peers }}}}"]
    assert [doing(task) for task in asked] == [WAIT, WRITE]
    assert {task["loop_control"]["loop_var"] for task in asked} == {"__raft_logstore_peer"}
    assert [task.get("check_mode") for task in asked] == [False, None], "the question changes nothing"


PEER_API = "{{ __raft_logstore_peer_api }}"


def test_what_is_done_on_another_host_is_told_how_that_one_is_reached() -> None:
    """A step has it as an option, any other module by default; the host is the one that it is delegated to."""
    elsewhere = {node["name"]: node for found in CONTENT.values() for node in found if "delegate_to" in node}
    assert {name: task["delegate_to"] for name, task in elsewhere.items()} == {
        "Plan the roll": "{{ __raft_logstore_now.speaker }}",
        "Every other server itself says that it serves": "{{ __raft_logstore_peer }}",
        "Ask the leader, move leadership, save snapshots": f"{{{{ {TURN}.asked }}}}",
        "Every other server applies what is written now": "{{ __raft_logstore_peer }}",
        "Keep the leader from removing this server": f"{{{{ {TURN}.asked }}}}",
        "Release autopilot's removal of dead servers": "{{ __raft_logstore_peer }}",
        "The cluster can do without this server meanwhile": f"{{{{ {FAILURE}.asked }}}}",
        "Ask the other servers about the cluster": "{{ __raft_logstore_peer }}",
    }
    for name, task in elsewhere.items():
        own = next((task[module] for module in (STEP, PLAN) if module in task), None)
        api = own["connection"] if own else task["module_defaults"]["group/raftops.nomad.nomad"]
        assert api == PEER_API, name
        looped = task.get("loop_control", {}).get("loop_var") == "__raft_logstore_peer"
        peer = "{{ __raft_logstore_peer }}" if looped else task["vars"]["__raft_logstore_peer"]
        assert peer == task["delegate_to"], name


def test_what_is_done_on_this_host_is_told_how_this_one_is_reached() -> None:
    """Before it was looked at, only what was said of it is known; what only shows or finds asks nobody."""
    here = {
        doing(task): (task.get(STEP) or {}).get("connection")
        or task.get("module_defaults", {}).get("group/raftops.nomad.nomad")
        for task in EVERY
        if "delegate_to" not in task
    }
    said, found = "{{ __raft_logstore_connection }}", "{{ __raft_logstore_api }}"
    assert here == {
        "look": said, "begin": said, "end": said, "failed": said, "stop": None, "take_back": found,
        "work": found, "settle": found, "back": found,
        "ask_cleanup": found, "next": None, "show": None, "find_old": None, "remove_old": None,
        "show_removed": None, MOVE: found,
        COST: found, DISK: None, REHEARSE: None, ASSESS: None,
    }  # fmt: skip


def test_every_step_is_given_what_it_decides_on() -> None:
    """All servers and what is wanted; what was asked and answered where a turn is decided; what the steps before have
    returned where they have."""
    steps = {task[STEP]["step"]: task[STEP] for task in EVERY if STEP in task}
    common = {"options": "{{ __raft_logstore_options }}", "servers": "{{ __raft_logstore_servers }}"}
    without = {name for name, one in steps.items() if {key: one.get(key) for key in common} != common}
    assert without == {"failed", "stop"}, "all that they say is decided before"
    assert steps["failed"]["options"] == common["options"]
    assert steps["failed"]["failure"] == steps["stop"]["failure"] == f"{{{{ {FAILURE} }}}}"
    asked = {name for name, one in steps.items() if one.get("so_far") == "{{ __raft_logstore_so_far }}"}
    assert asked == {"begin", "make_way", "release", "take_back", "back", "end", "ask_cleanup"}
    after = {name: one["before"] for name, one in steps.items() if "before" in one}
    assert set(after) == {"make_way", "hold", "work", "settle", "take_back"}
    assert after.pop("take_back") == "{{ __raft_logstore_way | default({}) }}"
    assert all("__raft_logstore_begun" in one for one in after.values())
    assert "__raft_logstore_way |" in after["work"] and "{'held': __raft_logstore_hold |" in after["work"]
    agent = {name for name, one in steps.items() if one.get("agent") == "{{ __raft_logstore_agent }}"}
    assert agent == {"look", "begin", "work", "settle", "take_back", "end"}


def test_every_step_of_a_roll_or_a_cleanup_that_does_something_is_given_the_record() -> None:
    """The plan and the question of a cleanup begin it; what only looks before that, or says what
    was noted, has none."""
    steps = {task[STEP]["step"]: task[STEP].get("record") for task in EVERY if STEP in task}
    before = {"look", "find_old", "ask_cleanup", "show_removed", "stop"}
    assert steps == {name: None if name in before else "{{ __raft_logstore_record }}" for name in steps}
    (begins,) = [task for task in EVERY if PLAN in task]
    (asks,) = [task for task in EVERY if (task.get(STEP) or {}).get("step") == "ask_cleanup"]
    assert begins["register"] == asks["register"] == "__raft_logstore_plan"
    assert begins[PLAN]["group"] == asks[STEP]["group"] == "{{ __raft_logstore_group }}"


def test_what_a_step_returns_is_kept_where_it_is_looked_for() -> None:
    kept = {doing(task): task.get("register") for task in EVERY if STEP in task}
    assert kept == {
        "look": "__raft_logstore_look", "begin": "__raft_logstore_begun", "make_way": "__raft_logstore_way",
        "work": "__raft_logstore_worked", "settle": "__raft_logstore_settled", "end": "__raft_logstore_ended",
        "find_old": "__raft_logstore_ended", "next": "__raft_logstore_passed", "ask_cleanup": "__raft_logstore_plan",
        "hold": "__raft_logstore_hold", "release": "__raft_logstore_release", "take_back": "__raft_logstore_returned",
        "back": None, "show": None, "failed": None, "stop": None, "show_removed": None,
        "remove_old": "__raft_logstore_ended",
    }  # fmt: skip


def test_the_others_are_asked_about_the_voters_of_now_before_a_return() -> None:
    """A cluster that has lost a voter since the plan is healthy, too."""
    (asked,) = [one for one in given_to(WAIT) if one["until"] == "stoppable"]
    assert asked["voters"] == f"{{{{ {NOW}.voters }}}}" and asked["repair"] is True


def test_the_hold_is_released_on_every_server_and_one_that_is_away_keeps_its_file() -> None:
    (task,) = [task for task in EVERY if (task.get(STEP) or {}).get("step") == "release"]
    assert task["loop"] == f"{{{{ {NOW}.hosts }}}}" and task["ignore_unreachable"] is True
    assert task[STEP]["peer"] == "{{ __raft_logstore_peer }}"
