// SPDX-License-Identifier: GPL-3.0-or-later

import { lookup } from "node:dns";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import { BlockList, isIP, type LookupFunction } from "node:net";
import { RelayerError } from "../errors.ts";

/** How far an address that somebody else chose is followed. */
export interface GuardedFetch {
  /** Also to addresses that are this machine's or its network's own. */
  allowPrivate: boolean;
  timeoutMilliseconds: number;
  maxBytes: number;
  /** Gives up. */
  signal?: AbortSignal;
}

/**
 * Reads a text from an address that a stranger announced. It is followed nowhere but to that address: no redirects, no
 * loopback, private, link-local or otherwise special address, which is asked of the very address that is connected to,
 * so that a name that resolves to another one a moment later gains nothing.
 *
 * @throws RelayerError `MT-WATCH-001` it cannot be had; `MT-WATCH-008` it is an address that is not followed
 */
export async function fetchGuarded(url: URL, options: GuardedFetch): Promise<string> {
  if (url.protocol !== "http:" && url.protocol !== "https:") throw unreachable(url, "it is no http address");
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (!options.allowPrivate && isIP(host) !== 0 && isSpecial(host)) throw forbidden(url, host);
  try {
    return await readLimited(await open(url, options), url, options.maxBytes);
  } catch (error) {
    if (error instanceof RelayerError) throw error;
    throw unreachable(url, error instanceof Error ? error.message : String(error));
  }
}

/** Whether more would have come than was to be read. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof RelayerError && error.details.maxBytes !== undefined;
}

/** Whether an IP address is not one of the public internet. */
export function isSpecial(address: string): boolean {
  return SPECIAL.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
}

// IANA's special-purpose registries: https://www.iana.org/assignments/iana-ipv4-special-registry and -ipv6-. What embeds
// an IPv4 address (NAT64, 6to4, Teredo) is refused whole; a mapped one is judged as the IPv4 address, by BlockList itself.
const SPECIAL_RANGES: readonly (readonly [string, number])[] = [
  ...([
    ["0.0.0.0", 8],
    ["10.0.0.0", 8],
    ["100.64.0.0", 10],
    ["127.0.0.0", 8],
    ["169.254.0.0", 16],
  ] as const),
  ...([
    ["172.16.0.0", 12],
    ["192.0.0.0", 24],
    ["192.0.2.0", 24],
    ["192.88.99.0", 24],
  ] as const),
  ...([
    ["192.168.0.0", 16],
    ["198.18.0.0", 15],
    ["198.51.100.0", 24],
    ["203.0.113.0", 24],
  ] as const),
  ...([
    ["224.0.0.0", 4],
    ["240.0.0.0", 4],
  ] as const),
  ...([
    ["::", 96],
    ["64:ff9b::", 96],
    ["64:ff9b:1::", 48],
    ["100::", 64],
  ] as const),
  ...([
    ["2001::", 23],
    ["2001:db8::", 32],
    ["2002::", 16],
    ["fc00::", 7],
    ["fe80::", 10],
  ] as const),
  ...([
    ["fec0::", 10],
    ["ff00::", 8],
  ] as const),
];

const SPECIAL = new BlockList();
for (const [network, prefix] of SPECIAL_RANGES) {
  SPECIAL.addSubnet(network, prefix, isIP(network) === 6 ? "ipv6" : "ipv4");
}

function open(url: URL, options: GuardedFetch): Promise<IncomingMessage> {
  const { allowPrivate, timeoutMilliseconds } = options;
  const get = url.protocol === "https:" ? httpsGet : httpGet;
  const timeout = AbortSignal.timeout(timeoutMilliseconds);
  const signal = options.signal ? AbortSignal.any([timeout, options.signal]) : timeout;
  return new Promise((resolve, reject) => {
    const guard = allowPrivate ? {} : { lookup: guardedLookup(url) };
    const request = get(url, { signal, agent: false, ...guard }, (response) => {
      if (response.statusCode === 200) return resolve(response);
      response.destroy();
      reject(unreachable(url, `status ${response.statusCode}`));
    });
    request.on("error", reject);
  });
}

function guardedLookup(url: URL): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, addresses) => {
      if (error) return callback(error, "", 0);
      const special = addresses.find(({ address }) => isSpecial(address));
      if (special) return callback(forbidden(url, special.address), "", 0);
      if (options.all) return callback(null, addresses);
      const [first] = addresses;
      callback(first ? null : new Error(`${hostname} has no address`), first?.address ?? "", first?.family);
    });
  };
}

async function readLimited(response: IncomingMessage, url: URL, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) {
      response.destroy();
      throw unreachable(url, `it sends more than ${maxBytes} bytes`, { maxBytes });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function unreachable(url: URL, reason: string, details: { maxBytes?: number } = {}): RelayerError {
  return new RelayerError(
    "MT-WATCH-001",
    `the batch data at ${url.href} cannot be had: ${reason}`,
    "It is tried again until the batch is final. An operator that withholds data should not be trusted.",
    details,
  );
}

function forbidden(url: URL, address: string): RelayerError {
  return new RelayerError(
    "MT-WATCH-008",
    `the announced address ${url.href} leads to ${address}, which is not of the public internet`,
    "Nobody else can have its data either. Set watch.allowPrivateAddresses where operators share this network.",
  );
}
