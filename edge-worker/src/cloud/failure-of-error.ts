// Turns what a failed call throws into a reason.
import { ProtocolError } from "@spillway/shared/protocol/tensor";
import type { CloudFailure } from "./cloud-client.ts";

/** A proper answer, of a model that was not meant: it would answer the next question no better. */
export class OtherModelError extends ProtocolError {
  override name = "OtherModelError";
}

/** workerd words a refused connection like a broken one, so every one of them may have carried work. */
export function failureOfError(error: unknown, signal: AbortSignal): CloudFailure {
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const reason = signal.aborted ? "cloud-timeout" : "cloud-error";
  const refused = error instanceof OtherModelError ? "model" : null;
  return { ok: false, reason, mayHaveWorked: true, refused, detail };
}
