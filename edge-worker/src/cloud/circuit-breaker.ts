// Leaves a failing cloud alone for a while instead of making every caller wait for it.
// One for each isolate; time is passed in. Nygard, "Release It!", 2007.

export interface CircuitOptions {
  /** Failures in a row that open the circuit. */
  failures: number;
  openMs: number;
}

export class CircuitBreaker {
  readonly #options: CircuitOptions;
  #failuresInARow = 0;
  #closedAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: CircuitOptions) {
    this.#options = options;
  }

  /**
   * Whether a call may be made now. After `openMs` one call may try; the next one has to wait
   * `openMs` again unless that call succeeds, so a probe that never reports back blocks nothing.
   */
  allows(nowMs: number): boolean {
    if (this.#failuresInARow < this.#options.failures) return true;
    if (nowMs < this.#closedAtMs) return false;
    this.#closedAtMs = nowMs + this.#options.openMs;
    return true;
  }

  /** Whether a call would be refused now. Unlike {@link allows} this is no try. */
  isOpen(nowMs: number): boolean {
    return this.#failuresInARow >= this.#options.failures && nowMs < this.#closedAtMs;
  }

  succeeded(): void {
    this.#failuresInARow = 0;
  }

  failed(nowMs: number): void {
    this.#failuresInARow += 1;
    if (this.#failuresInARow === this.#options.failures) this.#closedAtMs = nowMs + this.#options.openMs;
  }

  /** At once, for what will fail as often as it is tried. */
  open(nowMs: number): void {
    this.#failuresInARow = Math.max(this.#failuresInARow, this.#options.failures);
    this.#closedAtMs = nowMs + this.#options.openMs;
  }
}
