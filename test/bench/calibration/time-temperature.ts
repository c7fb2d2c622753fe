// A process of its own, as the baseline is: time-temperature.ts FOLDER
// Prints the same as python/temperature.py.
import path from "node:path";
import { fitTemperature } from "@spillway/shared/calibration/temperature";
import { readLabels, readLogits } from "../../../models/src/arrays/inputs.ts";

const file = (name: string) => path.join(process.argv[2], name);

const { values, classes } = await readLogits(file("logits.npy"));
const labels = await readLabels(file("logit-labels.npy"), classes);
const startMs = performance.now();
const answer = fitTemperature(values, labels, classes);
const seconds = (performance.now() - startMs) / 1000;
const peakBytes = process.resourceUsage().maxRSS * 1024;
process.stdout.write(JSON.stringify({ seconds, peakBytes, answer }));
