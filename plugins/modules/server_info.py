#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: server_info
short_description: All that can be known about a Nomad server before its log store is moved
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - "Looks at one server on its host and changes nothing: its agent, its unit and process, its configuration, the Raft
    log store on its disk, what a conversion would do to it, and what would go wrong at the agent's next start."
  - On a host with Nomad's package no option is needed.
  - A part that cannot be looked at is no failure. It is null then, and RV(server.errors) says why.
  - Like every single module it does not read the role's variables C(raft_logstore_*). For an agent that its
    configuration does not lead to, give O(host) and O(port).
  - An option that is null or an empty string is not given.
  - The rehearsal of the next start asks the agent's own program about its configuration with C(nomad config validate).
    It is run only where nobody but root could have written it. The changed configuration is a copy below C(/run) that
    only root can read and that is removed at once.
  - With ACLs the token is asked what it may do, as M(raftops.nomad.token_info) does.
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
options:
  host:
    description:
      - Name or IP address of the agent to ask. Left out, the one in its configuration; E(NOMAD_ADDR) counts only where
        that cannot be read.
    type: str
  port:
    description:
      - Port of the agent's HTTP API. Left out, as for O(host).
    type: int
  use_ssl:
    description:
      - Whether to speak HTTPS. Left out, as for O(host).
    type: bool
  data_dir:
    description:
      - C(data_dir) of the agent, or its C(server) or C(server/raft) directory.
      - Left out, the one in its configuration, and where that has none, the one of the agent that runs.
    type: path
  config_path:
    description:
      - The C(-config) arguments of the agent, files and directories, in their order.
      - Left out, those in the C(ExecStart=) of its unit, and without a unit those of its process.
    type: list
    elements: path
  service_manager:
    description:
      - What starts and stops the agent, V(systemd) or commands of your own.
    type: str
    choices: [systemd, command]
    default: systemd
    aliases: [manager]
  service_name:
    description:
      - The unit of the agent. Only used with O(service_manager=systemd).
    type: str
    default: nomad
    aliases: [name]
  stop_command:
    description:
      - The command that stops the agent, with O(service_manager=command). It is not run here, only looked for.
    type: str
  start_command:
    description:
      - The command that starts the agent, with O(service_manager=command). It is not run here, only looked for.
    type: str
  status_command:
    description:
      - The command that shows the agent's last log lines, with O(service_manager=command). It is not run here, only
        looked for. Not needed with O(log_file).
    type: str
  backend:
    description:
      - The backend that is wanted, for the prospect and for the configuration.
    type: str
    choices: [wal, boltdb]
    default: wal
  wal_segment_size:
    description:
      - Size of a log segment in MB, from 1 to 2047. Left out, the one in the configuration, and Nomad's default is 64.
    type: int
  config_file:
    description:
      - As O(raftops.nomad.raft_logstore_config#module:file). A file that is named here may lie where it does not
        survive a reboot.
    type: path
  backup_dir:
    description:
      - As for M(raftops.nomad.raft_migrate_backend).
    type: path
  log_file:
    description:
      - The file that the agent writes its log to. It must be there and readable.
    type: path
  snapshot_dir:
    description:
      - The directory where rolls leave their snapshots. One that is missing or cannot be read has none.
    type: path
    default: /var/lib/nomad-raft-snapshots
  rehearse:
    description:
      - Whether the next start is rehearsed, which takes the agent's own program twice.
    type: bool
    default: true
seealso:
  - module: raftops.nomad.agent_info
  - module: raftops.nomad.raft_store_info
  - module: raftops.nomad.raft_logstore_config
  - module: raftops.nomad.token_info
"""

EXAMPLES = r"""
- name: Look at a server with Nomad's package, as ansible nomad_servers -b -m raftops.nomad.server_info does
  raftops.nomad.server_info:
  register: look

- name: Show what would go wrong at its next start
  ansible.builtin.debug:
    msg: "{{ look.server.rehearsal | map(attribute='what') }}"

- name: Look at a server that is started by a script
  raftops.nomad.server_info:
    config_path: [/opt/nomad/etc]
    service_manager: command
    stop_command: /opt/nomad/bin/stop
    start_command: /opt/nomad/bin/start
    log_file: /opt/nomad/log/nomad.log
"""

RETURN = r"""
server:
  description: The server. What could not be looked at is null, and RV(server.errors) says why.
  returned: success
  type: dict
  contains:
    id:
      description: Raft ID of the server, from the file C(node-id) on its disk, else by its agent's word.
      type: str
      sample: e93eaec1-b82a-bf92-f2a5-79d404511e21
    name:
      description: Name of the server in the cluster, with its region. Empty when its agent does not answer.
      type: str
      sample: s1.global
    address:
      description: RPC address of the server. Empty when its agent does not answer.
      type: str
      sample: 10.0.0.11:4647
    region:
      description: Region of the agent. Empty when it does not answer.
      type: str
      sample: global
    version:
      description: Version of the binary that runs. Empty when the agent does not answer.
      type: str
      sample: 2.0.5
    user_id:
      description: The user as whom this module has looked. V(0) is root, who sees everything.
      type: int
      sample: 0
    user:
      description: Name of that user.
      type: str
      sample: root
    agent:
      description: The agent.
      type: dict
      contains:
        answered:
          description: Whether it has answered with what was asked.
          type: bool
          sample: true
        down:
          description:
            - Whether nobody listens at RV(server.agent.url), the only silence that says that it is stopped. An agent
              that listens elsewhere runs all the same; then C(in_use) in RV(server.store) is true.
          type: bool
          sample: false
        status:
          description: HTTP status of the answer, V(0) when there was none.
          type: int
          sample: 200
        error:
          description: Why it has not answered, an empty string when it has.
          type: str
          sample: ""
        url:
          description: The address that was asked.
          type: str
          sample: http://127.0.0.1:4646
        role:
          description: V(leader), V(follower), V(non-voter), V(down) or, when it is not known to be stopped, V(silent).
          type: str
          sample: follower
        self:
          description: What it says about itself, as RV(raftops.nomad.agent_info#module:agent).
          type: dict
          sample: {backend: boltdb, state: Follower, config_files: [/etc/nomad.d/nomad.hcl]}
        raft_configuration:
          description: The Raft configuration as this very server has it, not the leader's. With ACLs that takes a
            management token.
          type: dict
          contains:
            index:
              description: Index of the log entry that it is from.
              type: int
              sample: 3
            peers:
              description: Its servers, each with C(id), C(address) and C(voter).
              type: list
              elements: dict
              sample: [{id: e93eaec1-b82a-bf92-f2a5-79d404511e21, address: "10.0.0.11:4647", voter: true}]
    api:
      description: Where its API was asked, as C(host), C(port) and C(use_ssl).
      type: dict
      sample: {host: 127.0.0.1, port: 4646, use_ssl: false}
    autopilot_config:
      description: Autopilot's settings, as RV(raftops.nomad.autopilot_config#module:config).
      type: dict
      sample: {cleanup_dead_servers: true, modify_index: 12}
    autopilot:
      description: The leader's view of all servers, as RV(raftops.nomad.autopilot_health_info#module:autopilot).
      type: dict
      sample: {healthy: true, failure_tolerance: 1}
    unit:
      description: What systemd says of the agent's unit.
      type: dict
      contains:
        manager:
          description: As O(service_manager). With V(command) nothing else here is known.
          type: str
          sample: systemd
        name:
          description: Full name of the unit.
          type: str
          sample: nomad.service
        loaded:
          description: Whether systemd knows it.
          type: bool
          sample: true
        state:
          description: Its active state.
          type: str
          sample: active
        main_pid:
          description: Its main process, V(0) when none runs.
          type: int
          sample: 812
        config_paths:
          description: The C(-config) arguments in its C(ExecStart=).
          type: list
          elements: str
          sample: [/etc/nomad.d]
        literal:
          description: Whether these stand there as the agent gets them, with nothing in them that only systemd reads.
          type: bool
          sample: true
        variables:
          description: Words of its C(ExecStart=) that may stand for any arguments, as only systemd expands them.
          type: list
          elements: str
          sample: []
        environment_files:
          description: The files of its C(EnvironmentFile=).
          type: list
          elements: str
          sample: [/etc/nomad.d/nomad.env]
        started:
          description: Seconds on the host's monotonic clock when its main process was started, V(0) when none ever was.
          type: float
          sample: 81242.31
        signal:
          description: Number of the signal that stops it, V(0) when that is not known, as with an C(ExecStop=).
          type: int
          sample: 2
        drop_ins:
          description: The drop-ins that systemd has read.
          type: list
          elements: str
          sample: []
        stale:
          description: Whether its files have changed since systemd read them.
          type: bool
          sample: false
    process:
      description: The process that has the store open, else the unit's main process. Null when there is none.
      type: dict
      contains:
        pid:
          description: Its number.
          type: int
          sample: 812
        program:
          description: Path of what it runs.
          type: str
          sample: /usr/bin/nomad
        replaced:
          description: Whether another file, or none, is at that path by now.
          type: bool
          sample: false
        contained:
          description: Whether it has another root directory, as in a container.
          type: bool
          sample: false
        cwd:
          description: Its working directory.
          type: str
          sample: /
        unit:
          description: The unit of systemd in which it runs, an empty string for none.
          type: str
          sample: nomad.service
        command:
          description: "What of its command line matters: whether it runs C(agent) at all, C(config_paths), C(data_dir),
            C(server), C(dev), and of all other flags the names."
          type: dict
          sample: {agent: true, config_paths: [/etc/nomad.d], data_dir: "", server: false, dev: false, others: []}
        variables:
          description: Names of the variables in its environment that an agent reads.
          type: list
          elements: str
          sample: [NOMAD_LICENSE_PATH]
    configuration:
      description: What M(raftops.nomad.raft_logstore_config) would find and do in check mode, with the results of its
        name. They are null when the configuration could not be read.
      type: dict
      contains:
        paths:
          description: The C(-config) arguments by which it was read.
          type: list
          elements: str
          sample: [/etc/nomad.d]
        backend:
          description: The backend in effect afterwards.
          type: str
          sample: wal
        previous_backend:
          description: The backend in effect now.
          type: str
          sample: boltdb
        file:
          description: The file that has the block in effect afterwards.
          type: str
          sample: /etc/nomad.d/raft_logstore.hcl
        files:
          description: The files that the agent loads afterwards, in their order.
          type: list
          elements: str
          sample: [/etc/nomad.d/nomad.hcl, /etc/nomad.d/raft_logstore.hcl]
        effective:
          description: The block in effect afterwards, as RV(raftops.nomad.raft_logstore_config#module:effective).
          type: dict
          sample: {backend: wal, wal_segment_size: 64}
        agent:
          description: Other settings, as RV(raftops.nomad.raft_logstore_config#module:agent).
          type: dict
          sample: {data_dir: /opt/nomad/data, http_host: 127.0.0.1, http_port: 4646}
        changed_files:
          description: The files that would be written.
          type: list
          elements: str
          sample: [/etc/nomad.d/raft_logstore.hcl]
        unwritable:
          description: Directories of these files in which this user may not write.
          type: list
          elements: str
          sample: []
    data_dir:
      description: The directory below which the store was looked for, an empty string when that is not known.
      type: str
      sample: /opt/nomad/data
    store:
      description: The store on its disk, as RV(raftops.nomad.raft_store_info#module:raft_store) without C(held),
        C(refusal) and C(digest).
      type: dict
      sample: {state: boltdb, in_use: true, backend: boltdb, size: 524288}
    token:
      description: What the token may do.
      type: dict
      contains:
        asked:
          description: Whether it was asked, which it is only with ACLs.
          type: bool
          sample: true
        lacking:
          description: As RV(raftops.nomad.token_info#module:lacking).
          type: list
          elements: dict
          sample: []
    leftovers:
      description: What a roll or a conversion that was interrupted has left.
      type: dict
      contains:
        hold:
          description: As RV(raftops.nomad.raft_store_info#module:raft_store.held).
          type: dict
          sample: null
        journal:
          description: Whether a conversion was begun and not finished.
          type: bool
          sample: false
        journal_origin:
          description: Who began that conversion, if that was said.
          type: str
          sample: ""
        transaction:
          description: >-
            What a run of M(raftops.nomad.server_backend) is doing here, or has done without anybody having heard of it.
            Null where there is neither, or nobody ever ran.
          type: dict
          contains:
            at_work:
              description: Whether one is at work now.
              type: bool
              sample: false
            untold:
              description: Whether one has ended whose answer has reached nobody.
              type: bool
              sample: true
            sentence:
              description: Either in a sentence.
              type: str
              sample: >-
                The run that process 812 began at 2026-11-22T13:20:35Z, to wal, was interrupted, and its own host
                finished it: the server is back.
        snapshots:
          description: The files of O(snapshot_dir) with the names that rolls give, C(nomad-*-TIME.snap), the oldest
            first. Each contains the cluster's keys. Links are not followed.
          type: list
          elements: dict
          contains:
            path:
              description: The file.
              type: str
              sample: /var/lib/nomad-raft-snapshots/nomad-316-20261122T104744Z.snap
            size:
              description: Its size in bytes.
              type: int
              sample: 50320
            created:
              description: When it was saved, by its name.
              type: str
              sample: "2026-11-22T10:47:44Z"
        drop_in:
          description: The file that keeps the unit from being started, an empty string when it is not there.
          type: str
          sample: ""
    prospect:
      description: What a conversion to O(backend) would do.
      type: dict
      contains:
        backend:
          description: As O(backend).
          type: str
          sample: wal
        plan:
          description: Its steps.
          type: list
          elements: str
          sample: [open the journal .raft-migrate.json, convert raft.db to wal.partial/ and compare every entry]
        refusal:
          description: Why it would refuse, an empty string when it would not.
          type: str
          sample: ""
        warnings:
          description: What it would warn of.
          type: list
          elements: str
          sample: []
        bytes:
          description: Size of the store's files in bytes.
          type: int
          sample: 524288
        required_bytes:
          description: As RV(raftops.nomad.raft_store_info#module:raft_store.estimated_bytes).
          type: int
          sample: 67895296
        available_bytes:
          description: Free space on the file system of the store, in bytes.
          type: int
          sample: 1073741824
    rehearsal:
      description: What would go wrong at the agent's next start, and what to know before it. Those that refuse come
        first.
      type: list
      elements: dict
      contains:
        severity:
          description: V(refuse) for what must not be gone on with, V(warn) for the rest.
          type: str
          sample: refuse
        code:
          description: A name of its own for each kind of finding.
          type: str
          sample: command_missing
        what:
          description: What is wrong and what to do.
          type: str
          sample: "Without systemd, stop_command has to be given."
        path:
          description: The file or directory that it is about, an empty string when it is about none.
          type: str
          sample: ""
    errors:
      description: Why a part could not be looked at, by the name of that part.
      type: dict
      sample: {}
"""

import os
from typing import Optional

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._agent.host.service import Ran
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module
from ansible_collections.raftops.nomad.plugins.module_utils._disk.errors import StoreError
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend import caller
from ansible_collections.raftops.nomad.plugins.module_utils._server.backend.place import Place
from ansible_collections.raftops.nomad.plugins.module_utils._server.look import Seen, look
from ansible_collections.raftops.nomad.plugins.module_utils._server.rehearse import findings
from ansible_collections.raftops.nomad.plugins.module_utils._server.report import report

SPEC = {
    "data_dir": {"type": "path"},
    "config_path": {"type": "list", "elements": "path"},
    "service_manager": {"type": "str", "choices": ["systemd", "command"], "default": "systemd", "aliases": ["manager"]},
    "service_name": {"type": "str", "default": "nomad", "aliases": ["name"]},
    "stop_command": {"type": "str"},
    "start_command": {"type": "str"},
    "status_command": {"type": "str"},
    "backend": {"type": "str", "choices": ["wal", "boltdb"], "default": "wal"},
    "wal_segment_size": {"type": "int"},
    "config_file": {"type": "path"},
    "backup_dir": {"type": "path"},
    "log_file": {"type": "path"},
    "snapshot_dir": {"type": "path", "default": "/var/lib/nomad-raft-snapshots"},
    "rehearse": {"type": "bool", "default": True},
}


def transaction(seen: Seen) -> Optional[dict]:
    """What a run of server_backend is doing here or has left; None for nothing, or where that cannot be seen."""
    try:
        place = Place.found(seen.data_dir) if seen.data_dir else None
        return caller.left(place) if place else None
    except StoreError as error:
        seen.warnings.append(str(error))
        return None


def main() -> None:
    module = Module(argument_spec=dict(argument_spec(), **SPEC), supports_check_mode=True)

    def command(arguments: list) -> Ran:
        return Ran(*module.run_command(list(arguments)))

    try:
        seen = look(module.params, os.environ, command)
    except AgentError as error:
        module.fail_json(msg=str(error))
    rehearsed, left = findings(seen) if module.params["rehearse"] else [], transaction(seen)
    for warning in seen.warnings:
        module.warn(warning)
    module.exit_json(changed=False, server=report(seen, rehearsed, left))


if __name__ == "__main__":
    main()
