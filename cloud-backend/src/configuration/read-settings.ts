// Settings from the environment, the file and the defaults, the first of them that says something. All that
// is wrong with them is told at once.
import { nearestName } from "@spillway/shared/names/nearest-name";
import { describeIssues } from "@spillway/shared/schema/document";
import type { FileSettings } from "./configuration-file.ts";
import { FILE_VARIABLE, SETTINGS, type SettingKey, type SettingValues } from "./settings.ts";

export interface SettingsFile {
  path: string;
  settings: FileSettings;
}

export interface ReadSettings {
  /** A setting with a problem has no value, whatever its type says. */
  values: SettingValues;
  /** Where those come from that are not defaults. */
  given: ReadonlyMap<SettingKey, Given>;
  problems: string[];
}

export interface Given {
  text: string;
  /** What people call it there. */
  name: string;
  isInEnvironment: boolean;
}

const KEYS = Object.keys(SETTINGS) as SettingKey[];
const VARIABLES = [...KEYS.map((key) => SETTINGS[key].variable), FILE_VARIABLE];
/** Orchestrators set variables of this kind for purposes of their own; only what is this near to ours is a slip. */
const MAX_SLIPS_IN_VARIABLE = 2;
/** Of a key, at most half: any four letters are like any other four. */
const MAX_SLIPS_IN_KEY = 4;
const MAX_SHOWN_LENGTH = 64;

export function readSettings(environment: NodeJS.ProcessEnv, file: SettingsFile | null): ReadSettings {
  const problems = [...misspeltVariables(environment), ...(file === null ? [] : unknownKeys(file))];
  const given = new Map<SettingKey, Given>();
  const values: Partial<Record<SettingKey, unknown>> = {};
  for (const key of KEYS) {
    const { variable, fallback, schema } = SETTINGS[key];
    const source = givenByEnvironment(environment, key) ?? givenByFile(file, key);
    if (source !== null) given.set(key, source);
    const text = source?.text ?? fallback;
    if (text === null) continue;
    const parsed = schema.safeParse(text);
    if (parsed.success) values[key] = parsed.data;
    else problems.push(`${source?.name ?? variable}: ${describeIssues(parsed.error)}`);
  }
  return { values: values as SettingValues, given, problems };
}

/** An empty variable is how shells and compose files say "not set". */
function givenByEnvironment(environment: NodeJS.ProcessEnv, key: SettingKey): Given | null {
  const { variable } = SETTINGS[key];
  const text = environment[variable];
  return text === undefined || text === "" ? null : { text, name: variable, isInEnvironment: true };
}

function givenByFile(file: SettingsFile | null, key: SettingKey): Given | null {
  const text = file?.settings.get(key);
  return file === null || text === undefined ? null : { text, name: `${file.path}: ${key}`, isInEnvironment: false };
}

function misspeltVariables(environment: NodeJS.ProcessEnv): string[] {
  return Object.keys(environment).flatMap((name) => {
    if (!name.startsWith("SPILLWAY_") || VARIABLES.includes(name)) return [];
    const meant = nearestName(name, VARIABLES, MAX_SLIPS_IN_VARIABLE);
    return meant === null ? [] : [`${name}: unknown; did you mean ${meant}?`];
  });
}

function unknownKeys({ path, settings }: SettingsFile): string[] {
  const unknown = [...settings.keys()].filter((key) => !(KEYS as string[]).includes(key));
  return unknown.map((key) => {
    const shown = key.slice(0, MAX_SHOWN_LENGTH);
    const meant = nearestName(shown, KEYS, Math.min(MAX_SLIPS_IN_KEY, Math.floor(shown.length / 2)));
    return `${path}: unknown setting ${JSON.stringify(shown)}; ${meant === null ? "--help lists them" : `did you mean "${meant}"?`}`;
  });
}
