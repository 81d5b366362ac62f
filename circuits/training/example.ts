// SPDX-License-Identifier: GPL-3.0-or-later

/** One input with its answer. */
export interface Example {
  /** What the model reads: integers from 0. */
  elements: Uint8Array;
  /** The right class. */
  label: number;
}
