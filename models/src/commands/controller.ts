// `spillway controller <command>`: how offloads travel over a link whose throughput varies, simulated and compared.
import { UsageError } from "../usage.ts";

const COMMANDS: Record<string, { summary: string; load(): Promise<{ run(args: string[]): Promise<void> }> }> = {
  simulate: { summary: "one rule on one trace, frame by frame", load: () => import("./controller/simulate.ts") },
  compare: {
    summary: "the controller, fixed settings, two rules and the optimum on many traces",
    load: () => import("./controller/compare.ts"),
  },
};

export async function run([name, ...args]: string[]): Promise<void> {
  if (name === undefined || name === "--help") {
    const lines = Object.entries(COMMANDS).map(([command, { summary }]) => `  ${command.padEnd(9)} ${summary}`);
    process.stdout.write(`spillway controller <command> [--help]\n\n${lines.join("\n")}\n`);
    return;
  }
  if (!Object.hasOwn(COMMANDS, name)) {
    throw new UsageError(`no command "controller ${name}"; see spillway controller --help`);
  }
  const command = await COMMANDS[name].load();
  await command.run(args);
}
