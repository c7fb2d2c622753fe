// How many requests that load, unload or list models are under way: each waits for those before it, so
// that without a bound whoever sends many would have all of them held.
import type { MiddlewareHandler } from "hono";
import { failure, failureResponse } from "../errors.ts";

/** One more than `max` at the same time is refused. What it returns counts for all routes that have it. */
export function atMost(max: number): MiddlewareHandler {
  let underWay = 0;
  return async (_, next) => {
    if (underWay >= max) {
      return failureResponse(failure("overloaded", `overloaded: ${max} requests of this kind are under way`));
    }
    underWay += 1;
    try {
      await next();
    } finally {
      underWay -= 1;
    }
  };
}
