// `spillway policy <command>`: policies that spend a bucket's tokens, learnt, simulated and compared.
import { UsageError } from "../usage.ts";

const COMMANDS: Record<string, { summary: string; load(): Promise<{ run(args: string[]): Promise<void> }> }> = {
  metrics: {
    summary: "offload metrics and rewards of an evaluated model, for the commands below",
    load: () => import("./policy/metrics.ts"),
  },
  mdp: { summary: "a threshold for every level of the bucket (EMSOFT'22)", load: () => import("./policy/mdp.ts") },
  dqn: { summary: "train a deep Q-network (EMSOFT'22)", load: () => import("./policy/dqn.ts") },
  belief: {
    summary: "learn how images come, for the policy that prices tokens by it (ours)",
    load: () => import("./policy/belief.ts"),
  },
  simulate: { summary: "what policies gain in one setting", load: () => import("./policy/simulate.ts") },
  compare: {
    summary: "what policies gain as rate, depth, spread and resets change",
    load: () => import("./policy/compare.ts"),
  },
};

export async function run([name, ...args]: string[]): Promise<void> {
  if (name === undefined || name === "--help") {
    const lines = Object.entries(COMMANDS).map(([command, { summary }]) => `  ${command.padEnd(9)} ${summary}`);
    process.stdout.write(`spillway policy <command> [--help]\n\n${lines.join("\n")}\n`);
    return;
  }
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`no command "policy ${name}"; see spillway policy --help`);
  const command = await COMMANDS[name].load();
  await command.run(args);
}
