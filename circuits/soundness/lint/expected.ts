// SPDX-License-Identifier: GPL-3.0-or-later

/** A finding of circomspect that is known, and why it is none. */
export interface ExpectedFinding {
  file: string;
  rule: string;
  /** The source line, without the white space around it. */
  line: string;
  why: string;
}

/**
 * Every finding in the library and in the generated sources. A new one, or one that is gone, fails the
 * lint.
 */
export const EXPECTED: readonly ExpectedFinding[] = [
  {
    file: "range.circom",
    rule: "CS0005",
    line: "low[k] <-- (in >> k) & 1;",
    why: "A hint: the next line makes it a bit, the last ties them to the input. Derived by `digits`.",
  },
  {
    file: "relu.circom",
    rule: "CS0005",
    line: "low[k] <-- ((in + offset) >> k) & 1;",
    why: "A hint as in range.circom; `isPositive` is the top bit. Derived by `digits`.",
  },
  {
    file: "argmax.circom",
    rule: "CS0005",
    line: "chosen[i] <-- best == i ? 1 : 0;",
    why: "A hint: one-hot, and the gaps leave one choice. Derived by `alternatives`.",
  },
  {
    file: "argmax.circom",
    rule: "CS0008",
    line: "var hot = 0;",
    why: "Wrong: `hot === 1` is a constraint. Without it the checker finds the choice free.",
  },
  {
    file: "argmax.circom",
    rule: "CS0008",
    line: "hot += chosen[i];",
    why: "Wrong, as above.",
  },
  {
    file: "conv2d.circom",
    rule: "CS0012",
    line: "template Conv2d(height, width, channels, filters, rows, columns, stride, weights, bias) {",
    why: "A convolution has that many parameters; all come from the compiler.",
  },
  {
    file: "context.circom",
    rule: "CS0017",
    line: "signal square;",
    why: "Meant: the constraint is there to bind the context and has no other use.",
  },
];
