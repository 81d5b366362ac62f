// SPDX-License-Identifier: MIT
import { MeantimeError } from "./errors.ts";

/** MT-SDK-503: what a gateway says no with, in its own words. */
export function refusal(status: number, error: unknown): MeantimeError {
  const { code, message, hint } = isRecord(error) ? error : {};
  return new MeantimeError("MT-SDK-503", `the gateway refused (${status}): ${message ?? "no reason"}`, {
    hint: typeof hint === "string" ? hint : "The gateway gave no hint.",
    details: { status, serverCode: code, serverMessage: message },
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
