// SPDX-License-Identifier: GPL-3.0-or-later

import { isLimited } from "../access/limited.ts";

/** What of a document is added to. */
export interface DescribedPaths {
  paths?: object;
  components?: object;
}

interface Operation {
  security?: object[];
  responses: Record<string, { description: string }>;
}

interface Refused {
  status: number;
  what: string;
  codes: readonly string[];
  headers?: object;
}

const SECURITY_SCHEMES = {
  bearer: { type: "http", scheme: "bearer", description: "A key from the operator." },
  x402: {
    ...{ type: "apiKey", in: "header", name: "PAYMENT-SIGNATURE" },
    description: "A payment by x402, version 2, on the terms in the header PAYMENT-REQUIRED of a 402.",
  },
};

/** One of them is enough; which, `access.auth` in `/.well-known/meantime.json` says. */
const NOTHING_OR_KEY_OR_PAYMENT = [{}, { bearer: [] }, { x402: [] }];

const PAYMENT_REQUIRED = {
  "payment-required": { description: "The terms, as x402's clients read them.", schema: { type: "string" } },
};

const BY_ANYBODY: readonly Refused[] = [
  { status: 408, what: "Not there in time", codes: ["MT-ACC-014"] },
  { status: 431, what: "Headers too large", codes: ["MT-ACC-013"] },
];

const TOO_OFTEN: Refused = { status: 429, what: "Too many requests", codes: ["MT-ACC-003"] };

const BY_ASKERS: readonly Refused[] = [
  {
    status: 401,
    what: "No key, or a wrong one, where one is asked for",
    codes: ["MT-ACC-001", "MT-ACC-002"],
  },
  {
    ...{ status: 402, what: "Not paid, where a payment is asked for", headers: PAYMENT_REQUIRED },
    codes: ["MT-ACC-004", "MT-ACC-005", "MT-ACC-006", "MT-ACC-008"],
  },
  {
    status: 409,
    what: "The payment is for another request, or its own is under way",
    codes: ["MT-ACC-007", "MT-ACC-011"],
  },
  { status: 429, what: "Too many payments of one payer are not settled", codes: ["MT-ACC-016"] },
  { status: 503, what: "Payments cannot be checked now", codes: ["MT-ACC-012"] },
];

/**
 * Adds to every operation of a document what its route does not know of: keys, payments, limits of rate, and what the server
 * refuses before any route is asked.
 */
export function describeAccess({ paths = {}, components = {} }: DescribedPaths): void {
  Object.assign(components, { securitySchemes: SECURITY_SCHEMES });
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) {
      const isAsking = method === "post";
      if (isAsking) operation.security = NOTHING_OR_KEY_OR_PAYMENT;
      const refused = [
        ...BY_ANYBODY,
        ...(isLimited(path) ? [TOO_OFTEN] : []),
        ...(isAsking ? BY_ASKERS : []),
      ];
      for (const one of refused) describeRefusal(operation, one);
    }
  }
}

function describeRefusal({ responses }: Operation, { status, what, codes, headers }: Refused): void {
  const known = responses[status];
  const listed = codes.filter((code) => !known?.description.includes(code)).map((code) => `\`${code}\``);
  if (listed.length === 0) return;
  const said = `${what}: ${listed.join(", ")}`;
  if (known) known.description = `${known.description}. ${said}`;
  else {
    const content = { "application/json": { schema: { $ref: "#/components/schemas/Error" } } };
    Object.assign(responses, { [status]: { description: said, ...(headers ? { headers } : {}), content } });
  }
}
