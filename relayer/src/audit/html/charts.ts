// SPDX-License-Identifier: GPL-3.0-or-later

import { html, type Markup } from "./escape.ts";

/** One series of a chart: its name and the class that colours it. */
export interface Series {
  name: string;
  className: string;
}

const WIDTH = 720;
const HEIGHT = 220;
const LEFT = 76;
const BOTTOM = 28;
const TOP = 14;
const PLOT_WIDTH = WIDTH - LEFT - 8;
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM;
const MAX_LABELS = 8;

/** Bars beside each other, a group for each label; heights by a logarithm, for what spans seconds to weeks. */
export function groupedBars(
  title: string,
  groups: readonly { label: string; values: readonly (number | null)[] }[],
  series: readonly Series[],
  unit: (value: number) => string,
): Markup {
  const max = Math.max(1, ...groups.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const heightOf = (value: number) => (PLOT_HEIGHT * Math.log1p(Math.max(0, value))) / Math.log1p(max);
  const groupWidth = PLOT_WIDTH / Math.max(1, groups.length);
  const barWidth = Math.min(40, (groupWidth * 0.8) / series.length);
  const bars = groups.flatMap(({ label, values }, group) =>
    values.flatMap((value, at) => {
      if (value === null) return [];
      const left = LEFT + group * groupWidth + groupWidth * 0.1 + at * barWidth;
      const height = heightOf(value);
      return html`<rect class="${series[at]?.className ?? ""}" x="${round(left)}" y="${round(TOP + PLOT_HEIGHT - height)}" width="${round(barWidth - 2)}" height="${round(height)}"><title>${label}: ${series[at]?.name ?? ""} ${unit(value)}</title></rect>`;
    }),
  );
  const ticks = [max, Math.expm1(Math.log1p(max) / 2)].map((value) => ({
    at: TOP + PLOT_HEIGHT - heightOf(value),
    label: unit(Math.round(value)),
  }));
  const labels = groups.map(({ label }, at) => ({ at: LEFT + (at + 0.5) * groupWidth, label }));
  return figure(title, series, [grid(ticks), bars, axis(labels)]);
}

/** Bars on top of each other, one for each slice of time. */
export function stackedBars(
  title: string,
  slices: readonly { label: string; values: readonly number[] }[],
  series: readonly Series[],
): Markup {
  const max = Math.max(1, ...slices.map(({ values }) => values.reduce((sum, value) => sum + value, 0)));
  const width = PLOT_WIDTH / Math.max(1, slices.length);
  const bars = slices.flatMap(({ label, values }, slice) => {
    let base = TOP + PLOT_HEIGHT;
    return values.flatMap((value, at) => {
      if (value === 0) return [];
      const height = (PLOT_HEIGHT * value) / max;
      base -= height;
      return html`<rect class="${series[at]?.className ?? ""}" x="${round(LEFT + slice * width + 1)}" y="${round(base)}" width="${round(Math.max(1, width - 2))}" height="${round(height)}"><title>${label}: ${value} ${series[at]?.name ?? ""}</title></rect>`;
    });
  });
  const labels = slices.map(({ label }, at) => ({ at: LEFT + (at + 0.5) * width, label }));
  const ticks = [{ at: TOP, label: String(max) }];
  return figure(title, series, [grid(ticks), bars, axis(labels)]);
}

/** Values that stay until the next one, over time. */
export function steps(
  title: string,
  points: readonly { time: number; values: readonly number[] }[],
  series: readonly Series[],
  label: { time(value: number): string; value(value: number): string },
): Markup {
  const first = points[0]?.time ?? 0;
  const last = Math.max(first + 1, points.at(-1)?.time ?? 0);
  const max = Math.max(...points.flatMap(({ values }) => values), Number.MIN_VALUE);
  const x = (time: number) => LEFT + (PLOT_WIDTH * (time - first)) / (last - first);
  const y = (value: number) => TOP + PLOT_HEIGHT * (1 - value / max);
  const lines = series.map(({ className }, at) => {
    const path = points.map(({ time, values }, point) => {
      const height = round(y(values[at] ?? 0));
      return point === 0 ? `M${round(x(time))} ${height}` : `H${round(x(time))}V${height}`;
    });
    return html`<path class="${className}" d="${path.join("")}"/>`;
  });
  const times = [first, (first + last) / 2, last].map((time) => ({ at: x(time), label: label.time(time) }));
  return figure(title, series, [grid([{ at: y(max), label: label.value(max) }]), lines, axis(times)]);
}

function figure(
  title: string,
  series: readonly Series[],
  content: readonly (Markup | readonly Markup[])[],
): Markup {
  const keys = series.map(
    ({ name, className }) =>
      html`<span class="key"><svg viewBox="0 0 10 10" aria-hidden="true"><rect class="${className.replace("line", "fill")}" width="10" height="10"/></svg>${name}</span>`,
  );
  return html`<figure><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">${content}</svg><figcaption>${title}. ${keys}</figcaption></figure>`;
}

function grid(ticks: readonly { at: number; label: string }[]): Markup[] {
  return [...ticks, { at: TOP + PLOT_HEIGHT, label: "0" }].map(
    ({ at, label }) =>
      html`<line x1="${LEFT}" x2="${WIDTH - 8}" y1="${round(at)}" y2="${round(at)}"/><text x="${LEFT - 6}" y="${round(at + 4)}" text-anchor="end">${label}</text>`,
  );
}

function axis(labels: readonly { at: number; label: string }[]): Markup[] {
  const every = Math.ceil(labels.length / MAX_LABELS);
  return labels
    .filter((_, at) => at % every === 0)
    .map(
      ({ at, label }) =>
        html`<text x="${round(at)}" y="${HEIGHT - 8}" text-anchor="${at > WIDTH - LEFT ? "end" : "middle"}">${label}</text>`,
    );
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
