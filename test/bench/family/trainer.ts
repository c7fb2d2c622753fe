// The trainer's tables, as `python -m spillway_training table` prints them. A row whose network is trained already is
// only measured again; one that is not takes minutes to an hour.
import { spawn } from "node:child_process";
import path from "node:path";
import { z } from "zod";

const ROOT = path.resolve(import.meta.dirname, "../../..");

const halves = z.object({ calibration: z.number(), report: z.number() });

export const trainedRowSchema = z.object({
  row: z.string(),
  epochs: z.number(),
  seconds: z.number(),
  n: halves,
  /** By network: `exit-1`.., or `tail-<channels>x<bits>`. */
  top1: z.record(z.string(), halves),
});
export type TrainedRow = z.infer<typeof trainedRowSchema>;

export const exitRowSchema = z.object({
  costShareAllowed: z.number(),
  top1: z.number(),
  lossAgainstWhole: z.number(),
  meanMultiplyAdds: z.number(),
  speedUp: z.number(),
  leaving: z.array(z.number()),
  n: z.number(),
});

/** @throws Error when the trainer fails; what it says goes to stderr */
export async function trainerTable<Row extends z.ZodType>(table: string, row: Row): Promise<z.infer<Row>[]> {
  const script = path.join(ROOT, "models/training/environment.mjs");
  const command = [script, "python", "-m", "spillway_training", "table", table];
  const trainer = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  for await (const part of trainer.stdout.setEncoding("utf8")) text += part;
  const status = trainer.exitCode ?? (await new Promise((resolve) => trainer.once("close", resolve)));
  if (status !== 0) throw new Error(`table ${table}: the trainer ended with ${status}`);
  return z.array(row).parse(JSON.parse(text));
}
