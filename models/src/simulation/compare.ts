// One setting changed at a time: what EMSOFT'22's figures draw.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import type { Arrival } from "./arrivals.ts";
import { bucketGridOrNull } from "./bucket-grid.ts";
import { choosePolicies, type NamedPolicyFile, type PolicyName } from "./chosen-policies.ts";
import type { DrawOptions } from "./draw-traffic.ts";
import type { Images } from "./images.ts";
import { type Experience, experienceOf } from "./learn.ts";
import { reportOf, type SimulationReport } from "./report.ts";
import { type Sequence, sequenceText } from "./sequences.ts";
import { simulate } from "./simulate.ts";

export type Varied = "rate" | "depth" | "spread" | "reset";

export interface Variation {
  varied: Varied;
  values: number[];
}

export interface Figure {
  varied: Varied;
  cells: { value: number; report: SimulationReport }[];
}

export interface Comparison {
  images: Images;
  /** Mean loss of the edge on the images; null to count losses from it. */
  edgeLoss: number | null;
  /** What policies are learnt on. */
  learning: Images;
  bucket: BucketOptions;
  sequence: Sequence;
  arrival: Arrival;
  /** As the command line names it. */
  arrivalText: string;
  policies: readonly PolicyName[];
  files: readonly NamedPolicyFile[];
  draw: DrawOptions;
  learningSeed: number;
}

interface Setting {
  bucket: BucketOptions;
  sequence: Sequence;
}

/**
 * @param onCell called after each of the simulations
 * @returns also the files that fit none of the settings
 */
export function compare(
  comparison: Comparison,
  variations: readonly Variation[],
  onCell: () => void,
): { figures: Figure[]; unusedFiles: string[] } {
  const known: Known = { experiences: new Map(), usedFiles: new Set() };
  const reports = new Map<string, SimulationReport>();
  const reportFor = (setting: Setting) => {
    const key = JSON.stringify(setting);
    const report = reports.get(key) ?? runCell(comparison, setting, known);
    reports.set(key, report);
    onCell();
    return report;
  };
  const figures = variations.map(({ varied, values }) => ({
    varied,
    cells: values.map((value) => ({ value, report: reportFor(changed(comparison, varied, value)) })),
  }));
  const names = comparison.files.map(({ name }) => name);
  return { figures, unusedFiles: names.filter((name) => !known.usedFiles.has(name)) };
}

interface Known {
  /** By sequence. */
  experiences: Map<string, Experience>;
  usedFiles: Set<string>;
}

function changed({ bucket, sequence }: Setting, varied: Varied, value: number): Setting {
  if (varied === "rate" || varied === "depth") return { bucket: { ...bucket, [varied]: value }, sequence };
  if (sequence.kind !== "location-reset")
    throw new RangeError(`${varied}: a sequence of kind ${sequence.kind} has none`);
  return { bucket, sequence: { ...sequence, [varied]: value } };
}

function runCell(comparison: Comparison, { bucket, sequence }: Setting, known: Known): SimulationReport {
  const { images, learning, arrival, draw } = comparison;
  const text = sequenceText(sequence);
  const experience =
    known.experiences.get(text) ?? experienceOf({ images: learning, sequence, arrival }, comparison.learningSeed);
  known.experiences.set(text, experience);
  const files = comparison.files.filter(({ file }) => fits(file, bucket, text, comparison.arrivalText));
  for (const { name } of files) known.usedFiles.add(name);
  const names = comparison.policies.filter((name) => canPlay(name, files, bucket));
  const policies = choosePolicies(names, files, experience, bucket);
  return reportOf(simulate({ images, sequence, arrival }, bucket, policies, draw), comparison.edgeLoss);
}

/** A policy that is tied to its setting has no point in a figure where there is none of it. */
function canPlay(name: PolicyName, files: readonly NamedPolicyFile[], bucket: BucketOptions): boolean {
  if (name !== "q-network" && name !== "mdp") return true;
  return files.some(({ file }) => file.kind === name) || (name === "mdp" && bucketGridOrNull(bucket) !== null);
}

function fits(file: NamedPolicyFile["file"], bucket: BucketOptions, sequence: string, arrival: string): boolean {
  const { trainedOn } = file;
  // Learnt from a recording, it is what it is in every setting.
  if (file.kind === "belief" && trainedOn?.recording !== undefined) return true;
  if (!isSame(trainedOn?.arrival, arrival)) return false;
  // The MDP takes images to be independent, so it knows no sequence.
  if (file.kind !== "mdp" && !isSame(trainedOn?.sequence, sequence)) return false;
  return file.kind === "belief" || policyParameters(file, bucket).ok;
}

/** Whether both say the same, however their numbers are written: location-reset:0.10,.01 is location-reset:0.1,0.01. */
function isSame(trained: unknown, wanted: string): boolean {
  const plain = (text: string) => text.replace(/(?<=[:,])[^:,]+/g, (part) => (Number.isNaN(+part) ? part : `${+part}`));
  return typeof trained === "string" && plain(trained) === plain(wanted);
}
