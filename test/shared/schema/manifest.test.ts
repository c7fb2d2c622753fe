import { describeIssues } from "@spillway/shared/schema/document";
import {
  MAX_CLASSES,
  MAX_EXITS,
  MAX_INPUT_SIDE,
  MAX_SETTINGS,
  type Manifest,
  manifestSchema,
  type Stage,
  sha256Schema,
  type TailModel,
} from "@spillway/shared/schema/manifest";
import { describe, expect, it } from "vitest";
import { changed, validManifest, validManifestWithTail } from "./documents.ts";

/** Why a manifest was refused, in one line; null when it was not. */
function refusal(value: unknown): string | null {
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return null;
  const line = describeIssues(parsed.error);
  expect(line).toMatch(/^.+$/u);
  return line;
}

it("accepts a valid manifest and returns it as it is", () => {
  expect(manifestSchema.parse(validManifest())).toEqual(validManifest());
});

const triple = (value: number) => [value, value, value];
const fields: [path: string, accepted: unknown[], refused: unknown[]][] = [
  ["manifestVersion", [1], [0, 2, "1"]],
  ["name", ["a", "0-a", "cifar100"], ["", "-a", "A", "a b", "a_b", "a/b"]],
  ["labels", [["a", "b"]], [["a"], ["a", ""], ["a", 1], []]],
  ["edge.preprocessing.width", [1, MAX_INPUT_SIDE], [0, MAX_INPUT_SIDE + 1, 1.5]],
  ["edge.preprocessing.height", [1, MAX_INPUT_SIDE], [0, MAX_INPUT_SIDE + 1, 1.5]],
  ["edge.preprocessing.fit", ["fill", "cover"], ["contain", null]],
  ["edge.preprocessing.mean", [triple(0), triple(-1)], [[0, 0], [0, 0, 0, 0], triple(Number.NaN)]],
  ["edge.preprocessing.std", [triple(Number.MIN_VALUE)], [triple(0), triple(-1), [1, 1]]],
  ["edge.input.name", [], ["", null]],
  ["edge.input.datatype", ["FP32", "UINT8"], ["FP16", "fp32"]],
  ["edge.input.layout", ["NCHW", "NHWC"], ["NCWH"]],
  ["edge.stages.0.file", ["a.onnx", "A-1_b.onnx", "0..onnx"], ["a.txt", ".onnx", "../a.onnx", "a/b.onnx", "a.onnx\n"]],
  ["edge.stages.0.sha256", ["0".repeat(64)], ["0".repeat(63), "0".repeat(65), "G".repeat(64), "A".repeat(64)]],
  ["edge.stages.0.bytes", [1], [0, -1, 0.5]],
  ["edge.stages.0.multiplyAdds", [1], [0, 0.5]],
  ["edge.stages.0.parameters", [1], [0, 0.5]],
  ["edge.stages.0.logits", ["z"], [""]],
  [
    "edge.stages.0.features.shape",
    [[1, 1, 1]],
    [
      [0, 1, 1],
      [1, 1],
      [1, 1, 1, 1],
      [1, 1, 0.5],
    ],
  ],
  ["cloud.large.file", ["b.onnx"], ["b"]],
  ["cloud.large.preprocessing.width", [MAX_INPUT_SIDE], [MAX_INPUT_SIDE + 1]],
  ["cloud.large.input.datatype", ["FP32"], ["INT8"]],
  ["cloud.tail", [null], [{}, undefined]],
  ["accuracy", [[]], [[{}], null]],
  ["accuracy.0.top1", [0, 1], [-0.001, 1.001]],
  ["accuracy.0.n", [1], [0, 0.5]],
  ["training", [{}, { a: "b", c: 1 }], [{ a: null }, { a: [1] }, []]],
];

describe.each(fields)("%s", (path, accepted, refused) => {
  it("accepts its limits", () => {
    for (const value of accepted) expect(refusal(changed(validManifest(), path, value))).toBeNull();
  });

  it("refuses what is one past them, naming the path", () => {
    for (const value of refused) expect(refusal(changed(validManifest(), path, value))).toContain(path);
  });
});

it("has the limits that are documented", () => {
  expect([MAX_INPUT_SIDE, MAX_CLASSES, MAX_EXITS]).toEqual([1024, 100_000, 16]);
});

describe("a manifest", () => {
  it.each([
    "extra",
    "edge.extra",
    "edge.preprocessing.extra",
    "edge.input.extra",
    "edge.stages.0.extra",
    "edge.stages.0.features.extra",
    "cloud.extra",
    "cloud.large.extra",
    "accuracy.0.extra",
  ])("has no field %s", (path) => {
    expect(refusal(changed(validManifest(), path, 1))).toContain("extra");
  });

  it("has 1 to 16 stages", () => {
    expect(refusal(validManifest(1))).toBeNull();
    expect(refusal(validManifest(MAX_EXITS))).toBeNull();
    expect(refusal(validManifest(MAX_EXITS + 1))).toContain("edge.stages");
    expect(refusal(changed(validManifest(), "edge.stages", []))).toContain("edge.stages");
  });

  it("has at most 100,000 labels", () => {
    const labels = new Array<string>(MAX_CLASSES).fill("x");
    expect(refusal(changed(validManifest(), "labels", labels))).toBeNull();
    expect(refusal(changed(validManifest(), "labels", [...labels, "x"]))).toContain("labels");
  });
});

describe("the chain of stages", () => {
  const withStages = (change: (stages: Stage[]) => void): Manifest => {
    const manifest = validManifest();
    change(manifest.edge.stages);
    return manifest;
  };

  it("starts at the image", () => {
    const broken = withStages((stages) => {
      stages[0].input = "pixels";
    });
    expect(refusal(broken)).toBe('edge.stages.0: expected input "image", got "pixels"');
  });

  it("hands each stage what the one before it writes", () => {
    const broken = withStages((stages) => {
      stages[2].input = "features-1";
    });
    expect(refusal(broken)).toBe('edge.stages.2: expected input "features-2", got "features-1"');
  });

  it("has features after every stage but the last", () => {
    const broken = withStages((stages) => {
      stages[1].features = null;
    });
    expect(refusal(broken)).toContain("edge.stages.1: a stage before the last needs features");
    expect(refusal(broken)).toContain("edge.stages.2: expected input");
  });

  it("ends without features", () => {
    const broken = withStages((stages) => {
      stages[2].features = { name: "features-3", shape: [1, 1, 1] };
    });
    expect(refusal(broken)).toBe("edge.stages.2: the last stage has no features");
  });

  it("may be one stage, which has no features", () => {
    const lone = validManifest(1);
    expect(lone.edge.stages[0].features).toBeNull();
    lone.edge.stages[0].features = { name: "features-1", shape: [1, 1, 1] };
    expect(refusal(lone)).toBe("edge.stages.0: the last stage has no features");
  });
});

it.each([
  ["63 digits", "a".repeat(63), false],
  ["64 digits", "a".repeat(64), true],
  ["65 digits", "a".repeat(65), false],
  ["a line break at the end", `${"a".repeat(64)}\n`, false],
  ["a capital", `${"a".repeat(63)}A`, false],
])("a SHA-256 of %s", (_, text, isAccepted) => {
  expect(sha256Schema.safeParse(text).success).toBe(isAccepted);
});

describe("the tail", () => {
  const withTail = (path: string, value: unknown) =>
    refusal(changed(validManifestWithTail(), `cloud.tail.${path}`, value));

  it("is valid", () => {
    expect(refusal(validManifestWithTail())).toBeNull();
  });

  it("reads the first stage's features", () => {
    expect(withTail("features", "features-2")).toBe(
      'cloud.tail.features: expected the first stage\'s features, "features-1", got "features-2"',
    );
    const alone = { ...validManifestWithTail(), edge: validManifest(1).edge };
    expect(refusal(alone)).toContain('expected the first stage\'s features, "none", got "features-1"');
  });

  it("sends no more channels than there are", () => {
    expect(withTail("settings.1", { channels: 9, bits: 1, rawBytes: 288 })).toBe(
      "cloud.tail.settings.1.channels: expected at most 8, got 9",
    );
  });

  it.each([0, 3, 5, 16])("has no setting of %d bits", (bits) => {
    expect(withTail("settings.0.bits", bits)).toContain("cloud.tail.settings.0.bits");
  });

  it("says how many bytes its codes take", () => {
    expect(withTail("settings.0.rawBytes", 63)).toBe("cloud.tail.settings.0.rawBytes: expected 64 for 2x1, got 63");
  });

  it("names no setting twice, and one at least", () => {
    const { settings } = validManifestWithTail().cloud.tail as TailModel;
    expect(withTail("settings", [...settings, settings[0]])).toBe("cloud.tail.settings.2.bits: 2x1 is there twice");
    expect(withTail("settings", [])).toContain("cloud.tail.settings");
  });

  it("has at most 256 settings", () => {
    const many = Array.from({ length: MAX_SETTINGS + 1 }, () => ({ channels: 1, bits: 1, rawBytes: 32 }));
    expect(MAX_SETTINGS).toBe(256);
    expect(withTail("settings", many)).toContain("<=256");
  });

  it.each(["codes", "ranges", "setting"])("takes its %s as one type", (name) => {
    expect(withTail(`inputs.${name}.datatype`, "FP16")).toContain(`cloud.tail.inputs.${name}.datatype`);
    expect(withTail(`inputs.${name}.extra`, 1)).toContain("extra");
  });
});
