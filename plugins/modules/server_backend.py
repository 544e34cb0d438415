#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments, one transaction of module_utils/_server, one result. No decision about a server is made here."""

from __future__ import annotations

DOCUMENTATION = r"""
module: server_backend
short_description: Bring one Nomad server to a backend, from its stop until it is back
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - "Does the whole job for one server of a cluster: asks through its own agent whether the cluster can do without it
    now, stops it and keeps it stopped, changes its configuration, converts its Raft log store, starts it, waits until
    it is back as before and stays so, and looks for errors in its log."
  - Before it stops anything it rehearses the agent's next start, as M(raftops.nomad.server_info) does, and refuses what
    would end with the server down or with lost writes. What somebody should only know is a warning.
  - The work needs nobody once it has begun. It runs in a process of its own, which goes on when the module, the
    connection, the controller or the login session ends. The module waits for it. If its answer does not reach the
    controller, the next call says what happened.
  - "A server that fails is not left down. If its store was not switched, its configuration is put back byte for byte,
    and it is started as it was. If it was switched and the agent does not run, the store is converted back, with
    everything that came since. If the agent runs but the server is not back, it is left so: whether the cluster can do
    without it is for the others to say. Ask them, then use O(state=returned)."
  - A server that runs on the backend, is configured for it and has its store on it is left as it is. Other differences
    of the configuration are no reason to stop it.
  - One server at a time. What only a roll can know, such as what the other servers say themselves, is up to the
    role P(raftops.nomad.raft_logstore#role); this module asks the leader through the server's own agent.
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
attributes:
  check_mode:
    support: full
    details:
      - RV(plan), the configuration and the conversion are computed for real, and the cluster is asked once, see
        RV(last_look). What keeps the server from being stopped whatever the cluster says is a failure.
  diff_mode:
    support: full
    details:
      - The configuration without the values of secrets, and the names in the Raft directory.
  action:
    support: full
    details:
      - It asks for confirmation, once for all hosts, and shows the progress.
      - Of a failure it shows the last lines of RV(log_end) where they can explain it, and leaves out of the result what
        says nothing about it, such as RV(plan), RV(phases), RV(conversion), RV(configuration), RV(log) and RV(earlier).
        With C(-vvv) nothing is left out.
  async:
    support: none
    details:
      - The work goes on alone on the host anyway when the connection is lost, and the next call says what happened.
options:
  backend:
    description:
      - The backend to have at the end. With O(state=returned), the one that is given up.
    type: str
    choices: [wal, boltdb]
    default: wal
  state:
    description:
      - V(present) brings the server to O(backend).
      - V(returned) brings a server that has failed on O(backend) back to the backend it came from. The store is
        converted back with everything that came since, and the configuration is what it was before, byte for byte
        as long as the host was not rebooted since. The server's own state does not count then; the others must be
        healthy and a majority without it.
      - V(copied) stops a server that is on O(backend), copies its store for M(raftops.nomad.raft_rehearse) with
        O(raftops.nomad.raft_rehearse#module:copied=true), and starts it again. Neither its store nor its configuration
        changes.
    type: str
    choices: [present, returned, copied]
    default: present
  force:
    description:
      - Do it without asking. Without it one question is asked, and the task fails when there is no terminal or nobody
        answers within 120 seconds. It overrules no check.
      - Check mode never asks.
    type: bool
    default: false
  return_on_failure:
    description:
      - Whether a server that fails is brought back to where it came from, as far as that needs nobody's leave. With
        V(false) it is left as the failure has left it.
    type: bool
    default: true
  origin:
    description:
      - A name for who asks, such as that of the controller. Others who come meanwhile are told whom to ask.
    type: str
  data_dir:
    description:
      - The C(data_dir) of the Nomad agent. Left out, the one in its configuration.
    type: path
  config_path:
    description:
      - The C(-config) arguments of the agent, files or directories, in order. Left out, those in C(ExecStart=) of its
        unit.
    type: list
    elements: path
  config_file:
    description:
      - Where to write the block when no file has one, as O(raftops.nomad.raft_logstore_config#module:file).
    type: path
  backup:
    description:
      - Whether to keep a copy of each changed configuration file.
    type: bool
    default: false
  wal_segment_size:
    description:
      - Size of one WAL segment in MB, from 1 to 2047. Left out, the value in the configuration, else Nomad's 64.
    type: int
  disable_log_cache:
    description:
      - As O(raftops.nomad.raft_logstore_config#module:disable_log_cache).
    type: bool
  verification:
    description:
      - As O(raftops.nomad.raft_logstore_config#module:verification).
    type: dict
    suboptions:
      enabled:
        description:
          - Whether it runs.
        type: bool
        required: true
      interval:
        description:
          - Time between two checks, a Go duration such as V(5m).
        type: str
  backup_dir:
    description:
      - A directory for a full copy of the old store, made and compared before the switch. See
        O(raftops.nomad.raft_migrate_backend#module:backup_dir).
    type: path
  workers:
    description:
      - Number of processes that read, convert and compare. V(0) is one for each core.
    type: int
    default: 0
  lock_timeout:
    description:
      - Seconds to wait for another conversion of the same store.
    type: int
    default: 60
  service_manager:
    description:
      - What starts and stops the agent.
    type: str
    choices: [systemd, command]
    default: systemd
    aliases: [manager]
  service_name:
    description:
      - Name of the unit, for O(service_manager=systemd).
    type: str
    default: nomad
    aliases: [name]
  stop_command:
    description:
      - The command that stops the agent, for O(service_manager=command). It is not run by a shell.
    type: str
  start_command:
    description:
      - The command that starts the agent, for O(service_manager=command).
    type: str
  status_command:
    description:
      - A command that prints the agent's last log lines, where there is neither a unit nor a O(log_file).
    type: str
  stop_timeout:
    description:
      - Seconds, after the stop itself has returned, within which the store must be let go of.
    type: int
    default: 30
  log_file:
    description:
      - The file that the agent logs to. Left out, the journal of its unit.
    type: path
  repair:
    description:
      - Whether the cluster need not be asked, because the others have been, or the server is down already.
    type: bool
    default: false
  allow_outage:
    description:
      - Whether the server may be stopped although the others are no majority. This is the only way in clusters of one
        or two servers.
    type: bool
    default: false
  follower:
    description:
      - Whether the server must not be the leader. The only voter of a cluster need not follow.
    type: bool
    default: true
  min_failure_tolerance:
    description:
      - Least failure tolerance of the cluster before the server is stopped.
    type: int
    default: 1
  gate_timeout:
    description:
      - Seconds within which the cluster must be able to do without the server.
    type: int
    default: 30
  voters:
    description:
      - Raft IDs of all voters that the cluster must have before the stop and when the server is back. Left out, those
        that it has before the stop.
    type: list
    elements: str
  failure_tolerance:
    description:
      - Least failure tolerance of the cluster when the server is back. Left out, what it was before the stop.
    type: int
  max_lag:
    description:
      - How many entries the server may be behind the leader's last entry when it is back.
    type: int
    default: 250
  wait_timeout:
    description:
      - Seconds within which the server must be back. Less where its agent has ended and stays so for 30 seconds.
    type: int
    default: 300
  stable_for:
    description:
      - Seconds in a row in which it must be back.
    type: float
    default: 10
  interval:
    description:
      - Seconds between two looks.
    type: float
    default: 0.5
  progress_file:
    description:
      - A file to be created for the time of the run, as O(raftops.nomad.raft_migrate_backend#module:progress_file);
        C(phase) is the step, and C(waits), where it is there, what that waits for. The module's action makes one of
        its own.
    type: path
notes:
  - Autopilot's removal of dead servers is not held off. Where a conversion takes longer than half a minute, hold it
    with M(raftops.nomad.autopilot_config), as the role does.
  - Left out, O(host), O(port) and O(use_ssl) are those of the server's own configuration. E(NOMAD_ADDR) is not looked
    at.
  - An empty text is the same as an option that is left out.
  - What a later call needs to know of an earlier one is below C(/run/raftops.nomad), which only root can read. The
    token is not in it.
seealso:
  - module: raftops.nomad.raft_migrate_backend
  - module: raftops.nomad.raft_logstore_config
  - module: raftops.nomad.server_wait
"""

EXAMPLES = r"""
- name: Bring one server of a packaged Nomad to WAL
  raftops.nomad.server_backend:
    backend: wal
    force: true

- name: Show what would be done
  raftops.nomad.server_backend:
    backend: wal
  check_mode: true
  diff: true

- name: Back to BoltDB, where no systemd is
  raftops.nomad.server_backend:
    backend: boltdb
    service_manager: command
    stop_command: /usr/local/bin/nomadctl stop
    start_command: /usr/local/bin/nomadctl start
    config_path: [/etc/nomad.d]
    log_file: /var/log/nomad.log
    force: true

- name: Give WAL up on a server that runs on it but is not back, after the others have been asked
  raftops.nomad.server_backend:
    backend: wal
    state: returned
    repair: true
    force: true
"""

RETURN = r"""
backend:
  description: The backend of the server at the end. In check mode the one it would have.
  returned: success
  type: str
  sample: wal
previous_backend:
  description: The backend of its store before, null if that could not be told.
  returned: success
  type: str
  sample: boltdb
phases:
  description: Seconds of each step on the host's own clock. What did not happen is not there.
  returned: when something was done
  type: dict
  contains:
    stop:
      description: From the stop until nobody had the store open.
      type: float
      sample: 0.41
    configuration:
      description: Changing the configuration.
      type: float
      sample: 0.02
    copying:
      description: Copying the store, with O(state=copied).
      type: float
      sample: 0.31
    conversion:
      description: Converting the store.
      type: float
      sample: 0.31
    start:
      description: Until the agent was started.
      type: float
      sample: 0.12
    rejoin:
      description: From then until the server was back, without the seconds in which it had to stay so.
      type: float
      sample: 0.52
    total:
      description: From the stop until the server was back. Not there when it was down before.
      type: float
      sample: 1.4
conversion:
  description: The results of M(raftops.nomad.raft_migrate_backend). Of the way back, if there was one.
  returned: when the store was converted, and in check mode
  type: dict
  sample: {"changed": true, "entries": 663, "verified": 663, "segments": 2, "dropped_entries": 0}
configuration:
  description: The results of M(raftops.nomad.raft_logstore_config).
  returned: when the configuration was looked at, and in check mode
  type: dict
  sample: {"changed": true, "changed_files": ["/etc/nomad.d/raft_logstore.hcl"], "backend": "wal"}
log:
  description: The results of M(raftops.nomad.agent_log_check).
  returned: when the log was read
  type: dict
  sample: {"lines": 148, "errors": [], "harmless": [], "unknown": []}
plan:
  description: The steps that were walked. In check mode, those that would be.
  returned: always
  type: list
  elements: str
  sample:
    - ask, through the server's own agent, whether the cluster can do without it now
    - stop the agent, keep it stopped, and wait until it has let go of its store
    - configure wal
    - convert the store to wal
    - start the agent
    - wait until the server is back, on wal, and stays so
    - look for errors about the store in the agent's log
last_look:
  description: Whether the cluster can do without the server now, and one sentence why.
  returned: in check mode, when there is something to do
  type: dict
  contains:
    satisfied:
      description: Whether it can.
      type: bool
      sample: true
    reason:
      description: Why, or what is missing.
      type: str
      sample: "s2.global may be stopped: all 3 servers are healthy"
msg:
  description: What has failed and how the server was left. In check mode, who is at work on it.
  returned: on failure, and in check mode while a run is at work
  type: str
  sample: >-
    Process 4711 has been bringing it to wal for controller-1 since 2026-11-22T13:20:35Z.
attached:
  description: Whether this is the result of a run that somebody else had begun. In check mode, whether one is at work.
  returned: always
  type: bool
  sample: false
returned:
  description: Whether the server was brought back to the backend that it came from.
  returned: always
  type: bool
  sample: false
left:
  description: >-
    How a failure has left the server. V(untouched), V(put_back) (not switched, and back as it was), V(returned)
    (converted back, and back as it was), V(unswitched) (not switched, and not back), V(running) (switched, its agent
    runs, not back), V(down) (switched, its agent does not run), V(halfway) or V(unknown) (its store was not read).
  returned: failure
  type: str
  sample: returned
step:
  description:
    - The step that failed. Messages and progress lines have words for it instead.
    - "V(last look): asking whether it may be stopped. V(stop): stopping its agent. V(configuration): writing its
      configuration. V(former configuration): putting its configuration back. V(conversion): converting its store.
      V(start): starting its agent. V(rejoin): waiting until it is back. V(log): checking its log."
  returned: failure
  type: str
  sample: rejoin
failure:
  description: What failed at that step. RV(ignore:msg) has it together with all the rest.
  returned: failure of a step
  type: str
  sample: "not back after 300 s: s2.global is not caught up"
again:
  description: What failed on the way back, an empty string when nothing did.
  returned: failure of a step
  type: str
  sample: ""
barred_by:
  description: The drop-in that may keep a server from starting that was left stopped, else an empty string.
  returned: failure of a step
  type: str
  sample: ""
log_end:
  description: >-
    The last lines of the agent's log when the step had failed, before anything was done about it, or when that had
    failed as well. The module's action shows the last 20 of them where an agent did not stop, start or come back, and
    leaves them out of the result, unless it is run with C(-vvv).
  returned: failure of a step
  type: list
  elements: str
  sample: []
began_at:
  description: Unix time of the agent's last start, to find its log lines from then on.
  returned: when it was started
  type: float
  sample: 1795610835.25
earlier:
  description: >-
    What became of the run before, when its answer has not reached the controller: the connection or the controller was
    lost meanwhile, or its process ended before it was done. Else null.
  returned: always
  type: dict
  contains:
    sentence:
      description: What happened.
      type: str
      sample: >-
        The run that process 812 began at 2026-11-22T13:20:35Z, to wal, was interrupted, and its own host finished it:
        the server is back.
    began:
      description: When it began.
      type: str
      sample: "2026-11-22T13:20:35Z"
    origin:
      description: Who asked for it.
      type: str
      sample: controller-1
    result:
      description: Its results, null when it ended before it was done.
      type: dict
"""

import os
from typing import Sequence

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran, Runner
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._progress import progress_relay
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import caller
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.lastlook import ask_once
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.place import Place
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.prospect import Prospect, look
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.subject import Subject, find

SPEC = {
    "backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "state": {"type": "str", "choices": ["present", "returned", "copied"], "default": "present"},
    "force": {"type": "bool", "default": False},
    "return_on_failure": {"type": "bool", "default": True},
    "origin": {"type": "str"},
    "data_dir": {"type": "path"},
    "config_path": {"type": "list", "elements": "path"},
    "config_file": {"type": "path"},
    "backup": {"type": "bool", "default": False},
    "wal_segment_size": {"type": "int"},
    "disable_log_cache": {"type": "bool"},
    "verification": {
        "type": "dict",
        "options": {"enabled": {"type": "bool", "required": True}, "interval": {"type": "str"}},
    },
    "backup_dir": {"type": "path"},
    "workers": {"type": "int", "default": 0},
    "lock_timeout": {"type": "int", "default": 60},
    "service_manager": {"type": "str", "choices": ["systemd", "command"], "default": "systemd", "aliases": ["manager"]},
    "service_name": {"type": "str", "default": "nomad", "aliases": ["name"]},
    "stop_command": {"type": "str"},
    "start_command": {"type": "str"},
    "status_command": {"type": "str"},
    "stop_timeout": {"type": "int", "default": 30},
    "log_file": {"type": "path"},
    "repair": {"type": "bool", "default": False},
    "allow_outage": {"type": "bool", "default": False},
    "follower": {"type": "bool", "default": True},
    "min_failure_tolerance": {"type": "int", "default": 1},
    "gate_timeout": {"type": "int", "default": 30},
    "voters": {"type": "list", "elements": "str"},
    "failure_tolerance": {"type": "int"},
    "max_lag": {"type": "int", "default": 250},
    "wait_timeout": {"type": "int", "default": 300},
    "stable_for": {"type": "float", "default": 10},
    "interval": {"type": "float", "default": 0.5},
    "progress_file": {"type": "path"},
}


def waited_for(module: Module, place: Place, note: caller.Note, subject: Subject) -> dict:
    """The results of this transaction, once it is over."""
    with progress_relay(module.params["progress_file"], subject.data_dir, module.warn) as relay:
        answer = caller.wait(place, note, relay)
    for warning in answer.pop("warnings", []):
        module.warn(warning)
    known = {name: value for name, value in answer.items() if name not in caller.INTERNAL and value is not None}
    return {**known, "untold": place.untold(note)}


def changed_by(module: Module, subject: Subject, base: dict, run: Runner) -> dict:
    """Begin the work, or attach to the one that is at it; the results. Raises AgentError or StoreError."""
    place = Place.of(subject.data_dir)
    wish = caller.Wish(module.params["backend"], module.params["state"], module.params["origin"] or "")
    other = caller.attach(place, wish)
    if other is not None:
        base["attached"] = True
        return waited_for(module, place, other, subject)
    base["earlier"] = caller.earlier(place)
    if base["earlier"]:
        base["untold"] = base["earlier"].pop("untold")
        module.warn(base["earlier"]["sentence"])
    prospect = look(subject, run)
    if prospect.is_done or prospect.obstacles:
        return unchanged(subject, prospect)
    for note in prospect.notes:
        module.warn(note)
    if module._diff:
        base["diff"] = prospect.differences()
    note = caller.begin(place, wish, prospect, run)
    return waited_for(module, place, note, subject)


def unchanged(subject: Subject, prospect: Prospect) -> dict:
    """The results where nothing is done: there is nothing to do, or it must not be done."""
    result = {"changed": False, "backend": prospect.seen.stored, "previous_backend": prospect.seen.stored, "plan": []}
    if prospect.is_done:
        return result
    what = f"This server must not be stopped: {'; '.join(prospect.obstacles)}."
    return {**result, "failed": True, "msg": what, "left": "untouched", "step": "last look"}


def planned(module: Module, subject: Subject, run: Runner) -> dict:
    """What would be done. Raises AgentError or StoreError."""
    place = Place.found(subject.data_dir)
    left = caller.left(place) if place else {"at_work": False, "untold": False, "sentence": ""}
    if left["at_work"]:  # a run would wait for it; meanwhile nothing else can be told
        known = {"backend": subject.goal, "previous_backend": None, "plan": []}
        return {**known, "changed": True, "attached": True, "msg": left["sentence"]}
    if left["untold"]:
        module.warn(left["sentence"])
    prospect = look(subject, run)
    if prospect.is_done or prospect.obstacles:
        return unchanged(subject, prospect)
    for note in prospect.notes:
        module.warn(note)
    verdict = ask_once(subject, prospect.server_id)
    if not verdict.ok:
        module.warn(f"The cluster cannot do without this server now: {verdict.reason}")
    shown = {"diff": prospect.differences()} if module._diff else {}
    return {
        "changed": True,
        "backend": subject.goal,
        "previous_backend": prospect.seen.stored,
        "plan": prospect.plan,
        "conversion": prospect.conversion,
        "configuration": prospect.configuration,
        "last_look": {"satisfied": verdict.ok, "reason": verdict.reason},
        **shown,
    }


def main() -> None:
    module = Module(argument_spec=dict(argument_spec(), **SPEC), supports_check_mode=True)
    base: dict = {"attached": False, "returned": False, "earlier": None}

    def run(command: Sequence[str]) -> Ran:
        return Ran(*module.run_command(list(command)))

    try:
        subject = find(module.params, os.environ, run)
        result = planned(module, subject, run) if module.check_mode else changed_by(module, subject, base, run)
    except (AgentError, StoreError, OSError) as error:
        module.fail_json(**{"left": "untouched", "changed": False, **base, "msg": str(error)})
    result = {**base, **result}
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
