// What each policy loses under a rate limit, on images that neither chose a threshold nor trained a network.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { TrafficModel } from "@spillway/shared/policy/traffic-model";
import { readEdgeBoost } from "./calibration/edgeboost-pair.ts";
import { markdownTable, percent } from "./measure.ts";
import { type Gap, gapsIn, learnedTraffic, SEQUENCES } from "./policies/gap.ts";
import { halvesOf, writeLearningFiles } from "./policies/halves.ts";
import { PUBLISHED, SETTINGS } from "./policies/settings.ts";
import { toldLocation } from "./policies/told-location.ts";
import { type Setting, trainedNetwork } from "./policies/trained-network.ts";

const DETAILS = path.join(import.meta.dirname, "results/policies.md");
/** The depth of the README's rows, whose networks are trained as published; the others are in {@link DETAILS}. */
const SHOWN_DEPTH = 4;

export async function benchPolicies() {
  const { files: learningFiles, ...halves } = halvesOf(await readEdgeBoost());
  const files = await writeLearningFiles(learningFiles);
  const known = new Map<string, TrafficModel>();
  const learnt: number[] = [];
  async function trafficOf(setting: Setting): Promise<TrafficModel> {
    const key = `${setting.arrival} ${setting.sequence}`;
    const found = known.get(key);
    if (found !== undefined) return found;
    const { traffic, seconds } = await learnedTraffic(halves.learning, setting);
    learnt.push(seconds);
    known.set(key, traffic);
    return traffic;
  }

  const trained = { full: [] as number[], quarter: [] as number[] };
  const published: PublishedGap[] = [];
  for (const { setting, dqn, mdp } of PUBLISHED) {
    const full = await trainedNetwork(setting, "emsoft22", files);
    const quarter = await trainedNetwork(setting, "emsoft22-quarter", files);
    trained.full.push(full.seconds);
    trained.quarter.push(quarter.seconds);
    const networks = { full: full.parameters, quarter: quarter.parameters };
    const traffic = await trafficOf(setting);
    const told = isLocationOnly(setting) ? await toldLocation(setting, halves, traffic) : null;
    // Judged on the rows that it was learnt from, for how much of it is learnt by heart.
    const byHeart = await gapsIn(setting, { ...halves, judging: halves.learning }, traffic, { full: full.parameters });
    published.push({ ...(await gapsIn(setting, halves, traffic, networks)), byHeart, told, dqn, mdp });
  }
  const gaps: Gap[] = [];
  for (const setting of SETTINGS) {
    const isShown = setting.depth === SHOWN_DEPTH;
    const { parameters, seconds } = await trainedNetwork(setting, isShown ? "emsoft22" : "emsoft22-quarter", files);
    (isShown ? trained.full : trained.quarter).push(seconds);
    gaps.push(await gapsIn(setting, halves, await trafficOf(setting), { dqn: parameters }));
    process.stderr.write(`policies: ${gaps.length} of ${SETTINGS.length}\n`);
  }
  await writeFile(DETAILS, `${details(gaps)}\n`);
  const seconds = { dqn: trained.full, dqnQuarter: trained.quarter, belief: learnt };
  return {
    results: { published, gaps, seconds },
    tables: {
      "policies-published": publishedTable(published),
      policies: `${verdict(gaps)}\n\n${gapTable(gaps.filter(({ setting }) => setting.depth === SHOWN_DEPTH))}`,
      "policies-training": trainingLine(seconds),
    },
  };
}

interface PublishedGap extends Gap {
  /** The same judged on the learning half. */
  byHeart: Gap;
  /** What a policy closes that is told the location; null where images have none. */
  told: number | null;
  /** Percent, as printed in the paper. */
  dqn: number;
  mdp: number;
}

/** Nothing but the location ties images together. */
function isLocationOnly({ arrival, sequence }: Setting): boolean {
  return arrival === "periodic" && sequence !== "iid";
}

function publishedTable(rows: readonly PublishedGap[]): string {
  const judged = ["MDP", "DQN", "DQN, a quarter", "belief", "told the location"];
  const header = [...judged, "DQN on its own half", "belief on its own half", "published MDP", "published DQN"];
  return markdownTable(
    ["images, arrivals, rate", ...header],
    rows.map(({ setting, policies, byHeart, told, dqn, mdp }) => [
      nameOf(setting),
      percent(policies.mdp.gapClosed ?? 0, 0),
      percent(policies.full.gapClosed ?? 0, 0),
      percent(policies.quarter.gapClosed ?? 0, 0),
      percent(policies.belief.gapClosed ?? 0, 0),
      told === null ? "" : percent(told, 0),
      percent(byHeart.policies.full.gapClosed ?? 0, 0),
      percent(byHeart.policies.belief.gapClosed ?? 0, 0),
      `${mdp} %`,
      `${dqn} %`,
    ]),
  );
}

/** In how many settings ours is level with the DQN or better. */
function verdict(gaps: readonly Gap[]): string {
  const ahead = gaps.map((gap) => gap.ahead.dqn);
  const count = (test: (ours: (typeof ahead)[number]) => boolean) => ahead.filter(test).length;
  const level = count(({ mean, standardError }) => mean >= -2 * standardError);
  const better = count(({ mean }) => mean > 0);
  const clearly = count(({ mean, standardError }) => mean > 2 * standardError);
  const worse = gaps.length - level;
  return `Of ${gaps.length} settings, \`belief\` loses less than the DQN in ${better}, by more than two standard errors in ${clearly}; the DQN loses less by more than that in ${worse}.`;
}

function gapTable(gaps: readonly Gap[]): string {
  return markdownTable(
    [
      "images, arrivals, rate",
      "threshold",
      "MDP",
      "DQN",
      "belief",
      "lower bound",
      "offline optimum",
      "DQN minus belief",
    ],
    gaps.map(({ setting, policies, lowerBound, offlineOptimum, ahead: { dqn } }) => [
      nameOf(setting),
      ...["threshold", "mdp", "dqn", "belief"].map((name) => policies[name].loss.toFixed(4)),
      lowerBound.toFixed(4),
      offlineOptimum?.toFixed(4) ?? "-",
      `${(dqn.mean * 1e4).toFixed(1)} ± ${(dqn.standardError * 1e4).toFixed(1)}`,
    ]),
  );
}

function details(gaps: readonly Gap[]): string {
  const title = "# Loss of each policy under a rate limit";
  const intro = `${SEQUENCES} sequences of 20,000 images a setting; the last column in units of 0.0001, with its standard error.`;
  const depths = [...new Set(gaps.map(({ setting }) => setting.depth))].sort((a, b) => a - b);
  const parts = depths.map(
    (depth) => `## Depth ${depth}\n\n${gapTable(gaps.filter(({ setting }) => setting.depth === depth))}`,
  );
  return [title, intro, verdict(gaps), ...parts].join("\n\n");
}

function trainingLine({ dqn, dqnQuarter, belief }: { dqn: number[]; dqnQuarter: number[]; belief: number[] }): string {
  const range = (seconds: readonly number[]) =>
    `${Math.min(...seconds).toFixed(0)} to ${Math.max(...seconds).toFixed(0)} s`;
  return `Training on one core: the DQN ${range(dqn)} a setting as published, ${range(dqnQuarter)} for a quarter of the iterations; \`belief\` ${range(belief)}, once for all rates and depths.`;
}

function nameOf({ arrival, sequence, rate }: Setting): string {
  const images = sequence === "iid" ? "independent" : `reset ${sequence.split(",")[1]}`;
  return `${images}, ${arrival.split(":")[0]}, ${rate}`;
}
