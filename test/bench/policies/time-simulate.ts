// A process of its own: time-simulate.ts FOLDER threshold|mdp
// Prints the same as python/simulate.py, of the same simulation.
import { readFile } from "node:fs/promises";
import path from "node:path";
import type { PolicyParameters } from "@spillway/shared/policy/decide";
import { readNumbers } from "../../../models/src/arrays/inputs.ts";
import { readArrival } from "../../../models/src/simulation/arrivals.ts";
import { drawTraffic } from "../../../models/src/simulation/draw-traffic.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import { play, type Traffic } from "../../../models/src/simulation/play.ts";
import { DRAWN, GRID, SIMULATED_BUCKET } from "./simulator-speed.ts";

const [folder, policy] = process.argv.slice(2);
const file = (name: string) => path.join(folder, name);
const images = sortImages(await readNumbers(file("metrics.npy")), await readNumbers(file("rewards.npy")));
const arrival = await readArrival("periodic");
const thresholds = Float64Array.from(JSON.parse(await readFile(file("mdp.json"), "utf8")) as number[]);
const baseline = images.metrics[(images.metrics.length * 9) / 10];
const parameters: PolicyParameters =
  policy === "mdp" ? { kind: "mdp", grid: GRID, thresholds } : { kind: "threshold", threshold: baseline };

const startMs = performance.now();
const drawn = drawTraffic({ images, sequence: { kind: "iid" }, arrival }, DRAWN);
let traffic: Traffic | undefined;
let reward = 0;
for (const draw of drawn) {
  traffic = draw(traffic);
  reward += play(parameters, traffic, SIMULATED_BUCKET).reward;
}
const answer = reward / (DRAWN.sequences * DRAWN.frames);
const seconds = (performance.now() - startMs) / 1000;
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ seconds, peakBytes, answer }));
