// Why bytes were refused. A bad image is an expected outcome, so failures are values; errors.ts of
// the Worker maps each reason to a status.

export type ImageFailureReason = "not-an-image" | "unsupported-image" | "too-many-pixels" | "corrupt-image";

export interface ImageFailure {
  reason: ImageFailureReason;
  /** One sentence for the caller. */
  detail: string;
}

export function corrupt(detail: string): ImageFailure {
  return { reason: "corrupt-image", detail };
}

export function unsupported(detail: string): ImageFailure {
  return { reason: "unsupported-image", detail };
}
