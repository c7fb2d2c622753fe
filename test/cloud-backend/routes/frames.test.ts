// Features through every door: as frames, several in one message or one as the body, and as the tail's own
// three tensors. All of them give the same answer, and what is wrong with a frame is told to who sent it.
import { encodeRequest } from "@spillway/shared/protocol/message";
import type { Tensor } from "@spillway/shared/protocol/tensor";
import { tailFeatureShape } from "@spillway/shared/schema/cloud-graphs";
import { MAX_FRAME_BYTES } from "@spillway/shared/split/frame";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { graphDescriptions } from "../../../cloud-backend/src/repository/graph-descriptions.ts";
import { type SentFeatures, sentFeatures, smallFeatures, smallLogits, smallTail } from "../../setup/small-tail.ts";
import { Gate } from "../setup/gate.ts";
import {
  type Answer,
  binaryMessage,
  bytesElements,
  jsonLogits,
  post,
  readError,
  SAGEMAKER_TYPE,
  splitAnswer,
} from "../setup/messages.ts";
import { modelFolder, shippedManifest } from "../setup/model-folder.ts";
import { type RunningApp, startApp } from "../setup/running-app.ts";
import { smallTailGraph } from "../setup/tail.ts";

const INFER = "/v2/models/tail/infer";
const ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes";
const MAX_BATCH = 64;
const tail = await smallTail();
const sent = await Promise.all([0, 1, 2].map((setting) => smallFeatures(setting, setting + 1)));
const [first] = sent;

let app: RunningApp;
beforeAll(async () => {
  app = await startApp({ graphs: [await smallTailGraph()] });
});
afterAll(() => app.close());

describe.each(sent)("features at setting $setting", (features) => {
  it("as three tensors: the answer worked out by hand", async () => {
    const logits = await logitsOfTensors(features.tensors);
    smallLogits(features).forEach((logit, k) => void expect(logits[k]).toBeCloseTo(logit, 4));
  });

  it("as a frame in a message: to the bit the same", async () => {
    expect(await jsonLogits(await sendFrames([features.frame]))).toEqual(await logitsOfTensors(features.tensors));
  });

  it("as a frame that is the whole body: to the bit the same", async () => {
    const response = await post(app.url + INFER, features.frame, plain(0));
    expect(response.status).toBe(200);
    expect(await plainLogits(response)).toEqual(await logitsOfTensors(features.tensors));
  });

  it("as a frame that is the whole body, behind SageMaker: to the bit the same", async () => {
    for (const path of ["/invocations", "/endpoints/any/invocations"]) {
      const headers = { "Content-Type": `${SAGEMAKER_TYPE}0`, [ATTRIBUTES]: "model=tail" };
      const response = await post(app.url + path, features.frame, headers);
      expect(response.status).toBe(200);
      const contentType = response.headers.get("Content-Type") ?? "";
      const { header, binary } = await splitAnswer(response, Number(contentType.slice(SAGEMAKER_TYPE.length)));
      expect(header.outputs).toMatchObject([{ name: "logits", shape: [1, 3] }]);
      expect([...new Float32Array(binary.buffer)]).toEqual(await logitsOfTensors(features.tensors));
    }
  });
});

describe("frames of a message", () => {
  it("may differ in their settings, and are answered in their order", async () => {
    const response = await sendFrames(sent.map(({ frame }) => frame));
    const answer = (await response.json()) as Answer;
    expect(answer.outputs[0].shape).toEqual([3, 3]);
    for (const [row, { tensors }] of sent.entries()) {
      const alone = await logitsOfTensors(tensors);
      alone.forEach((logit, k) => void expect(answer.outputs[0].data[row * 3 + k]).toBeCloseTo(logit, 4));
    }
  });

  it("are answered with the hash of the tail, which tells it from those of other first stages", async () => {
    const { parameters } = (await (await sendFrames([first.frame])).json()) as { parameters: unknown };
    expect(parameters).toEqual({ sha256: tail.sha256 });
  });

  it("may ask for classes", async () => {
    const outputs = [{ name: "logits", parameters: { classification: 1 } }];
    const response = await sendFrames([first.frame], { outputs });
    expect(await response.json()).toMatchObject({ outputs: [{ data: [expect.stringMatching(/:(red|green|blue)$/)] }] });
  });

  it.each([
    [MAX_BATCH, 200],
    [MAX_BATCH + 1, 400],
  ])("%i of them: %i", async (count, status) => {
    const response = await sendFrames(Array(count).fill(first.frame));
    expect(response.status).toBe(status);
    if (status !== 200)
      expect(await readError(response)).toBe(`frame: expected 1 to ${MAX_BATCH} frames, got ${count}`);
  });

  it("none: 400", async () => {
    const response = await sendFrames([]);
    expect(await refusal(response)).toBe(`frame: expected 1 to ${MAX_BATCH} frames, got 0`);
  });
});

describe("a frame that is refused", () => {
  const damaged = first.frame.map((byte, at) => (at === first.frame.length - 6 ? byte ^ 1 : byte));

  it.each([
    ["damaged", damaged, /^frame 1: checksum: /],
    ["cut off", first.frame.slice(0, -1), /^frame 1: truncated: /],
    ["nothing", new Uint8Array(0), /^frame 1: truncated: /],
    ["a picture", new Uint8Array([0xff, 0xd8, 0xff, 0xe0]), /^frame 1: not-a-frame: /],
  ])("%s: 400, and which it was", async (_, frame, error) => {
    expect(await refusal(await sendFrames([first.frame, frame, first.frame]))).toMatch(error);
    const alone = await refusal(await post(app.url + INFER, frame, plain(0)));
    expect(alone).toMatch(new RegExp(error.source.replace("frame 1", "frame 0")));
  });

  it.each([
    [MAX_FRAME_BYTES, 400, /^frame 0: not-a-frame: /, /^frame 0: not-a-frame: /],
    [MAX_FRAME_BYTES + 1, 413, /^frame 0: too-long: /, /expected a body of at most \d+ bytes$/],
  ])("of %i bytes", async (bytes, status, inMessage, asBody) => {
    const frame = new Uint8Array(bytes);
    const response = await post(app.url + INFER, frame, plain(0));
    expect(response.status).toBe(status);
    expect(await readError(response)).toMatch(asBody);
    expect(await refusal(await sendFrames([frame]))).toMatch(inMessage);
  });

  it("of features of another shape", async () => {
    const { frame } = sentFeatures(tail, [4, 2, 3], 1);
    expect(await refusal(await post(app.url + INFER, frame, plain(0)))).toMatch(/^frame 0: shape: .*4x3x2.*4x2x3/);
  });

  it("at a setting that the tail does not have", async () => {
    const other = { ...tail, settings: [{ channels: 3, bits: 2, rawBytes: 5 } as const] };
    const { frame } = sentFeatures(other, [4, 3, 2], 0);
    expect(await refusal(await post(app.url + INFER, frame, plain(0)))).toMatch(/^frame 0: setting: .*3x2/);
  });
});

describe("the tail's own inputs", () => {
  it.each([
    [-1n, "-1"],
    [3n, "3"],
    [2n ** 62n, String(2n ** 62n)],
  ])("setting %s, which it does not have: 400, not a batch that fails", async (setting, told) => {
    const [codes, ranges, settings] = first.tensors;
    const bytes = new Uint8Array(BigInt64Array.of(setting).buffer);
    const { body, headerBytes } = encodeRequest({ inputs: [codes, ranges, { ...settings, bytes }] });
    const response = await post(app.url + INFER, body, plain(headerBytes as number));
    expect(await refusal(response)).toBe(`setting: expected 0 to 2, got ${told} in row 0`);
    expect(app.log).toEqual([]);
  });

  it.each([
    ["too few", ["codes", "ranges"]],
    ["with a frame", ["codes", "ranges", "setting", "frame"]],
    ["a frame and one of them", ["codes", "frame"]],
  ])("%s: 400", async (_, names) => {
    const frame: Tensor = { name: "frame", datatype: "BYTES", shape: [1], bytes: bytesElements([first.frame]) };
    const inputs = [...first.tensors, frame].filter(({ name }) => names.includes(name));
    const { body, headerBytes } = encodeRequest({ inputs });
    expect(await refusal(await post(app.url + INFER, body, plain(headerBytes as number)))).toBe(
      'inputs: expected "codes", "ranges", "setting", or "frame", BYTES [n], and nothing else',
    );
  });

  it.each([
    ["of another datatype", { datatype: "UINT8" as const, shape: [first.frame.length], bytes: first.frame }],
    ["in two dimensions", { datatype: "BYTES" as const, shape: [1, 1], bytes: bytesElements([first.frame]) }],
    [
      "under another name",
      { name: "codes", datatype: "BYTES" as const, shape: [1], bytes: bytesElements([first.frame]) },
    ],
  ])("a frame %s: 400", async (_, tensor) => {
    const { body, headerBytes } = encodeRequest({ inputs: [{ name: "frame", ...tensor }] });
    expect(await refusal(await post(app.url + INFER, body, plain(headerBytes as number)))).toMatch(/^inputs: expected/);
  });

  it("are what its metadata tell; its configuration tells of frames besides", async () => {
    const metadata = await (await fetch(`${app.url}/v2/models/tail`)).json();
    expect(metadata).toMatchObject({
      inputs: [
        { name: "codes", datatype: "UINT8", shape: [-1, 4, 3, 2] },
        { name: "ranges", datatype: "FP32", shape: [-1, 4, 2] },
        { name: "setting", datatype: "INT64", shape: [-1, 1] },
      ],
    });
    const configuration = await (await fetch(`${app.url}/v2/models/tail/config`)).json();
    expect(configuration).toMatchObject({ parameters: { encoded_input: { string_value: "frame" } } });
  });
});

describe("frames that arrive together", () => {
  let gate: Gate;
  let gated: RunningApp;
  beforeAll(async () => {
    gate = new Gate();
    gated = await startApp({ graphs: [await smallTailGraph()], spawn: gate.spawn });
  });
  afterAll(() => gated.close());

  it("run in one batch, whatever their settings; a damaged one among them harms nobody", async () => {
    const busy = post(gated.url + INFER, first.frame, plain(0));
    await gate.waitForJobs(1);
    const [model] = gated.repository.models();
    const forms: Promise<Response>[] = [];
    for (const features of sent) {
      forms.push(post(gated.url + INFER, features.frame, plain(0)));
      forms.push(sendTensors(features, gated.url));
    }
    await vi.waitFor(() => expect(model.waiting).toBe(6));
    const damaged = await post(gated.url + INFER, first.frame.slice(1), plain(0));
    expect(await refusal(damaged)).toMatch(/^frame 0: not-a-frame/);
    gate.open();
    expect((await busy).status).toBe(200);
    const answers = await Promise.all((await Promise.all(forms)).map(plainLogits));
    // The first one by itself, then all that waited for it.
    expect(gate.jobs).toBe(2);
    for (const [k, features] of sent.entries()) {
      const [asFrame, asTensors] = [answers[k * 2], answers[k * 2 + 1]];
      expect(asFrame).toEqual(asTensors);
      const alone = await plainLogits(await post(gated.url + INFER, features.frame, plain(0)));
      asFrame.forEach((logit, at) => void expect(Math.abs(logit - alone[at])).toBeLessThan(1e-4));
    }
  });
});

const shipped = await shippedManifest();

describe.skipIf(shipped.cloud.tail === null)("the shipped tail (skipped where none is shipped)", () => {
  it("answers frames of all its settings in one batch as each by itself, and as its own three tensors", async () => {
    const { tail: own } = shipped.cloud;
    if (own === null) return;
    const shape = tailFeatureShape(shipped);
    const rows = own.settings.map((_, setting) => sentFeatures(own, shape, setting, setting + 1));
    const gate = new Gate();
    const gated = await startApp({
      graphs: [graphDescriptions(modelFolder, shipped, "1")[1].graph],
      spawn: gate.spawn,
    });
    try {
      const busy = post(gated.url + INFER, rows[0].frame, plain(0));
      await gate.waitForJobs(1);
      const together = rows.map(({ frame }) => post(gated.url + INFER, frame, plain(0)));
      await vi.waitFor(() => expect(gated.repository.models()[0].waiting).toBe(rows.length));
      gate.open();
      expect((await busy).status).toBe(200);
      const answers = await Promise.all((await Promise.all(together)).map(plainLogits));
      expect(gate.jobs).toBe(2);
      for (const [row, { frame, tensors }] of rows.entries()) {
        const alone = await plainLogits(await post(gated.url + INFER, frame, plain(0)));
        expect(await plainLogits(await sendTensors({ tensors }, gated.url))).toEqual(alone);
        answers[row].forEach((logit, k) => void expect(Math.abs(logit - alone[k])).toBeLessThan(1e-4));
      }
    } finally {
      gate.open();
      await gated.close();
    }
  });
});

describe("the time that a bare frame has", () => {
  it.each([
    ["in a header", { "X-Request-Timeout-Ms": "1" }],
    ["behind SageMaker, in an attribute", { [ATTRIBUTES]: "model=tail;timeout-ms=1" }],
  ])("is told %s", async (_, headers) => {
    const gate = new Gate();
    const gated = await startApp({ graphs: [await smallTailGraph()], spawn: gate.spawn });
    try {
      const busy = post(gated.url + INFER, first.frame, plain(0));
      await gate.waitForJobs(1);
      const impatient = await post(gated.url + INFER, first.frame, { ...plain(0), ...headers });
      expect(impatient.status).toBe(503);
      expect(await readError(impatient)).toMatch(/timeout ran out/);
      gate.open();
      expect((await busy).status).toBe(200);
    } finally {
      gate.open();
      await gated.close();
    }
  });
});

function plain(headerBytes: number) {
  return { "Content-Type": "application/octet-stream", "Inference-Header-Content-Length": String(headerBytes) };
}

function sendFrames(frames: Uint8Array[], rest: object = {}): Promise<Response> {
  const elements = bytesElements(frames);
  const parameters = { binary_data_size: elements.byteLength };
  const input = { name: "frame", datatype: "BYTES", shape: [frames.length], parameters };
  const { body, headerBytes } = binaryMessage({ inputs: [input], ...rest }, elements);
  return post(app.url + INFER, body, plain(headerBytes));
}

function sendTensors({ tensors }: Pick<SentFeatures, "tensors">, url: string): Promise<Response> {
  const { body, headerBytes } = encodeRequest({ inputs: tensors });
  return post(url + INFER, body, plain(headerBytes as number));
}

async function logitsOfTensors(tensors: Tensor[]): Promise<number[]> {
  return plainLogits(await sendTensors({ tensors }, app.url));
}

/** The values of a binary answer in the plain form. */
async function plainLogits(response: Response): Promise<number[]> {
  expect(response.status).toBe(200);
  const length = Number(response.headers.get("Inference-Header-Content-Length"));
  return [...new Float32Array((await splitAnswer(response, length)).binary.buffer)];
}

async function refusal(response: Response): Promise<string> {
  const error = await readError(response);
  expect(error).not.toContain("\n");
  expect(response.status).toBe(400);
  return error;
}
