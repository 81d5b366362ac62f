// SPDX-License-Identifier: MIT
// @ts-check
// The trust gap of one relayer, read from /v1/status every two seconds. Plain DOM: whatever the relayer says is text,
// never markup.

const POLL_MILLISECONDS = 2_000;
const SVG = "http://www.w3.org/2000/svg";
const ZERO_ADDRESS = `0x${"0".repeat(40)}`;
const WEI_PER_ETHER = 10n ** 18n;

/** @typedef {"Served"|"Committed"|"Attested"|"Proven"|"Final"|"Challenged"|"Rejected"|"Voided"} Status */

/**
 * @typedef {object} Timeline unix seconds; `finalAt` may lie ahead
 * @property {number} servedAt
 * @property {number} [committedAt]
 * @property {number} [challengedAt]
 * @property {number} [proveBy]
 * @property {number} [revealBy]
 * @property {number} [evidenceAt]
 * @property {number} [rejectedAt]
 * @property {number} [voidedAt]
 * @property {number} [finalAt]
 */

/**
 * @typedef {object} ClaimLine
 * @property {string} claimId
 * @property {string} model
 * @property {string} policy
 * @property {Status} status
 * @property {Timeline} timeline
 */

/**
 * @typedef {object} Account amounts in the token's smallest unit
 * @property {string} token zero: ether
 * @property {string} stakeWei
 * @property {string} lockableWei
 * @property {string} lockedWei
 * @property {string} promisedWei
 * @property {boolean} suspended
 */

/**
 * @typedef {object} StatusReport
 * @property {string} operator
 * @property {number} chainId
 * @property {string} settlement
 * @property {number} nowSeconds
 * @property {{head: number, readUpTo: number} | null} chain
 * @property {Record<Status | "total", number>} claims
 * @property {{samples: number, p50Seconds: number | null, p95Seconds: number | null}} gap
 * @property {Account[]} exposure one account for each bond token
 * @property {number | null} commitsPausedUntil unix seconds
 * @property {{challengesToAnswer: number, demandsToReveal: number, omissionsToRefute: number, transactionsOpen: number}} obligations
 * @property {{mode: string, claimsChecked: number, claimsWrong: number}} watch
 * @property {ClaimLine[]} latest
 */

const LEGEND = [
  ["part-served", "receipt only"],
  ["part-committed", "bonded on chain"],
  ["part-evidence", "evidence given"],
  ["part-final", "final"],
  ["part-bad", "disputed, rejected or voided"],
];

showLegend();
poll();

async function poll() {
  try {
    const response = await fetch("v1/status", { cache: "no-store" });
    if (!response.ok) throw new Error(`the relayer answers with status ${response.status}`);
    show(/** @type {StatusReport} */ (await response.json()));
    trouble("");
  } catch (error) {
    trouble(`No news: ${error instanceof Error ? error.message : error}. What you see may be old.`);
  }
  setTimeout(poll, POLL_MILLISECONDS);
}

/** @param {StatusReport} report */
function show(report) {
  const { operator, chainId, settlement } = report;
  element("who").textContent = `Operator ${operator} on chain ${chainId}, Settlement ${settlement}`;
  showNotices(report);
  showFigures(report);
  showExposure(report);
  showClaims(report);
  const block = report.chain ? `block ${report.chain.head}` : "chain not seen yet";
  element("updated").textContent = `Chain time ${utc(report.nowSeconds)}, ${block}. `;
}

/**
 * What keeps the relayer from taking new work.
 *
 * @param {StatusReport} report
 */
function showNotices({ exposure, commitsPausedUntil }) {
  const notices = [];
  if (exposure.some(({ suspended }) => suspended)) {
    notices.push("Suspended: the operator lost a bond, and commits nothing until its owner resumes.");
  }
  if (commitsPausedUntil !== null) {
    notices.push(`Commits are paused until ${utc(commitsPausedUntil)}.`);
  }
  const box = element("notices");
  box.hidden = notices.length === 0;
  box.textContent = notices.join(" ");
}

/** @param {StatusReport} report */
function showFigures({ claims, gap, obligations, watch }) {
  const open = claims.total - claims.Final - claims.Rejected - claims.Voided;
  const toShow = obligations.demandsToReveal + obligations.omissionsToRefute;
  /** @type {[string, string, boolean][]} */
  const figures = [
    ["Gap, median", duration(gap.p50Seconds), false],
    ["Gap, 95th percentile", duration(gap.p95Seconds), false],
    ["Open claims", String(open), false],
    ["Final", String(claims.Final), false],
    ["Challenged", String(claims.Challenged), claims.Challenged > 0],
    ["Rejected", String(claims.Rejected), claims.Rejected > 0],
    ["Voided", String(claims.Voided), claims.Voided > 0],
    ["To reveal or refute", String(toShow), toShow > 0],
    ["Transactions open", String(obligations.transactionsOpen), false],
  ];
  if (watch.mode !== "off") {
    figures.push(["Others' claims checked", String(watch.claimsChecked), false]);
    figures.push(["... found wrong", String(watch.claimsWrong), watch.claimsWrong > 0]);
  }
  element("figures").replaceChildren(
    ...figures.map(([name, value, alarm]) => {
      const figure = document.createElement("div");
      if (alarm) figure.className = "alarm";
      figure.append(text("dt", name), text("dd", value));
      return figure;
    }),
  );
}

/** @param {StatusReport} report */
function showExposure({ exposure }) {
  element("exposure").replaceChildren(...exposure.map(exposureBar));
  element("exposure-text").textContent = exposure.map(exposureText).join(" ");
}

/** @param {Account} account */
function exposureBar(account) {
  const stake = BigInt(account.stakeWei);
  const locked = BigInt(account.lockedWei);
  const promised = BigInt(account.promisedWei);
  /** @param {bigint} part */
  const share = (part) => (stake === 0n ? 0 : Number((part * 10_000n) / stake) / 10_000);
  const bar = drawing("meter");
  bar.append(
    part("part-committed", 0, share(locked)),
    part("part-served", share(locked), share(locked + promised)),
  );
  return bar;
}

/** @param {Account} account */
function exposureText({ token, stakeWei, lockableWei, lockedWei, promisedWei }) {
  const unit = token === ZERO_ADDRESS ? "ether" : `units of token ${token}`;
  const [locked, promised, lockable, stake] = [lockedWei, promisedWei, lockableWei, stakeWei].map((wei) =>
    token === ZERO_ADDRESS ? ether(BigInt(wei)) : wei,
  );
  return `${locked} locked behind open claims and ${promised} promised, of ${lockable} that claims may lock and ${stake} ${unit} staked.`;
}

/** @param {StatusReport} report */
function showClaims({ latest, nowSeconds }) {
  const table = element("claims");
  table.hidden = latest.length === 0;
  element("empty").hidden = latest.length > 0;
  table.querySelector("tbody")?.replaceChildren(...latest.map((claim) => claimRow(claim, nowSeconds)));
}

/**
 * @param {ClaimLine} claim
 * @param {number} nowSeconds
 */
function claimRow(claim, nowSeconds) {
  const row = document.createElement("tr");
  const link = document.createElement("a");
  link.href = `v1/claims/${encodeURIComponent(claim.claimId)}`;
  link.append(text("code", `${claim.claimId.slice(0, 10)}…${claim.claimId.slice(-4)}`));
  const status = text("td", claim.status);
  status.className = `status-${claim.status}`;
  row.append(
    cell(link),
    text("td", `${claim.model}, ${claim.policy}`),
    status,
    cell(timeline(claim, nowSeconds)),
  );
  return row;
}

/**
 * One bar from the answer to finality, and where in it we are.
 *
 * @param {ClaimLine} claim
 * @param {number} nowSeconds
 */
function timeline({ status, timeline: times }, nowSeconds) {
  const end =
    times.rejectedAt ?? times.voidedAt ?? times.finalAt ?? times.proveBy ?? times.revealBy ?? nowSeconds;
  const from = times.servedAt;
  // Equal times still need a width to be drawn in.
  const span = Math.max(end, from + 1) - from;
  /** @param {number | undefined} at */
  const place = (at) => Math.min(1, Math.max(0, ((at ?? end) - from) / span));
  const bar = drawing("timeline");
  const isOver = status === "Final" || status === "Rejected" || status === "Voided";
  // What lies ahead stays empty; a sliver shows even where hardly anything has passed of a long window.
  const reached = isOver ? 1 : Math.max(0.02, place(nowSeconds));
  /** @param {string} name @param {number} from @param {number} to */
  const draw = (name, from, to) => bar.append(part(name, from, Math.min(to, reached)));
  const committed = times.committedAt === undefined ? 1 : place(times.committedAt);
  draw("part-served", 0, committed);
  if (times.committedAt !== undefined) {
    const turn = place(times.challengedAt ?? times.evidenceAt ?? end);
    const isBad = status === "Challenged" || status === "Rejected" || status === "Voided";
    draw("part-committed", committed, turn);
    draw(isBad ? "part-bad" : "part-evidence", turn, 1);
  }
  if (status === "Final") draw("part-final", Math.min(0.97, place(times.finalAt)), 1);
  if (!isOver) bar.append(nowMark(reached));
  const story = Object.entries(times)
    .filter(([name]) => name !== "commitBy")
    .map(([name, at]) => `${name} +${at - from} s`)
    .join(", ");
  bar.setAttribute("role", "img");
  bar.setAttribute("aria-label", story);
  const title = document.createElementNS(SVG, "title");
  title.textContent = story;
  bar.prepend(title);
  return bar;
}

function showLegend() {
  element("legend").replaceChildren(
    ...LEGEND.map(([name, meaning]) => {
      const item = document.createElement("span");
      const swatch = drawing("");
      swatch.append(part(name ?? "", 0, 1));
      item.append(swatch, meaning ?? "");
      return item;
    }),
  );
}

/** @param {string} message empty: all is well */
function trouble(message) {
  const box = element("trouble");
  box.hidden = message === "";
  box.textContent = message;
}

/** @param {string} className */
function drawing(className) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 1000 10");
  svg.setAttribute("preserveAspectRatio", "none");
  if (className) svg.setAttribute("class", className);
  return svg;
}

/**
 * @param {string} className
 * @param {number} from 0..1
 * @param {number} to 0..1
 */
function part(className, from, to) {
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("class", className);
  rect.setAttribute("x", String(from * 1_000));
  rect.setAttribute("width", String(Math.max(0, to - from) * 1_000));
  rect.setAttribute("height", "10");
  return rect;
}

/** @param {number} at 0..1 */
function nowMark(at) {
  const line = document.createElementNS(SVG, "line");
  line.setAttribute("class", "now");
  for (const side of ["x1", "x2"]) line.setAttribute(side, String(at * 1_000));
  line.setAttribute("y2", "10");
  return line;
}

/** @param {number} seconds unix */
function utc(seconds) {
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** @param {number | null} seconds */
function duration(seconds) {
  if (seconds === null) return "none yet";
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}

/** @param {bigint} wei */
function ether(wei) {
  return (Number((wei * 10_000n) / WEI_PER_ETHER) / 10_000).toString();
}

/**
 * @param {string} name
 * @param {string} content
 */
function text(name, content) {
  const node = document.createElement(name);
  node.textContent = content;
  return node;
}

/** @param {Node} content */
function cell(content) {
  const node = document.createElement("td");
  node.append(content);
  return node;
}

/** @param {string} id */
function element(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no #${id}`);
  return node;
}
