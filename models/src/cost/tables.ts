// The report of `spillway cost` as plain text.
import type { CostGridCell, Winner } from "@spillway/shared/cost/cost-grid";
import { COST_ITEMS, type CostItems, SIDES, type Side } from "@spillway/shared/cost/costs-per-million";
import type { CostReport } from "./report.ts";

export const SIDE_NAMES: Record<Side, string> = {
  edgeOnly: "edge only",
  cloudOnly: "cloud only",
  cloudOnlyThroughWorker: "cloud by Worker",
  selective: "selective",
};

const ITEM_NAMES: Record<keyof CostItems, string> = {
  workerRequests: "Worker requests",
  workerCpu: "Worker CPU",
  kvReads: "KV reads",
  gateRequests: "Durable Object requests",
  gateDuration: "Durable Object duration",
  gateRowsWritten: "Durable Object rows",
  logEvents: "log events",
  hosts: "GPU hosts",
};

const WINNER_NAMES: Record<Winner, string> = {
  selective: "selective",
  "cloud-only-called-directly": "direct",
  "cloud-only": "cloud",
};

const WITHOUT_FLOOR = "No host that always runs is counted above: give --images-per-month.\n";

/** The bill, whether selective pays against either cloud, and the grid when there is one. */
export function costTables(report: CostReport): string {
  const { perMillion, throughWorker, grid } = report;
  const { hostsMinimum } = report.workload;
  const parts = [
    bill(report),
    verdictText(
      "clients that call the endpoint themselves",
      report,
      perMillion.selective - perMillion.cloudOnly,
      hostsMinimum,
    ),
    verdictText(
      "an endpoint behind a forwarding Worker",
      throughWorker,
      perMillion.selective - perMillion.cloudOnlyThroughWorker,
      hostsMinimum,
    ),
  ];
  // Below a volume it is the hosts which run without images that decide.
  if (report.workload.imagesPerMonth === null) parts.push(WITHOUT_FLOOR);
  return [...parts, ...(grid === null ? [] : [gridTable(grid)])].join("\n");
}

/** Four digits that count, without an exponent where people read none. */
export function significant(value: number): string {
  return value >= 1e-4 && value < 1e15
    ? value.toLocaleString("en-US", { maximumSignificantDigits: 4 })
    : value.toPrecision(4);
}

function bill({ items, perMillion }: CostReport): string {
  return alignColumns([
    ["$ per million images", ...SIDES.map((side) => SIDE_NAMES[side])],
    ...COST_ITEMS.map((item) => [ITEM_NAMES[item], ...SIDES.map((side) => dollars(items[side][item]))]),
    ["in all", ...SIDES.map((side) => dollars(perMillion[side]))],
  ]);
}

function verdictText(
  rival: string,
  { selectivePays, breakEven }: Pick<CostReport, "selectivePays" | "breakEven">,
  extra: number,
  hostsMinimum: number,
): string {
  const range = (value: number | null, unit: string) =>
    value === null ? `at ${selectivePays ? "any" : "no"} ${unit}` : `below ${significant(value)} ${unit}`;
  const { offloadRate, imagesPerSecond, edgeCpuMs, imagesPerMonth } = breakEven;
  return `Against ${rival}, selective ${selectivePays ? "pays" : "does NOT pay"}: \
${dollars(Math.abs(extra))} $ a million ${extra > 0 ? "more" : "less"}.
  Changing one alone, it pays ${range(offloadRate, "offload rate")}, ${range(imagesPerSecond, "images/s a host")}, \
${range(edgeCpuMs, "ms of edge CPU")}.
${volumeText(imagesPerMonth, hostsMinimum)}`;
}

/** Nothing where the volume decides nothing. */
function volumeText(imagesPerMonth: number | null, hostsMinimum: number): string {
  if (imagesPerMonth === null) return "";
  const floor = hostsMinimum === 1 ? "a host that always runs" : `${hostsMinimum} hosts that always run`;
  return `  With ${floor}, it pays above ${significant(imagesPerMonth)} images a month.\n`;
}

/** Each cell: who is cheaper, and selective's cost as a multiple of cloud-only's. */
function gridTable(grid: readonly CostGridCell[]): string {
  const rates = [...new Set(grid.map((cell) => cell.imagesPerSecond))];
  const loads = [...new Set(grid.map((cell) => cell.utilisation))];
  const cell = ({ winner, perMillion }: CostGridCell) =>
    `${WINNER_NAMES[winner]} ${(perMillion.selective / perMillion.cloudOnly).toFixed(2)}`;
  const lines = loads.map((load) => [
    `${significant(load * 100)} %`,
    ...grid.filter(({ utilisation }) => utilisation === load).map(cell),
  ]);
  return `Who is cheaper, and selective's cost divided by cloud-only's: utilisation down, images/s of a host across.
"direct": the cloud alone, but only where clients call it themselves; "cloud": also behind a Worker.
${alignColumns([["", ...rates.map(significant)], ...lines])}`;
}

function dollars(value: number): string {
  return value === 0 ? "-" : value.toFixed(3);
}

function alignColumns(lines: readonly string[][]): string {
  const widths = lines[0].map((_, column) => Math.max(...lines.map((line) => line[column].length)));
  const format = (line: readonly string[]) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))).join("  ");
  return `${lines.map(format).join("\n")}\n`;
}
