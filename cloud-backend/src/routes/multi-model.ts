// SageMaker's contract with a container that serves many models: it says which to load and unload, under
// names of its own choosing, and asks each by its name. Mounted in that mode alone.
// Text: docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
import { type Context, Hono } from "hono";
import { z } from "zod";
import { failure, failureResponse, type Outcome } from "../errors.ts";
import type { Model } from "../inference/model.ts";
import { MAX_CONTROL_REQUESTS, MODELS_PER_PAGE } from "../limits.ts";
import { readControlMessage } from "./control-message.ts";
import { atMost } from "./control-requests.ts";
import { answerInvocation } from "./invocation.ts";

export interface LoadedModel {
  name: string;
  url: string;
}

export interface MultiModelRepository {
  /** Fails with `not-found`. */
  find(name: string): Outcome<Model>;
  /** In the order in which they were loaded. */
  loaded(): readonly LoadedModel[];
  /**
   * Fails with `already-loaded`, with `no-room`, and with `bad-request` for a folder that holds no model of
   * ours or lies where none is to be loaded from.
   */
  add(name: string, url: string): Promise<Outcome<null>>;
  /** Fails with `not-found`. */
  remove(name: string): Promise<Outcome<null>>;
}

const loadSchema = z.object({ model_name: z.string().min(1), url: z.string().min(1) });

export function multiModelRoutes(repository: MultiModelRepository): Hono {
  const routes = new Hono();
  const limit = atMost(MAX_CONTROL_REQUESTS);
  routes.get("/models", (c) => list(c, repository.loaded()));
  routes.post("/models", limit, async (c) => {
    const read = await readControlMessage(c, loadSchema);
    if (read instanceof Response) return read;
    return done(c, await repository.add(read.message.model_name, read.message.url));
  });
  routes.get("/models/:name", (c) => {
    const name = c.req.param("name");
    const model = repository.loaded().find((loaded) => loaded.name === name);
    if (model === undefined) return failureResponse(failure("not-found", `no model "${name}" is loaded`));
    return c.json(description(model));
  });
  routes.delete("/models/:name", limit, async (c) => done(c, await repository.remove(c.req.param("name"))));
  // What SageMaker sends along as the target model is its user's name of the archive, not this one.
  routes.post("/models/:name/invoke", (c) => {
    const model = repository.find(c.req.param("name"));
    return model.ok ? answerInvocation(c, model.value) : failureResponse(model);
  });
  return routes;
}

/** A token is the number of models that were listed before. */
function list(c: Context, models: readonly LoadedModel[]): Response {
  const token = c.req.query("next_page_token") ?? "0";
  const first = /^\d{1,9}$/.test(token) ? Number(token) : Number.NaN;
  if (Number.isNaN(first)) {
    return failureResponse(failure("bad-request", "next_page_token: expected the nextPageToken of another page"));
  }
  const next = first + MODELS_PER_PAGE;
  const page = models.slice(first, next).map(description);
  return c.json(next < models.length ? { models: page, nextPageToken: String(next) } : { models: page });
}

function description({ name, url }: LoadedModel) {
  return { modelName: name, modelUrl: url };
}

function done(c: Context, outcome: Outcome<null>): Response {
  return outcome.ok ? c.json({}) : failureResponse(outcome);
}
