# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gates in the text of the role: none is missing, none has got another condition, each knows what to compare with.

That each also stops a roll is shown on clusters, by the tests that docs/gates.md names.
"""

from __future__ import annotations

from typing import Any

from support.rolls.roletext import STEPS, TASKS, nodes, parsed

ASSERT = "ansible.builtin.assert"
WAIT, WRITE, ACT = (f"raftops.nomad.{name}" for name in ("server_wait", "raft_write_check", "server_backend"))
OTHERS = ("raft_roll_lock", "raft_confirm", "raft_transfer_leadership", "snapshot_save", "autopilot_config")
ASKING = {ASSERT, WAIT, WRITE, ACT, *(f"raftops.nomad.{name}" for name in OTHERS)}
NOW, TURN, PLAN = "__raft_logstore_now", "__raft_logstore_turn", "__raft_logstore_plan"

# What can end a roll, in the order of each file, and when it is asked; None for always.
GATES = {
    "plan": [("This run of Ansible begins its first roll", None)],
    "look": [("The role's variables are valid", None), ("Its Python can run modules", None)],
    "read": [("What was read can be relied on", None)],
    "cluster": [
        ("Nothing stands against the roll", None),
        ("No other run here rolls these servers", None),
        ("The cluster is healthy", f"{PLAN}.asks"),
        ("The cluster can lose enough servers", f"{PLAN}.asks"),
        ("Ask before anything is changed", f"{PLAN}.begins"),
    ],
    "main": [("All before this server are finished", None)],
    "before": [
        ("What became of the run before?", f"{TURN}.before.hears"),
        ("This server, already done, is back for good", f"{TURN}.before.stays"),
    ],
    "gates": [
        ("This server itself may be stopped", None),
        ("Every other server itself says that it serves", f"{TURN}.accompanied"),
        ("The cluster can do without this server", f"{TURN}.accompanied"),
    ],
    "transfer": [("Transfer leadership and prove it", f"{NOW}.leadership.moves")],
    "snapshot": [
        ("Save the leader's snapshot", f"{TURN}.saves_first"),
        ("Save this server's own snapshot", f"{TURN}.saves"),
    ],
    "others_apply": [("Every other server applies what is written now", None)],
    "hold": [("Keep the leader from removing this server", f"{TURN}.holds")],
    "backend": [("Bring the server to the backend", None)],
    "applies": [("This server applies what is written now", None)],
    "release": [("Release autopilot's removal of dead servers", f"{TURN}.releases")],
    "return": [
        ("The cluster can do without this server meanwhile", None),
        ("Take the server back to its old backend", None),
    ],
    "finish": [
        ("Ask whether this server is back", None),
        ("This server is back at the end", None),
        ("This server is on the backend", "not ansible_check_mode"),
    ],
    "failure": [("Stop the roll", None)],
    "post_hook": [("Stop the roll", None)],
}
# The only ones whose failure is judged by something else than the module itself.
JUDGED = {
    "Transfer leadership and prove it": f"{NOW}.leadership.failed",
    "The cluster can lose enough servers": "__raft_logstore_tolerance.refused",
}
# The files that each file takes in, in their order, and when.
TAKEN_IN = {
    "plan": [("look.yml", None)],
    "look": [("steps/read.yml", None)],
    "main": [
        ("steps/read.yml", None),
        ("steps/decide.yml", None),
        ("steps/before.yml", f"{TURN}.prepares"),
        ("steps/one_server.yml", f"{TURN}.comes"),
        ("steps/failure.yml", None),
        ("steps/post_hook.yml", None),
    ],
    "before": [("{{ raft_logstore_pre_tasks_file }}", f"{TURN}.before.pre_tasks")],
    "one_server": [
        ("gates.yml", None),
        ("transfer.yml", None),
        ("snapshot.yml", None),
        ("others_apply.yml", f"{TURN}.looks_again"),
        ("hold.yml", None),
        ("backend.yml", None),
        ("applies.yml", None),
    ],
    "snapshot": [("applies.yml", f"{TURN}.saves")],
    "failure": [
        ("return.yml", "__raft_logstore_failure.returns"),
        ("decide.yml", None),
        ("release.yml", "__raft_logstore_failure.is_back"),
    ],
    "return": [("transfer.yml", None), ("others_apply.yml", None)],
    "post_hook": [("{{ raft_logstore_post_tasks_file }}", None)],
    "finish": [
        ("steps/decide.yml", None),
        ("steps/applies.yml", f"{TURN}.unfinished"),
        ("steps/release.yml", f"{TURN}.first"),
        ("steps/read.yml", None),
    ],
}


CONTENT = {path.stem: list(nodes(parsed(path))) for path in TASKS if not path.stem.startswith(("cleanup", "rehearse"))}


def is_gate(node: dict[str, Any]) -> bool:
    """Whether this is a task that can end a roll."""
    return "name" in node and bool(ASKING & set(node) or {"failed_when", "ansible.builtin.fail"} & set(node))


ASKED = {file: [node for node in found if is_gate(node)] for file, found in CONTENT.items()}
FOUND = {file: asked for file, asked in ASKED.items() if asked}


def test_every_gate_is_there_and_asked_when_it_has_to_be() -> None:
    assert {file: [(task["name"], task.get("when")) for task in tasks] for file, tasks in FOUND.items()} == GATES
    every = [task for tasks in FOUND.values() for task in tasks]
    assert {task["name"]: task["failed_when"] for task in every if "failed_when" in task} == JUDGED


def test_every_step_is_there_in_its_place_and_under_its_condition() -> None:
    taken = {
        file: [(node[verb], node.get("when")) for node in found for verb in STEPS if verb in node]
        for file, found in CONTENT.items()
    }
    assert {file: steps for file, steps in taken.items() if steps} == TAKEN_IN


def given_to(module: str) -> list[dict[str, Any]]:
    return [task[module] for tasks in FOUND.values() for task in tasks if module in task]


def test_every_question_says_which_server_is_meant() -> None:
    """Without it another server may answer, at an address that is wrong."""
    asked = given_to(WAIT) + given_to(WRITE)
    assert len(asked) > 6 and all("server_id" in one for one in asked)


def test_every_other_server_is_asked_itself() -> None:
    asked = [task for tasks in FOUND.values() for task in tasks if task.get("loop") == f"{{{{ {TURN}.peers }}}}"]
    assert [next(iter(ASKING & set(task))) for task in asked] == [WAIT, WRITE]
    assert {task["delegate_to"] for task in asked} == {"{{ __raft_logstore_peer }}"}


def test_every_question_says_which_voters_there_have_to_be() -> None:
    """A cluster that has lost a voter since the plan is healthy, too. In the plan it is not known yet who they are."""
    asked = [one for one in given_to(WAIT) if one["until"] in ("back", "stoppable")]
    acting = [one for one in given_to(ACT) if "origin" in one]
    assert len(asked) == 4 and len(acting) == 2
    voters = {f"{{{{ {TURN}.voters }}}}", f"{{{{ {TURN}.voters_after }}}}"}
    assert {one.get("voters") for one in asked + acting} == voters


def test_the_tolerance_that_was_asked_for_is_looked_at_before_the_stop_and_in_the_last_look() -> None:
    (asked,) = [one for one in given_to(WAIT) if one["until"] == "stoppable" and one["repair"] is not True]
    (acting,) = [one for one in given_to(ACT) if "wal_segment_size" in one]
    for one in asked, acting:
        assert one["min_failure_tolerance"] == "{{ raft_logstore_min_failure_tolerance }}"
    assert acting["follower"] == f"{{{{ {NOW}.leadership.must_follow }}}}"


def test_what_is_held_is_compared_with_what_the_plan_has_seen() -> None:
    (held,) = [one for one in given_to("raftops.nomad.autopilot_config") if one["state"] == "held"]
    assert held["expected"].startswith(f"{{{{ {TURN}.hold.expected |") and "origin" in held


def test_an_assertion_says_what_was_decided() -> None:
    """Something must not be so; where a filter or a module has decided that, its own sentence is shown."""
    for one in given_to(ASSERT):
        assert " not " in f" {one['that']} " and one["fail_msg"]
        if one["that"].endswith(".refused"):
            assert one["fail_msg"] == f"{{{{ {one['that'][len('not ') : -len('refused')]}refusal }}}}"
