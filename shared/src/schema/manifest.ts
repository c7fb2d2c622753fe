// The manifest describes one trained model family: what goes in, what comes out, which files
// hold it and how accurate it was measured to be. It is all that the Worker and the backend
// know of a model. A model's identity is the SHA-256 of its manifest.json, which in turn
// names the SHA-256 of every file.
import { z } from "zod";
import { settingName } from "../split/setting.ts";

/** Input sides beyond this are no edge model's; the cap bounds allocation. */
export const MAX_INPUT_SIDE = 1024;
export const MAX_CLASSES = 100_000;
export const MAX_EXITS = 16;
/** Shares of channels times bits; each costs the tail normalisation statistics of its own. */
export const MAX_SETTINGS = 256;

const side = z.int().min(1).max(MAX_INPUT_SIDE);
const triple = z.tuple([z.number(), z.number(), z.number()]);
const spread = z.tuple([z.number().positive(), z.number().positive(), z.number().positive()]);
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "expected 64 lower-case hex digits");

/** How an RGB image becomes the network's input: resized by area averaging, then (v / 255 - mean) / std. */
export const preprocessingSchema = z.strictObject({
  width: side,
  height: side,
  /** `fill` stretches the whole image; `cover` takes the largest centred crop of the right aspect. */
  fit: z.enum(["fill", "cover"]),
  mean: triple,
  std: spread,
});
export type Preprocessing = z.infer<typeof preprocessingSchema>;

/** FP32 inputs are normalised by us; UINT8 inputs are raw RGB and the graph normalises. */
export const imageInputSchema = z.strictObject({
  name: z.string().min(1),
  datatype: z.enum(["FP32", "UINT8"]),
  layout: z.enum(["NCHW", "NHWC"]),
});
export type ImageInput = z.infer<typeof imageInputSchema>;

const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*\.onnx$/, "expected the plain name of an .onnx file");

const graphFields = {
  file: fileName,
  sha256: sha256Schema,
  bytes: z.int().positive(),
  logits: z.string().min(1),
  multiplyAdds: z.int().positive(),
  parameters: z.int().positive(),
};

export const stageSchema = z.strictObject({
  ...graphFields,
  input: z.string().min(1),
  /** The feature map handed to the next stage, shape [channels, height, width]; null for the last stage. */
  features: z
    .strictObject({
      name: z.string().min(1),
      shape: z.tuple([z.int().positive(), z.int().positive(), z.int().positive()]),
    })
    .nullable(),
});
export type Stage = z.infer<typeof stageSchema>;

export const largeModelSchema = z.strictObject({
  ...graphFields,
  preprocessing: preprocessingSchema,
  input: imageInputSchema,
});
export type LargeModel = z.infer<typeof largeModelSchema>;

/** The name of an input, where what it holds is known. */
function inputSchema<Datatype extends string>(datatype: Datatype) {
  return z.strictObject({ name: z.string().min(1), datatype: z.literal(datatype) });
}

/** How much of a feature map is sent: its first channels, so many bits a value. */
export const settingSchema = z.strictObject({
  channels: z.int().positive(),
  bits: z.union([z.literal(1), z.literal(2), z.literal(4), z.literal(8)]),
  /** The codes alone, packed: without ranges, before entropy coding. */
  rawBytes: z.int().positive(),
});

/** The switchable network that goes on from the features of the first stage, quantised at any of its settings. */
export const tailModelSchema = z.strictObject({
  ...graphFields,
  /** Name of the features that it reads: those of the first stage. */
  features: z.string().min(1),
  inputs: z.strictObject({
    /** [N,C,H,W]; channels that the setting does not send may hold anything. */
    codes: inputSchema("UINT8"),
    /** [N,C,2]: smallest and largest value of each channel. */
    ranges: inputSchema("FP32"),
    /** [N,1]: index into `settings`. */
    setting: inputSchema("INT64"),
  }),
  /** The leanest first. */
  settings: z.array(settingSchema).min(1).max(MAX_SETTINGS),
});
export type TailModel = z.infer<typeof tailModelSchema>;

export const accuracySchema = z.strictObject({
  model: z.string().min(1),
  top1: z.number().min(0).max(1),
  n: z.int().positive(),
  dataset: z.string().min(1),
  measuredBy: z.string().min(1),
});

export const manifestSchema = z
  .strictObject({
    manifestVersion: z.literal(1),
    name: z.string().regex(/^[a-z0-9][a-z0-9-]*$/, "expected lower-case letters, digits and hyphens"),
    labels: z.array(z.string().min(1)).min(2).max(MAX_CLASSES),
    edge: z.strictObject({
      preprocessing: preprocessingSchema,
      input: imageInputSchema,
      stages: z.array(stageSchema).min(1).max(MAX_EXITS),
    }),
    cloud: z.strictObject({ large: largeModelSchema, tail: tailModelSchema.nullable() }),
    accuracy: z.array(accuracySchema),
    training: z.record(z.string(), z.union([z.string(), z.number()])),
  })
  .superRefine((manifest, context) => {
    for (const problem of stageProblems(manifest.edge.input, manifest.edge.stages)) {
      context.addIssue({ code: "custom", path: ["edge", "stages", problem.stage], message: problem.message });
    }
    const { tail } = manifest.cloud;
    for (const problem of tail === null ? [] : tailProblems(tail, manifest.edge.stages[0])) {
      context.addIssue({ code: "custom", path: ["cloud", "tail", ...problem.path], message: problem.message });
    }
  });
export type Manifest = z.infer<typeof manifestSchema>;

/** Every stage must read what the stage before it writes, and only the last may write no features. */
function stageProblems(input: ImageInput, stages: readonly Stage[]) {
  const problems: { stage: number; message: string }[] = [];
  stages.forEach((stage, index) => {
    const expected = index === 0 ? input.name : stages[index - 1]?.features?.name;
    if (stage.input !== expected) {
      problems.push({ stage: index, message: `expected input "${expected}", got "${stage.input}"` });
    }
    const isLast = index === stages.length - 1;
    if (isLast !== (stage.features === null)) {
      const message = isLast ? "the last stage has no features" : "a stage before the last needs features";
      problems.push({ stage: index, message });
    }
  });
  return problems;
}

/** The tail reads what the first stage writes, and no setting sends more of it than there is, or is there twice. */
function tailProblems({ features, settings }: TailModel, { features: map }: Stage) {
  if (map?.name !== features) {
    const message = `expected the first stage's features, "${map?.name ?? "none"}", got "${features}"`;
    return [{ path: ["features"], message }];
  }
  const [channels, height, width] = map.shape;
  const problems: { path: (string | number)[]; message: string }[] = [];
  const names = new Set<string>();
  settings.forEach((setting, index) => {
    const name = settingName(setting);
    const rawBytes = Math.ceil((setting.channels * height * width * setting.bits) / 8);
    const report = (field: string, message: string) => problems.push({ path: ["settings", index, field], message });
    if (setting.channels > channels) report("channels", `expected at most ${channels}, got ${setting.channels}`);
    if (setting.rawBytes !== rawBytes) report("rawBytes", `expected ${rawBytes} for ${name}, got ${setting.rawBytes}`);
    if (names.has(name)) report("bits", `${name} is there twice`);
    names.add(name);
  });
  return problems;
}
