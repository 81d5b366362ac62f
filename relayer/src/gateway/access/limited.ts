// SPDX-License-Identifier: GPL-3.0-or-later

import { isPagePath } from "../page.ts";

/**
 * Whether requests for a path are limited at all. Not those of the operator's own machines, and not what a browser loads with
 * the page, which is in memory.
 */
export function isLimited(path: string): boolean {
  return !/^\/(healthz|readyz|metrics)$/.test(path) && !isPagePath(path);
}

/** Whether a path is one whose requests come under keys and payments. */
export function isUnderKeys(path: string): boolean {
  return path === "/v1" || path.startsWith("/v1/");
}
