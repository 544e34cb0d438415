# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server's turn has failed: how it is left, whether it is taken back if the others agree, what is said. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional

from ..._text.lines import table
from .. import copying
from ..host.left import (
    OUTCOMES,
    PUT_BACK,
    RETURNED,
    RUNNING,
    UNKNOWN,
    UNTOUCHED,
    bare,
    end,
    kept_stopped,
    not_brought_back,
    what_failed,
)
from ..host.transaction import OTHER, REJOIN
from ..options import Options
from ..server import Server
from . import waiting

Result = Mapping[str, Any]
STAYS = (
    "Its store is switched to {backend} and the agent runs, but this server has not passed its checks. It was left as "
    "it is. When the cause is gone, run this again."
)
COPIED = "Its agent runs, on the store that it had. When the cause is gone, run this again."
LATE = (
    "  So its leader says, which may take 40 s to notice a server that is down. Until this one is back, stop no other."
)
HOOK = "{host}: {what} This server is done and in the cluster, the roll ends here. {note}"
DONE = "done"
UNTOUCHED_AFTER = "No server after it was touched."
AGAIN = "When the cause is gone, run the same command again."
WAITS = (
    "{host}: It is on {backend} and healthy. It waits because {out}. {host} stays on {backend}. Bring {names} back, "
    "then run the same command again: it goes on from there."
)


class Said(NamedTuple):
    """What a rescue knows. `failed` is what failed first, `again` what failed on the way back, both as `failed` tells.

    `worked` and `returned` are results of server_backend: of the way forward, and of the way back after the others were
    asked; None where it was not called. `looked` is server_info's server after the failure, `cluster` what the other
    servers say (the loop over autopilot_health_info), `other` the host of the first of them.
    """

    failed: Mapping[str, str]
    again: Optional[Mapping[str, str]] = None
    worked: Optional[Result] = None
    returned: Optional[Result] = None
    looked: Optional[Result] = None
    cluster: Optional[Result] = None
    other: str = ""
    hold_note: str = ""


class Failure(NamedTuple):
    """What to do, and what to say. `step` is where it failed, a step of server_backend if it was at work; `again` what
    failed on the way back. `returns`: the server is to be taken back, which the others must agree to if there
    are any (`asks`), on the host `asked`. `is_back`: it is in the cluster again, as it was. `looks`: there is something
    to look at."""

    left: str
    looks: bool
    returns: bool
    asks: bool
    asked: str
    is_back: bool
    lines: List[str]
    message: str
    step: str
    again: str


def failed(result: Result, task: str) -> Dict[str, str]:
    """What a failed task, perhaps a loop, says: what it was doing, and its messages without a full stop."""
    said = [one.get("msg") for one in result.get("results", [result]) if one.get("failed")]
    return {"task": result.get("doing") or task, "message": bare(" ".join(str(one) for one in said if one))}


def failure(servers: List[Server], host: str, options: Options, said: Said) -> Failure:
    """What to do about the failure on this host."""
    server = next((one for one in servers if one.host == host), Server(host=host, id=""))
    if (said.worked or {}).get("done"):  # only the operator's own tasks come after that
        told = HOOK.format(host=host, what=_what(said), note=said.hold_note).strip()
        return Failure(DONE, False, False, False, "", False, [], told, said.failed["task"], "")
    left, answers = _left(said), waiting.answers(said.cluster)
    out = _waits_for(servers, server, options, said)
    return Failure(
        left=left,
        looks=left != UNTOUCHED,
        returns=left == RUNNING and options.rollback_on_failure and not options.copies and not out,
        asks=len(servers) > 1,
        asked=next((host for host, _answer in waiting.answered(answers)), said.other),
        is_back=left in (PUT_BACK, RETURNED),
        lines=_lines(said) if said.looked else [],
        message=_waiting(server, options, said, out) if out else _message(server, options, said, left),
        step=_step(said),
        again=(said.again or {}).get("message") or (said.worked or {}).get("again") or "",
    )


def _left(said: Said) -> str:
    """How the server is left. One that was brought to the backend and has failed later runs on it."""
    worked = said.worked or {}
    if said.returned is not None and not said.returned.get("failed"):
        return RETURNED
    if "left" in worked:
        return str(worked["left"])
    if worked.get("phases"):
        return RUNNING
    return UNKNOWN if worked.get("failed") else UNTOUCHED  # a module that broke says nothing about the server


def _waits_for(servers: List[Server], server: Server, options: Options, said: Said) -> List[waiting.Out]:
    """The others that are out, where this server has failed at nothing but the wait for the cluster around it."""
    worked = said.worked or {}
    if options.copies or not _in_transaction(worked) or (_left(said), worked["step"]) != (RUNNING, REJOIN):
        return []
    backend = copying.towards(server, options)
    return waiting.waits_for(servers, server, backend, said.looked, waiting.answers(said.cluster))


def _waiting(server: Server, options: Options, said: Said, out: List[waiting.Out]) -> str:
    names, told = (" and ".join(words) for words in ([one.host for one in out], [one.told() for one in out]))
    backend = copying.towards(server, options)
    whole = WAITS.format(host=server.host, backend=backend, out=told, names=names)
    return " ".join(part for part in (whole, said.hold_note, UNTOUCHED_AFTER) if part)


def _message(server: Server, options: Options, said: Said, left: str) -> str:
    backend = copying.towards(server, options)
    parts = [f"{server.host}: {_what(said)}", _again(said, left, backend), _outcome(server, options, said, left)]
    parts += [said.hold_note, UNTOUCHED_AFTER, AGAIN if left in (PUT_BACK, RETURNED) else ""]
    return " ".join(part for part in parts if part)


def _what(said: Said) -> str:
    """What failed first. A transaction names its step itself."""
    worked = said.worked or {}
    if _in_transaction(worked):
        return what_failed(worked["step"], worked["failure"])
    return f"{said.failed['task']}: {end(said.failed['message'])}"


def _step(said: Said) -> str:
    worked = said.worked or {}
    return str(worked["step"]) if _in_transaction(worked) else said.failed["task"]


def _in_transaction(worked: Result) -> bool:
    return bool(worked.get("failed") and worked.get("failure"))


def _again(said: Said, left: str, backend: str) -> str:
    """What failed on the way back, if anything did."""
    if not said.again:
        failure = (said.worked or {}).get("again")
        return not_brought_back(backend, failure) if failure else ""
    whole = (said.returned or {}).get("failed", False)  # the transaction's message says how it is left
    what = said.again["message"] if whole else f"{said.again['task']}: {said.again['message']}"
    back = left in (PUT_BACK, RETURNED)
    return f"When it was back: {end(what)}" if back else not_brought_back(backend, what)


def _outcome(server: Server, options: Options, said: Said, left: str) -> str:
    if (said.returned or {}).get("failed"):
        return ""
    if left == UNTOUCHED:
        return "This server was not stopped." if server.up else "This server was down before, and still is."
    backend = copying.towards(server, options)
    told = (COPIED if options.copies else STAYS) if left == RUNNING else OUTCOMES[left]
    barrier = (said.worked or {}).get("barred_by")
    kept = f" {kept_stopped(barrier)}" if barrier else ""
    return told.format(backend=backend, former=OTHER[backend]) + kept


def _lines(said: Said) -> List[str]:
    """The store, the agent and the cluster of a server that has failed, for a person. The action has shown its log."""
    looked = said.looked or {}
    return [
        f"Failed: {_what(said)}",
        *_store_lines(looked.get("store"), looked["errors"].get("store", "")),
        _agent_line(looked["agent"]),
        *_cluster_lines(said),
        *([f"Hold: {said.hold_note}"] if said.hold_note else []),
    ]


def _store_lines(store: Optional[Result], error: str) -> List[str]:
    if not store:
        return [f"Store: {error}"]
    marks = "".join(f", {mark.replace('_', ' ')}" for mark in ("interrupted", "in_use") if store[mark])
    return [f"Store: {store['state']} in {store['raft_dir']}{marks}", *(f"  {what}" for what in store["problems"])]


def _agent_line(agent: Result) -> str:
    if not agent["self"]:
        return f"Agent: {agent['error']}"
    own, raft = agent["self"], agent["self"]["raft"]
    return (
        f"Agent: {own['state']} on {own['backend']}, last entry {raft['last_log_index']}, committed "
        f"{raft['commit_index']}, applied {raft['applied_index']}"
    )


def _cluster_lines(said: Said) -> List[str]:
    """The leader's word, from the first that knows it: another server, else this one."""
    answers = waiting.answers(said.cluster)
    views = [one["autopilot"] for _host, one in waiting.answered(answers)] + [(said.looked or {}).get("autopilot")]
    cluster = next(filter(None, views), None)
    if not cluster:
        told = [f"{host}: {one.get('error') or 'its host cannot be reached'}" for host, one in answers]
        return [f"Cluster: {one}" for one in told or ["no other server was asked"]]
    rows: List[List[Any]] = [["server", "serf", "health", "voter", "leader", "last contact", "last entry"]]
    for one in cluster["servers"]:
        words = [
            "healthy" if one["healthy"] else "unhealthy",
            *("yes" if one[what] else "no" for what in ("voter", "leader")),
        ]
        rows.append([one["name"], one["serf_status"], *words, one["last_contact"], one["last_index"]])
    health = "healthy" if cluster["healthy"] else "not healthy"
    late = [] if (said.looked or {})["agent"]["self"] else [LATE]
    return [f"Cluster: {health}, failure tolerance {cluster['failure_tolerance']}", *late, *table(rows)]
