# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style sheet of the page: light and dark as the reader's system is, and printed. Pure."""

from __future__ import annotations

STYLE = """
:root {
  color-scheme: light dark;
  --back: #ffffff; --card: #f5f7f9; --text: #1b2430; --quiet: #596473; --line: #d7dde4;
  --good: #1d7a43; --bad: #b3261e; --warn: #8a5a00; --badback: #fdeeed; --goodback: #e9f6ee; --warnback: #fff5df;
  --other: #b9c2cc; --gate: #94aac2; --transfer: #b394d8; --snapshot: #74bfb2; --stable: #a9d8b1;
  --stop: #e5772e; --convert: #2b66cf; --start: #eeb021; --rejoin: #259053; --down: #c4281f; --return: #d4789a;
  --leads: #8a6d00;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --back: #10151c; --card: #19202a; --text: #e5eaf0; --quiet: #9ca8b7; --line: #2d3744;
    --good: #6fcf97; --bad: #ff8a80; --warn: #f2c14e; --badback: #34181a; --goodback: #14291d; --warnback: #2c2412;
    --other: #4b5664; --gate: #4f6781; --transfer: #7d5fa8; --snapshot: #35796f; --stable: #3a6b47;
    --stop: #f08a44; --convert: #5b92f5; --start: #f3c04a; --rejoin: #45b874; --down: #e5564c; --return: #c4688a;
    --leads: #f0cd57;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, "Segoe UI", Roboto,
  "Liberation Sans", "DejaVu Sans", sans-serif; }
main { max-width: 1320px; margin: 0 auto; padding: 28px 24px 56px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 12px 0 0; }
h2 { font-size: 18px; margin: 34px 0 8px; }
h3 { font-size: 15px; margin: 18px 0 4px; }
p { margin: 4px 0; max-width: 60em; }
code, pre { font-family: ui-monospace, "Liberation Mono", "DejaVu Sans Mono", monospace; font-size: .88em; }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 6px; padding: 10px 12px; margin: 6px 0;
  overflow-x: auto; line-height: 1.4; }
.quiet { color: var(--quiet); }
.head { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 0; }
.badge { border-radius: 999px; padding: 2px 12px; font-weight: 600; border: 1px solid currentColor; font-size: 14px; }
.good { color: var(--good); background: var(--goodback); }
.bad { color: var(--bad); background: var(--badback); }
.warn { color: var(--warn); background: var(--warnback); }
.plain { color: var(--quiet); background: var(--card); }
.verdict { font-size: 17px; margin: 14px 0 2px; }
.failure { border-left: 5px solid var(--bad); background: var(--badback); color: var(--text); padding: 10px 14px;
  border-radius: 0 6px 6px 0; margin: 10px 0; overflow-wrap: anywhere; }
.failure b { color: var(--bad); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; margin: 20px 0 4px; }
.figure { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 12px; }
.figure b { display: block; font-size: 16px; line-height: 1.3; white-space: nowrap; }
.figure span { overflow-wrap: anywhere; color: var(--quiet); font-size: 13px; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 8px; white-space: nowrap; border-bottom: 1px solid var(--line);
  vertical-align: top; }
tbody tr:last-child td { border-bottom: 0; }
th { background: var(--card); color: var(--quiet); font-weight: 600; }
.n { text-align: right; }
.state { font-weight: 600; border-radius: 4px; padding: 0 6px; }
.bar { display: inline-block; height: 9px; border-radius: 2px; background: var(--convert); margin-left: 8px;
  min-width: 1px; }
.bars { display: inline-block; width: 84px; text-align: left; }
ul { margin: 4px 0; padding-left: 20px; }
.chart + p { margin-top: 14px; }
.chart { border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px 6px; position: relative; }
.chart ol { list-style: none; margin: 0; padding: 0; }
.lane { display: flex; align-items: center; break-inside: avoid; }
.lane .name { flex: 0 0 var(--name, 9em); overflow: hidden; text-overflow: ellipsis; white-space: nowrap;
  font-size: 13px; padding-right: 10px; }
.lane .end { flex: 0 0 7.5em; text-align: right; font-size: 13px; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.track { position: relative; flex: 1 1 auto; height: var(--lane, 26px); border-bottom: 1px solid var(--line); }
.axis .track { height: 18px; border: 0; font-size: 11px; color: var(--quiet); }
.track > i { position: absolute; top: 22%; bottom: 12%; min-width: 2px; background: var(--other);
  font-style: normal; }
.track > .tick { top: 0; bottom: 0; width: 1px; min-width: 0; background: var(--line); }
.axis .track > span { position: absolute; white-space: nowrap; transform: translateX(-50%); }
.axis .track > span:first-child { transform: none; }
@media (max-width: 760px) { .axis .track > span:nth-child(even) { display: none; } }
@media (max-width: 560px) { .axis .track > span:nth-child(4n+3) { display: none; } }
.track > .leads { top: 4%; bottom: auto; height: 11%; min-height: 2px; background: var(--leads); }
.s-gate, .s-write, .s-hold, .s-release { background: var(--gate) !important; }
.s-transfer { background: var(--transfer) !important; }
.s-snapshot { background: var(--snapshot) !important; }
.s-stable, .s-prove { background: var(--stable) !important; }
.s-stop { background: var(--stop) !important; }
.s-convert { background: var(--convert) !important; }
.s-start { background: var(--start) !important; }
.s-rejoin { background: var(--rejoin) !important; }
.s-down { background: var(--down) !important; }
.s-return { background: var(--return) !important; }
.track > .out { border-bottom: 3px solid var(--text); }
.track > .unfinished { background-image: repeating-linear-gradient(115deg, transparent 0 5px, var(--back) 5px 7px)
  !important; border-right: 2px dashed var(--text); }
.track > .failed { outline: 2px solid var(--bad); outline-offset: 1px; z-index: 2; background-image:
  repeating-linear-gradient(45deg, transparent 0 4px, var(--bad) 4px 6px) !important; }
.lane.wrong .name { color: var(--bad); font-weight: 600; }
.some .lane .name, .some .lane .end { font-size: 11px; line-height: 1; }
.many .lane .name, .many .lane .end { font-size: 9.5px; line-height: 1; }
.some { --lane: 16px; } .many { --lane: 11px; }
.many .track > .out { border-bottom-width: 2px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 12px; color: var(--quiet); margin: 8px 0 2px; }
.k { display: inline-block; width: 14px; height: 10px; margin-right: 5px; background: var(--other); }
.k.k-out { background: none; border-bottom: 3px solid var(--text); }
.k.k-leads { height: 3px; background: var(--leads); vertical-align: 4px; }
.k.k-failed { outline: 2px solid var(--bad); background: repeating-linear-gradient(45deg, transparent 0 4px,
  var(--bad) 4px 6px); }
footer { margin-top: 40px; border-top: 1px solid var(--line); padding-top: 8px; font-size: 12px; color: var(--quiet); }
@page { size: A4 landscape; margin: 11mm; }
@media print {
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 11px; }
  main { max-width: none; padding: 0; }
  h1 { font-size: 20px; } h2 { font-size: 14px; margin-top: 18px; break-after: avoid; }
  .scroll { overflow: visible; } table { font-size: 8.5px; } th, td { padding: 2px 5px; }
  .figures { grid-template-columns: repeat(6, 1fr); } .figure { padding: 6px 8px; } .figure b { font-size: 13px; }
  .figure span { font-size: 9.5px; } .verdict { font-size: 13px; }
  tr, .figure, .failure { break-inside: avoid; } thead { display: table-header-group; }
  pre { white-space: pre-wrap; font-size: 8.5px; }
}
"""
