// `spillway export <server>`: a model in the form that another inference server reads.
import { UsageError } from "../usage.ts";

const COMMANDS: Record<string, { summary: string; load(): Promise<{ run(args: string[]): Promise<void> }> }> = {
  triton: {
    summary: "a model repository for Triton, and an InferenceService for KServe beside it",
    load: () => import("./export/triton.ts"),
  },
};

export async function run([name, ...args]: string[]): Promise<void> {
  if (name === undefined || name === "--help") {
    const lines = Object.entries(COMMANDS).map(([command, { summary }]) => `  ${command.padEnd(9)} ${summary}`);
    process.stdout.write(`spillway export <server> [--help]\n\n${lines.join("\n")}\n`);
    return;
  }
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`no command "export ${name}"; see spillway export --help`);
  const command = await COMMANDS[name].load();
  await command.run(args);
}
