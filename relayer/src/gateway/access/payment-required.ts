// SPDX-License-Identifier: GPL-3.0-or-later

import type { PaymentRequirements } from "@x402/core/types";
import { HttpError } from "../http-error.ts";
import type { Facilitator } from "./facilitator.ts";

/** A 402 with the terms under which it would not be one. @param refusal `url`: of the request, as clients reach it */
export async function paymentRequired(
  facilitator: Facilitator,
  requirements: PaymentRequirements,
  refusal: { code: string; message: string; hint: string; url: string; headers?: Record<string, string> },
): Promise<HttpError> {
  const { code, message, hint, url, headers = {} } = refusal;
  const header = await facilitator.requiredHeader(requirements, url, message);
  return new HttpError(402, code, message, hint, undefined, null, {
    ...headers,
    "payment-required": header,
    "cache-control": "no-store",
  });
}
