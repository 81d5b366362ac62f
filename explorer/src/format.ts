// SPDX-License-Identifier: MIT
import { type Address, type Hex, ZERO_ADDRESS } from "@meantime/sdk/hex";

const WEI_PER_ETHER = 10n ** 18n;
const MICROETHER_WEI = 10n ** 12n;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** An id as people compare it: its first eight and its last six digits. */
export function shortId(id: Hex): string {
  return `${id.slice(0, 10)}…${id.slice(-6)}`;
}

/** Seconds in the two largest units that count: `42 s`, `3 min 20 s`, `2 d 4 h`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return joined(whole, MINUTE, "min", 1, "s");
  if (whole < DAY) return joined(whole, HOUR, "h", MINUTE, "min");
  return joined(whole, DAY, "d", HOUR, "h");
}

/** A time in seconds since 1970, to the second. */
export function utc(unixSeconds: number): string {
  const date = new Date(unixSeconds * 1_000);
  if (Number.isNaN(date.getTime())) return `${unixSeconds} s after 1970`;
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** A time as seen from another: `12 s ago`, `in 3 min`. */
export function relative(unixSeconds: number, nowSeconds: number): string {
  const difference = unixSeconds - nowSeconds;
  if (Math.abs(difference) < 1) return "now";
  return difference > 0 ? `in ${duration(difference)}` : `${duration(-difference)} ago`;
}

/** An amount of a bond token with its unit. What is no ether stays in the token's smallest unit: its decimals are unknown. */
export function amount(wei: bigint, token: Address = ZERO_ADDRESS): string {
  if (token !== ZERO_ADDRESS) return `${wei.toLocaleString("en")} units of ${shortId(token)}`;
  return `${ether(wei)} ether`;
}

/** A number of things: `1 claim`, `2,000 claims`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** The share of a part, from 0 to 1; zero of nothing. */
export function share(part: bigint, whole: bigint): number {
  if (whole <= 0n) return 0;
  const scaled = Number((part * 10_000n) / whole) / 10_000;
  return Math.min(1, Math.max(0, scaled));
}

/** A share as people read it. */
export function percent(part: number): string {
  if (part > 0 && part < 0.001) return "under 0.1 %";
  return `${(part * 100).toFixed(part < 0.1 ? 1 : 0)} %`;
}

function ether(wei: bigint): string {
  if (wei !== 0n && wei < MICROETHER_WEI) return "under 0.000001";
  const whole = (wei / WEI_PER_ETHER).toLocaleString("en");
  const fraction = ((wei % WEI_PER_ETHER) / MICROETHER_WEI).toString().padStart(6, "0").replace(/0+$/, "");
  return fraction === "" ? whole : `${whole}.${fraction}`;
}

function joined(seconds: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((seconds % large) / small);
  const head = `${Math.floor(seconds / large)} ${largeUnit}`;
  return rest === 0 ? head : `${head} ${rest} ${smallUnit}`;
}
