// One JSON line for each event: news on stdout, trouble on stderr. Trouble is written at once. News waits a
// moment for more, since writing is a system call in the middle of serving; what waits when the process ends,
// in whichever way but SIGKILL, is still written.
import { multistream, pino, stdTimeFunctions } from "pino";
import { LOG_DELAY_MS } from "./limits.ts";
import { LogSink } from "./log-sink.ts";

/** From the most talkative to the one that says nothing. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type Log = (level: Exclude<LogLevel, "silent">, event: string, fields?: Record<string, unknown>) => void;

/** @param level of the least important events that are written */
export function createLog(level: LogLevel): Log {
  const streams = multistream(
    [
      { level: "trace", stream: new LogSink(1, LOG_DELAY_MS) },
      { level: "warn", stream: new LogSink(2, 0) },
    ],
    // Each line to the last of them whose level it reaches, and to no other.
    { dedupe: true },
  );
  const options = { level, base: null, timestamp: stdTimeFunctions.isoTime, formatters: { level: levelByName } };
  const logger = pino(options, streams);
  return (eventLevel, event, fields) => logger[eventLevel]({ event, ...fields });
}

function levelByName(level: string) {
  return { level };
}
