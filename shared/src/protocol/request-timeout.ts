// Where a caller says how long it waits, when its message has no place for the protocol's own `timeout`: a bare frame
// or image. A header, or behind SageMaker, which strips it, one of the custom attributes. Whole milliseconds.

export const TIMEOUT_FIELD = "X-Request-Timeout-Ms";
export const TIMEOUT_ATTRIBUTE = "timeout-ms";
