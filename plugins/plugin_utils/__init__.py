# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What action plugins and filters are made of, on the controller.

Private to the collection: all of it may change in any version.
"""
