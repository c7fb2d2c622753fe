// What was fitted on held-out images so that the network's numbers can be believed: a calibrator
// per exit and for the cloud, the weights of the exits' vote, the offload metric as a table, and
// how to fuse edge and cloud. Fitted offline, applied in the Worker.
import { z } from "zod";
import { MAX_CLASSES, MAX_EXITS, MAX_SETTINGS, sha256Schema } from "./manifest.ts";

/** Enough for an isotonic fit on a million images; the table is searched, not scanned. */
export const MAX_METRIC_KNOTS = 4096;

export const confidenceRuleSchema = z.enum(["max-probability", "margin", "entropy"]);
export type ConfidenceRule = z.infer<typeof confidenceRuleSchema>;

/** Enough for a step function of probabilities; it is searched, not scanned. */
export const MAX_CALIBRATOR_KNOTS = 1024;

const temperature = z.number().positive().max(1000);
const perClass = z.array(z.number()).min(2).max(MAX_CLASSES);
const probabilities = z.array(z.number().min(0).max(1)).min(2).max(MAX_CALIBRATOR_KNOTS);

/** softmax(z / temperature). */
export const temperatureCalibratorSchema = z.strictObject({ temperature });

/** softmax(scale * z + bias), class by class. */
export const vectorCalibratorSchema = z
  .strictObject({ scale: perClass, bias: perClass })
  .refine(({ scale, bias }) => scale.length === bias.length, "expected as many biases as scales");

/** softmax(z / temperature), each probability then looked up in a rising table and the row made to add up to one. */
export const isotonicCalibratorSchema = z
  .strictObject({ temperature, probability: probabilities, frequency: probabilities })
  .refine(
    (table) => table.probability.length === table.frequency.length,
    "expected as many frequencies as probabilities",
  )
  .refine(({ probability }) => probability.every((p, k) => k === 0 || p > (probability[k - 1] ?? p)), {
    message: "probabilities must rise",
  })
  .refine(({ frequency }) => frequency.every((f, k) => k === 0 || f >= (frequency[k - 1] ?? f)), {
    message: "frequencies must not fall",
  });

/** How logits become probabilities that can be believed. */
export const calibratorSchema = z.union([
  temperatureCalibratorSchema,
  vectorCalibratorSchema,
  isotonicCalibratorSchema,
]);
export type TemperatureCalibrator = z.infer<typeof temperatureCalibratorSchema>;
export type VectorCalibrator = z.infer<typeof vectorCalibratorSchema>;
export type IsotonicCalibrator = z.infer<typeof isotonicCalibratorSchema>;
export type Calibrator = z.infer<typeof calibratorSchema>;

const weight = z.number().min(0).max(1);

/** Weights that add up to one. */
export const weightsSchema = z
  .array(weight)
  .min(1)
  .max(MAX_EXITS)
  .refine((weights) => Math.abs(weights.reduce((sum, w) => sum + w, 0) - 1) < 1e-6, "weights must add up to 1");

/** Expected gain of asking the cloud against confidence: knots in rising confidence, gain never rising. */
export const metricTableSchema = z
  .strictObject({
    confidence: z.array(z.number()).min(1).max(MAX_METRIC_KNOTS),
    gain: z.array(z.number().min(-1).max(1)).min(1),
  })
  .refine((table) => table.confidence.length === table.gain.length, "expected as many gains as confidences")
  .refine((table) => table.confidence.every((c, k) => k === 0 || c > (table.confidence[k - 1] ?? c)), {
    message: "confidences must rise",
  })
  .refine((table) => table.gain.every((g, k) => k === 0 || g <= (table.gain[k - 1] ?? g)), {
    message: "gains must not rise with confidence",
  });
export type MetricTable = z.infer<typeof metricTableSchema>;

/** Expected gain of asking the cloud as a linear model; see offload/gain-model. */
export const gainModelSchema = z.strictObject({
  intercept: z.number(),
  /** One for each feature of the probabilities. */
  weights: z.array(z.number()).min(1).max(64),
  /** What is added where the edge names this class. */
  offsets: perClass,
});
export type GainModel = z.infer<typeof gainModelSchema>;

/** Weighted mean of edge and cloud: edgeWeight p_edge + (1 - edgeWeight) p_cloud. */
const linearFusionSchema = z.strictObject({ edgeWeight: weight });

/** Weighted product: p_edge ^ edgePower * p_cloud ^ cloudPower, made to add up to one. */
const logLinearFusionSchema = z.strictObject({
  edgePower: z.number().min(0).max(100),
  cloudPower: z.number().min(0).max(100),
});

export const fusionSchema = z.union([linearFusionSchema, logLinearFusionSchema]);
export type Fusion = z.infer<typeof fusionSchema>;

/** What was found out about the tail's answers to features that are sent at one of its settings. */
export const tailCalibrationSchema = z.strictObject({
  /** The setting's name, as in {@link settingName}. */
  setting: z.string().min(1),
  calibrator: calibratorSchema,
  fusion: fusionSchema.nullable(),
  /** What asking the tail gains, as a share of the metric, which is what asking the large model gains. */
  gainShare: z.number().min(-2).max(2),
  /** Mean length of a frame, entropy-coded, with all that is around the codes. */
  frameBytes: z.number().positive(),
});
export type TailCalibration = z.infer<typeof tailCalibrationSchema>;

export const calibrationSchema = z.strictObject({
  calibrationVersion: z.literal(1),
  /** SHA-256 of the manifest.json it was fitted for. */
  model: sha256Schema,
  fittedOn: z.strictObject({
    dataset: z.string().min(1),
    n: z.int().positive(),
    /** `fit`: only the part of the calibration half that leaves another part to certify thresholds. */
    part: z.enum(["calibration", "fit"]).default("calibration"),
    /** SHA-256 of the evaluation whose part it is, so that another split of other rows is not taken for it. */
    evaluation: sha256Schema.nullable().default(null),
  }),
  exits: z.array(calibratorSchema).min(1).max(MAX_EXITS),
  cloud: calibratorSchema,
  /** The vote the metric was fitted with, and the default of a configuration. */
  vote: weightsSchema,
  /** One table for each way of measuring the vote's confidence. */
  metric: z.strictObject({
    "max-probability": metricTableSchema,
    margin: metricTableSchema,
    entropy: metricTableSchema,
  }),
  /** Takes the tables' place where it predicts the gain better on rows it has not seen; else null. */
  gainModel: gainModelSchema.nullable().default(null),
  /** How edge and cloud answer together; null where the cloud alone is better. */
  fusion: fusionSchema.nullable(),
  /** One for each of the manifest's settings, in their order; null for a model without a tail. */
  tail: z.array(tailCalibrationSchema).min(1).max(MAX_SETTINGS).nullable().default(null),
});
export type Calibration = z.infer<typeof calibrationSchema>;
