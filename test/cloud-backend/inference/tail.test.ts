// The tail as a model, without HTTP: what its batches are padded with is valid, and harms nobody.
import { tailTensors } from "@spillway/shared/split/tail-input";
import { describe, expect, it } from "vitest";
import { smallFeatures, smallLogits, smallTail } from "../../setup/small-tail.ts";
import { logitsOf, servedModel } from "../setup/graphs.ts";
import { smallTailGraph } from "../setup/tail.ts";

const sent = await Promise.all([2, 0, 1].map((setting) => smallFeatures(setting, setting + 1)));
const rows = sent.map(({ quantised, setting }) => ({ features: quantised, setting }));
const tensors = tailTensors(await smallTail(), rows);

describe("the tail", () => {
  it("answers in a padded batch, for which it was warmed up, as it does without", async () => {
    const plain = await servedModel(await smallTailGraph());
    const batching = { maxBatch: 8, delayMs: 0, preferredSizes: [4, 8], isPadded: true };
    const padded = await servedModel(await smallTailGraph(), { batching });
    const logits = await logitsOf(padded, tensors);
    expect(logits).toEqual(await logitsOf(plain, tensors));
    sent.flatMap(smallLogits).forEach((logit, at) => void expect(logits[at]).toBeCloseTo(logit, 4));
  });

  it("takes its inputs in any order, also together with who names them in another", async () => {
    const model = await servedModel(await smallTailGraph());
    const answers = await Promise.all([logitsOf(model, tensors), logitsOf(model, tensors.toReversed())]);
    expect(answers[0]).toEqual(answers[1]);
  });

  it("refuses no rows", async () => {
    const model = await servedModel(await smallTailGraph());
    const inputs = tensors.map(({ shape, ...rest }) => {
      return { ...rest, shape: [0, ...shape.slice(1)], bytes: new Uint8Array(0) };
    });
    const inferred = await model.infer({ inputs }, { client: new AbortController().signal, timeoutMs: null });
    expect(inferred).toMatchObject({ ok: false, message: "codes: expected 1 to 64 rows, got 0" });
  });
});
