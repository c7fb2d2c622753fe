// A progress line on stderr: rewritten in place on a terminal, silent elsewhere until it is done.

export function startProgress(label: string, total: number): (done: number) => void {
  const startedMs = performance.now();
  return (done) => {
    const seconds = (performance.now() - startedMs) / 1000;
    const left = done > 0 ? Math.ceil((seconds / done) * (total - done)) : 0;
    if (process.stderr.isTTY) process.stderr.write(`\r${label} ${done}/${total}, ${left} s left  `);
    if (done === total)
      process.stderr.write(`${process.stderr.isTTY ? "\r" : ""}${label} ${total} in ${seconds.toFixed(1)} s\n`);
  };
}
