# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a roll on the controller: which modules a step runs on its host, in which order, and what it returns.

A step is a function of `run`, which runs one module, and of plain values. What a step decides is in
module_utils._roll. Read `way.py` first, the longest one; `modules.py` is what runs a module in Ansible.
"""
