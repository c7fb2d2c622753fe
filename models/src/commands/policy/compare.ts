// `spillway policy compare`: EMSOFT'22's figures, loss against rate, depth, spread and reset probability.
import type { Line, LineChart } from "../../charts/lines.ts";
import { chartFlag, flagsOnly, numbersFlag } from "../../flag-values.ts";
import { startProgress } from "../../progress.ts";
import { expectWritable, note, OUTPUT_FLAGS, reportResult } from "../../result-output.ts";
import { policyNames, readPolicyFile } from "../../simulation/chosen-policies.ts";
import { compare, type Figure, type Variation, type Varied } from "../../simulation/compare.ts";
import type { Sequence } from "../../simulation/sequences.ts";
import { textTable } from "../../text-table.ts";
import { parseFlags, UsageError } from "../../usage.ts";
import { drawFlags, learningSeed, readLearningImages, SIMULATION_FLAGS, simulationHelp } from "./simulation-flags.ts";
import { bucketFlags, LARGEST_RATE, readEdgeLoss, readImages, readTrafficFlags } from "./traffic-flags.ts";

const SEQUENCES = 20;

/** Values where the flag is not given, and between which limits any may be. */
const VARIATIONS: Record<Varied, { flag: string; values: number[]; limits: [number, number]; log: boolean }> = {
  rate: { flag: "rates", values: [0.05, 0.1, 0.15, 0.2, 0.25, 0.3], limits: [1e-6, LARGEST_RATE], log: false },
  depth: { flag: "depths", values: [1, 2, 4, 10, 20], limits: [1, LARGEST_RATE], log: true },
  spread: { flag: "spreads", values: [0.05, 0.1, 0.2, 0.5, 1], limits: [1e-6, 1], log: true },
  reset: { flag: "resets", values: [0.003, 0.01, 0.03, 0.1, 0.3, 1], limits: [1e-6, 1], log: true },
};

const HELP = `spillway policy compare --metrics M.npy --rewards R.npy --rate R --depth B [--arrival A] [--sequence S]

${simulationHelp(SEQUENCES)}  --rates, --depths, --spreads, --resets V,...
                     what to change, one at a time, from the setting that the other flags describe; without any of
                     them all are (spread and reset for --sequence location-reset), over a few values each: 22
                     settings, a minute or two
  --chart FILE       one panel for each, .svg or .png; may be repeated
  --json             { figures: [{ varied, cells: [{ value, report }] }] }, reports as in \`policy simulate\`
  --out FILE         also write that there

A file of \`policy dqn\` is used in the setting that it was trained for.
`;

export async function run(args: string[]): Promise<void> {
  const lists = Object.fromEntries(Object.values(VARIATIONS).map(({ flag }) => [flag, { type: "string" as const }]));
  const flags = parseFlags(args, { ...SIMULATION_FLAGS, ...lists, ...OUTPUT_FLAGS }, HELP);
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("policy compare", flags.positionals);
  const bucket = bucketFlags("policy compare", values);
  const draw = drawFlags(values, SEQUENCES);
  const charts = chartFlag(values.chart ?? []);
  for (const file of [values.out, ...charts]) await expectWritable(file);
  const { arrival, sequence } = await readTrafficFlags(values);
  const variations = variationsOf(values as Record<string, unknown>, sequence);
  const files = await Promise.all((values["policy-file"] ?? []).map(readPolicyFile));
  const policies = policyNames(values.policy, files);
  const images = await readImages("policy compare", values);
  const learning = await readLearningImages("policy compare", values, images);
  const cells = variations.reduce((sum, variation) => sum + variation.values.length, 0);
  const progress = startProgress("settings", cells);
  let done = 0;
  const comparison = { images, learning, bucket, sequence, arrival, policies, files, draw };
  const { figures, unusedFiles } = compare(
    {
      ...comparison,
      arrivalText: values.arrival,
      edgeLoss: await readEdgeLoss(values["edge-loss"], images),
      learningSeed: learningSeed(draw.seed),
    },
    variations,
    () => progress(++done),
  );
  for (const file of unusedFiles) note(`note: ${file} fits none of these settings`);
  if (learning === images) note("note: learnt on the same images that judge");
  const setting = `rate ${bucket.rate}, depth ${bucket.depth}, ${values.sequence}, ${values.arrival}`;
  if (charts.length > 0) await drawFigures(charts, figures, setting);
  await reportResult({ figures }, values, figures.map(textOf).join("\n"));
}

/** The lists that were given, or all that the sequence has. */
function variationsOf(flags: Record<string, unknown>, sequence: Sequence): Variation[] {
  const given = (Object.keys(VARIATIONS) as Varied[]).flatMap((varied) => {
    const { flag, limits } = VARIATIONS[varied];
    const values = numbersFlag(flag, flags[flag] as string | undefined, ...limits);
    return values === undefined ? [] : [{ varied, values }];
  });
  const isLocation = sequence.kind === "location-reset";
  const needing = given.find(({ varied }) => !isLocation && (varied === "spread" || varied === "reset"));
  if (needing !== undefined) {
    throw new UsageError(`--${VARIATIONS[needing.varied].flag}: needs --sequence location-reset:SPREAD,RESET`);
  }
  if (given.length > 0) return given;
  const names: Varied[] = isLocation ? ["rate", "depth", "spread", "reset"] : ["rate", "depth"];
  return names.map((varied) => ({ varied, values: VARIATIONS[varied].values }));
}

function textOf({ varied, cells }: Figure): string {
  const names = policiesOf({ varied, cells });
  const rows = cells.map(({ value, report }) => [
    String(value),
    ...names.map((name) => lossText(report.policies[name])),
    report.lowerBound.toFixed(5),
    report.offlineOptimum === null ? "-" : report.offlineOptimum.toFixed(5),
  ]);
  return textTable([varied, ...names, "lower bound", "offline optimum"], rows);
}

function lossText(policy: { loss: number; standardError: number | null } | undefined): string {
  if (policy === undefined) return "-";
  const { loss, standardError } = policy;
  return standardError === null ? loss.toFixed(5) : `${loss.toFixed(5)} ± ${standardError.toFixed(5)}`;
}

/** Those that have a point anywhere, in the order of the reports. */
function policiesOf({ cells }: Figure): string[] {
  return [...new Set(cells.flatMap(({ report }) => Object.keys(report.policies)))];
}

async function drawFigures(files: string[], figures: readonly Figure[], setting: string): Promise<void> {
  const { panels } = await import("../../charts/panels.ts");
  const { writeChart } = await import("../../charts/render.ts");
  const chart = panels(
    `Loss of each policy and two standard errors (${setting})`,
    figures.map((figure) => figureChart(figure)),
    2,
  );
  for (const file of files) await writeChart(file, chart);
}

function figureChart(figure: Figure): LineChart {
  const { varied, cells } = figure;
  const policies = policiesOf(figure).map((name): Line => {
    const points = cells.flatMap(({ value, report: { policies } }) => {
      const policy = policies[name];
      if (policy === undefined) return [];
      const { loss, standardError } = policy;
      const spread = 2 * (standardError ?? 0);
      return [{ x: value, y: loss, low: loss - spread, high: loss + spread }];
    });
    return { name, points };
  });
  const bound: Line = {
    name: "lower bound",
    points: cells.map(({ value, report }) => ({ x: value, y: report.lowerBound })),
    style: "dashed",
  };
  const values = cells.map(({ value }) => value);
  const domain: [number, number] = [Math.min(...values), Math.max(...values)];
  return {
    title: `by ${varied}`,
    x: { title: varied, scale: VARIATIONS[varied].log ? "log" : "linear", ...(domain[0] < domain[1] && { domain }) },
    y: { title: cells[0].report.lossFrom === "edge" ? "loss against the edge" : "loss" },
    lines: [...policies, bound],
  };
}
