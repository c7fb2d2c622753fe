// One JSON line for each notable event: news on stdout, trouble on stderr.

export type Log = (level: "info" | "error", event: string, fields?: Record<string, unknown>) => void;

export function createLog(now: () => Date): Log {
  return (level, event, fields = {}) => {
    const line = JSON.stringify({ time: now().toISOString(), level, event, ...fields });
    (level === "error" ? process.stderr : process.stdout).write(`${line}\n`);
  };
}
