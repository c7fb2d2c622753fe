// The app as the CDK's command line runs it: options in the environment, a template in a folder.
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { IMAGE, outputFolder } from "./synthesised.ts";

const FOLDER = path.resolve(import.meta.dirname, "../../../cloud-backend/deploy");
const { app } = JSON.parse(readFileSync(path.join(FOLDER, "cdk.json"), "utf8"));
const outdir = outputFolder();

function runApp(context: Record<string, unknown>): Promise<{ code: number | null; stderr: string }> {
  const [program, ...args] = app.split(" ");
  const env = { ...process.env, CDK_OUTDIR: outdir, CDK_CONTEXT_JSON: JSON.stringify(context) };
  return new Promise((resolve, reject) => {
    const child = spawn(program === "node" ? process.execPath : program, args, { cwd: FOLDER, env });
    let stderr = "";
    child.stderr.on("data", (chunk) => (stderr += chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stderr }));
  });
}

describe("the app", () => {
  it("writes the template of a stack that is named as the endpoint", async () => {
    expect(await runApp({ name: "edge-eu", imageUri: IMAGE, "aws:cdk:enable-asset-metadata": true })).toEqual({
      code: 0,
      stderr: "",
    });
    expect(readdirSync(outdir)).toContain("edge-eu.template.json");
    const template = JSON.parse(readFileSync(path.join(outdir, "edge-eu.template.json"), "utf8"));
    expect(template.Resources.Endpoint.Properties.EndpointName).toBe("edge-eu");
  });

  it("ends in one line when an option is wrong", async () => {
    const refused = await runApp({ name: "Edge", instances: "0" });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^deploy: name: expected at most 40 .*; instances: expected a whole number .*\n$/);
  });
});
