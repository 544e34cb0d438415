# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of one run as lanes, one for each server: what was done there from when to when, and who led. Pure.

Times are seconds since the run began, on the controller's clock. What server_backend has measured on a host's own clock
is put between the two instants at which the controller began to wait for it and had its answer.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Sequence

Event = Mapping[str, Any]
Segment = Dict[str, Any]

OUT = ("stop", "convert", "start", "rejoin", "down")
"""The steps in which a server is out of the cluster."""

STEPS = {
    "look": "look at the server",
    "hook": "the operator's own tasks",
    "pause": "pause between two servers",
    "gate": "gates: may it be stopped?",
    "transfer": "transfer of leadership",
    "write": "does a write come through?",
    "snapshot": "snapshots",
    "hold": "keep autopilot from removing it",
    "backend": "at work on its host",
    "stop": "stop",
    "convert": "configure and convert",
    "start": "start",
    "rejoin": "rejoins the cluster",
    "stable": "stays back",
    "down": "down",
    "return": "taken back to its old backend",
    "release": "release autopilot",
    "prove": "prove the end state",
    "remove": "remove old stores",
}
"""The steps that are known, with a title. Those from stop to stable are made of a result of server_backend."""

_WORK = ("backend", "return")
_FAILED_IN = {"last look": "gate", "configuration": "convert", "former configuration": "convert", "log": "stable"}
_FAILED_IN.update(conversion="convert")
_DOWN = ("unswitched", "halfway", "down")  # how a failure leaves a server that does not run
_SHORTEST_S = 0.005


def lanes(events: Sequence[Event], began: float, ended: float) -> List[Dict[str, Any]]:
    """`server` and `segments` of each server, in the order of the plan; those that nothing was done to have no segment.

    `events` are those of one run. A segment has `step`, `began`, `ended` and `ok`; a `message` where one was given;
    `unfinished` where nothing was heard of its end.
    """
    found = _segments(events, ended)
    for worked in (one for one in events if one["kind"] == "worked" and "server" in one):
        found[worked["server"]] = _with_work(found.get(worked["server"], []), worked, ended)
    for one in (one for one in events if one["kind"] == "failed"):
        _mark(found.get(one.get("server", ""), []))
    queue = [host for one in events if one["kind"] == "planned" for host in one.get("queue", ())]
    hosts = list(dict.fromkeys([*queue, *found]))
    return [{"server": host, "segments": [_since(one, began) for one in found.get(host, ())]} for host in hosts if host]


def _segments(events: Sequence[Event], ended: float) -> Dict[str, List[Segment]]:
    """What was begun, and ended or not, on each server."""
    found: Dict[str, List[Segment]] = {}
    for one in events:
        mine = found.setdefault(one.get("server", ""), []) if one["kind"] in ("step_began", "step_ended") else []
        if one["kind"] == "step_began":
            mine.append(
                {"step": one.get("step", ""), "began": one["at"], "ended": ended, "ok": True, "unfinished": True}
            )
        elif one["kind"] == "step_ended":
            same = [segment for segment in mine if segment.get("unfinished") and segment["step"] == one.get("step", "")]
            for segment in same[-1:]:
                del segment["unfinished"]
                segment.update(ended=max(one["at"], segment["began"]), ok=one.get("ok", True))
                segment.update({"message": one["message"]} if one.get("message") else {})
    return found


def _with_work(segments: List[Segment], worked: Event, ended: float) -> List[Segment]:
    """The segments, with that of server_backend's call cut into the phases that it has measured."""
    calls = [one for one in segments if one["step"] in _WORK and one["began"] <= worked["at"]]
    if not calls:
        return segments
    at = segments.index(calls[-1])
    cut = _cut(calls[-1], worked)
    if worked.get("failed") and worked.get("left") in _DOWN:
        last = cut[-1]["ended"]
        cut.append({"step": "down", "began": last, "ended": max(ended, last), "ok": False})
    return [*segments[:at], *cut, *segments[at + 1 :]]


def _cut(call: Segment, worked: Event) -> List[Segment]:
    """The phases in their order, between what came before the stop and what came after it was back."""
    phases = worked.get("phases", {})
    failing = _failing(worked)
    converted = [phases[name] for name in ("configuration", "conversion") if name in phases]
    known = {"stop": phases.get("stop"), "convert": sum(converted) if converted else None}
    known.update({step: phases.get(step) for step in ("start", "rejoin")})
    lengths = {step: length for step, length in known.items() if length is not None}
    if not lengths:
        return _failure([call], worked)
    untimed = phases.get("total", 0.0) - sum(lengths.values()) if failing in known else 0.0
    if untimed > 0:  # a step that fails is not timed, nor what undoes it; only all of it is
        lengths[failing] = lengths.get(failing, 0.0) + untimed
    span, total = call["ended"] - call["began"], sum(lengths.values())
    if total > span:  # the answer of a run that had lost its controller, or clocks that do not go alike
        return _failure(_laid(lengths, call["began"], span / total), worked)
    before = phases.get("stop", 0.0) + sum(converted) + max(untimed, 0.0)
    first = min(max(worked.get("began_at", 0.0) - before, call["began"]), call["ended"] - total)
    gate = {"step": "gate", "began": call["began"], "ended": first, "ok": True}
    if failing in ("stop", "convert") and worked.get("step") not in phases and untimed <= 0:
        timed = {"stop": lengths.get("stop", 0.0), **lengths}
        lengths = {**timed, failing: timed.get(failing, 0.0) + first - call["began"]}
        gate["ended"] = first = call["began"]
    laid = _laid({step: lengths[step] for step in known if step in lengths}, first, 1.0)
    rest = {"step": _rest(worked, lengths), "began": laid[-1]["ended"], "ended": call["ended"], "ok": True}
    return _failure([one for one in (gate, *laid, rest) if one in laid or _lasts(one)], worked)


def _failing(worked: Event) -> str:
    """The part in which it has failed; "" where it has not."""
    step: str = worked.get("step", "") if worked.get("failed") else ""
    return _FAILED_IN.get(step, step)


def _rest(worked: Event, lengths: Mapping[str, float]) -> str:
    """What it did after the last phase that was timed."""
    if _failing(worked) == "rejoin" and "rejoin" not in lengths:
        return "rejoin"
    return "down" if worked.get("failed") and worked.get("left") in _DOWN else "stable"


def _laid(lengths: Mapping[str, float], first: float, scale: float) -> List[Segment]:
    """One after the other, from an instant on."""
    laid: List[Segment] = []
    for step, length in lengths.items():
        laid.append({"step": step, "began": first, "ended": first + length * scale, "ok": True})
        first += length * scale
    return laid


def _lasts(segment: Segment) -> bool:
    return bool(segment["ended"] - segment["began"] >= _SHORTEST_S)


def _failure(parts: List[Segment], worked: Event) -> List[Segment]:
    """The parts, with the one in which it failed marked."""
    if worked.get("failed"):
        for part in [one for one in parts if one["step"] == _failing(worked)] or parts[-1:]:
            part.update(ok=False, message=worked.get("failure", ""))
    return parts


def _mark(segments: List[Segment]) -> None:
    """A server at which the roll has ended has a segment that says so."""
    if segments and all(one["ok"] for one in segments):
        segments[-1]["ok"] = False


def _since(segment: Segment, began: float) -> Segment:
    return {
        **segment,
        "began": round(segment["began"] - began, 3),
        "ended": round(segment["ended"] - began, 3),
    }


def leaders(events: Sequence[Event], began: float, ended: float) -> List[Dict[str, Any]]:
    """Who led from when to when: `server`, `began`, `ended`. From the plan on, and what was noted since."""
    hosts: Dict[str, str] = {}
    found: List[Dict[str, Any]] = []
    for one in events:
        if one["kind"] == "planned":
            for server in one.get("servers", ()):
                hosts.update({server.get(name, ""): server.get("host", "") for name in ("id", "name", "host")})
        now = _leader(one, hosts)
        if now and (not found or found[-1]["server"] != now):
            for last in found[-1:]:
                last["ended"] = round(one["at"] - began, 3)
            found.append({"server": now, "began": round(one["at"] - began, 3), "ended": round(ended - began, 3)})
    return found


def _leader(one: Event, hosts: Mapping[str, str]) -> Optional[str]:
    if one["kind"] == "planned":
        return next((server["host"] for server in one.get("servers", ()) if server.get("role") == "leader"), None)
    return hosts.get(one.get("server", ""), one.get("server")) if one["kind"] == "leads" else None


def out_at_once(found: Sequence[Mapping[str, Any]]) -> int:
    """How many servers were out of the cluster at the same time, at most."""
    edges = []
    for lane in found:
        for one in lane["segments"]:
            if one["step"] in OUT and one["ended"] > one["began"]:
                edges += [(one["began"], 1), (one["ended"], -1)]
    most = now = 0
    for _at, change in sorted(edges):  # an end before a beginning at the same instant
        now += change
        most = max(most, now)
    return most
