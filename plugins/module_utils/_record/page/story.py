# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the page that tell: how it ended, what failed, the figures, each run and its plan. Pure."""

from __future__ import annotations

from typing import Any, List, Mapping, Tuple

from ..timeline import STEPS
from . import latency
from .lanes import charts
from .text import Content, Html, clock, count, element, join, seconds

Record = Mapping[str, Any]
OUTCOMES = {
    "done": ("done", "good"),
    "nothing": ("nothing to do", "good"),
    "partial": ("some servers are left", "warn"),
    "rehearsed": ("rehearsal", "plain"),
    "refused": ("refused, nothing was changed", "warn"),
    "failed": ("failed", "bad"),
    "unfinished": ("not finished", "warn"),
    "": ("nothing was noted", "plain"),
}
LEFT = {
    "untouched": "It was not stopped.",
    "put_back": "It is back in the cluster as it was: its store was not switched.",
    "returned": "It is back in the cluster as it was: its store was converted back.",
    "unswitched": "It is not back. Its store was not switched.",
    "running": "It runs on the new backend, but has not passed its checks.",
    "down": "Its store is switched, and its agent does not run.",
    "halfway": "Its agent does not run. The same command finishes its conversion.",
    "unknown": "How it is left is unknown: look at it, or run the same command again.",
}


def heading(record: Record) -> str:
    """What this is a record of."""
    group, backend = record["group"] or "servers", record["backend"]
    titles = {"cleanup": f"Old stores removed from {group}"}
    return titles.get(record["playbook"], f"{group} to {backend}" if backend else record["name"])


def head(record: Record) -> Html:
    """The title, how it ended, and what to do next."""
    word, colour = OUTCOMES[record["outcome"]]
    last = record["runs"][-1] if record["runs"] else {}
    who = f"by {last['by']} on {last['controller']}" if last.get("by") and last.get("controller") else ""
    began = record["runs"][0]["began"] if last else None
    when = f"{clock(began)} to {clock(last.get('ended'))}" if last else ""
    runs = f"{len(record['runs'])} runs" if len(record["runs"]) > 1 else ""
    about = " \u00b7 ".join(filter(None, [when, runs or (seconds(last["seconds"]) if last else ""), who]))
    return join(
        [
            element(
                "div", element("h1", heading(record)), element("span", word, class_=f"badge {colour}"), class_="head"
            ),
            element("p", about, class_="quiet"),
            element("p", record["verdict"], class_="verdict") if not _is_told(record) else None,
            element("p", element("b", "Next: "), record["next"]) if record["next"] else None,
        ]
    )


def _is_told(record: Record) -> bool:
    """Whether what failed says all that the verdict does, or the other way round."""
    failed = [one.get("message", "") for run in record["runs"][-1:] for one in run["failures"]]
    return any(message and (message in record["verdict"] or record["verdict"] in message) for message in failed)


def failures(record: Record) -> Html:
    """What failed in the last run; what failed in earlier ones is told there."""
    last = record["runs"][-1:]
    return join(_failure(one, record) for run in last for one in run["failures"])


def _failure(one: Mapping[str, Any], record: Record) -> Html:
    left = one.get("left") or ("unknown" if one.get("unreachable") else "")
    step = f" ({STEPS.get(one['step'], one['step'])})" if one.get("step") else ""
    message, verdict = one.get("message", ""), record["verdict"]
    how = "refused" if record["outcome"] == "refused" else "failed"
    said = [
        element("b", f"{one.get('server') or record['group']} {how}{step}, {clock(one['at'])}"),
        element("p", verdict if message in verdict else message),
        element("p", f"On the way back: {one['again']}") if one.get("again") else None,
        element("p", element("b", "How it is left: "), LEFT[left]) if left in LEFT else None,
    ]
    return element("div", *said, class_="failure", role="alert")


def figures(record: Record) -> Html:
    """The few numbers that matter."""
    found = [*_done(record), *_out(record), *_writes(record), *latency.figure(record)]
    cards = [element("div", element("b", figure), element("span", words), class_="figure") for figure, words in found]
    return element("div", *cards, class_="figures") if cards else Html("")


def _done(record: Record) -> List[Tuple[str, str]]:
    rows, backend = record["servers"], record["backend"]
    if not rows or not backend:
        return []
    there = [row for row in rows if row.get("after") == backend]
    return [(f"{len(there)} of {len(rows)}", f"servers on {backend}")]


def _out(record: Record) -> List[Tuple[str, str]]:
    times = [(row["phases"]["total"], row["server"]) for row in record["servers"] if "total" in row.get("phases", {})]
    if not times:
        return []
    most, host = max(times)
    at_once = max(run["out_at_once"] for run in record["runs"])
    told = [(seconds(most), f"longest out of the cluster ({host})")]
    return [*told, (str(at_once), "out at the same time, at most")] if at_once else told


def _writes(record: Record) -> List[Tuple[str, str]]:
    found = record["writes"] or {}
    told = []
    if "refused" in found:
        told.append((f"{count(found['refused'])} of {count(found.get('tried'))}", "writes refused meanwhile"))
    if found.get("lost"):
        told.append((count(found["lost"]), "acknowledged writes lost"))
    if "longest_gap_s" in found:
        told.append((seconds(found["longest_gap_s"]), "longest without a write"))
    return told


def warnings(record: Record) -> Html:
    """The warnings of all runs, each once."""
    told = {(one.get("server", ""), one.get("message", "")) for run in record["runs"] for one in run["warnings"]}
    notes = {("", note) for run in record["runs"] for note in run["plan"].get("notes", [])}
    lines = [f"{server}: {message}" if server else message for server, message in sorted(told | notes)]
    return element("ul", *(element("li", line) for line in lines)) if lines else Html("")


def runs(record: Record) -> Html:
    """Each run, the last one first: when, by whom, with what; its timeline."""
    many = len(record["runs"]) > 1
    return join(_run(one, at, many) for at, one in reversed(list(enumerate(record["runs"], 1))))


def _run(run: Mapping[str, Any], at: int, many: bool) -> Html:
    word, colour = OUTCOMES[run["outcome"]]
    title = element(
        "h3",
        f"Run {at}, {clock(run['began'])}, {seconds(run['seconds'])} ",
        element("span", word, class_=f"badge {colour}"),
    )
    verdict = element("p", run["verdict"]) if run["verdict"] else None
    return join([title if many else None, verdict if many else None, charts(run)])


def plans(record: Record) -> Html:
    """The plan of each run and its last words, as they were on the terminal."""
    told: List[Content] = []
    for at, run in enumerate(record["runs"], 1):
        name = f"Run {at}: " if len(record["runs"]) > 1 else ""
        lines, closing = run["plan"].get("lines", []), [line for line in run["lines"] if line]
        refusal = run["plan"].get("refusal", "")
        told += [element("h3", f"{name}the plan"), element("pre", "\n".join(lines))] if lines else []
        told += [element("p", element("b", "Refused: "), refusal)] if refusal else []
        told += [element("h3", f"{name}the end"), element("pre", "\n".join(closing))] if closing else []
    return join(told)


def versions(record: Record) -> Html:
    """With what each run was made."""
    lines = []
    for at, run in enumerate(record["runs"], 1):
        known = [("raftops.nomad", run["collection"]), ("ansible-core", run["ansible"]), ("Python", run["python"])]
        told = ", ".join(f"{name} {version}" for name, version in known if version)
        origin = f", known to other runs as {run['origin']}" if run["origin"] else ""
        who = f"{run['by']} on {run['controller']}{origin}" if run["by"] else ""
        lines.append(f"Run {at} ({run['run']}): {'; '.join(filter(None, [who, told]))}")
    return element("ul", *(element("li", line) for line in lines)) if lines else Html("")
