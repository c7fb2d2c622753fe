// What an isolate has found out about the cloud's tail: whether it is there, and in which form it takes features. Of
// neither is anything configured. The tail has a circuit of its own, so that a cloud without one still serves images.
import { FRAMES_AGAIN_MS } from "../limits.ts";
import type { CircuitBreaker } from "./circuit-breaker.ts";
import type { TailForm } from "./tail-route.ts";

export class TailAccess {
  readonly circuit: CircuitBreaker;
  /** Until then nobody sends frames. */
  #tensorsUntilMs: number;

  /** @param takesFrames whether there is a frame for features of this model at all */
  constructor(circuit: CircuitBreaker, takesFrames: boolean) {
    this.circuit = circuit;
    this.#tensorsUntilMs = takesFrames ? -Infinity : Infinity;
  }

  /** As what features are sent first. */
  form(nowMs: number): TailForm {
    return nowMs < this.#tensorsUntilMs ? "tensors" : "frame";
  }

  /** Whether it is worth choosing; whoever has no choice may ask nevertheless. */
  isOffered(nowMs: number): boolean {
    return !this.circuit.isOpen(nowMs);
  }

  /** Frames were refused, and the same features taken as tensors: so it will be with the next, for a while. */
  takesOnlyTensors(nowMs: number): void {
    this.#tensorsUntilMs = Math.max(this.#tensorsUntilMs, nowMs + FRAMES_AGAIN_MS);
  }

  /** It is not there, or takes features in no form: for a while nobody need ask. */
  isMissing(nowMs: number): void {
    this.circuit.open(nowMs);
  }
}
