// SPDX-License-Identifier: MIT
import type { Address } from "@meantime/sdk/hex";
import { signal } from "@preact/signals";

/** What the visitor believes: a node of the chain, and the contract where claims settle. */
export interface Trusted {
  rpcUrl: string;
  settlement: Address;
}

export type Theme = "system" | "light" | "dark";

const TRUSTED_KEY = "meantime.trusted";
const THEME_KEY = "meantime.theme";
const SOURCE_KEY = "meantime.api";

/** What claims are checked against; null: nothing, and then nothing is green. */
export const trusted = signal<Trusted | null>(readTrusted());

/** What the link that led here proposes. It counts once the visitor accepts it, never by itself. */
export const proposed = signal<Partial<Trusted>>(readProposal());

/** Where the index is asked: an address that ends in `/index/v1`. */
export const source = signal<string>(readSource());

export const theme = signal<Theme>(readTheme());

/** Checks against this from now on, and in later visits. */
export function trust(choice: Trusted | null): void {
  trusted.value = choice;
  if (choice === null) forget(TRUSTED_KEY);
  else remember(TRUSTED_KEY, JSON.stringify(choice));
}

/** Shows the page in this theme from now on. */
export function setTheme(choice: Theme): void {
  theme.value = choice;
  applyTheme();
  if (choice === "system") forget(THEME_KEY);
  else remember(THEME_KEY, choice);
}

/** Tells the document which theme was chosen. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = theme.value;
}

/** What was typed, as what it can be used as; or why it cannot. */
export function parseTrusted(rpcUrl: string, settlement: string): Trusted | string {
  const url = httpUrl(rpcUrl.trim());
  if (url === undefined) return "The node's address has to begin with https:// or http://.";
  const contract = settlement.trim().toLowerCase();
  if (!isAddress(contract)) return "The contract's address is 0x and 40 hexadecimal digits.";
  return { rpcUrl: url, settlement: contract };
}

function readTrusted(): Trusted | null {
  try {
    const { rpcUrl, settlement } = JSON.parse(localStorage.getItem(TRUSTED_KEY) ?? "null") ?? {};
    const found = parseTrusted(String(rpcUrl), String(settlement));
    return typeof found === "string" ? null : found;
  } catch {
    return null;
  }
}

function readProposal(): Partial<Trusted> {
  const query = new URLSearchParams(location.search);
  const rpcUrl = httpUrl(query.get("rpc") ?? "");
  const settlement = (query.get("settlement") ?? "").toLowerCase();
  return { ...(rpcUrl ? { rpcUrl } : {}), ...(isAddress(settlement) ? { settlement } : {}) };
}

function readSource(): string {
  const named = new URLSearchParams(location.search).get("api");
  const url = httpUrl(named ?? recall(SOURCE_KEY) ?? "");
  if (url === undefined) return `${location.origin}/index/v1`;
  // For this tab alone: a link must not change what later visits show.
  if (named !== null) keepForTab(SOURCE_KEY, url);
  const base = url.replace(/\/+$/, "");
  return base.endsWith("/index/v1") ? base : `${base}/index/v1`;
}

function readTheme(): Theme {
  const kept = recallForever(THEME_KEY);
  return kept === "light" || kept === "dark" ? kept : "system";
}

function isAddress(value: string): value is Address {
  return /^0x[0-9a-f]{40}$/.test(value);
}

function httpUrl(value: string): string | undefined {
  if (!URL.canParse(value)) return undefined;
  const { protocol, href } = new URL(value);
  return protocol === "http:" || protocol === "https:" ? href : undefined;
}

// Storage is refused in some privacy modes; the page works without.
function remember(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {}
}

function forget(key: string): void {
  try {
    localStorage.removeItem(key);
  } catch {}
}

function recallForever(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keepForTab(key: string, value: string): void {
  try {
    sessionStorage.setItem(key, value);
  } catch {}
}

function recall(key: string): string | null {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}
