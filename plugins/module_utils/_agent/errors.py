# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong between us and an agent or its configuration, each a sentence for an operator.

The classes say what the caller can do: wait (`Unreachable`, `NoLeader`, `Denied` shortly after a restart) or give up.
"""

from __future__ import annotations


class AgentError(Exception):
    """What is wrong and the way out (`hint`)."""

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what, hint)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return "{}. {}".format(self.what.rstrip("."), self.hint) if self.hint else self.what


class ApiError(AgentError):
    """An agent's API did not do what was asked. `status` is the HTTP status, 0 when there was no answer."""

    def __init__(self, what: str, url: str, status: int = 0, hint: str = "") -> None:
        super().__init__(f"{url}: {what}", hint)
        self.url = url
        self.status = status


class Unreachable(ApiError):
    """No answer, or none in time."""


class NotListening(Unreachable):
    """Nobody listens at that address: the only kind of silence that proves that the agent is down."""


class NoLeader(ApiError):
    """The cluster has no leader at the moment."""


class Denied(ApiError):
    """The token is missing, too weak, or not known yet to a server that has just been restarted."""


class Failed(ApiError):
    """The agent answered with another error."""


class BadAnswer(ApiError):
    """The answer is not what Nomad sends."""


class ConfigError(AgentError):
    """A configuration file is wrong. Line and column count from 1; 0 means the file as a whole."""

    def __init__(self, what: str, path: str = "", line: int = 0, column: int = 0, hint: str = "") -> None:
        super().__init__(what, hint)
        self.path = path
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = self.path
        if self.line:
            place = f"{place}:{self.line}:{self.column}" if place else f"line {self.line}, column {self.column}"
        text = super().__str__()
        return f"{place}: {text}" if place else text
