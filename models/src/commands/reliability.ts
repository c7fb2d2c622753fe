// `spillway reliability`: the reliability diagram before and after calibration.
import { crossValidateCalibrator } from "@spillway/shared/calibration/fit-calibrator";
import { DEFAULT_BINS, expectedCalibrationError, reliabilityBins } from "@spillway/shared/calibration/reliability";
import { chosenMethod, METHOD_CHOICES, METHOD_HELP } from "../evaluation/calibration-method.ts";
import { topLabels } from "../evaluation/calibration-report.ts";
import { readSingle, SINGLE_FLAGS, SINGLE_HELP } from "../evaluation/single.ts";
import { chartFlag, choiceFlag, flagsOnly, numberFlag } from "../flag-values.ts";
import { OUTPUT_FLAGS, reportResult } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import { parseFlags, UsageError } from "../usage.ts";

/** More bins than a diagram can show legibly. */
const MAX_BINS = 100;

const HELP = `spillway reliability --probabilities P.npy|--logits L.npy --labels Y.npy [--chart FILE.svg] [--chart FILE.png]

${SINGLE_HELP}${METHOD_HELP}  --bins N               bins of equal width (default ${DEFAULT_BINS})
  --chart FILE           the diagram, .svg or .png; may be repeated
  --json                 { before: { ece, bins }, after: { ece, bins } }
  --out FILE             also write that there

After: every row is calibrated by a fit on the other folds.
`;

interface Reliability {
  ece: number;
  bins: ReturnType<typeof reliabilityBins>;
}

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...SINGLE_FLAGS,
      ...OUTPUT_FLAGS,
      method: { type: "string", default: "temperature" },
      bins: { type: "string" },
      chart: { type: "string", multiple: true, default: [] },
    },
    HELP,
  );
  if (flags === null) return;
  const { values } = flags;
  flagsOnly("reliability", flags.positionals);
  const bins = numberFlag("bins", values.bins, 1, MAX_BINS) ?? DEFAULT_BINS;
  if (!Number.isInteger(bins)) throw new UsageError(`--bins: expected a whole number, got "${values.bins}"`);
  const choice = choiceFlag("method", values.method, METHOD_CHOICES);
  const charts = chartFlag(values.chart);
  const { logits, probabilities, labels, classes } = await readSingle("reliability", values);
  const { method } = chosenMethod(choice, logits, labels, classes);
  const calibrated = crossValidateCalibrator(choice, logits, labels, classes).probabilities;
  const [before, after] = [probabilities, calibrated].map((table): Reliability => {
    const { confidence, correct } = topLabels(table, labels, classes);
    return {
      ece: expectedCalibrationError(confidence, correct, bins),
      bins: reliabilityBins(confidence, correct, bins),
    };
  });
  if (charts.length > 0) await drawReliability(charts, before, after, method, labels.length);
  await reportResult({ method, before, after }, values, textOf(before, after));
}

function textOf(before: Reliability, after: Reliability): string {
  const cell = (bin: Reliability["bins"][number]) => [
    String(bin.count),
    percent(bin.confidence),
    percent(bin.accuracy),
  ];
  const table = textTable(
    ["confidence in", "rows", "confidence", "accuracy", "rows after", "confidence", "accuracy"],
    before.bins.map((bin, index) => [
      `(${bin.lower.toFixed(3)}, ${bin.upper.toFixed(3)}]`,
      ...cell(bin),
      ...cell(after.bins[index]),
    ]),
  );
  return `${table}ECE ${before.ece.toFixed(5)} -> ${after.ece.toFixed(5)}\n`;
}

async function drawReliability(
  files: string[],
  before: Reliability,
  after: Reliability,
  method: string,
  rows: number,
): Promise<void> {
  const { reliabilityDiagram } = await import("../charts/reliability.ts");
  const { writeChart } = await import("../charts/render.ts");
  const chart = reliabilityDiagram(`Reliability, ${rows} rows`, [
    { title: "before", ...before },
    { title: `after (${method}, cross-validated)`, ...after },
  ]);
  for (const file of files) await writeChart(file, chart);
}
