// How the trainer's rows are shown.
import { markdownTable, percent } from "../measure.ts";
import type { TrainedRow } from "./trainer.ts";

/** A row for each strategy, a column for each distance: top-1 of the exits on the report half. */
export function distillationTable(rows: readonly TrainedRow[]): string {
  const shown = rows.map(({ row, top1 }) => {
    const [distance, ...strategy] = row.split("-");
    const exits = Object.values(top1);
    const last = exits[exits.length - 1];
    return [strategy.join(" "), distance, ...exits.map(({ report }) => percent(report)), percent(last.calibration)];
  });
  const exits = Object.keys(rows[0].top1).map((name) => name.replace("-", " "));
  return markdownTable(["strategy", "distance", ...exits, "last exit, calibration half"], shown);
}

export interface SwitchingLoss {
  row: string;
  epochs: number;
  /** Of the tail trained for that setting alone, less that of this row's, on the report half. */
  losses: { setting: string; loss: number }[];
  max: number;
  mean: number;
}

const SEPARATE = "only-";

/** What tails for all settings lose against tails for one. */
export function switchingLosses(rows: readonly TrainedRow[]): SwitchingLoss[] {
  const separate = rows.filter(({ row }) => row.startsWith(SEPARATE)).map(({ top1 }) => Object.entries(top1)[0]);
  return rows
    .filter(({ row }) => !row.startsWith(SEPARATE))
    .map(({ row, epochs, top1 }) => {
      const losses = separate.map(([setting, { report }]) => ({ setting, loss: report - top1[setting].report }));
      const values = losses.map(({ loss }) => loss);
      const mean = values.reduce((sum, loss) => sum + loss, 0) / values.length;
      return { row, epochs, losses, max: Math.max(...values), mean };
    });
}

export function switchingTable(losses: readonly SwitchingLoss[], rows: readonly TrainedRow[]): string {
  const settings = losses[0].losses.map(({ setting }) => setting);
  const separate = rows.filter(({ row }) => row.startsWith(SEPARATE));
  const apart = settings.map((setting) => {
    const row = separate.find(({ top1 }) => setting in top1);
    return row === undefined ? "" : percent(row.top1[setting].report);
  });
  return markdownTable(
    ["tail", "epochs", ...settings.map((setting) => setting.replace("tail-", "")), "largest loss", "mean loss"],
    [
      ["separate tails, top-1", `${separate.length} x ${separate[0].epochs}`, ...apart, "", ""],
      ...losses.map(({ row, epochs, losses: own, max, mean }) => [
        `${row.replaceAll("-", " ")}, loss`,
        String(epochs),
        ...own.map(({ loss }) => loss.toFixed(4)),
        max.toFixed(4),
        mean.toFixed(4),
      ]),
    ],
  );
}
