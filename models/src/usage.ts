// Flags of the command line, checked before anything runs.
import { type ParseArgsConfig, parseArgs } from "node:util";

/** The caller's mistake, not the program's: exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/**
 * Parses flags and file names; null when `--help` was asked for and has been answered.
 * @throws UsageError with one line for an unknown or incomplete flag
 */
export function parseFlags<T extends Options>(args: string[], options: T, help: string) {
  if (args.includes("--help")) {
    process.stdout.write(help);
    return null;
  }
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    // Node explains at length; its first sentence names the flag.
    throw new UsageError(`${(error as Error).message.split(". ")[0]}; see --help`);
  }
}
