# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options, environment and defaults: who wins, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.raftops.nomad.plugins.doc_fragments._connection import ModuleDocFragment
from ansible_collections.raftops.nomad.plugins.module_utils._agent.api.connection import (
    Connection,
    argument_spec,
    from_params,
)
from ansible_collections.raftops.nomad.plugins.module_utils._agent.errors import AgentError

UNSET: dict[str, Any] = {**dict.fromkeys(argument_spec()), "timeout": 10}


def connect(environ: dict[str, str] | None = None, **params: Any) -> Connection:
    return from_params({**UNSET, **params}, environ or {})


def test_nothing_given_is_the_agent_on_this_host() -> None:
    assert connect() == Connection() and connect().url == "http://127.0.0.1:4646"


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("http://10.0.0.1:4646", "http://10.0.0.1:4646"),
        ("https://nomad.example:443/", "https://nomad.example:443"),
        ("https://nomad.example", "https://nomad.example:443"),
        ("http://[fe80::1]:4646", "http://[fe80::1]:4646"),
        ("10.0.0.1:4646", "http://10.0.0.1:4646"),
    ],
)
def test_nomad_addr_is_used_when_no_host_is_given(address: str, url: str) -> None:
    assert connect({"NOMAD_ADDR": address}).url == url


def test_a_host_makes_nomad_addr_void_as_a_whole() -> None:
    environ = {"NOMAD_ADDR": "https://elsewhere:8443"}
    assert connect(environ, host="10.0.0.9").url == "http://10.0.0.9:4646"
    assert connect(environ, port=1234).url == "https://elsewhere:1234"
    assert connect(environ, use_ssl=False).url == "http://elsewhere:8443"


@pytest.mark.parametrize(
    "address", ["unix:///run/nomad.sock", "http://user:hidden@h:1", "http://h:port", "http://", "http://h/base/path"]
)
def test_an_address_that_cannot_be_used_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(AgentError, match="NOMAD_ADDR") as raised:
        connect({"NOMAD_ADDR": address})
    assert "hidden" not in str(raised.value)


@pytest.mark.parametrize(("text", "checked"), [("true", False), ("1", False), ("0", True), ("False", True), ("", True)])
def test_skip_verify_is_the_opposite_of_validate_certs(text: str, checked: bool) -> None:
    assert connect({"NOMAD_SKIP_VERIFY": text}).validate_certs is checked
    assert connect({"NOMAD_SKIP_VERIFY": text}, validate_certs=True).validate_certs is True


def test_skip_verify_with_a_typo_is_not_taken_for_no() -> None:
    with pytest.raises(AgentError, match="NOMAD_SKIP_VERIFY"):
        connect({"NOMAD_SKIP_VERIFY": "ture"})


def test_the_file_of_authorities_wins_over_the_directory() -> None:
    environ = {"NOMAD_CACERT": "/a.pem", "NOMAD_CAPATH": "/dir"}
    assert connect(environ).ca_path == "/a.pem"
    assert connect({"NOMAD_CAPATH": "/dir"}).ca_path == "/dir"
    assert connect(environ, ca_path="/mine").ca_path == "/mine"


@pytest.mark.parametrize(
    "params",
    [
        {"host": "http://10.0.0.1"},
        {"host": "10.0.0.1/x"},
        {"host": "a b"},
        {"host": "user@h"},
        {"port": 0},
        {"port": 70000},
        {"timeout": 0},
        {"token": "abc\r\nX-Evil: 1"},
        {"token": "abc "},
    ],
)
def test_what_cannot_be_right_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(AgentError) as raised:
        connect(**params)
    assert "Evil" not in str(raised.value)


def test_the_url_brackets_an_ipv6_address() -> None:
    assert connect(host="::1").url == "http://[::1]:4646"


def test_the_fragment_documents_exactly_the_options() -> None:
    documented = yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert set(documented) == set(argument_spec())
    for name, spec in argument_spec().items():
        assert documented[name]["type"] == spec["type"]
        assert documented[name].get("default") == spec.get("default")
        for variable in spec.get("fallback", (None, []))[1]:
            assert f"E({variable})" in " ".join(documented[name]["description"])
    assert argument_spec()["token"]["no_log"] is True
