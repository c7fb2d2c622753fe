// Who may come in: bounds the requests of a model that are accepted and not yet answered, by their
// count and by the bytes they hold. Asked before a body is read, so that a refusal costs nothing.
import { type Failure, failure } from "../errors.ts";

export interface AdmissionOptions {
  maxRequests: number;
  maxBytes: number;
}

export type Entrance = { ok: true; value: Ticket } | Failure;

export class Admission {
  readonly #options: AdmissionOptions;
  #requests = 0;
  #bytes = 0;
  #onEmpty: (() => void)[] = [];

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Requests that are in and not yet answered. */
  get requests(): number {
    return this.#requests;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Lets a request in that declares so many bytes; 0 for one that does not say. */
  enter(bytes: number): Entrance {
    if (this.#requests >= this.#options.maxRequests) {
      return failure("overloaded", `overloaded: ${this.#requests} requests are being answered`);
    }
    if (!this.#fits(bytes)) return this.#tooManyBytes();
    this.#requests += 1;
    this.#bytes += bytes;
    return {
      ok: true,
      value: new Ticket(
        bytes,
        (more) => this.#grow(more),
        (held) => this.#leave(held),
      ),
    };
  }

  /** Resolves once nobody is in. */
  empty(): Promise<void> {
    if (this.#requests === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #fits(bytes: number): boolean {
    return this.#bytes + bytes <= this.#options.maxBytes;
  }

  #tooManyBytes(): Failure {
    return failure("overloaded", `overloaded: the requests being answered hold ${this.#bytes} bytes`);
  }

  #grow(bytes: number): Failure | null {
    if (!this.#fits(bytes)) return this.#tooManyBytes();
    this.#bytes += bytes;
    return null;
  }

  #leave(bytes: number): void {
    this.#requests -= 1;
    this.#bytes -= bytes;
    if (this.#requests > 0) return;
    for (const resolve of this.#onEmpty.splice(0)) resolve();
  }
}

/** One request's place among those accepted; left once, however often `leave` is called. */
export class Ticket {
  #bytes: number;
  #isIn = true;
  readonly #grow: (bytes: number) => Failure | null;
  readonly #leave: (bytes: number) => void;

  constructor(bytes: number, grow: (bytes: number) => Failure | null, leave: (bytes: number) => void) {
    this.#bytes = bytes;
    this.#grow = grow;
    this.#leave = leave;
  }

  /** Makes room for a body that has become longer than it declared. @returns null, or why there is none */
  holds(bytes: number): Failure | null {
    if (bytes <= this.#bytes) return null;
    const refusal = this.#grow(bytes - this.#bytes);
    if (refusal === null) this.#bytes = bytes;
    return refusal;
  }

  leave(): void {
    if (!this.#isIn) return;
    this.#isIn = false;
    this.#leave(this.#bytes);
  }
}
