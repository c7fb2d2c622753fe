// Turns what a failed call throws into a reason.
import type { CloudFailure } from "./cloud-client.ts";

/** workerd words a refused connection like a broken one, so every one of them may have carried work. */
export function failureOfError(error: unknown, signal: AbortSignal): CloudFailure {
  const detail = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const reason = signal.aborted ? "cloud-timeout" : "cloud-error";
  return { ok: false, reason, mayHaveWorked: true, refused: null, detail };
}
