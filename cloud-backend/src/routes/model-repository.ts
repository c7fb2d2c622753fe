// Triton's model repository extension, under /v2/repository: what there is, and loading and unloading it.
import { type Context, Hono } from "hono";
import { z } from "zod";
import { failure, failureResponse, type Outcome } from "../errors.ts";
import { MAX_CONTROL_REQUESTS } from "../limits.ts";
import type { Repository } from "../repository/repository.ts";
import { readControlMessage } from "./control-message.ts";
import { atMost } from "./control-requests.ts";

const indexSchema = z.object({ ready: z.boolean().default(false) });
const loadSchema = z.object({ parameters: z.record(z.string(), z.unknown()).default({}) });
/** Of models that are loaded together none depends on another, so both values come to the same. */
const unloadSchema = z.object({ parameters: z.object({ unload_dependents: z.boolean().optional() }).default({}) });

const OVERRIDE = failure(
  "bad-request",
  `"config" and "file:": a model is loaded as its folder describes it, and nothing of it can be overridden`,
);

export function modelRepositoryRoutes(repository: Repository): Hono {
  const routes = new Hono();
  const limit = atMost(MAX_CONTROL_REQUESTS);
  routes.post("/index", limit, async (c) => {
    const read = await readControlMessage(c, indexSchema);
    return read instanceof Response ? read : c.json(index(repository, read.message.ready));
  });
  routes.post("/models/:model/load", limit, async (c) => {
    const read = await readControlMessage(c, loadSchema);
    if (read instanceof Response) return read;
    if (Object.keys(read.message.parameters).some(isOverride)) return failureResponse(OVERRIDE);
    return answer(c, await repository.load(c.req.param("model")));
  });
  routes.post("/models/:model/unload", limit, async (c) => {
    const read = await readControlMessage(c, unloadSchema);
    return read instanceof Response ? read : answer(c, await repository.unload(c.req.param("model")));
  });
  return routes;
}

function index(repository: Repository, isReadyOnly: boolean) {
  return repository.index().filter(({ state }) => !isReadyOnly || state === "READY");
}

function isOverride(parameter: string): boolean {
  return parameter === "config" || parameter.startsWith("file:");
}

function answer(c: Context, outcome: Outcome<null>): Response {
  return outcome.ok ? c.json({}) : failureResponse(outcome);
}
