// What no history can tell: a policy that is told the location outright, in the "location reset" sequence. It prices
// tokens by the location's own images, and so bounds what any network or filter could make of the images before.
import { hasToken, refilled } from "@spillway/shared/bucket/token-bucket";
import { wholeTokenLevel } from "@spillway/shared/bucket/token-grid";
import { metricOfGain, priceGrid } from "@spillway/shared/policy/belief";
import { solveTokenPrices } from "@spillway/shared/policy/belief-prices";
import { rewardBound } from "@spillway/shared/policy/bounds";
import { bandOf, type TrafficModel } from "@spillway/shared/policy/traffic-model";
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import { readArrival } from "../../../models/src/simulation/arrivals.ts";
import type { Images } from "../../../models/src/simulation/images.ts";
import { learnThreshold } from "../../../models/src/simulation/learn.ts";
import type { Half } from "./halves.ts";
import type { Setting } from "./trained-network.ts";

/** Stretches of locations that count as one: each a tenth of the spread. */
const PLACES = 100;
const SPREAD = 0.1;
const SEQUENCES = 20;
const FRAMES = 20_000;

/** Share of the gap from the threshold policy to the lower bound that it closes, on sequences of its own. */
export async function toldLocation(
  setting: Setting,
  { learning, judging }: { learning: Half; judging: Half },
  traffic: TrafficModel,
): Promise<number> {
  const { rate, sequence } = setting;
  const reset = Number(sequence.split(",")[1]);
  const { threshold } = learnThreshold({ images: learning.images, arrival: await readArrival("periodic") }, setting);
  const gained = rewardsWithLocation(setting, reset, learning.images, judging.images, traffic, threshold);
  return (gained.told - gained.threshold) / (rewardBound(judging.images, rate) - gained.threshold);
}

/** Reward an image beside the threshold policy's on the same ones. */
function rewardsWithLocation(
  { rate, depth }: Setting,
  reset: number,
  learning: Images,
  judging: Images,
  { bandEdges, bandGains, gain }: TrafficModel,
  threshold: number,
): { told: number; threshold: number } {
  const symbols = bandGains.length;
  const difficulty = { states: PLACES, symbols, ...chainOf(learning, bandEdges, symbols, reset) };
  const pace = { states: 1, symbols: 1, transitions: Float64Array.of(1), emissions: Float64Array.of(1) };
  const paceSeconds = Float64Array.of(1);
  const grid = priceGrid({ rate, depth }, paceSeconds);
  const { values } = solveTokenPrices({ difficulty, bandGains, pace, paceSeconds }, grid);
  const width = grid.m - grid.p + 1;
  const thresholds = values.map((price) => metricOfGain(gain, price));
  const toldAt = (place: number, tokens: number) => thresholds[place * width + wholeTokenLevel(tokens, grid) - grid.p];

  const totals = { told: 0, threshold: 0 };
  const bucket = { rate, depth };
  for (let sequence = 0; sequence < SEQUENCES; sequence++) {
    const images = judging.metrics.length;
    const random = mulberry32(1000 + sequence);
    let location = Math.floor(random() * images);
    let [tokens, tokensOfThreshold] = [depth, depth];
    for (let frame = 0; frame < FRAMES; frame++) {
      if (random() < reset) location = Math.floor(random() * images);
      const image = (location + Math.floor(random() * Math.round(SPREAD * images))) % images;
      const [metric, reward] = [judging.metrics[image], judging.rewards[image]];
      if (hasToken(tokens, bucket) && metric >= toldAt(Math.floor((location / images) * PLACES), tokens)) {
        totals.told += reward;
        tokens -= 1;
      }
      if (hasToken(tokensOfThreshold, bucket) && metric >= threshold) {
        totals.threshold += reward;
        tokensOfThreshold -= 1;
      }
      tokens = refilled(tokens, bucket, 1);
      tokensOfThreshold = refilled(tokensOfThreshold, bucket, 1);
    }
  }
  const drawn = SEQUENCES * FRAMES;
  return { told: totals.told / drawn, threshold: totals.threshold / drawn };
}

/** The exact chain of the locations, and what each shows. */
function chainOf({ metrics }: Images, bandEdges: Float64Array, symbols: number, reset: number) {
  const transitions = new Float64Array(PLACES * PLACES).fill(reset / PLACES);
  const emissions = new Float64Array(PLACES * symbols);
  const images = metrics.length;
  const spread = Math.round(SPREAD * images);
  for (let place = 0; place < PLACES; place++) {
    transitions[place * PLACES + place] += 1 - reset;
    const [first, last] = [(place / PLACES) * images, ((place + 1) / PLACES) * images];
    const share = 1 / ((last - first) * spread);
    for (let location = first; location < last; location++) {
      for (let offset = 0; offset < spread; offset++) {
        const band = bandOf(bandEdges, metrics[(location + offset) % images]);
        emissions[place * symbols + band] += share;
      }
    }
  }
  return { transitions, emissions };
}
