// Reads a Dockerfile as far as ours goes: stages, their instructions, and arguments put in.
import { readFileSync } from "node:fs";
import path from "node:path";

export const ROOT = path.resolve(import.meta.dirname, "../../..");
export const DOCKERFILE = "cloud-backend/deploy/Dockerfile";

export interface Instruction {
  keyword: string;
  /** Without its continuation lines' ends. */
  text: string;
}

export interface Stage {
  base: string;
  name: string | null;
  instructions: Instruction[];
}

/** @param given values of `--build-arg`; the others have the Dockerfile's defaults */
export function readStages(given: Record<string, string> = {}): Stage[] {
  const stages: Stage[] = [];
  const args = new Map<string, string>();
  for (const { keyword, text } of instructions(readFileSync(path.join(ROOT, DOCKERFILE), "utf8"))) {
    if (keyword === "ARG") {
      const [name, fallback] = text.split("=", 2);
      args.set(name, given[name] ?? fallback ?? args.get(name) ?? "");
    }
    // A shell has braces of its own; and `RUN` finds arguments in its environment.
    const filled = keyword === "RUN" || keyword === "HEALTHCHECK" ? text : withArguments(text, args);
    if (keyword === "FROM") {
      const [base, , name] = filled.split(/ +/);
      stages.push({ base, name: name ?? null, instructions: [] });
    } else {
      stages.at(-1)?.instructions.push({ keyword, text: filled });
    }
  }
  return stages;
}

/** The texts of all instructions of a kind, in their order. */
export function textsOf(stage: Stage, keyword: string): string[] {
  return stage.instructions.filter((instruction) => instruction.keyword === keyword).map(({ text }) => text);
}

/** What a COPY from the context names: sources, and a destination. */
export function contextCopies(stage: Stage): { sources: string[]; destination: string }[] {
  return textsOf(stage, "COPY")
    .filter((text) => !text.startsWith("--from"))
    .map((text) => {
      const words = text.split(/ +/);
      return { sources: words.slice(0, -1), destination: words.at(-1) as string };
    });
}

function* instructions(text: string): Generator<Instruction> {
  const lines = text.split("\n").filter((line) => !/^\s*(#|$)/.test(line));
  const joined = lines.join("\n").replace(/\\\n\s*/g, " ");
  for (const line of joined.split("\n")) {
    const match = /^([A-Z]+) +(.*)$/.exec(line);
    if (match === null) throw new SyntaxError(`${DOCKERFILE}: expected an instruction, got ${JSON.stringify(line)}`);
    yield { keyword: match[1], text: match[2] };
  }
}

function withArguments(text: string, args: ReadonlyMap<string, string>): string {
  return text.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = args.get(name);
    if (value === undefined) throw new SyntaxError(`${DOCKERFILE}: ${name} is no argument`);
    return value;
  });
}
