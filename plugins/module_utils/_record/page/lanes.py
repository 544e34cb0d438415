# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline of a run, and each server's turn on one scale: one lane for each server, of any number of them. Pure."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from ..timeline import OUT, STEPS
from .text import Content, Html, element, join, seconds

Lane = Mapping[str, Any]
_TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400)
_MAX_TICKS = 10
_NOT_OF_A_TURN = ("look", "prove", "release", "pause", "down")
_SHOWN = ("gate", "transfer", "snapshot", "stop", "convert", "start", "rejoin", "stable", "return", "down")


def timeline(run: Mapping[str, Any]) -> Html:
    """When what was done on which server. Nothing where nothing was."""
    span = max((one["ended"] for lane in run["lanes"] for one in lane["segments"]), default=0.0)
    if not span:
        return Html("")
    rows = []
    for lane in run["lanes"]:
        led = [one for one in run["leaders"] if one["server"] == lane["server"]]
        marks = [_leads(one, span) for one in led if one["began"] < span]
        out = sum(one["ended"] - one["began"] for one in lane["segments"] if one["step"] in OUT)
        told = f"out {seconds(out)}" if out else ""
        rows.append(_row(lane, [*marks, *_bars(lane, 0.0, span)], span, told))
    return _chart(rows, span, run["lanes"])


def turns(run: Mapping[str, Any]) -> Html:
    """Each server's turn from its own beginning, so that eighty can be compared. Nothing where no server was out."""
    mine = {lane["server"]: _turn(lane["segments"]) for lane in run["lanes"]}
    found: Dict[str, Lane] = {name: {"server": name, "segments": turn} for name, turn in mine.items() if turn}
    begins = {name: min(one["began"] for one in lane["segments"]) for name, lane in found.items()}
    lasts = {name: max(one["ended"] for one in lane["segments"]) - begins[name] for name, lane in found.items()}
    if not found:
        return Html("")
    span = max(lasts.values()) or 1.0
    rows = [_row(lane, _bars(lane, begins[name], span), span, seconds(lasts[name])) for name, lane in found.items()]
    return _chart(rows, span, list(found.values()))


def _turn(segments: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """Those from the look before a server is taken out to what proves it alone; none where it was not taken out."""
    worked = [at for at, one in enumerate(segments) if one["step"] in (*OUT, "backend")]
    if not worked:
        return []
    looks = [at for at, one in enumerate(segments) if one["step"] == "look"]
    first = max((at for at in looks if at < worked[0]), default=-1) + 1
    ends = (at for at, one in enumerate(segments) if one["step"] in _NOT_OF_A_TURN and at > worked[0])
    return [one for one in segments[first : next(ends, len(segments))] if one["step"] != "down"]


def _chart(rows: Sequence[Html], span: float, lanes: Sequence[Lane]) -> Html:
    size = "many" if len(lanes) > 40 else "some" if len(lanes) > 10 else None
    longest = max(len(lane["server"]) for lane in lanes)
    axis = element(
        "div", element("span", class_="name"), _axis(span), element("span", class_="end"), class_="lane axis"
    )
    below = axis if len(lanes) > 10 else Html("")
    width = f"--name: {min(max(longest, 6), 24) * 0.68 + 3:.1f}em"
    return element("div", element("div", axis, element("ol", *rows), below, class_=size, style=width), class_="chart")


def _row(lane: Lane, bars: Sequence[Html], span: float, told: str) -> Html:
    """One lane. Its text alternative says all that it shows."""
    wrong = any(not one["ok"] for one in lane["segments"])
    ticks = [element("i", class_="tick", style=f"left:{at / span:.3%}") for at in ticks_of(span)]
    name = f"\u2716 {lane['server']}" if wrong else lane["server"]
    parts = [f"{title(one)} {seconds(one['ended'] - one['began'])}" for one in lane["segments"]]
    spoken = f"{lane['server']}: {', '.join(parts) or 'nothing was done'}"
    return element(
        "li",
        element("span", name, class_="name", title=lane["server"]),
        element("div", *ticks, *bars, class_="track", role="img", aria_label=spoken),
        element("span", told, class_="end"),
        class_="lane wrong" if wrong else "lane",
    )


def _bars(lane: Lane, first: float, span: float) -> List[Html]:
    return [_bar(one, first, span) for one in lane["segments"]]


def _bar(one: Mapping[str, Any], first: float, span: float) -> Html:
    """One segment; its title says what, how long, and from when."""
    classes = [f"s-{one['step']}" if one["step"] in STEPS else ""]
    classes += [word for word, true in _marks(one).items() if true]
    at, length = one["began"] - first, one["ended"] - one["began"]
    said = f"{title(one)}: {seconds(length)}, from +{seconds(one['began'])}"
    said += "".join(
        [", failed" if not one["ok"] else "", ", its end was not heard of" if one.get("unfinished") else ""]
    )
    said += f". {one['message']}" if one.get("message") else ""
    place = f"left:{at / span:.3%};width:{length / span:.3%}"
    return element("i", class_=" ".join(filter(None, classes)), style=place, title=said)


def _marks(one: Mapping[str, Any]) -> Dict[str, bool]:
    return {
        "out": one["step"] in OUT,
        "failed": not one["ok"],
        "unfinished": bool(one.get("unfinished")),
    }


def _leads(one: Mapping[str, Any], span: float) -> Html:
    began, ended = one["began"], min(one["ended"], span)
    said = f"{one['server']} leads, from +{seconds(began)} to +{seconds(ended)}"
    place = f"left:{began / span:.3%};width:{(ended - began) / span:.3%}"
    return element("i", class_="leads", style=place, title=said)


def title(one: Mapping[str, Any]) -> str:
    """What this segment is, in words. A step that is not known is shown by its name."""
    return STEPS.get(one["step"], str(one["step"]).replace("_", " "))


def ticks_of(span: float) -> List[float]:
    """Where the axis has its marks, in seconds: at most ten, of a width that people count in."""
    step = next((one for one in _TICKS if span / one <= _MAX_TICKS), _TICKS[-1] * (1 + span // (_TICKS[-1] * 10)))
    return [round(at * step, 3) for at in range(int(span / step) + 1)]


def _axis(span: float) -> Html:
    marks: List[Content] = [
        element("span", "0" if not at else f"+{_short(at)}", style=f"left:{at / span:.3%}") for at in ticks_of(span)
    ]
    return element("div", *marks, class_="track", aria_hidden="true")


def _short(at: float) -> str:
    if at < 60:
        return f"{at:g} s"
    return f"{at / 60:g} min" if at < 3600 else f"{at / 3600:g} h"


def _legend(lanes: Sequence[Lane], leads: bool) -> Html:
    """What the colours and marks mean, of those that are there."""
    there = {one["step"] for lane in lanes for one in lane["segments"]}
    segments = [one for lane in lanes for one in lane["segments"]]
    told = [_key(f"s-{step}", STEPS[step]) for step in _SHOWN if step in there]
    told += [_key("", "other steps")] if there - set(_SHOWN) else []
    told += [_key("k-out", "out of the cluster")] if there & set(OUT) else []
    told += [_key("k-leads", "leads")] if leads else []
    told += [_key("k-failed", "failed")] if not all(one["ok"] for one in segments) else []
    return element("div", *told, class_="legend")


def _key(kind: str, words: str) -> Html:
    return element("span", element("span", class_=f"k {kind}".strip()), words)


def charts(run: Mapping[str, Any]) -> Html:
    """Both, with what they are. Nothing where nothing was done."""
    line, each = timeline(run), turns(run)
    if not line:
        return line
    told = element("p", "Each server's turn, all on one scale and from its own beginning:", class_="quiet")
    return join([line, told if each else None, each, _legend(run["lanes"], bool(run["leaders"]))])
