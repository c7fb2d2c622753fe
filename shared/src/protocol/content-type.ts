// How the length of a message's JSON part travels. Plain v2 servers read a header of their own;
// SageMaker strips unknown headers, so behind it the length is part of the content type (Triton's form).

/** Header of plain v2 servers, in the spelling of Triton's documents. */
export const HEADER_LENGTH_FIELD = "Inference-Header-Content-Length";
export const BINARY_CONTENT_TYPE = "application/octet-stream";

/** Its parameter is the length of the JSON part. */
export const SAGEMAKER_TYPE_PREFIX = "application/vnd.sagemaker-triton.binary+json;json-header-size=";

export function sagemakerContentType(headerBytes: number | null): string {
  return headerBytes === null ? "application/json" : `${SAGEMAKER_TYPE_PREFIX}${headerBytes}`;
}

/** The JSON length a SageMaker content type declares; null when it declares none. NaN when it is no number. */
export function sagemakerHeaderBytes(contentType: string | null | undefined): number | null {
  if (!contentType?.startsWith(SAGEMAKER_TYPE_PREFIX)) return null;
  return parseLength(contentType.slice(SAGEMAKER_TYPE_PREFIX.length));
}

/** The JSON length that the plain header declares; null when it is absent. NaN when it is no number. */
export function plainHeaderBytes(value: string | null | undefined): number | null {
  return value === null || value === undefined ? null : parseLength(value);
}

function parseLength(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}
