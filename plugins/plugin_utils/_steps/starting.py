# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every playbook begins with: no tag leaves a part of it out, and its group has hosts."""

from __future__ import annotations

from typing import NamedTuple, Sequence

from ansible_collections.raftops.nomad.plugins.plugin_utils._steps.modules import Stopped

ALWAYS, UNTAGGED = "always", "untagged"
LEFT_OUT = (
    "--tags {run} --skip-tags {skip} would leave out tasks of this playbook: all of them belong together, and none has "
    "a tag. Run it without (also in ansible.cfg, section tags, and in the environment)."
)
NO_HOSTS = (
    "The inventory has no hosts in the group {group}. Name the group of the cluster's servers with -e "
    "raft_logstore_group=NAME."
)
NONE_LEFT = "--limit leaves no host of the group {group}. Run it without."


class Tags(NamedTuple):
    """Of this task, which has `always` beside those of its playbook; and those that were asked for."""

    own: Sequence[str]
    run: Sequence[str]
    skip: Sequence[str]


def start(tags: Tags, hosts: Sequence[str], group: str, limited: Sequence[str] = ()) -> None:
    """To do nothing is no failure for Ansible, so it is one here. `limited`: the hosts that --limit leaves, if it is
    given. Raises Stopped."""
    if not runs(tags):
        told = LEFT_OUT.format(run=",".join(tags.run), skip=",".join(tags.skip))
        raise Stopped("No task is left out", told)
    if not hosts:
        raise Stopped("The group has hosts", NO_HOSTS.format(group=group))
    if limited and not set(hosts) & set(limited):
        raise Stopped("The group has hosts", NONE_LEFT.format(group=group))


def runs(tags: Tags) -> bool:
    """Whether the other tasks run, which have the same tags but `always`: as Ansible decides it."""
    own = set(tags.own) - {ALWAYS} or {UNTAGGED}
    known, never = own | (set() if own == {UNTAGGED} else {"tagged"}), "never" in own
    wanted = not tags.run or bool((own if never else known | {"all"}) & set(tags.run))
    return wanted and not (known | {"all"}) & set(tags.skip)
