# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what Ansible hands over, text and lazy containers among it, to the plain values of module_utils._roll."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Dict, List, Tuple

from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.raftops.nomad.plugins.module_utils._roll.options import Options, origin
from ansible_collections.raftops.nomad.plugins.module_utils._roll.server import Server, parse
from ansible_collections.raftops.nomad.plugins.module_utils._roll.wish.variables import wrong
from ansible_collections.raftops.nomad.plugins.modules.roll_plan import OPTIONS


def plain(value: Any) -> Any:
    """The value without Ansible's containers, and tuples as lists."""
    if isinstance(value, Mapping):
        return {str(name): plain(value[name]) for name in value}
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [plain(one) for one in value]
    return value


def without_empty(given: Mapping[str, Any]) -> Dict[str, Any]:
    """Those that are given. Null and "" are not, as for the modules: forms have them where nobody has answered."""
    return {name: value for name, value in plain(given).items() if value not in (None, "")}


def options(given: Mapping[str, Any]) -> Options:
    """What the operator has asked for. Values may come as text. Raises AnsibleError."""
    checked = ArgumentSpecValidator(OPTIONS).validate(without_empty(given))
    if checked.error_messages:
        raise AnsibleError(f"The variables raft_logstore_*: {'; '.join(checked.error_messages)}")
    values = checked.validated_parameters
    awx, node = os.environ.get("AWX_HOST", ""), os.uname().nodename
    values["origin"] = origin(values["origin"], values["job_template"], awx, node)
    values.update(config_path=tuple(values["config_path"]), names=tuple(values["names"]))
    return Options(**values, unusable_hooks=unusable_hooks(values))


def mistakes(specified: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> str:
    """What is wrong with the role's variables, a sentence for each, from its argument specification; else "".

    Ansible's own validation says the same, below the whole specification.
    """
    told = []
    for name, option in plain(specified).items():
        if name not in given:
            continue
        checked = ArgumentSpecValidator({name: option}).validate({name: plain(given[name])})
        if checked.error_messages:
            value = plain(given[name])
            shown = "null" if value is None else "not what it must be" if option.get("no_log") else repr(value)
            told.append(wrong(name, shown, option["type"], option.get("choices", ())))
    return " ".join([*told, "Nothing was changed."]) if told else ""


def unusable_hooks(given: Mapping[str, Any]) -> Tuple[str, ...]:
    """What is wrong with the files of the operator's own tasks, which are on this controller."""
    told = []
    for name in "pre_tasks_file", "post_tasks_file":
        path = os.path.expanduser(given[name])
        wrong = "" if os.path.isfile(path) else "which is no file on this controller"
        wrong = wrong or ("" if os.access(path, os.R_OK) else "which cannot be read")
        wrong = wrong if os.path.isabs(path) else "which is no absolute path"
        if path and wrong:
            told.append(f"raft_logstore_{name} is {path}, {wrong}")
    return tuple(told)


def servers(given: Sequence[Mapping[str, Any]]) -> List[Server]:
    """The servers from their facts."""
    return [parse(plain(one)) for one in given]


def shown(value: Any) -> Dict[str, Any]:
    """A named tuple, of others perhaps, as dicts."""
    return {name: shown(one) if hasattr(one, "_asdict") else plain(one) for name, one in value._asdict().items()}
