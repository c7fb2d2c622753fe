// What `--help` says.
import { FILE_VARIABLE, SETTINGS, type Setting } from "./settings.ts";

const COLUMN = 38;
const WIDTH = 120;
const FILE_MEANING =
  "JSON file with any of these settings; the environment outweighs it. There they are called as here, without " +
  "SPILLWAY_ and in camel case: maxBatch for SPILLWAY_MAX_BATCH, and lists may be lists";

export function helpText(): string {
  const settings: Setting[] = Object.values(SETTINGS);
  const variables = settings.map(({ variable, meaning, fallback }) =>
    entry(variable, fallback === null ? meaning : `${meaning} (default ${fallback})`),
  );
  return [
    "Usage: node cloud-backend/src/server.ts [--help]",
    "",
    "Serves a model family over SageMaker's interface and the Open Inference Protocol v2.",
    "",
    "Environment:",
    ...variables,
    entry(FILE_VARIABLE, FILE_MEANING),
  ].join("\n");
}

/** Name and meaning side by side, the meaning in lines of its own column. */
function entry(name: string, meaning: string): string {
  const lines = [""];
  for (const word of meaning.split(" ")) {
    const line = lines[lines.length - 1];
    if (line !== "" && COLUMN + line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return `  ${name.padEnd(COLUMN - 2)}${lines.join(`\n${" ".repeat(COLUMN)}`)}`;
}
