// Model folders of graphs that load at once, written where a test asks for them.
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import type { Manifest } from "@spillway/shared/schema/manifest";
import { onTestFinished } from "vitest";
import type { GraphDescription } from "../../../cloud-backend/src/inference/graph-description.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";
import { startModel } from "../../../cloud-backend/src/inference/start-model.ts";
import type { RepositoryEvent } from "../../../cloud-backend/src/repository/repository-event.ts";
import { logitsOf, SERVING } from "./graphs.ts";
import { shippedManifest } from "./model-folder.ts";

const GRAPHS = fileURLToPath(new URL("../../vectors/graphs", import.meta.url));

/** `mean-colour` answers with the mean red, green and blue of 4 x 4 pixels, `mean-colour-doubled` with twice that. */
export type SmallGraph = "mean-colour" | "mean-colour-doubled" | "too-large";

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "spillway-test-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a whole model folder, the manifest last, as whoever copies with care does. */
export async function writeModel(
  folder: string,
  graph: SmallGraph = "mean-colour",
  changes: Partial<Manifest> = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const bytes = await graphBytes(graph);
  await writeFile(join(folder, "large.onnx"), bytes);
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...(await smallManifest(bytes)), ...changes }));
  return folder;
}

export function graphBytes(graph: SmallGraph): Promise<Buffer> {
  return readFile(join(GRAPHS, `${graph}.onnx`));
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The manifest of a large model with these bytes. */
export async function smallManifest(bytes: Uint8Array): Promise<Manifest> {
  const shipped = await shippedManifest();
  const { large } = shipped.cloud;
  const described = {
    ...large,
    file: "large.onnx",
    sha256: sha256(bytes),
    bytes: bytes.byteLength,
    preprocessing: { ...large.preprocessing, width: 4, height: 4 },
  };
  return { ...shipped, labels: ["red", "green", "blue"], cloud: { large: described, tail: null } };
}

/** How the repositories under test start models: as the server does. Whatever still runs is stopped in the end. */
export function startSmallModel() {
  const started: Model[] = [];
  onTestFinished(async () => {
    await Promise.all(started.map((model) => model.stop()));
  });
  return async (graph: GraphDescription) => {
    const model = await startModel(graph, SERVING);
    if (model.ok) started.push(model.value);
    return model;
  };
}

/** What a model answers to one white picture: 255 of each colour, or twice that. */
export async function answerToWhite(model: Model): Promise<number> {
  const bytes = new Uint8Array(4 * 4 * 3).fill(255);
  const image: Tensor = { name: "image", datatype: "UINT8", shape: [1, 4, 4, 3], bytes };
  return (await logitsOf(model, [image]))[0];
}

/** A record of events: the name of each, its model's version, and its error. */
export function eventLog() {
  const events: RepositoryEvent[] = [];
  const names = () => events.map((event) => ("version" in event ? `${event.event} ${event.version}` : event.event));
  return { events, names, onEvent: (event: RepositoryEvent) => void events.push(event) };
}
