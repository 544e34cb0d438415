# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do the other servers take connections?"""

from __future__ import annotations

import socket

from ansible_collections.raftops.nomad.plugins.module_utils._agent.cluster.listening import silent


def test_who_listens_is_not_silent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        address = f"127.0.0.1:{there.getsockname()[1]}"
        assert silent([]) == silent([address, address]) == ""
    assert silent([address]) == f"the server at {address} takes no connection: Connection refused"


def test_an_address_of_the_sixth_version() -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as there:
        assert silent([f"[::1]:{there.getsockname()[1]}"]) == ""


def test_what_is_no_address_is_told() -> None:
    assert silent(["nowhere"]).startswith("the server at nowhere takes no connection: ")
