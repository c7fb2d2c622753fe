// The Open Inference Protocol v2 under /v2, with those of Triton's extensions that are named below. Any
// content type is taken for what the framing says it is, as Triton does: its own documents send JSON
// with curl's default type.
import { type Context, Hono } from "hono";
import packageJson from "../../package.json" with { type: "json" };
import { failureResponse, type Outcome } from "../errors.ts";
import type { Model } from "../inference/model.ts";
import type { Repository } from "../repository/repository.ts";
import { answerInference } from "./answer-inference.ts";
import { messageReading, requestFraming } from "./framing.ts";
import { modelConfiguration } from "./model-configuration.ts";
import { modelRepositoryRoutes } from "./model-repository.ts";
import { statisticsReport } from "./statistics-report.ts";

/** Only what is fully there. */
const EXTENSIONS = [
  "binary_tensor_data",
  "classification",
  "model_configuration",
  "model_repository",
  "parameters",
  "schedule_policy",
  "statistics",
];

/** @param isStopping whether the process is about to end: it still answers, but nobody should come any more */
export function inferenceProtocolRoutes(repository: Repository, isStopping: () => boolean): Hono {
  const routes = new Hono().basePath("/v2");
  // The protocol's text has /v2, its OpenAPI document /v2/.
  for (const path of ["/", ""]) routes.get(path, (c) => c.json(serverMetadata()));
  routes.get("/health/live", (c) => c.json({ live: true }));
  routes.get("/health/ready", (c) => serverReadiness(c, repository.isReady() && !isStopping()));
  routes.route("/repository", modelRepositoryRoutes(repository));
  routes.get("/models/stats", (c) => c.json(statisticsReport(repository.models())));
  for (const path of ["/models/:model", "/models/:model/versions/:version"]) {
    routes.get(path, (c) => withModel(c, repository, (model) => c.json(metadata(model, repository))));
    routes.get(`${path}/ready`, (c) => modelReadiness(c, repository, isStopping()));
    routes.get(`${path}/config`, (c) => withModel(c, repository, (model) => c.json(modelConfiguration(model))));
    routes.get(`${path}/stats`, (c) => withModel(c, repository, (model) => c.json(statistics(c, model, repository))));
    routes.post(`${path}/infer`, (c) => withModel(c, repository, (model) => answerMessage(c, model)));
  }
  return routes;
}

function serverMetadata() {
  return { name: "spillway", version: packageJson.version, extensions: EXTENSIONS };
}

/**
 * The text gives no status for what is not ready. Triton sends 400, which load balancers and Kubernetes
 * take for what 503 is as well; 503 also says that it passes. The text calls this answer's one member
 * `live`, as that of the endpoint before; servers call it `ready`. Here both say the same.
 */
function serverReadiness(c: Context, isReady: boolean): Response {
  return c.json({ ready: isReady, live: isReady }, isReady ? 200 : 503);
}

function modelReadiness(c: Context, repository: Repository, isStopping: boolean): Response {
  const model = find(c, repository);
  if (!model.ok && model.reason === "not-found") return failureResponse(model);
  const isReady = model.ok && model.value.isReady() && !isStopping;
  return c.json({ name: c.req.param("model"), ready: isReady }, isReady ? 200 : 503);
}

function metadata({ name, signature }: Model, repository: Repository) {
  const versions = repository.versions(name).map(({ version }) => version);
  return { name, versions, platform: "onnx_onnxv1", inputs: signature.inputs, outputs: signature.outputs };
}

/** Without a version in the address, those of all versions. */
function statistics(c: Context, model: Model, repository: Repository) {
  return statisticsReport(c.req.param("version") === undefined ? repository.versions(model.name) : [model]);
}

function answerMessage(c: Context, model: Model): Promise<Response> {
  return answerInference(c, model, messageReading(requestFraming(c), model));
}

function find(c: Context, repository: Repository): Outcome<Model> {
  const { model: name, version } = c.req.param();
  return repository.find(name, version);
}

function withModel(
  c: Context,
  repository: Repository,
  answer: (model: Model) => Response | Promise<Response>,
): Response | Promise<Response> {
  const model = find(c, repository);
  return model.ok ? answer(model.value) : failureResponse(model);
}
