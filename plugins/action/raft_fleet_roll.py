# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, roll or look at one cluster of a fleet. Touches no host: its child does."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, Dict, List, Optional

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.raftops.nomad.plugins.module_utils._fleet import closing, outcome, resume, states
from ansible_collections.raftops.nomad.plugins.modules.raft_fleet_roll import SPEC
from ansible_collections.raftops.nomad.plugins.plugin_utils import _fleetchild as child
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetjob import BACKEND, MISTAKES, job
from ansible_collections.raftops.nomad.plugins.plugin_utils._fleetrecord import Fleet, Run
from ansible_collections.raftops.nomad.plugins.plugin_utils._interrupt import Interrupted, interruptible, last_words
from ansible_collections.raftops.nomad.plugins.plugin_utils._roll import without_empty
from ansible_collections.raftops.nomad.plugins.plugin_utils._rolls import ansible, born

POLL_S = 0.5


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
        self._kind = {"assess": outcome.ASSESS, "status": outcome.LOOK}.get(self._args["do"], outcome.PLAN)
        if self._kind == outcome.ASSESS and self._task.check_mode:
            self._args["variables"] = {**self._args["variables"], "raft_logstore_assess_disk": False}
        if self._args["state"] == "rolled":
            self._kind = outcome.ROLL
        todo = {outcome.LOOK: self._look, outcome.ROLL: self._roll}.get(self._kind, self._plan)
        try:
            done = todo()
        except Interrupted:
            self._say_how_it_stands()
            signal.raise_signal(signal.SIGINT)  # ends this process as Ansible has it
            raise
        return {**result, "changed": False, **done}

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
        run = self._fleet.join(ansible(), self._args["do"], names, closing.command(sys.argv))
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
            child_job = self._job(run)
        except MISTAKES as error:
            return self._finished(run, child.never(states.UNREAD, str(error)))
        lock = child.free(self._place)
        if lock is None:
            Display().display(f"{self._name}: a roll is under way; waiting for its end")
            self._note_rolling(run)
        with interruptible():
            ended = child.run(child_job, child.wait_free(self._place) if lock is None else lock)
        return self._finished(run, ended)

    def _note_rolling(self, run: Run) -> Optional[Dict[str, Any]]:
        """Note the roll that is under way, if there is one; the task's result then."""
        found = child.under_way(self._place)
        if found is None:
            return None
        run = self._fleet.note(run, self._name, state=states.ROLLING, line=found.line, log=found.log)
        return self._told(states.cluster(self._name, run["states"][self._name]), "")

    def _look(self) -> Dict[str, Any]:
        """A cluster that is rolled is not asked: one of its servers may be down, and each second counts there."""
        run = self._run_record()
        rolling = self._note_rolling(run)
        if rolling:
            return rolling
        try:
            child_job = self._job(run)
        except MISTAKES as error:
            return self._finished(run, child.never(states.SILENT, str(error)))
        return self._finished(run, child.run(child_job, child.own_lock(child_job)))

    def _roll(self) -> Dict[str, Any]:
        run = self._run_record()
        self._pause(run)
        if self._task.check_mode or self._args["do"] not in states.CHANGING:
            return self._told(states.cluster(self._name, run["states"].get(self._name, {})), "")
        with interruptible():
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
            with interruptible():
                child_job = self._job(run)
        except MISTAKES as error:
            os.close(lock)
            return child.never(states.FAILED, str(error))
        try:
            with interruptible():
                return child.run(child_job, lock)
        except OSError as error:
            return child.never(states.FAILED, f"Its process cannot be started: {error}.")

    def _begin(self, run: Run) -> None:
        """Note that the roll of this cluster begins, or why it does not."""
        ansible()
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
            with interruptible():
                time.sleep(left)

    def _own(self, run: Run) -> str:
        """The directory of this task's child."""
        return os.path.join(self._place, f"{run['id']}-{self._kind}")

    def _job(self, run: Run) -> child.Job:
        """What is to run. Raises MISTAKES for what keeps it from running."""
        return job(self._kind, self._own(run), self._name, self._args, self._vars.get("inventory_dir") or "", run)

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

    def _say_how_it_stands(self) -> None:
        """The last words of a run that somebody has interrupted, once."""
        run = self._fleet.of(ansible(), self._args["do"])
        run = self._fleet.update(run, self._note_interrupted) if run else None
        if run and run["interrupted"] == self._name:
            last_words(ansible(), "\n".join(closing.interrupted(run)))

    def _note_interrupted(self, run: Run) -> None:
        """Note what has become of each roll, if this is the first worker that comes."""
        if run.setdefault("interrupted", self._name) != self._name:
            return
        for known in run["states"].values():
            if known.get("state") == states.ROLLING and not os.path.isdir(child.where(known)):
                known.update(state=states.NOT_BEGUN)
            child.settle(known)

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
                with interruptible():
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
