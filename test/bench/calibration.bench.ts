// What calibration and thresholds are worth on images that chose nothing, and how fast they are fitted.
import { existsSync } from "node:fs";
import { MOSAIC } from "./accuracy.bench.ts";
import { EDGEBOOST, readEdgeBoost } from "./calibration/edgeboost-pair.ts";
import { benchFusion } from "./calibration/fusion-gain.ts";
import { benchGuarantee } from "./calibration/guarantee.ts";
import { benchJoint } from "./calibration/joint-gain.ts";
import { benchMetricArea } from "./calibration/metric-area.ts";
import { benchSpeed } from "./calibration/speed.ts";

export { EDGEBOOST };

export async function benchCalibration() {
  const pair = await readEdgeBoost();
  const parts: Record<string, { results: unknown; table: string }> = {
    guarantee: benchGuarantee(pair),
    area: benchMetricArea(pair),
    fusion: benchFusion(pair),
    "calibration-speed": await benchSpeed(),
  };
  if (existsSync(MOSAIC)) parts.joint = await benchJoint(MOSAIC);
  else process.stderr.write(`calibration: joint thresholds skipped, as ${MOSAIC} is not there\n`);
  const pick = <Key extends "results" | "table">(key: Key) =>
    Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part[key]]));
  return { results: pick("results"), tables: pick("table") as Record<string, string> };
}
