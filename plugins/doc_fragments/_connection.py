# Copyright (c) raftops.nomad contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the options with which a module reaches the HTTP API of a Nomad agent. Private to the collection."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  host:
    description:
      - Name or IP address of the Nomad agent to ask, as seen from the managed host.
      - Left out, the address in E(NOMAD_ADDR) of the managed host is used, and V(127.0.0.1) if that is not set
        either.
      - When O(host) is given, E(NOMAD_ADDR) is ignored.
    type: str
  port:
    description:
      - Port of the agent's HTTP API.
      - Left out, the port in E(NOMAD_ADDR) if that is used, V(80) or V(443) if it names none, else V(4646).
    type: int
  use_ssl:
    description:
      - Whether to use HTTPS, as an agent with C(tls { http = true }) requires.
      - Left out, the scheme in E(NOMAD_ADDR) if that is used, else V(false). Note that community.general assumes
        V(true) here.
    type: bool
  timeout:
    description:
      - Seconds one answer of the API may take.
      - While the cluster has no leader, Nomad answers only after five seconds. Less than V(6) turns its error message
        into a timeout.
    type: int
    default: 10
  validate_certs:
    description:
      - Whether to verify the certificate of the agent. Only used with O(use_ssl=true).
      - Left out, the opposite of E(NOMAD_SKIP_VERIFY), else V(true).
    type: bool
  ca_path:
    description:
      - Certificate authority to trust, a PEM file or a directory of them on the managed host.
      - Left out, E(NOMAD_CACERT), then E(NOMAD_CAPATH), then the authorities of the managed host.
    type: path
  client_cert:
    description:
      - Client certificate on the managed host, a PEM file. Needed by agents with C(verify_https_client = true).
      - Left out, E(NOMAD_CLIENT_CERT).
    type: path
  client_key:
    description:
      - Private key of O(client_cert), a PEM file on the managed host. May be left out if O(client_cert) contains it.
      - Left out, E(NOMAD_CLIENT_KEY).
    type: path
  tls_server_name:
    description:
      - Name that the certificate of the agent must carry, for agents asked by address. Nomad's own convention is
        C(server.REGION.nomad).
      - Left out, E(NOMAD_TLS_SERVER_NAME), then O(host).
    type: str
  region:
    description:
      - Region to ask for, when it is not the one of the agent.
      - Left out, E(NOMAD_REGION).
    type: str
  token:
    description:
      - Secret ID of the ACL token. It is sent in a header and never logged.
      - Left out, E(NOMAD_TOKEN).
    type: str
notes:
  - The environment variables are those of the managed host, where the module runs.
  - Proxy settings, C(.netrc) and redirects are ignored, so the token reaches the agent and nobody else.
"""
