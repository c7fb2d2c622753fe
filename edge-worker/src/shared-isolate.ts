// The isolate's one set of what is kept between requests: its Worker and its Durable Objects share the sessions, which
// take 7 MB, and what either has found out about the cloud.
import { modelBundle } from "../generated/model.ts";
import { createIsolate, type Isolate } from "./isolate.ts";

let isolate: Isolate | undefined;

/** Made by the first that asks, since a module may not read the environment. @throws Error naming what is wrong with it */
export function sharedIsolate(env: Env): Isolate {
  isolate ??= createIsolate(env, modelBundle);
  return isolate;
}
