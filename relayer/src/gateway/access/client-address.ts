// SPDX-License-Identifier: GPL-3.0-or-later

import { BlockList, isIP } from "node:net";
import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";

/** Tells the network address of a client, as rate limits count it. */
export type ClientAddress = (peer: string | undefined, forwardedFor: string | undefined) => string;

/**
 * The peer's address; where the peer is a trusted proxy, the last one in X-Forwarded-For that is not. What stands before it
 * anybody may have written. IPv6 counts by /64, which is what one customer has.
 *
 * @param trustedProxies addresses and networks in CIDR notation
 */
export function clientAddressOf(trustedProxies: readonly string[]): ClientAddress {
  const trusted = new BlockList();
  for (const entry of trustedProxies) {
    const [network = "", bits] = entry.split("/");
    const family = isIP(network) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) trusted.addAddress(network, family);
    else trusted.addSubnet(network, Number(bits), family);
  }
  const isTrusted = (address: string) => {
    const version = isIP(address);
    return version !== 0 && trusted.check(address, version === 6 ? "ipv6" : "ipv4");
  };
  return (peer, forwardedFor) => {
    let client = plain(peer ?? "");
    const hops = (forwardedFor ?? "").split(",").map((hop) => plain(hop.trim()));
    while (isTrusted(client)) {
      const hop = hops.pop();
      if (hop === undefined || isIP(hop) === 0) break;
      client = hop;
    }
    return isIP(client) === 6 ? networkOf(client) : client;
  };
}

/** What a request says of where it comes from, as {@link ClientAddress} takes it. */
export function hopsOf({ env, req }: Context): Parameters<ClientAddress> {
  const { incoming } = (env ?? {}) as Partial<HttpBindings>;
  return [incoming?.socket?.remoteAddress, req.header("x-forwarded-for")];
}

/** IPv4 in IPv6 is IPv4; a scope or brackets are no part of an address. */
function plain(address: string): string {
  const bare = address.replace(/^\[|\](:\d+)?$/g, "").replace(/%.*$/, "");
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1] ?? bare;
}

function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const missing = tail === undefined ? 0 : Math.max(0, 8 - groups.length - after.length);
  const all = [...groups, ...Array.from({ length: missing }, () => "0"), ...after];
  const first = all.slice(0, 4).map((group) => Number.parseInt(group || "0", 16).toString(16));
  return `${first.join(":")}::/64`;
}
