// Where log lines are written: a file descriptor, in as few system calls as it takes. A log must never
// harm what it tells of: when the disk is full or the reader has stopped reading, lines are lost, and the
// process neither ends nor waits; only at its end it gives a slow reader a moment.
import { writeSync } from "node:fs";
import { LOG_BUFFER_BYTES, LOG_EXIT_MS, MAX_LOG_BACKLOG_BYTES } from "./limits.ts";

export class LogSink {
  readonly #fd: number;
  readonly #delayMs: number;
  #waiting = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;

  /** @param delayMs how long a line may wait for more to be written with it; 0 writes each at once */
  constructor(fd: number, delayMs: number) {
    this.#fd = fd;
    this.#delayMs = delayMs;
    process.once("exit", () => this.#flushBeforeExit());
  }

  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waiting.byteLength + bytes.byteLength > MAX_LOG_BACKLOG_BYTES) return;
    this.#waiting = Buffer.concat([this.#waiting, bytes]);
    if (this.#delayMs === 0 || this.#waiting.byteLength >= LOG_BUFFER_BYTES) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), this.#delayMs).unref();
  }

  /** Writes what waits, as far as it can be written without waiting. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    try {
      while (this.#waiting.byteLength > 0) {
        this.#waiting = this.#waiting.subarray(writeSync(this.#fd, this.#waiting));
      }
    } catch (error) {
      // A pipe that is full now may be read later; whatever else is wrong will not pass.
      if ((error as NodeJS.ErrnoException).code !== "EAGAIN") this.#waiting = Buffer.alloc(0);
    }
  }

  /** A pipe holds 64 KB; its reader may be about to take them. Nothing asynchronous runs any more at this point. */
  #flushBeforeExit(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const endMs = performance.now() + LOG_EXIT_MS;
    this.flush();
    while (this.#waiting.byteLength > 0 && performance.now() < endMs) {
      Atomics.wait(pause, 0, 0, 1);
      this.flush();
    }
  }
}
