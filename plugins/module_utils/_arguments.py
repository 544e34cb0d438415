# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options as a playbook hands them on: "" and null mean that nothing was given, whatever the type of the option."""

from __future__ import annotations

from typing import Any, Dict

from ansible.module_utils.basic import AnsibleModule


class Module(AnsibleModule):  # type: ignore[misc]
    """A module to which options that are "" or null are not given: their defaults and fallbacks apply."""

    params: Dict[str, Any]

    def _load_params(self) -> None:
        super()._load_params()
        for name in [name for name, value in self.params.items() if value in (None, "")]:
            if not name.startswith("_ansible"):
                del self.params[name]
