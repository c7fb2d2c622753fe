// The cap on request bodies: refused by the declared length before reading, counted where none is declared.
import { bodyLimit } from "hono/body-limit";
import { failure, failureResponse } from "../errors.ts";
import { MAX_BODY_BYTES } from "../limits.ts";

export const limitBody = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: () => failureResponse(failure("body-too-large", `expected a body of at most ${MAX_BODY_BYTES} bytes`)),
});
