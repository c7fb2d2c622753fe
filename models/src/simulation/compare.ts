// One setting changed at a time: what EMSOFT'22's figures draw.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import type { Arrival } from "./arrivals.ts";
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

/** @param onCell called after each of the simulations */
export function compare(comparison: Comparison, variations: readonly Variation[], onCell: () => void): Figure[] {
  const experiences = new Map<string, Experience>();
  const reports = new Map<string, SimulationReport>();
  const reportFor = (setting: Setting) => {
    const key = JSON.stringify(setting);
    const report = reports.get(key) ?? runCell(comparison, setting, experiences);
    reports.set(key, report);
    onCell();
    return report;
  };
  return variations.map(({ varied, values }) => ({
    varied,
    cells: values.map((value) => ({ value, report: reportFor(changed(comparison, varied, value)) })),
  }));
}

function changed({ bucket, sequence }: Setting, varied: Varied, value: number): Setting {
  if (varied === "rate" || varied === "depth") return { bucket: { ...bucket, [varied]: value }, sequence };
  if (sequence.kind !== "location-reset")
    throw new RangeError(`${varied}: a sequence of kind ${sequence.kind} has none`);
  return { bucket, sequence: { ...sequence, [varied]: value } };
}

function runCell(
  comparison: Comparison,
  { bucket, sequence }: Setting,
  known: Map<string, Experience>,
): SimulationReport {
  const { images, learning, arrival, draw } = comparison;
  const text = sequenceText(sequence);
  const experience = known.get(text) ?? experienceOf({ images: learning, sequence, arrival }, comparison.learningSeed);
  known.set(text, experience);
  const files = comparison.files.filter(({ file }) => fits(file, bucket, text, comparison.arrivalText));
  // A network is trained for one setting: where there is none for this one, it has no point in the figure.
  const names = comparison.policies.filter(
    (name) => name !== "q-network" || files.some(({ file }) => file.kind === "q-network"),
  );
  const policies = choosePolicies(names, files, experience, bucket);
  return reportOf(simulate({ images, sequence, arrival }, bucket, policies, draw), comparison.edgeLoss);
}

function fits(file: NamedPolicyFile["file"], bucket: BucketOptions, sequence: string, arrival: string): boolean {
  const { trainedOn } = file;
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
