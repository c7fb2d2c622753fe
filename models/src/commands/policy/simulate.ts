// `spillway policy simulate`: what policies gain with one bucket, on images that come in one way.
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import { chartFlag, flagsOnly } from "../../flag-values.ts";
import { startProgress } from "../../progress.ts";
import { expectWritable, note, OUTPUT_FLAGS, reportResult } from "../../result-output.ts";
import { bucketGridOrNull } from "../../simulation/bucket-grid.ts";
import {
  choosePolicies,
  type NamedPolicyFile,
  type PolicyName,
  policyNames,
  readPolicyFile,
} from "../../simulation/chosen-policies.ts";
import { experienceOf } from "../../simulation/learn.ts";
import { reportOf, type SimulationReport } from "../../simulation/report.ts";
import { type Simulation, simulate } from "../../simulation/simulate.ts";
import { percent, textTable } from "../../text-table.ts";
import { parseFlags } from "../../usage.ts";
import { drawFlags, learningSeed, readLearningImages, SIMULATION_FLAGS, simulationHelp } from "./simulation-flags.ts";
import { bucketFlags, readEdgeLoss, readImages, readTrafficFlags } from "./traffic-flags.ts";

const SEQUENCES = 200;

const HELP = `spillway policy simulate --metrics M.npy --rewards R.npy --rate R --depth B [--arrival A] [--sequence S]

${simulationHelp(SEQUENCES)}  --chart FILE       loss of each policy with its standard error and the bounds, .svg or .png; may be repeated
  --json             { policies: { <name>: { loss, standardError, reward, offloadRate, gapClosed } }, lowerBound,
                     offlineOptimum, edgeLoss, cloudLoss, lossFrom, sequences, frames }
  --out FILE         also write that there

The bucket starts full. \`lowerBound\` is what offloading the largest metrics at this rate would leave with a bucket
without bottom; images that come together in difficulty keep every policy from it, while a short sequence that uses up
the full bucket, or metrics that do not tell what offloading gains, may end below it. \`offlineOptimum\` knows all that
will come. \`gapClosed\` is the share of the way from threshold to lowerBound.
`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(args, { ...SIMULATION_FLAGS, ...OUTPUT_FLAGS }, HELP);
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("policy simulate", flags.positionals);
  const bucket = bucketFlags("policy simulate", values);
  const options = drawFlags(values, SEQUENCES);
  const charts = chartFlag(values.chart ?? []);
  for (const file of [values.out, ...charts]) await expectWritable(file);
  const files = await Promise.all((values["policy-file"] ?? []).map(readPolicyFile));
  const names = playable(policyNames(values.policy, files), values.policy, files, bucket);
  const images = await readImages("policy simulate", values);
  const edgeLoss = await readEdgeLoss(values["edge-loss"], images);
  const learning = await readLearningImages("policy simulate", values, images);
  const { arrival, sequence } = await readTrafficFlags(values);
  const experience = experienceOf({ images: learning, sequence, arrival }, learningSeed(options.seed));
  const policies = choosePolicies(names, files, experience, bucket);
  const progress = startProgress("sequences", options.sequences);
  const simulation = simulate({ images, sequence, arrival }, bucket, policies, options, (share) =>
    progress(Math.round(share * options.sequences)),
  );
  const report = reportOf(simulation, edgeLoss);
  if (learning === images && files.length < names.length) note("note: learnt on the same images that judge");
  const setting = `rate ${bucket.rate}, depth ${bucket.depth}, ${values.sequence}`;
  if (charts.length > 0) await drawLosses(charts, simulation, report, setting);
  await reportResult(report, values, textOf(report));
}

/** Unless it was asked for by name, a policy that cannot be made for this bucket is left out. */
function playable(
  names: PolicyName[],
  asked: string | undefined,
  files: readonly NamedPolicyFile[],
  bucket: BucketOptions,
): PolicyName[] {
  const hasMdp = asked !== undefined || files.some(({ file }) => file.kind === "mdp") || bucketGridOrNull(bucket);
  if (hasMdp) return names;
  note("note: no grid holds this bucket, so mdp is left out");
  return names.filter((name) => name !== "mdp");
}

function textOf(report: SimulationReport): string {
  const policies = Object.entries(report.policies).map(([name, policy]) => [
    name,
    policy.loss.toFixed(5),
    policy.standardError === null ? "-" : policy.standardError.toFixed(5),
    percent(policy.offloadRate),
    percent(policy.gapClosed),
  ]);
  const bounds = boundsOf(report).map(([name, loss]) => [name, loss.toFixed(5), "", "", ""]);
  const title = report.lossFrom === "edge" ? "loss against the edge" : "loss";
  return textTable(["", title, "standard error", "offloaded", "gap closed"], [...policies, ...bounds]);
}

function boundsOf({ lowerBound, offlineOptimum, edgeLoss, cloudLoss }: SimulationReport): [string, number][] {
  const optimum: [string, number][] = offlineOptimum === null ? [] : [["offline optimum", offlineOptimum]];
  return [["edge alone", edgeLoss], ["lower bound", lowerBound], ...optimum, ["cloud alone", cloudLoss]];
}

/** How each policy's mean loss settles, with two standard errors about it, over the bounds. */
async function drawLosses(
  files: string[],
  simulation: Simulation,
  report: SimulationReport,
  setting: string,
): Promise<void> {
  const { lineChart } = await import("../../charts/lines.ts");
  const { writeChart } = await import("../../charts/render.ts");
  const { sequences } = report;
  const bounds = boundsOf(report).filter(([name]) => name !== "cloud alone");
  const chart = lineChart({
    title: "Loss of each policy",
    subtitle: `${setting}; bands: two standard errors of the mean`,
    x: { title: "sequences simulated", ...(sequences > 1 && { domain: [1, sequences] as [number, number] }) },
    y: { title: report.lossFrom === "edge" ? "mean loss against the edge alone" : "mean loss" },
    lines: [
      ...Object.keys(report.policies).map((name) => ({
        name,
        points: runningLosses(report.edgeLoss, simulation.policies[name].rewards),
      })),
      ...bounds.map(([name, y]) => ({ name, points: [1, sequences].map((x) => ({ x, y })), style: "dashed" as const })),
    ],
  });
  for (const file of files) await writeChart(file, chart);
}

/** The mean after each sequence in one pass (Welford), as there may be a hundred thousand of them. */
function runningLosses(edgeLoss: number, rewards: Float64Array) {
  let mean = 0;
  let squares = 0;
  return Array.from(rewards, (reward, index) => {
    const count = index + 1;
    const before = reward - mean;
    mean += before / count;
    squares += before * (reward - mean);
    const standardError = count < 2 ? 0 : Math.sqrt(squares / (count - 1) / count);
    const loss = edgeLoss - mean;
    return { x: count, y: loss, low: loss - 2 * standardError, high: loss + 2 * standardError };
  });
}
