# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The protocol as two models that spin checks: every order in which things can happen, within bounds.

`host.pml` is one host: the Raft directory, its agent, runs that are killed anywhere (`run.pml`). `roll.pml` is a
cluster: voters, autopilot, two controllers, the transactions on the hosts. What they say and do not say: docs/model.md.
Open first: `host.pml`. `tables.py` makes Promela of the product's own tables, `checker.py` runs spin.
"""
