// SPDX-License-Identifier: MIT
import { parseArgs } from "node:util";
import type { GatewayOptions } from "./gateway.ts";

/**
 * What the command line tells of the suite `gateway`: `--seconds` of each phase of load, `--connections` that are kept busy,
 * `--rounds` of both gateways in turn. Undefined for anything else.
 */
export function gatewayOptions(argv: string[]): GatewayOptions | undefined {
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        seconds: { type: "string", default: "5" },
        connections: { type: "string", default: "64" },
        rounds: { type: "string", default: "3" },
      },
    });
    const [seconds, connections, rounds] = [values.seconds, values.connections, values.rounds].map(Number);
    const isCount = (value: number | undefined): value is number =>
      Number.isSafeInteger(value) && Number(value) >= 1;
    if (!isCount(seconds) || !isCount(connections) || !isCount(rounds)) return undefined;
    return { seconds, connections, rounds };
  } catch {
    return undefined;
  }
}
