// SPDX-License-Identifier: MIT

export interface FileCoverage {
  file: string;
  lines: number;
  covered: number;
  uncovered: number[];
}

/** The line records of a tracefile. A line counts as covered when every statement on it ran. */
export function parseLcov(text: string): FileCoverage[] {
  return text
    .split("end_of_record")
    .map((section) => ({ section, file: /^SF:(.*)$/m.exec(section)?.[1] }))
    .flatMap(({ section, file }) => (file ? [coverageOf(file, section)] : []));
}

function coverageOf(file: string, section: string): FileCoverage {
  const counts = [...section.matchAll(/^DA:(\d+),(\d+)/gm)].map(([, line, count]) => ({
    line: Number(line),
    count: Number(count),
  }));
  const uncovered = counts.filter(({ count }) => count === 0).map(({ line }) => line);
  return {
    file,
    lines: counts.length,
    covered: counts.length - uncovered.length,
    uncovered: uncovered.sort((a, b) => a - b),
  };
}
