// SPDX-License-Identifier: MIT

/** Every kind of quote that is read. */
export const QUOTE_KINDS = [
  { tee: "sgx", version: 3 },
  { tee: "sgx", version: 4 },
  { tee: "sgx", version: 5 },
  { tee: "tdx", version: 4 },
  { tee: "tdx", version: 5 },
  { tee: "tdx", version: 5, isTd15: true },
] as const;
