// Values of flags that are more than text.
import { type ConfidenceRule, confidenceRuleSchema } from "@spillway/shared/schema/calibration";
import { UsageError } from "./usage.ts";

const CHART_NAME = /\.(svg|png)$/i;

/** A number from `lowest` to `highest`; undefined when the flag was not given. @throws UsageError naming the flag */
export function numberFlag(
  name: string,
  text: string | undefined,
  lowest: number,
  highest: number,
): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  if (!(value >= lowest && value <= highest)) {
    const hint = highest === 1 && text.trim().endsWith("%") ? "; 30 % is 0.3" : "";
    throw new UsageError(`--${name}: expected a number from ${lowest} to ${highest}, got "${text}"${hint}`);
  }
  return value;
}

/** Numbers separated by commas, each as in {@link numberFlag}. */
export function numbersFlag(
  name: string,
  text: string | undefined,
  lowest: number,
  highest: number,
): number[] | undefined {
  return text?.split(",").map((part) => numberFlag(name, part, lowest, highest) as number);
}

/** One of the allowed words. @throws UsageError listing them */
export function choiceFlag<Choice extends string>(name: string, text: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new UsageError(`--${name}: expected ${choices.join(", ")}; got "${text}"`);
  return found;
}

/** Confidence rules separated by commas, each once. */
export function rulesFlag(text: string): ConfidenceRule[] {
  return [...new Set(text.split(",").map((rule) => ruleFlag(rule.trim())))];
}

/** The one confidence rule of a command that does not compare them. */
export function ruleFlag(text: string): ConfidenceRule {
  return choiceFlag("confidence", text, confidenceRuleSchema.options);
}

/** Files of charts, refused before the work rather than after it. @throws UsageError for any but .svg and .png */
export function chartFlag(files: string[]): string[] {
  const wrong = files.find((file) => !CHART_NAME.test(file));
  if (wrong !== undefined) throw new UsageError(`--chart: expected a file name in .svg or .png, got "${wrong}"`);
  return files;
}

/** For a command that takes flags only. @throws UsageError for a word that belongs to no flag */
export function flagsOnly(command: string, positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError(`unexpected "${positionals[0]}"; see spillway ${command} --help`);
}

/** A flag without which a command can do nothing. */
export function neededFlag(command: string, name: string, text: string | undefined): string {
  if (text === undefined) throw new UsageError(`--${name} is needed; see spillway ${command} --help`);
  return text;
}
