// The settings in which policies are compared: EMSOFT'22's, on EdgeBoost's rows.
import type { Setting } from "./trained-network.ts";

export const MODULATED = "modulated:1,3,0.001,0.0005";
const RATES = [0.05, 0.1, 0.25];
const DEPTHS = [1, 2, 4, 10];
const RESETS = [0.1, 0.01];

/** Images that come together in difficulty. */
export const SETTINGS: Setting[] = RESETS.flatMap((reset) =>
  ["periodic", MODULATED].flatMap((arrival) =>
    DEPTHS.flatMap((depth) => RATES.map((rate) => ({ rate, depth, arrival, sequence: `location-reset:0.1,${reset}` }))),
  ),
);

/** Those of which the paper prints what its DQN and its MDP close of the gap, in percent. */
export const PUBLISHED: { setting: Setting; dqn: number; mdp: number }[] = [
  ["periodic", "location-reset:0.1,0.1", [64, 52, 32], [37, 34, 25]] as const,
  [MODULATED, "iid", [81, 73, 45], [76, 61, 31]] as const,
].flatMap(([arrival, sequence, dqn, mdp]) =>
  RATES.map((rate, index) => ({ setting: { rate, depth: 4, arrival, sequence }, dqn: dqn[index], mdp: mdp[index] })),
);
