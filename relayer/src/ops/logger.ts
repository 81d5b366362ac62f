// SPDX-License-Identifier: GPL-3.0-or-later

import { type DestinationStream, type Logger, pino } from "pino";

export type { Logger } from "pino";

/**
 * The structured log: one JSON object a line, on standard error so that standard output stays for answers. Request and
 * answer bodies are never logged, and keys cannot be: nothing passes the configuration to a log line.
 */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime };
  return destination ? pino(options, destination) : pino(options, pino.destination({ dest: 2, sync: true }));
}
