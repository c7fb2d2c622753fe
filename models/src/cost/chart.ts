// What a million images cost against the speed of a host, and where selective stops paying.
import { costGrid, ratesForChart } from "@spillway/shared/cost/cost-grid";
import { SIDES } from "@spillway/shared/cost/costs-per-million";
import type { Prices } from "@spillway/shared/cost/prices";
import { type Line, lineChart } from "../charts/lines.ts";
import { writeChart } from "../charts/render.ts";
import type { CostReport } from "./report.ts";
import { SIDE_NAMES, significant } from "./tables.ts";

/** @throws Error for a file that is neither .svg nor .png; RangeError when nothing costs anything */
export async function writeCostChart(file: string, report: CostReport, prices: Prices, host: string): Promise<void> {
  const { workload } = report;
  const crossing = report.breakEven.imagesPerSecond;
  const chart = lineChart({
    title: "What a million images cost",
    subtitle: subtitle(report),
    x: { title: `Images/s that one ${host} answers at full load`, format: "~s", scale: "log" },
    y: { title: "Dollars a million", format: "~g", scale: "log" },
    lines: costLines(report, prices, ratesForChart(workload.imagesPerSecond, crossing)),
  });
  await writeChart(file, chart);
}

function subtitle({ workload, breakEven }: CostReport): string {
  const { utilisation, offloadRate } = workload;
  const crossing = breakEven.imagesPerSecond;
  const verdict = crossing === null ? "no crossing" : `selective pays below ${significant(crossing)} images/s`;
  return `Hosts ${significant(utilisation * 100)} % busy, ${significant(offloadRate * 100)} % offloaded: ${verdict}`;
}

/** A logarithmic axis has no place for what costs nothing. */
function costLines({ workload, breakEven }: CostReport, prices: Prices, rates: readonly number[]): Line[] {
  const grid = costGrid(workload, prices, rates, [workload.utilisation]);
  const lines: Line[] = SIDES.map((side) => ({
    name: SIDE_NAMES[side],
    points: grid.map((cell) => ({ x: cell.imagesPerSecond, y: cell.perMillion[side] })).filter(({ y }) => y > 0),
    style: side === "cloudOnlyThroughWorker" ? "dashed" : "solid",
  }));
  const crossing = breakEven.imagesPerSecond;
  if (crossing !== null && crossing >= rates[0] && crossing <= rates[rates.length - 1]) {
    const [{ perMillion }] = costGrid(workload, prices, [crossing], [workload.utilisation]);
    const points = [{ x: crossing, y: perMillion.selective }];
    lines.push({ name: "break-even", points, style: "points" });
  }
  return lines.filter(({ points }) => points.length > 0);
}
