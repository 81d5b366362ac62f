// SPDX-License-Identifier: GPL-3.0-or-later

/** The page's look: light, dark as the reader's system wants, and on paper. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #fff; --tint: #f6f8fa;
  --a: #0969da; --b: #8250df; --c: #bf3989; --ok: #1a7f37; --low: #9a6700; --medium: #bc4c00; --high: #cf222e; --critical: #82071e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #3d444d; --paper: #0d1117;
  --tint: #151b23; --a: #4493f8; --b: #ab7df8; --c: #db61a2; --ok: #3fb950; --low: #d29922; --medium: #f0883e;
  --high: #f85149; --critical: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 .75rem; } .soft { color: var(--soft); }
.verdict { display: inline-block; padding: .15rem .7rem; border: 2px solid; border-radius: 1rem; font-weight: 600; }
.clean { color: var(--ok); } .anomalies { color: var(--high); }
.cannot-tell { color: var(--low); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; vertical-align: top;
  padding: .3rem .6rem; border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td:last-child > code:only-child { display: inline-block; min-width: 15rem; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
.info { color: var(--soft); } .low { color: var(--low); } .medium { color: var(--medium); }
.high { color: var(--high); } .critical { color: var(--critical); font-weight: 700; }
figure { margin: 1rem 0; padding: .75rem; background: var(--tint); border: 1px solid var(--line); border-radius: .4rem; }
figcaption { color: var(--soft); } svg { width: 100%; height: auto; display: block; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; } svg line { stroke: var(--line); }
.fill-a { fill: var(--a); } .fill-b { fill: var(--b); } .fill-c { fill: var(--c); } .fill-ok { fill: var(--ok); }
.fill-high { fill: var(--high); } .fill-low { fill: var(--low); } .fill-soft { fill: var(--soft); }
.line-a, .line-b { fill: none; stroke: var(--a); stroke-width: 2; } .line-b { stroke: var(--b); stroke-dasharray: 6 4; }
.key { display: inline-block; margin-right: 1rem; } .key svg { display: inline-block; width: .8rem; height: .8rem; margin-right: .3rem; }
@media print { body { max-width: none; padding: 0; font-size: 11px; } figure, tr { break-inside: avoid; } h2 { break-after: avoid; } }
`;
