#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: token_info
short_description: Whether an ACL token may do what a roll through a Nomad cluster does
version_added: 1.0.0
author:
  - raftops.nomad contributors (@raftops)
description:
  - Checks each of these rights with a request that cannot take effect, and reports those that Nomad refuses.
  - "C(operator:write) is checked by sending autopilot's current settings back with an index that they can never have.
    Nomad refuses the change; settings and index stay. C(management) is checked by giving leadership to a
    server that does not exist."
  - A server that has just been restarted knows no tokens for some seconds and refuses C(agent:read) meanwhile.
extends_documentation_fragment:
  - raftops.nomad._connection
  - raftops.nomad._attributes.info
  - raftops.nomad._attributes
  - raftops.nomad._attributes.action_group
seealso:
  - module: raftops.nomad.agent_info
"""

EXAMPLES = r"""
- name: Ask what the token may do
  raftops.nomad.token_info:
  register: token

- name: Name what it may not
  ansible.builtin.debug:
    msg: "{{ token.lacking | map(attribute='capability') | join(', ') }}"
"""

RETURN = r"""
lacking:
  description: The rights that the token does not have, those of V(management) included.
  returned: always
  type: list
  elements: dict
  contains:
    capability:
      description: V(agent:read), V(operator:read), V(operator:write) or V(management).
      type: str
      sample: operator:write
    path:
      description: The API path that needs it.
      type: str
      sample: /v1/operator/autopilot/configuration
    purpose:
      description: What a roll needs it for.
      type: str
      sample: to keep autopilot from removing a stopped server, and to save snapshots
error:
  description: Why a right could not be checked, for example without a leader. An empty string when all could be.
  returned: always
  type: str
  sample: ""
"""

import os

from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.client import Client
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import argument_spec, from_params
from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.rights import lacking
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError
from ansible_collections.raftops.nomad.plugins.module_utils._arguments import Module


def main() -> None:
    module = Module(argument_spec=argument_spec(), supports_check_mode=True)
    try:
        found = lacking(Client(from_params(module.params, os.environ)))
    except AgentError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, lacking=[right._asdict() for right in found.rights], error=found.error)


if __name__ == "__main__":
    main()
