// A process of its own, so that its peak of memory is that of the sweep: time-sweep.ts FOLDER
// Prints the same as python/sweep.py.
import path from "node:path";
import { areaUnderCurve, sweepThresholds } from "@spillway/shared/offload/sweep";
import { readPair } from "../../../models/src/evaluation/pair.ts";
import { confidenceBy } from "./edgeboost-pair.ts";

const file = (name: string) => path.join(process.argv[2], name);

const startMs = performance.now();
const pair = await readPair({ edge: file("edge.npy"), cloud: file("cloud.npy"), labels: file("labels.npy") }, [
  "margin",
]);
const answer = areaUnderCurve(sweepThresholds(confidenceBy(pair, "margin"), pair.edgeCorrect, pair.cloudCorrect));
const seconds = (performance.now() - startMs) / 1000;
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ seconds, peakBytes, answer }));
