// SPDX-License-Identifier: GPL-3.0-or-later

import { type DestinationStream, type Logger, type LoggerOptions, pino } from "pino";

export type { Logger } from "pino";

/** Told of the code of every line that has one. */
export type CodeListener = (code: string) => void;

/**
 * The structured log: one JSON object a line, on standard error so that standard output stays for answers. Request and
 * answer bodies are never logged, and keys cannot be: nothing passes the configuration to a log line.
 *
 * @param onCode counts codes; not told of lines that the level leaves out
 */
export function createLogger(
  level: string,
  destination?: DestinationStream,
  onCode: CodeListener = () => undefined,
): Logger {
  const options: LoggerOptions = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    hooks: {
      logMethod(values, method) {
        const [fields] = values as [unknown];
        const code =
          typeof fields === "object" && fields !== null && "code" in fields ? fields.code : undefined;
        if (typeof code === "string") onCode(code);
        return method.apply(this, values);
      },
    },
  };
  return destination ? pino(options, destination) : pino(options, pino.destination({ dest: 2, sync: true }));
}
