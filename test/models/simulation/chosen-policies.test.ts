// Which policies play: by name, learnt here or from files that fit.
import path from "node:path";
import { MAX_POLICY_BYTES } from "@spillway/shared/schema/policy";
import { describe, expect, it } from "vitest";
import { readArrival } from "../../../models/src/simulation/arrivals.ts";
import {
  choosePolicies,
  type NamedPolicyFile,
  type PolicyName,
  policyNames,
  readPolicyFile,
} from "../../../models/src/simulation/chosen-policies.ts";
import { sortImages } from "../../../models/src/simulation/images.ts";
import { experienceOf } from "../../../models/src/simulation/learn.ts";
import { UsageError } from "../../../models/src/usage.ts";
import { validBeliefPolicy, validMdpPolicy, validQNetworkPolicy } from "../../shared/schema/policies.ts";
import { lineOf, temporaryFolder } from "../arrays/folder.ts";

const { folder, write } = temporaryFolder();
const mdp: NamedPolicyFile = { name: "m.json", file: validMdpPolicy() };
const network: NamedPolicyFile = { name: "q.json", file: validQNetworkPolicy() };
const belief: NamedPolicyFile = { name: "b.json", file: validBeliefPolicy() };
const BUCKET = { rate: 0.5, depth: 2 };

const METRICS = Float64Array.from({ length: 120 }, (_, image) => image / 120);
const source = { images: sortImages(METRICS, METRICS), sequence: { kind: "recorded" } as const };
const experience = experienceOf({ ...source, arrival: await readArrival("periodic") }, 1);
const choose = (names: PolicyName[], files: NamedPolicyFile[], bucket = BUCKET) =>
  choosePolicies(names, files, experience, bucket);

describe("policyNames", () => {
  it.each<[string | undefined, NamedPolicyFile[], PolicyName[]]>([
    [undefined, [], ["threshold", "mdp", "belief"]],
    [undefined, [network], ["threshold", "mdp", "q-network", "belief"]],
    [undefined, [mdp], ["threshold", "mdp", "belief"]],
    ["mdp", [], ["mdp"]],
    ["belief, threshold,belief", [], ["threshold", "belief"]],
    ["q-network", [network], ["q-network"]],
    ["q-network", [], ["q-network"]],
  ])("of %o", (text, files, names) => {
    expect(policyNames(text, files)).toEqual(names);
  });

  it.each<[string, NamedPolicyFile[], string]>([
    ["best", [], '--policy: expected threshold, mdp, q-network, belief; got "best"'],
    ["", [], '--policy: expected threshold, mdp, q-network, belief; got ""'],
    ["mdp,,belief", [], '--policy: expected threshold, mdp, q-network, belief; got ""'],
    ["mdp", [network], "--policy-file q.json: its policy is q-network, which --policy does not name"],
  ])('refuses "%s"', (text, files, message) => {
    expect(() => policyNames(text, files)).toThrow(new UsageError(message));
  });
});

describe("choosePolicies", () => {
  it("takes what files hold, and learns the rest", () => {
    const chosen = choose(["threshold", "mdp", "q-network", "belief"], [network, mdp]);
    expect(Object.keys(chosen)).toEqual(["threshold", "mdp", "q-network", "belief"]);
    expect(chosen.mdp).toMatchObject({ kind: "mdp", thresholds: Float64Array.from([0.5, 0.25, 0.125]) });
    expect(chosen["q-network"]).toMatchObject({ kind: "q-network", history: 3 });
    expect(chosen.threshold).toEqual({ kind: "threshold", threshold: 0.5 });
    expect(chosen.belief).toMatchObject({ kind: "belief", traffic: { paceSeconds: Float64Array.of(1) } });
    expect(choose(["belief"], [belief]).belief).toMatchObject({ traffic: { paceSeconds: Float64Array.of(1, 2) } });
  });

  it("says what is missing, or there twice", () => {
    expect(() => choose(["q-network"], [])).toThrow(
      new UsageError("--policy q-network needs its --policy-file; see spillway policy dqn --help"),
    );
    expect(() => choose(["mdp"], [mdp, { ...mdp, name: "n.json" }])).toThrow(
      new UsageError("--policy-file: two of mdp, m.json and n.json"),
    );
  });

  it("refuses a file that was made for another bucket", async () => {
    expect(await lineOf(() => choose(["mdp"], [mdp], { rate: 0.25, depth: 2 }))).toBe(
      "m.json: grid: made for 0.5 tokens a second and a depth of 2, but the bucket has 0.25 and 2",
    );
  });
});

describe("readPolicyFile", () => {
  it("reads what a Worker would take", async () => {
    const name = write("sound.json", JSON.stringify(mdp.file));
    expect(await readPolicyFile(name)).toEqual({ name, file: mdp.file });
  });

  it.each<[string, string | null, RegExp]>([
    ["missing.json", null, /missing\.json: cannot be read \(ENOENT\)$/],
    ["text.json", "policy", /text\.json: expected JSON$/],
    ["kind.json", '{"policyVersion":1,"kind":"best"}', /kind\.json: kind: /],
    ["grid.json", JSON.stringify({ ...mdp.file, thresholds: [1] }), /grid\.json: thresholds: expected m - p \+ 1/],
    ["long.json", "x".repeat(MAX_POLICY_BYTES + 1), /long\.json: expected at most 4194304 bytes$/],
  ])("refuses %s in one line", async (name, text, line) => {
    if (text !== null) write(name, text);
    expect(await lineOf(() => readPolicyFile(path.join(folder, name)))).toMatch(line);
  });

  it("refuses a folder", async () => {
    expect(await lineOf(() => readPolicyFile(folder))).toMatch(/: cannot be read \(EISDIR\)$/);
  });
});
