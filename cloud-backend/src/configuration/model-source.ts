// Which models a process serves: those of one folder, of a directory of versions, or whichever it is told to.
import { readdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type StartupStep, success } from "../errors.ts";
import { MANIFEST } from "../repository/model-folder.ts";
import { VERSION } from "../repository/version-source.ts";
import type { ReadSettings } from "./read-settings.ts";
import type { SettingKey } from "./settings.ts";

export type ModelSource =
  /** One model folder, served as version 1. */
  | { kind: "folder"; path: string }
  /** A folder for each version; the newest are served. */
  | { kind: "versions"; path: string; keptVersions: number; pollMs: number }
  /** SageMaker's multi-model mode: none at first, and only those that lie below the root. */
  | { kind: "multi-model"; maxModels: number; root: string };

/** The model that the repository ships. */
export const SHIPPED_MODEL = fileURLToPath(new URL("../../../models/cifar100", import.meta.url));
const CHOICES = ["model", "repository", "sagemakerMultiModel"] as const satisfies SettingKey[];

/**
 * @param filePath of the configuration file; paths in it start from its folder
 * @param dataFolder where SageMaker puts a model's files; looked at when nothing is set
 */
export async function chooseModels(
  settings: ReadSettings,
  filePath: string | null,
  dataFolder: string,
): Promise<StartupStep<ModelSource>> {
  const { values, given } = settings;
  const choices = modelChoices(settings);
  if (choices.length > 1) {
    const names = choices.map((key) => given.get(key)?.name);
    return { ok: false, error: `expected at most one of ${names.join(", ")}` };
  }
  const [choice] = choices;
  const base = filePath === null || given.get(choice)?.isInEnvironment ? process.cwd() : dirname(filePath);
  const versions = (path: string): ModelSource => {
    return { kind: "versions", path, keptVersions: values.keptVersions, pollMs: values.pollSeconds * 1000 };
  };
  switch (choice) {
    case "model":
      return success({ kind: "folder", path: resolve(base, values.model ?? "") });
    case "repository":
      return success(versions(resolve(base, values.repository ?? "")));
    case "sagemakerMultiModel":
      return success({ kind: "multi-model", maxModels: values.maxModels, root: resolve(values.modelsRoot) });
    default: {
      const found = await namesIn(dataFolder);
      if (found.includes(MANIFEST)) return success({ kind: "folder", path: dataFolder });
      if (found.some((name) => VERSION.test(name))) return success(versions(dataFolder));
      return success({ kind: "folder", path: SHIPPED_MODEL });
    }
  }
}

/** The environment outweighs the file also where it makes another choice. */
function modelChoices({ values, given }: ReadSettings) {
  const choices = CHOICES.filter((key) => given.has(key) && values[key] !== false);
  const ofEnvironment = choices.filter((key) => given.get(key)?.isInEnvironment);
  return ofEnvironment.length > 0 ? ofEnvironment : choices;
}

/** None where there is no such folder. */
function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
