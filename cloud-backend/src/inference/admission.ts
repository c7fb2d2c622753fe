// Who may come in: bounds the requests of a model that are accepted and not yet answered, by their
// count and by the bytes they hold. It is asked twice. Before a body is read, so that a refusal costs
// nothing; and once it is there, since only then a request takes a place: those that send their bodies
// slowly, and be it on purpose, must not keep others out.
import { type Failure, failure } from "../errors.ts";

export interface AdmissionOptions {
  maxRequests: number;
  maxBytes: number;
}

export type Entrance = { ok: true; value: Ticket } | Failure;

/** One request's way in and out. Of no use once it has been given back. */
export interface Ticket {
  /** Makes room for so many bytes in all, as they arrive. @returns null, or why there is none */
  holds(bytes: number): Failure | null;
  /** Takes a place among the accepted requests. @returns null, or why there is none any more */
  takePlace(): Failure | null;
  /** Gives back what the request held, once, however often it is called. */
  leave(): void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  #requests = 0;
  #bytes = 0;
  /** Tickets that are out: accepted requests, and those on their way. */
  #tickets = 0;
  #onEmpty: (() => void)[] = [];

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Requests that are accepted and not yet answered. */
  get requests(): number {
    return this.#requests;
  }

  /** Requests whose bodies are still to come. */
  get arriving(): number {
    return this.#tickets - this.#requests;
  }

  /** Bytes of all bodies that are here. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Lets a request on its way that declares so many bytes, if it would be accepted now; 0 for one that does not say. */
  enter(declaredBytes: number): Entrance {
    const refusal = this.#refusePlace() ?? this.#refuseBytes(declaredBytes);
    if (refusal !== null) return refusal;
    this.#tickets += 1;
    return { ok: true, value: this.#ticket() };
  }

  /** Resolves once nobody is in or on the way. */
  empty(): Promise<void> {
    if (this.#tickets === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onEmpty.push(resolve));
  }

  #ticket(): Ticket {
    let [held, places, isOut] = [0, 0, true];
    const expectOut = () => {
      if (!isOut) throw new TypeError("ticket: expected one that was not given back");
    };
    return {
      holds: (bytes) => {
        expectOut();
        const more = Math.max(0, bytes - held);
        const refusal = this.#refuseBytes(more);
        if (refusal !== null) return refusal;
        this.#bytes += more;
        held += more;
        return null;
      },
      takePlace: () => {
        expectOut();
        const refusal = this.#refusePlace();
        if (refusal !== null) return refusal;
        this.#requests += 1;
        places += 1;
        return null;
      },
      leave: () => {
        if (!isOut) return;
        isOut = false;
        this.#bytes -= held;
        this.#requests -= places;
        this.#tickets -= 1;
        if (this.#tickets === 0) for (const resolve of this.#onEmpty.splice(0)) resolve();
      },
    };
  }

  #refusePlace(): Failure | null {
    if (this.#requests < this.#options.maxRequests) return null;
    return failure("overloaded", `overloaded: ${this.#requests} requests are being answered`);
  }

  #refuseBytes(more: number): Failure | null {
    if (this.#bytes + more <= this.#options.maxBytes) return null;
    return failure("overloaded", `overloaded: the requests being answered hold ${this.#bytes} bytes`);
  }
}
