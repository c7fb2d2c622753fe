// `spillway cost`: money for a million images, answered by the edge, by the cloud, or by whichever is
// worth it, and where that does not pay.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { priceListSchema, pricesWithHost } from "@spillway/shared/cost/prices";
import { parseDocument } from "@spillway/shared/schema/document";
import { quantityFlags, quantityHelp, type Rates, readWorkload, withFlagNames } from "../cost/quantities.ts";
import { costReport } from "../cost/report.ts";
import { costTables } from "../cost/tables.ts";
import { print, writeWhole } from "../result-output.ts";
import { type ThresholdResult, thresholdResultSchema } from "../tuning/threshold-result.ts";
import { parseFlags, UsageError } from "../usage.ts";

const SHIPPED_PRICES = fileURLToPath(new URL("../../prices/cloudflare-sagemaker-us-east-1.json", import.meta.url));
const DEFAULT_HOST = "g5.xlarge";

const HELP = `spillway cost [quantities] [--host ${DEFAULT_HOST}] [--prices FILE] [--grid] [--chart FILE] [--json] [--out FILE]

  --host NAME        kind of GPU host, one of the price list (default ${DEFAULT_HOST})
  --prices FILE      price list (default: Cloudflare Workers and SageMaker in us-east-1, as shipped)
  --thresholds FILE  takes the offload rate and the gate rate from what spillway thresholds wrote
  --grid             also who is cheaper, over images a second and utilisation
  --chart FILE       cost against images a second, .svg or .png
  --json             print JSON instead of the tables
  --out FILE         also write that JSON there

Quantities, each on average:
${quantityHelp()}

Cloud-only is shown twice: clients that call the endpoint themselves, which selectivePays and breakEven
compare with, and an endpoint behind a Worker that forwards (throughWorker).
`;

const LEFT_OUT = `Left out: transfer of payloads (and SageMaker's fee for it), the plan's fee and what it includes, how good the answers are
(edge only is cheap, and answers worse). A host is taken to be as fast for either kind of request.`;

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      ...quantityFlags,
      host: { type: "string", default: DEFAULT_HOST },
      prices: { type: "string", default: SHIPPED_PRICES },
      thresholds: { type: "string" },
      grid: { type: "boolean", default: false },
      chart: { type: "string" },
      json: { type: "boolean", default: false },
      out: { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values, positionals } = flags;
  if (positionals.length > 0) throw new UsageError(`expected flags only, got "${positionals[0]}"`);
  const workload = readWorkload(values, await readRates(values.thresholds));
  const list = parseDocument(priceListSchema, await readText(values.prices), values.prices);
  const prices = withFlagNames(() => pricesWithHost(list, values.host));

  const report = costReport(workload, prices, values.grid);
  const { name, date, source, currency } = list;
  const json = `${JSON.stringify({ ...report, currency, host: values.host, prices: { name, date, source } }, null, 2)}\n`;
  if (values.out !== undefined) await writeWhole(values.out, json);
  if (values.chart !== undefined) {
    // Vega takes longer to load than all of this to compute.
    const { writeCostChart } = await import("../cost/chart.ts");
    await writeCostChart(values.chart, report, prices, values.host);
  }
  const text = `${costTables(report)}\nPrices: ${name}, ${date}; ${values.host}.\n${LEFT_OUT}\n`;
  await print(values.json ? json : text);
}

async function readRates(file: string | undefined): Promise<Rates | undefined> {
  return file === undefined ? undefined : ratesOf(parseDocument(thresholdResultSchema, await readText(file), file));
}

/** Whatever leaves at no exit asks the gate; in a pair that is all that is offloaded. */
function ratesOf({ offloadOn, exitShares, expected: { offloadRate } }: ThresholdResult): Rates {
  if (offloadOn === "confidence") return { offloadRate, gateRate: offloadRate };
  if (exitShares === undefined) return { offloadRate };
  const left = exitShares.reduce((sum, share) => sum + share, 0);
  // Sums of shares are off by a little.
  return { offloadRate, gateRate: Math.max(offloadRate, 1 - left) };
}

async function readText(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${file}: cannot be read (${error.code})`);
  });
}
