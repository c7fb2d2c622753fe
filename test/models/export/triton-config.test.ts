import type { Signature } from "@spillway/shared/protocol/graph-signature";
import { describe, expect, it } from "vitest";
import {
  labelsText,
  preferredSizes,
  type TritonGraph,
  type TritonOptions,
  tritonConfig,
} from "../../../models/src/export/triton-config.ts";
import { type Message, parseTextFormat, word } from "./text-format.ts";

const signature: Signature = {
  inputs: [{ name: "image", datatype: "FP32", shape: [-1, 3, 32, 48] }],
  outputs: [{ name: "logits", datatype: "FP32", shape: [-1, 10] }],
};
const graph: TritonGraph = { name: "large", signature };
const options: TritonOptions = { instances: 2, maxBatch: 16, delayMicroseconds: 500, device: "gpu" };

describe("tritonConfig", () => {
  it("says all that Triton has to know", () => {
    const rows = (count: number) => ({
      name: `${count} rows`,
      batch_size: count,
      inputs: [{ key: "image", value: { data_type: word("TYPE_FP32"), dims: [3, 32, 48], zero_data: true } }],
    });
    expect(parseTextFormat(tritonConfig(graph, options))).toEqual({
      name: "large",
      platform: "onnxruntime_onnx",
      max_batch_size: 16,
      input: [{ name: "image", data_type: word("TYPE_FP32"), dims: [3, 32, 48] }],
      output: [{ name: "logits", data_type: word("TYPE_FP32"), dims: [10], label_filename: "labels.txt" }],
      instance_group: [{ count: 2, kind: word("KIND_GPU") }],
      dynamic_batching: {
        preferred_batch_size: [4, 8, 16],
        max_queue_delay_microseconds: 500,
        default_queue_policy: {
          timeout_action: word("REJECT"),
          allow_timeout_override: true,
          // Four full batches for each instance.
          max_queue_size: 128,
        },
      },
      model_warmup: [rows(1), rows(16)],
    });
  });

  it("says of a tail that its setting is one number a row, and warms it up with the first", () => {
    const inputs: Signature["inputs"] = [
      { name: "codes", datatype: "UINT8", shape: [-1, 64, 8, 8] },
      { name: "ranges", datatype: "FP32", shape: [-1, 64, 2] },
      { name: "setting", datatype: "INT64", shape: [-1, 1] },
    ];
    const config = parseTextFormat(tritonConfig({ name: "tail", signature: { ...signature, inputs } }, options));
    const described = [
      { data_type: word("TYPE_UINT8"), dims: [64, 8, 8] },
      { data_type: word("TYPE_FP32"), dims: [64, 2] },
      { data_type: word("TYPE_INT64"), dims: [1] },
    ];
    const keys = ["codes", "ranges", "setting"];
    expect(config.input).toEqual(described.map((tensor, k) => ({ name: keys[k], ...tensor })));
    for (const warmup of config.model_warmup as Message[]) {
      expect(warmup.inputs).toEqual(
        described.map((tensor, k) => ({ key: keys[k], value: { ...tensor, zero_data: true } })),
      );
    }
  });

  it("warms up once when a batch is one row, and runs on the CPU unless told otherwise", () => {
    const config = parseTextFormat(tritonConfig(graph, { ...options, maxBatch: 1, device: "cpu" }));
    expect(config.model_warmup).toHaveLength(1);
    expect(config.instance_group).toEqual([{ count: 2, kind: word("KIND_CPU") }]);
    expect(config.dynamic_batching).toMatchObject({ preferred_batch_size: [1] });
  });

  it("lists every tensor, names BYTES as Triton does, and quotes what a name may hold", () => {
    const setting = { name: 'a "b" \\ \t\n', datatype: "BYTES" as const, shape: [-1, 1] };
    const twoInputs = { ...graph, signature: { ...signature, inputs: [...signature.inputs, setting] } };
    const config = parseTextFormat(tritonConfig(twoInputs, options));
    expect(config.input).toEqual([
      expect.objectContaining({ name: "image" }),
      { name: setting.name, data_type: word("TYPE_STRING"), dims: [1] },
    ]);
    const [warmup] = config.model_warmup as Message[];
    expect(warmup.inputs).toMatchObject([{ key: "image" }, { key: setting.name }]);
  });
});

it("has no words for a tensor without a dimension beside the batch, as Triton has none", () => {
  const outputs = [{ name: "setting", datatype: "INT64" as const, shape: [-1] }];
  const scalar = { ...graph, signature: { ...signature, outputs } };
  expect(() => tritonConfig(scalar, options)).toThrow(
    new RangeError("setting: expected a dimension beside the batch, got [-1]"),
  );
});

describe("preferredSizes", () => {
  it.each([
    [1, [1]],
    [3, [3]],
    [4, [4]],
    [5, [4, 5]],
    [64, [4, 8, 16, 32, 64]],
    [65, [4, 8, 16, 32, 64, 65]],
  ])("of at most %i rows are %j", (maxBatch, sizes) => {
    expect(preferredSizes(maxBatch)).toEqual(sizes);
  });
});

describe("labelsText", () => {
  it("is one line a label", () => {
    expect(labelsText(["apple", "großer Bär"], "model")).toBe("apple\ngroßer Bär\n");
  });

  it.each(["two\nlines", "two\rlines"])("refuses a label of more than one line: %j", (label) => {
    expect(() => labelsText(["apple", label], "model")).toThrow(
      `model: label ${JSON.stringify(label)} is more than one`,
    );
  });
});

describe("the reader of the text format", () => {
  it.each([
    ["a: 1 a: 2", "comes twice"],
    ["a 1", "expected a colon"],
    ["a: [ 1 2 ]", "expected ]"],
    ["a { b: 1", "expected }"],
    ["a: 1.5", "unexpected"],
    ['a: "open', "unexpected"],
    ['a: "\\x"', "unknown escape"],
    ["A: 1", "expected a field"],
    ["a: b", "expected a value"],
    ["a: 1 }", "unexpected }"],
  ])("refuses %s", (text, message) => {
    expect(() => parseTextFormat(text)).toThrow(message);
  });

  it("reads nested messages with and without a colon, and comments", () => {
    const expected: Message = { a: { b: [true, -1] }, c: [{ d: word("KIND_CPU") }] };
    expect(parseTextFormat("# why\na { b: [ true, -1 ] } # more\nc: [ { d: KIND_CPU } ]")).toEqual(expected);
  });
});
