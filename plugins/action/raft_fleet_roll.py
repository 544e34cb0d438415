# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, roll or look at one cluster of a fleet. Touches no host: its child does."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Dict, List, Optional

from ansible import constants as C
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._fleet import childenv, closing, outcome, resume, states
from ansible_collections.raftops.nomad.plugins.modules.raft_fleet_roll import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils import _fleetchild as child
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import Fleet, Run
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import plain, without_empty
from ansible_collections.raftops.nomad.plugins.plugin_utils._rolls import born

POLL_S = 0.5
MISTAKES = (AnsibleActionFail, OSError, ValueError)  # of the fleet's inventory, or of a command that prints a token
BACKEND = {"assess": "wal", "migrate": "wal", "rollback": "boltdb", "status": "wal"}
OURS = {
    "raft_logstore_backend": "Whether to migrate or to roll back is for all clusters: raft_fleet_do.",
    "raft_logstore_force": "The question is asked once for all clusters; raft_fleet_force answers it.",
    "raft_logstore_group": "The group of its servers is raft_fleet_group.",
    "raft_logstore_report_dir": "The record of each roll is kept below raft_fleet_dir.",
    "raft_logstore_stop_after": "A cluster is rolled as a whole, so that the next wave can rely on it.",
    "raft_logstore_token": "A token must not be kept there: use raft_fleet_token_env or raft_fleet_token_command.",
}


class ActionModule(ActionBase):
    """What to do is decided in module_utils._fleet; the child is plugin_utils._fleetchild's."""

    _supports_check_mode = True

    def run(self, tmp: Optional[str] = None, task_vars: Optional[Dict[str, Any]] = None) -> Dict[str, Any]:
        """What the cluster is in now; failed where its roll has failed."""
        self._vars = task_vars or {}
        result: Dict[str, Any] = super().run(tmp, task_vars)
        self._task.args = without_empty(self._task.args)
        self._args = self.validate_argument_spec(argument_spec=SPEC)[1]
        self._name = self._vars["inventory_hostname"]
        self._fleet = Fleet(self._args["dir"])
        self._place = self._fleet.cluster(self._name)
        self._kind = {"planned": outcome.PLAN, "rolled": outcome.ROLL}[self._args["state"]]
        if self._args["do"] == "status":
            self._kind = outcome.LOOK
        done = {outcome.PLAN: self._plan, outcome.LOOK: self._look, outcome.ROLL: self._roll}[self._kind]()
        return {**result, "changed": False, **done}

    def _refuse_mistakes(self) -> None:
        for name, why in OURS.items():
            if name in self._args["variables"]:
                raise AnsibleActionFail(f"raft_fleet_vars of {self._name} has {name}. {why} Nothing was changed.")
        if not self._args["inventory"]:
            raise AnsibleActionFail(
                f"{self._name} has no raft_fleet_inventory: the path of the cluster's own inventory."
            )
        path = os.path.expanduser(self._args["inventory"])
        self._inventory = os.path.abspath(os.path.join(self._vars.get("inventory_dir") or "", path))
        if not os.path.exists(self._inventory):
            raise AnsibleActionFail(f"raft_fleet_inventory of {self._name} is not there: {self._inventory}.")

    def _run_record(self) -> Run:
        """The record of this run of ansible-playbook, whose workers run this.

        Without a fleet there is none. What is wrong with one cluster is a state of it, so that the others are shown.
        """
        if not self._vars["groups"].get("fleet"):
            raise AnsibleActionFail(
                "The inventory needs a group fleet with one host for each cluster, and raft_fleet_inventory for each "
                "of them: the path of the cluster's own inventory."
            )
        names = list(self._vars["ansible_play_hosts_all"])
        run = self._fleet.join(os.getppid(), self._args["do"], names, closing.command(sys.argv))
        return run if "token_envs" in run else self._fleet.update(run, self._note_token_envs)

    def _note_token_envs(self, run: Run) -> None:
        """Note which variables of the environment have tokens, once: the variables of 200 hosts take their time."""
        if "token_envs" in run:
            return
        hosts = self._vars["hostvars"]
        named = [hosts[name].get("raft_fleet_token_env") for name in self._vars["groups"]["fleet"]]
        run["token_envs"] = sorted({str(one) for one in named if one})

    def _plan(self) -> Dict[str, Any]:
        run = self._run_record()
        try:
            job = self._job(run, "migrate", "--check")
        except MISTAKES as error:
            return self._finished(run, child.never(states.UNREAD, str(error)))
        lock = child.free(self._place)
        if lock is None:
            Display().display(f"{self._name}: a roll is under way; waiting for its end")
            lock = child.wait_free(self._place)
        return self._finished(run, child.run(job, lock))

    def _look(self) -> Dict[str, Any]:
        run = self._run_record()
        try:
            job = self._job(run, "status")
        except MISTAKES as error:
            return self._finished(run, child.never(states.SILENT, str(error)))
        lock = child.held(os.path.join(self._place, "look"))
        if lock is None:
            return self._finished(run, child.never(states.SILENT, "Somebody else is looking at it. Run this again."))
        return self._finished(run, child.run(job, lock))

    def _roll(self) -> Dict[str, Any]:
        run = self._run_record()
        self._pause(run)
        if self._task.check_mode or self._args["do"] == "assess":
            return self._told(states.cluster(self._name, run["states"].get(self._name, {})), "")
        lock = child.wait_free(self._place)
        run = self._fleet.update(run, self._begin)
        one = states.cluster(self._name, run["states"][self._name])
        if one.state != states.ROLLING:
            os.close(lock)
            return self._closed(run, self._told(one, ""))
        ended = self._ran(run, lock)
        told = self._finished(run, ended)
        if ended.outcome.state != states.ROLLED:
            told.update(failed=True)
            Display().display(f"{self._name}: failed. What is under way finishes, nothing else begins.")
        return self._closed(run, {**told, "changed": True})

    def _ran(self, run: Run, lock: int) -> child.Ended:
        """How the roll has ended. Whatever keeps it from beginning is its failure, so that no other one begins."""
        try:
            job = self._job(run, "migrate")
        except MISTAKES as error:
            os.close(lock)
            return child.never(states.FAILED, str(error))
        try:
            return child.run(job, lock)
        except OSError as error:
            return child.never(states.FAILED, f"Its process cannot be started: {error}.")

    def _begin(self, run: Run) -> None:
        """Note that the roll of this cluster begins, or why it does not."""
        known = run["states"].setdefault(self._name, {})
        known["state"] = resume.turn(self._name, run, self._args["skip_refused"])
        if known["state"] == states.ROLLING:
            known.update(began=time.time(), log=child.output(self._own(run)), worker=[os.getpid(), born(os.getpid())])

    def _pause(self, run: Run) -> None:
        """Wait until the wave of this cluster may begin."""
        until = resume.pause_ends(self._name, run, self._args["pause"])
        left = until - time.time()
        if left > 0 and not self._task.check_mode:
            wave = states.wave_of(self._name, run["waves"])
            if run["waves"][wave - 1][0] == self._name:
                Display().display(f"Wave {wave} of {len(run['waves'])} begins in {left:.0f} seconds")
            time.sleep(left)

    def _own(self, run: Run) -> str:
        """The directory of this task's child."""
        return os.path.join(self._place, f"{run['id']}-{self._kind}")

    def _job(self, run: Run, playbook: str, *arguments: str) -> child.Job:
        """What is to run. Raises MISTAKES for what keeps it from running."""
        self._refuse_mistakes()
        args = self._args
        program = [args["executable"]] if args["executable"] else [sys.executable, "-m", "ansible", "playbook"]
        ours = {"raft_logstore_force": True, "raft_logstore_group": args["group"]}
        if self._kind != outcome.LOOK:
            ours["raft_logstore_backend"] = BACKEND[args["do"]]
            ours.update(raft_logstore_report_dir=self._own(run), raft_logstore_report_name=child.REPORT)
        token = child.token(args["token_env"], child.words(args["token_command"]), os.environ)
        # ansible-runner would turn it off.
        more = {"ANSIBLE_HOST_KEY_CHECKING": str(C.HOST_KEY_CHECKING)}
        return child.Job(
            self._kind,
            self._own(run),
            [*program, f"raftops.nomad.{playbook}", "-i", self._inventory, *arguments],
            {**plain(args["variables"]), **ours},
            childenv.child(os.environ, token, {args["token_env"], *run["token_envs"]}, more),
            args["engine"],
        )

    def _finished(self, run: Run, ended: child.Ended) -> Dict[str, Any]:
        """Note how a child has ended; the task's result."""
        found = ended.outcome
        known: Dict[str, Any] = {"state": found.state, "line": found.line}
        if found.servers:
            known.update(servers=found.servers)
        if self._kind == outcome.ROLL:
            known.update(began=ended.began, ended=ended.ended or time.time())
        backend = found.backend or (BACKEND[self._args["do"]] if found.state == states.ROLLED else "")
        if backend:
            known.update(backend=backend)
        known.update(log=child.output(self._own(run)) if ended.ran else "")
        run = self._fleet.note(run, self._name, **known)
        return self._told(states.cluster(self._name, run["states"][self._name]), ended.engine)

    def _told(self, one: states.Cluster, engine: str) -> Dict[str, Any]:
        told: Dict[str, Any] = {"state": one.state, "line": one.line, "log": one.log, "engine": engine}
        if one.line:
            told["msg"] = f"{one.name}: {one.state}. {one.line}"
        return told

    def _under_way(self, run: Run) -> bool:
        """Whether a worker that lives waits for the end of a roll."""
        workers = [run["states"][name]["worker"] for name in resume.under_way(run)]
        return any(born(pid) == began for pid, began in workers)

    def _closed(self, run: Run, told: Dict[str, Any]) -> Dict[str, Any]:
        """The result, with the end of the run in it where this is the cluster with which it ends.

        After a failure Ansible runs no other task, so the failing one waits for those under way and says it.
        """
        if told.get("failed"):
            while self._under_way(run):
                time.sleep(POLL_S)
                run = self._fleet.update(run, lambda now: None)
            run = self._fleet.update(run, lambda now: now.setdefault("told", self._name))
            if run["told"] == self._name:
                Display().display("\n".join(closing.verdict(run)))
            return told
        if told["state"] in (states.NOT_BEGUN, states.LEFT_OUT):
            told["skipped"] = True
        last = run["waves"][-1] if run["waves"] else []
        run = self._fleet.note(run, self._name, over=True)
        over: List[str] = [name for name, known in run["states"].items() if known.get("over")]
        if self._name in last and set(last) <= set(over):
            Display().display("\n".join(closing.verdict(run)))
        return told
