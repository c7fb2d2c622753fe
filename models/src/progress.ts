// A progress bar on stderr: rewritten in place on a terminal, silent elsewhere until it is done.

const BAR_WIDTH = 20;
const SHORTEST_TOLD_S = 1;

export function startProgress(label: string, total: number): (done: number) => void {
  const startedMs = performance.now();
  let longest = 0;
  return (done) => {
    const seconds = (performance.now() - startedMs) / 1000;
    const { isTTY } = process.stderr;
    if (isTTY && done < total) {
      const line = progressLine(label, done, total, seconds);
      longest = Math.max(longest, line.length);
      process.stderr.write(`\r${line.padEnd(longest)}`);
    }
    // What is over before anyone has looked is not worth a line.
    if (done === total && (seconds >= SHORTEST_TOLD_S || longest > 0)) {
      const line = `${label} ${total} in ${seconds.toFixed(1)} s`;
      process.stderr.write(`${isTTY ? `\r${line.padEnd(longest)}` : line}\n`);
    }
  };
}

/** One line: a bar, the count, and the time left at the speed so far, once there is one. */
export function progressLine(label: string, done: number, total: number, seconds: number): string {
  const filled = Math.floor((BAR_WIDTH * done) / total);
  const bar = "#".repeat(filled).padEnd(BAR_WIDTH, ".");
  const left = done > 0 ? `, ${durationText((seconds / done) * (total - done))} left` : "";
  return `${label} [${bar}] ${done}/${total}${left}`;
}

/** Rounded up: "48 s", "3 min 20 s", "1 h 5 min". */
export function durationText(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
