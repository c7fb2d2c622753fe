// What can be known of the image without building it. `node test/cloud-backend/deploy/check-image.ts`
// runs the Dockerfile's steps on this machine, and needs the network.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { CPU_BASE } from "../../../cloud-backend/deploy/container-image.ts";
import { readConfiguration } from "../../../cloud-backend/src/configuration.ts";
import { contextCopies, ROOT, readStages, textsOf } from "./dockerfile.ts";
import { outputFolder, synthesise } from "./synthesised.ts";

const packageOf = (folder: string) => JSON.parse(readFileSync(path.join(ROOT, folder, "package.json"), "utf8"));
const stages = readStages();
const [app, final] = stages;

describe("the Dockerfile", () => {
  it("pins what it is built from, and Node to the project's own", () => {
    expect(stages).toHaveLength(2);
    for (const { base } of [...stages, { base: CPU_BASE }]) expect(base).toMatch(/^[a-z/]+:\d+\.\d+[a-z0-9.-]*$/);
    expect(app.base).toBe(`node:${packageOf(".").devDependencies.node}-bookworm-slim`);
    expect(final.base).toMatch(/^nvidia\/cuda:13\.\d+\.\d+-cudnn-runtime-ubuntu24\.04$/);
    expect(readStages({ BASE: CPU_BASE })[1].base).toBe(CPU_BASE);
  });

  it("runs as nobody in particular, unless told otherwise", () => {
    expect(textsOf(final, "USER")).toEqual(["10001:10001"]);
    expect(final.instructions.findIndex(({ keyword }) => keyword === "USER")).toBeGreaterThan(
      final.instructions.findLastIndex(({ keyword }) => keyword === "RUN" || keyword === "COPY"),
    );
    expect(textsOf(readStages({ RUN_AS: "0:0" })[1], "USER")).toEqual(["0:0"]);
  });

  it("installs the workspaces that the backend imports, and no others", () => {
    const install = textsOf(app, "RUN").find((text) => text.includes("npm ci")) ?? "";
    const workspaces = [...install.matchAll(/--workspace (\S+)/g)].map(([, name]) => name);
    const known = packageOf(".").workspaces.map((folder: string) => packageOf(folder).name);
    expect(known).toEqual(expect.arrayContaining(workspaces));
    const imported = Object.keys(packageOf("cloud-backend").dependencies).filter((name) =>
      name.startsWith("@spillway/"),
    );
    expect(workspaces.toSorted()).toEqual([packageOf("cloud-backend").name, ...imported].toSorted());
    expect(install).toContain("--omit=dev");
    // Each must be able to say what it depends on.
    const copied = contextCopies(app).flatMap(({ sources }) => sources);
    for (const folder of ["shared", "cloud-backend"]) expect(copied).toContain(`${folder}/package.json`);
  });

  it("says what SageMaker, Docker and an orchestrator ask", () => {
    expect(textsOf(final, "EXPOSE")).toEqual(["8080"]);
    expect(textsOf(final, "STOPSIGNAL")).toEqual(["SIGTERM"]);
    expect(textsOf(final, "ENV")).toEqual([expect.stringMatching(/\bHOST=0\.0\.0\.0\b/)]);
    const [labels] = textsOf(final, "LABEL");
    expect(labels).toContain('com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true"');
    expect(labels).toContain('com.amazonaws.sagemaker.capabilities.multi-models="true"');
  });

  it("starts the server without a shell, which would keep signals from it", () => {
    const entry: string[] = JSON.parse(textsOf(final, "ENTRYPOINT")[0]);
    expect(entry).toEqual(["node", "cloud-backend/src/server.ts"]);
    expect(existsSync(path.join(ROOT, entry[1]))).toBe(true);
    expect(textsOf(final, "CMD")).toEqual([]);
  });

  it.each([
    [{}, ["cuda"]],
    [{ PROVIDERS: "cpu" }, ["cpu"]],
    [{ PROVIDERS: "tensorrt,cuda" }, ["tensorrt", "cuda"]],
  ])("sets the server up for what it was built with, %j", async (args, providers) => {
    const [variables] = textsOf(readStages(args)[1], "ENV");
    const environment = Object.fromEntries(variables.split(/ +/).map((pair) => pair.split("=", 2)));
    expect(environment).toMatchObject({ NODE_ENV: "production", ORT_DISABLE_TELEMETRY: "1" });
    expect(await readConfiguration(environment)).toMatchObject({
      ok: true,
      value: { host: "0.0.0.0", port: Number(textsOf(final, "EXPOSE")[0]), serving: { providers } },
    });
  });
});

describe("its context", () => {
  const outdir = outputFolder();
  synthesise({}, outdir);
  const asset = path.join(outdir, readdirSync(outdir).find((name) => name.startsWith("asset.")) as string);
  const files = readdirSync(asset, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(asset, path.join(entry.parentPath, entry.name)));

  it("has all that is copied", () => {
    const sources = contextCopies(app).flatMap((copy) => copy.sources);
    expect(sources).toContain("cloud-backend/src");
    for (const source of sources) expect(existsSync(path.join(asset, source)), source).toBe(true);
    expect(contextCopies(final)).toEqual([]);
    const { file } = JSON.parse(readFileSync(path.join(asset, "models/cifar100/manifest.json"), "utf8")).cloud.large;
    expect(files).toContain(`models/cifar100/${file}`);
  });

  it("has nothing else: no secrets, no packages of this machine, no other app", () => {
    const allowed =
      /^(package(-lock)?\.json|\.dockerignore|(shared|cloud-backend)\/(package\.json|src\/.*)|cloud-backend\/deploy\/Dockerfile|models\/cifar100\/[^/]+)$/;
    expect(files.filter((file) => !allowed.test(file) || file.includes("node_modules"))).toEqual([]);
    expect(files.filter((file) => /stage-\d|\.test\.ts$|\.dev\.vars/.test(file))).toEqual([]);
    const bytes = files.reduce((sum, file) => sum + statSync(path.join(asset, file)).size, 0);
    expect(bytes).toBeLessThan(64 * 1024 * 1024);
  });

  it("is built with what the options say", () => {
    const assets = readdirSync(outdir).find((name) => name.endsWith(".assets.json")) as string;
    const [{ source }] = Object.values<{ source: object }>(
      JSON.parse(readFileSync(path.join(outdir, assets), "utf8")).dockerImages,
    );
    expect(source).toMatchObject({
      dockerFile: "cloud-backend/deploy/Dockerfile",
      platform: "linux/amd64",
      dockerBuildArgs: { RUN_AS: "10001:10001" },
    });
  });
});

describe("its health check", () => {
  const [, command] = /CMD (\[.*\])$/.exec(textsOf(final, "HEALTHCHECK")[0]) as RegExpExecArray;
  const [program, ...args]: string[] = JSON.parse(command);

  async function check(environment: Record<string, string>): Promise<number | null> {
    const child = spawn(program === "node" ? process.execPath : program, args, { env: environment });
    const [code] = await once(child, "exit");
    return code;
  }

  it.each([
    [200, "PORT", 0],
    [200, "SAGEMAKER_BIND_TO_PORT", 0],
    [503, "PORT", 1],
  ])("asks /ping: %i at %s ends it with %i", async (status, variable, expected) => {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(request.url);
      response.writeHead(status).end();
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    try {
      expect(await check({ PORT: "9", [variable]: String(port) })).toBe(expected);
      expect(asked).toEqual(["/ping"]);
    } finally {
      server.close();
    }
  });

  it("fails where nobody listens, and where the answer does not come", { timeout: 20_000 }, async () => {
    expect(await check({ PORT: "9" })).toBe(1);
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    try {
      expect(await check({ PORT: String((silent.address() as AddressInfo).port) })).toBe(1);
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });
});
