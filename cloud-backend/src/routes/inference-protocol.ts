// The Open Inference Protocol v2 under /v2. Any content type is taken for what the framing says it
// is, as Triton does: its own documents send JSON with curl's default type.
import { type Context, Hono } from "hono";
import packageJson from "../../package.json" with { type: "json" };
import { failure, failureResponse } from "../errors.ts";
import type { Model } from "../inference/large-model.ts";
import { limitBody } from "./body-limit.ts";
import { answerMessage, requestFraming } from "./message.ts";

/** Only what is fully there; of the `schedule_policy` extension, `timeout` alone is. */
const EXTENSIONS = ["binary_tensor_data"];

export function inferenceProtocolRoutes(model: Model, isReady: () => boolean): Hono {
  const routes = new Hono();
  routes.get("/", (c) => c.json({ name: "spillway", version: packageJson.version, extensions: EXTENSIONS }));
  routes.get("/health/live", (c) => c.json({ live: true }));
  routes.get("/health/ready", (c) => c.json({ ready: isReady() }, isReady() ? 200 : 503));
  for (const path of ["/models/:model", "/models/:model/versions/:version"]) {
    routes.get(path, (c) => unknownModel(c, model) ?? c.json(metadata(model)));
    routes.get(`${path}/ready`, (c) => unknownModel(c, model) ?? readiness(c, model, isReady()));
    routes.post(
      `${path}/infer`,
      limitBody,
      (c) => unknownModel(c, model) ?? answerMessage(c, model, requestFraming(c)),
    );
  }
  return routes;
}

function unknownModel(c: Context, model: Model): Response | null {
  const { model: name, version = model.version } = c.req.param();
  if (name === model.name && version === model.version) return null;
  return failureResponse(failure("not-found", `unknown model "${name}", version ${version}`));
}

function metadata({ name, version, signature }: Model) {
  return { name, versions: [version], platform: "onnx_onnxv1", inputs: signature.inputs, outputs: signature.outputs };
}

function readiness(c: Context, { name }: Model, ready: boolean): Response {
  return c.json({ name, ready }, ready ? 200 : 503);
}
