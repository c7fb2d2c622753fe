// Which policies a simulation plays: learnt on the spot, or from files.
import { readFile } from "node:fs/promises";
import type { BucketOptions } from "@spillway/shared/bucket/token-bucket";
import type { PolicyParameters } from "@spillway/shared/policy/decide";
import { policyParameters } from "@spillway/shared/policy/policy-parameters";
import { checkPolicyText, MAX_POLICY_BYTES, type PolicyFile } from "@spillway/shared/schema/policy";
import { UsageError } from "../usage.ts";
import { type Experience, LEARNT_POLICIES, type LearntPolicy, learnPolicy } from "./learn.ts";

export const POLICY_NAMES = ["threshold", "mdp", "q-network", "belief"] as const;
export type PolicyName = (typeof POLICY_NAMES)[number];

export interface NamedPolicyFile {
  /** Its path, for messages. */
  name: string;
  file: PolicyFile;
}

/** @throws Error with one line naming the file that is no policy */
export async function readPolicyFile(name: string): Promise<NamedPolicyFile> {
  const bytes = await readFile(name).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`${name}: cannot be read (${error.code})`);
  });
  if (bytes.length > MAX_POLICY_BYTES) throw new Error(`${name}: expected at most ${MAX_POLICY_BYTES} bytes`);
  const checked = checkPolicyText(bytes.toString());
  if (!checked.ok) throw new Error(`${name}: ${checked.error}`);
  return { name, file: checked.file };
}

/**
 * Names without repetition.
 *
 * @param text names separated by commas; undefined for all that can be learnt here, and those of the files
 * @throws UsageError for a name that is none, or a file that no name asks for
 */
export function policyNames(text: string | undefined, files: readonly NamedPolicyFile[]): PolicyName[] {
  const kinds = new Set<string>(files.map(({ file }) => file.kind));
  const learnt: readonly string[] = LEARNT_POLICIES;
  if (text === undefined) return POLICY_NAMES.filter((name) => learnt.includes(name) || kinds.has(name));
  const names = [...new Set(text.split(",").map((part) => part.trim()))];
  const wrong = names.find((name) => !POLICY_NAMES.some((known) => known === name));
  if (wrong !== undefined) throw new UsageError(`--policy: expected ${POLICY_NAMES.join(", ")}; got "${wrong}"`);
  const unasked = files.find(({ file }) => !names.includes(file.kind));
  if (unasked !== undefined) {
    throw new UsageError(
      `--policy-file ${unasked.name}: its policy is ${unasked.file.kind}, which --policy does not name`,
    );
  }
  return POLICY_NAMES.filter((name) => names.includes(name));
}

/** @throws UsageError for a policy that can neither be learnt here nor is in a file; Error for one of another bucket */
export function choosePolicies(
  names: readonly PolicyName[],
  files: readonly NamedPolicyFile[],
  experience: Experience,
  bucket: BucketOptions,
): Record<string, PolicyParameters> {
  return Object.fromEntries(names.map((name) => [name, choosePolicy(name, files, experience, bucket)]));
}

function choosePolicy(
  name: PolicyName,
  files: readonly NamedPolicyFile[],
  experience: Experience,
  bucket: BucketOptions,
): PolicyParameters {
  const [given, another] = files.filter(({ file }) => file.kind === name);
  if (another !== undefined) throw new UsageError(`--policy-file: two of ${name}, ${given.name} and ${another.name}`);
  if (given !== undefined) {
    const checked = policyParameters(inUnits(given.file), bucket);
    if (!checked.ok) throw new Error(`${given.name}: ${checked.error}`);
    return checked.parameters;
  }
  if (!isLearnt(name)) throw new UsageError(`--policy ${name} needs its --policy-file; see spillway policy dqn --help`);
  return learnPolicy(name, experience, bucket);
}

/** A simulation counts in the units in which the policy was made, whatever they last in real traffic. */
function inUnits(file: PolicyFile): PolicyFile {
  if (file.kind !== "belief") return { ...file, unitSeconds: 1 };
  const scaled = (seconds: readonly number[]) => seconds.map((value) => value / file.unitSeconds);
  const pace = { ...file.pace, edges: scaled(file.pace.edges) };
  return { ...file, unitSeconds: 1, pace, paceSeconds: scaled(file.paceSeconds) };
}

function isLearnt(name: PolicyName): name is LearntPolicy {
  return LEARNT_POLICIES.some((learnt) => learnt === name);
}
