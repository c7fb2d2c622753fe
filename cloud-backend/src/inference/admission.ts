// Who may come in: bounds the requests of a model that are accepted and not yet answered, by their
// count and by the bytes they hold. It is asked twice. Before a body is read, so that a refusal costs
// nothing; and once it is there, since only then a request takes a place. Those that send their bodies
// slowly, and be it on purpose, must not keep others out: they have no place, and where bytes run out
// they give way, the oldest first. It is they who have had the most time.
import { type Failure, failure } from "../errors.ts";

export interface AdmissionOptions {
  maxRequests: number;
  maxBytes: number;
}

export type Entrance = { ok: true; value: Ticket } | Failure;

/** One request's way in and out. Of no use once it has been given back. */
export interface Ticket {
  /** Aborts when the request has to give way before it took a place: it holds nothing any more. Its reason is the Failure. */
  readonly signal: AbortSignal;
  /** Makes room for so many bytes in all, as they arrive. @returns null, or why there is none */
  holds(bytes: number): Failure | null;
  /** Takes a place among the accepted requests, which keep what they hold. @returns null, or why there is none any more */
  takePlace(): Failure | null;
  /** Gives back what the request held, once, however often it is called. */
  leave(): void;
}

export class Admission {
  readonly #options: AdmissionOptions;
  readonly #accepted = new Set<Request>();
  /** In the order in which they came. */
  readonly #arriving = new Set<Request>();
  #acceptedBytes = 0;
  #arrivingBytes = 0;
  readonly #waiting: { isOver: () => boolean; resolve: () => void }[] = [];

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** Requests that are accepted and not yet answered. */
  get requests(): number {
    return this.#accepted.size;
  }

  /** Requests whose bodies are still to come. */
  get arriving(): number {
    return this.#arriving.size;
  }

  /** Bytes of all bodies that are here. */
  get bytes(): number {
    return this.#acceptedBytes + this.#arrivingBytes;
  }

  /** Lets a request on its way that declares so many bytes, if it would be accepted now; 0 for one that does not say. */
  enter(declaredBytes: number): Entrance {
    const refusal = this.#refusePlace() ?? this.#refuseBytes(declaredBytes);
    if (refusal !== null) return refusal;
    const request: Request = { bytes: 0, giveWay: new AbortController() };
    this.#arriving.add(request);
    return { ok: true, value: this.#ticket(request) };
  }

  /** Resolves once all that was accepted is answered. */
  answered(): Promise<void> {
    return this.#once(() => this.#accepted.size === 0);
  }

  /** Resolves once nobody is in or on the way. */
  empty(): Promise<void> {
    return this.#once(() => this.#accepted.size + this.#arriving.size === 0);
  }

  #ticket(request: Request): Ticket {
    const { signal } = request.giveWay;
    let isOut = true;
    const expectOut = () => {
      if (!isOut) throw new TypeError("ticket: expected one that was not given back");
    };
    return {
      signal,
      holds: (bytes) => {
        expectOut();
        return signal.aborted ? signal.reason : this.#hold(request, bytes);
      },
      takePlace: () => {
        expectOut();
        return signal.aborted ? signal.reason : this.#accept(request);
      },
      leave: () => {
        isOut = false;
        this.#remove(request);
      },
    };
  }

  #hold(request: Request, bytes: number): Failure | null {
    const more = Math.max(0, bytes - request.bytes);
    const isArriving = this.#arriving.has(request);
    const refusal = this.#refuseBytes(isArriving ? request.bytes + more : more);
    if (refusal !== null) return refusal;
    this.#makeRoom(more, request);
    request.bytes += more;
    if (isArriving) this.#arrivingBytes += more;
    else this.#acceptedBytes += more;
    return null;
  }

  #accept(request: Request): Failure | null {
    if (this.#accepted.has(request)) return null;
    const refusal = this.#refusePlace();
    if (refusal !== null) return refusal;
    this.#arriving.delete(request);
    this.#arrivingBytes -= request.bytes;
    this.#accepted.add(request);
    this.#acceptedBytes += request.bytes;
    return null;
  }

  #remove(request: Request): void {
    if (this.#accepted.delete(request)) this.#acceptedBytes -= request.bytes;
    if (this.#arriving.delete(request)) this.#arrivingBytes -= request.bytes;
    const over = this.#waiting.filter(({ isOver }) => isOver());
    for (const wait of over) {
      this.#waiting.splice(this.#waiting.indexOf(wait), 1);
      wait.resolve();
    }
  }

  /** Only what accepted requests hold is lasting: all others would give way. */
  #refuseBytes(bytes: number): Failure | null {
    if (this.#acceptedBytes + bytes <= this.#options.maxBytes) return null;
    return failure("overloaded", `overloaded: the requests being answered hold ${this.#acceptedBytes} bytes`);
  }

  #refusePlace(): Failure | null {
    if (this.#accepted.size < this.#options.maxRequests) return null;
    return failure("overloaded", `overloaded: ${this.#accepted.size} requests are being answered`);
  }

  #makeRoom(more: number, asking: Request): void {
    for (const oldest of this.#arriving) {
      if (this.bytes + more <= this.#options.maxBytes) return;
      // Whoever holds nothing takes nobody's room.
      if (oldest === asking || oldest.bytes === 0) continue;
      this.#remove(oldest);
      oldest.giveWay.abort(GAVE_WAY);
    }
  }

  #once(isOver: () => boolean): Promise<void> {
    if (isOver()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isOver, resolve }));
  }
}

interface Request {
  bytes: number;
  giveWay: AbortController;
}

const GAVE_WAY = failure("overloaded", "overloaded: others needed the room before all of this request was here");
