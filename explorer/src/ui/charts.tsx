// SPDX-License-Identifier: MIT
import type { ComponentChildren } from "preact";
import { duration, utc } from "../format.ts";

/** A line: its points by time, in seconds. */
export interface Series {
  name: string;
  /** Which of three dashes it has: lines are told apart without colours too. */
  dash: "solid" | "dashed" | "dotted";
  points: { at: number; seconds: number }[];
}

/** Text keeps its size where the drawing is as wide as its place. */
const WIDTHS = { phone: 330, half: 540, whole: 1_060 };
const PHONE = "(max-width: 44rem)";
const HEIGHT = 220;
const LEFT = 64;
const RIGHT = 12;
const TOP = 12;
const BOTTOM = 28;
const STEPS_SECONDS = [
  1, 2, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 21_600, 43_200, 86_400, 259_200, 864_000,
];
const GRID_LINES = 4;
const LOG_FROM_RATIO = 60;

/** Durations over time, as lines; the table of the same numbers stands below for whoever reads rather than looks. */
export function DurationChart({
  title,
  series,
  isAlone,
}: {
  title: string;
  series: readonly Series[];
  isAlone: boolean;
}) {
  const width = matchMedia(PHONE).matches ? WIDTHS.phone : isAlone ? WIDTHS.whole : WIDTHS.half;
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) return null;
  const times = points.map(({ at }) => at);
  const from = Math.min(...times);
  const to = Math.max(...times, from + 1);
  const most = Math.max(...points.map(({ seconds }) => seconds), 1);
  const least = Math.min(...points.map(({ seconds }) => Math.max(seconds, 1)));
  const scale = most / least > LOG_FROM_RATIO ? logarithmic(least, most) : linear(most);
  const isOneTime = Math.max(...times) === from;
  const x = (at: number) =>
    isOneTime ? (LEFT + width - RIGHT) / 2 : LEFT + ((at - from) / (to - from)) * (width - LEFT - RIGHT);
  const y = (seconds: number) => HEIGHT - BOTTOM - scale.place(seconds) * (HEIGHT - TOP - BOTTOM);
  return (
    <figure class="chart">
      <figcaption>
        {title}
        <Legend series={series} />
      </figcaption>
      <svg
        viewBox={`0 0 ${width} ${HEIGHT}`}
        role="img"
        aria-label={`${title}. The numbers are in the table below.`}
      >
        {scale.marks.map((mark) => (
          <g key={mark}>
            <line class="grid" x1={LEFT} x2={width - RIGHT} y1={y(mark)} y2={y(mark)} />
            <text class="axis" x={LEFT - 8} y={y(mark) + 4} text-anchor="end">
              {duration(mark)}
            </text>
          </g>
        ))}
        <text class="axis" x={LEFT} y={HEIGHT - 8}>
          {clock(from)}
        </text>
        <text class="axis" x={width - RIGHT} y={HEIGHT - 8} text-anchor="end">
          {clock(to)}
        </text>
        {series.map((one) => (
          <g key={one.name} class={`line ${one.dash}`}>
            <polyline points={one.points.map(({ at, seconds }) => `${x(at)},${y(seconds)}`).join(" ")} />
            {one.points.map(({ at, seconds }) => (
              <circle key={at} cx={x(at)} cy={y(seconds)} r="3">
                <title>{`${one.name}: ${duration(seconds)}, ${utc(at)}`}</title>
              </circle>
            ))}
          </g>
        ))}
      </svg>
    </figure>
  );
}

/** A bar of parts, each with its share, and what they are. */
export function PartsBar({
  label,
  parts,
}: {
  label: string;
  parts: readonly { name: string; className: string; value: number; text: string }[];
}) {
  const total = parts.reduce((sum, { value }) => sum + value, 0);
  const shown = parts.filter(({ value }) => value > 0);
  let left = 0;
  return (
    <div class="parts">
      <svg
        class="parts-bar"
        viewBox="0 0 1000 12"
        preserveAspectRatio="none"
        role="img"
        aria-label={`${label}: ${shown.map(({ name, text }) => `${name} ${text}`).join(", ")}`}
      >
        {shown.map(({ name, className, value }) => {
          const width = (value / total) * 1_000;
          const start = left;
          left += width;
          return <rect key={name} class={className} x={start} width={Math.max(width - 2, 1)} height="12" />;
        })}
      </svg>
      <ul class="legend">
        {shown.map(({ name, className, text }) => (
          <li key={name}>
            <svg viewBox="0 0 10 10" aria-hidden="true">
              <rect class={className} width="10" height="10" rx="2" />
            </svg>
            {name} <strong>{text}</strong>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** A part of a whole, as a bar with words. */
export function Meter({ part, children }: { part: number; children: ComponentChildren }) {
  return (
    <span class="meter">
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="meter-whole" width="100" height="6" rx="1" />
        <rect class={part > 0.8 ? "meter-part high" : "meter-part"} width={part * 100} height="6" rx="1" />
      </svg>
      <span>{children}</span>
    </span>
  );
}

function Legend({ series }: { series: readonly Series[] }) {
  return (
    <span class="legend">
      {series.map(({ name, dash }) => (
        <span key={name}>
          <svg class={`line ${dash}`} viewBox="0 0 24 6" aria-hidden="true">
            <polyline points="0,3 24,3" />
          </svg>
          {name}
        </span>
      ))}
    </span>
  );
}

interface Scale {
  /** From 0, at the bottom, to 1. */
  place(seconds: number): number;
  marks: number[];
}

function linear(most: number): Scale {
  const step = STEPS_SECONDS.find((one) => most / one <= GRID_LINES) ?? Math.ceil(most / GRID_LINES);
  const top = Math.ceil(most / step) * step;
  const marks = Array.from({ length: Math.round(top / step) + 1 }, (_, at) => at * step);
  return { place: (seconds) => seconds / top, marks };
}

function logarithmic(least: number, most: number): Scale {
  const bottom = STEPS_SECONDS.findLast((one) => one <= least) ?? 1;
  const top = STEPS_SECONDS.find((one) => one >= most) ?? most;
  const between = STEPS_SECONDS.filter((one) => one >= bottom && one <= top);
  const marks = between.filter((_, at) => at % Math.ceil(between.length / (GRID_LINES + 1)) === 0);
  return {
    place: (seconds) => Math.log(Math.max(seconds, bottom) / bottom) / Math.log(top / bottom),
    marks,
  };
}

function clock(unixSeconds: number): string {
  return utc(unixSeconds).slice(5, 16);
}
