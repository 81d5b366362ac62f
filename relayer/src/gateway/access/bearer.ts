// SPDX-License-Identifier: GPL-3.0-or-later

import { createHash, timingSafeEqual } from "node:crypto";
import { hexToBytes } from "@meantime/sdk/hex";
import type { BearerKey } from "../../config/access.ts";

/** Tells whose key stands in an `Authorization` header: its name, `none` without a bearer key, `unknown` for another. */
export type BearerCheck = (authorization: string | undefined) => { name: string } | "none" | "unknown";

/** Compares hashes, every one of them and in constant time: how long it takes says nothing about a key. */
export function createBearerCheck(keys: readonly BearerKey[]): BearerCheck {
  const known = keys.map(({ name, sha256 }) => ({ name, hash: hexToBytes(sha256) }));
  return (authorization) => {
    const given = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization ?? "")?.[1];
    if (given === undefined) return "none";
    const hash = createHash("sha256").update(given).digest();
    const matches = known.filter((key) => timingSafeEqual(key.hash, hash));
    const [match] = matches;
    return match ? { name: match.name } : "unknown";
  };
}
