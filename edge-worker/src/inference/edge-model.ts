// The edge network: one ONNX graph a stage, so that an image which leaves at an early exit never
// pays for the stages behind it. Sessions are made once per isolate, on first use.
import { imageTensorShape } from "@spillway/shared/preprocess/image-tensor";
import type { ModelBundle } from "./model-bundle.ts";
import { createSession, ort } from "./runtime.ts";

export interface StageOutput {
  /** [classes], raw. */
  logits: Float32Array;
  /** What the next stage reads; null after the last. */
  features: ort.Tensor | null;
}

/** The model in the bundle cannot be loaded, or does not do what its manifest says. */
export class ModelError extends Error {
  override name = "ModelError";
}

export interface EdgeModel {
  /** Makes every stage's session now rather than on first use. @throws ModelError when a graph cannot be loaded */
  load(): Promise<void>;
  /** Wraps the tensor made from an image as the first stage's input. */
  imageInput(values: Float32Array | Uint8Array): ort.Tensor;
  /** Runs stage `index`, counted from 0. @throws ModelError when the graph cannot be loaded or run */
  runStage(index: number, input: ort.Tensor): Promise<StageOutput>;
}

export function createEdgeModel(bundle: ModelBundle): EdgeModel {
  const { labels, edge } = bundle.manifest;
  const { preprocessing, input, stages } = edge;
  const sessions: (ort.InferenceSession | undefined)[] = [];
  // Two starts of the runtime must not overlap, nor two creations of one session. Requests share this
  // promise; that is safe because a creation waits for nothing but microtasks, so no request can be
  // cancelled in the middle of one and leave the others waiting.
  let lastCreation: Promise<unknown> = Promise.resolve();

  function sessionFor(index: number): Promise<ort.InferenceSession> {
    const creation = lastCreation.then(async () => {
      try {
        sessions[index] ??= await createSession(new Uint8Array(bundle.stages[index]));
      } catch (error) {
        throw new ModelError(`stage ${index + 1} cannot be loaded: ${error}`);
      }
      return sessions[index];
    });
    lastCreation = creation.catch(() => undefined);
    return creation;
  }

  return {
    async load() {
      for (const index of stages.keys()) await sessionFor(index);
    },

    imageInput(values) {
      const shape = imageTensorShape(preprocessing, input);
      return values instanceof Float32Array
        ? new ort.Tensor("float32", values, shape)
        : new ort.Tensor("uint8", values, shape);
    },

    async runStage(index, tensor) {
      const stage = stages[index];
      const session = sessions[index] ?? (await sessionFor(index));
      // The runtime allocates the outputs: it does not write into arrays that a caller brings.
      const outputs = await session.run({ [stage.input]: tensor });
      const logits = outputs[stage.logits]?.data;
      if (!(logits instanceof Float32Array) || logits.length !== labels.length) {
        throw new ModelError(`stage ${index + 1} does not give ${labels.length} logits as "${stage.logits}"`);
      }
      return {
        logits,
        features: stage.features === null ? null : outputs[stage.features.name],
      };
    },
  };
}
