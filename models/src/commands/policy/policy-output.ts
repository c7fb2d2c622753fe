// A learnt policy on its way to a file that `spillway publish` takes.
import { checkPolicyText, type PolicyFile } from "@spillway/shared/schema/policy";
import { numberFlag } from "../../flag-values.ts";
import { openModelFolder } from "../../model-folder.ts";
import { writeWhole } from "../../result-output.ts";

export const POLICY_OUTPUT_FLAGS = {
  "policy-file": { type: "string" },
  model: { type: "string" },
  "unit-seconds": { type: "string" },
} as const;

export const POLICY_OUTPUT_HELP = `  --policy-file OUT  write the policy there, for publish and simulate
  --model FOLDER     the model whose metrics these are: a Worker takes a policy of its own model only
  --unit-seconds U   what one second of the flags above lasts in real traffic (default 1), recorded intervals included
`;

const LONGEST_UNIT = 86_400;

/** Seconds a time unit. */
export function unitFlag(text: string | undefined): number {
  return numberFlag("unit-seconds", text, 1e-6, LONGEST_UNIT) ?? 1;
}

/** The SHA-256 of the manifest; null when no folder is given. */
export async function modelHashFlag(folder: string | undefined): Promise<string | null> {
  return folder === undefined ? null : (await openModelFolder(folder)).hash;
}

/** @throws Error when the policy is none that the Worker would take, or cannot be written */
export async function writePolicy(file: string, policy: PolicyFile): Promise<void> {
  const text = `${JSON.stringify(policy)}\n`;
  const checked = checkPolicyText(text);
  if (!checked.ok) throw new Error(`${file}: not written: ${checked.error}`);
  await writeWhole(file, text);
}
