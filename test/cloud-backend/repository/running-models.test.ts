// The start and the end of models, with real threads.
import { describe, expect, it } from "vitest";
import type { GraphDescription } from "../../../cloud-backend/src/inference/graph-description.ts";
import { RunningModels } from "../../../cloud-backend/src/repository/running-models.ts";
import { readVersionFolder } from "../../../cloud-backend/src/repository/version-folder.ts";
import { answerToWhite, eventLog, startSmallModel, temporaryFolder, writeModel } from "../setup/model-folders.ts";
import { placeIn } from "../setup/place.ts";

describe("RunningModels", () => {
  it("ends a model once it has answered what it accepted", async () => {
    const log = eventLog();
    const running = new RunningModels({ startModel: startSmallModel(), onEvent: log.onEvent, drainMs: 60_000 });
    const model = await started(running);
    const ticket = placeIn(model);
    const ended = running.end(model);
    expect(await answerToWhite(model)).toBe(255);
    expect(log.names()).toEqual(["model-loaded 1"]);
    ticket.leave();
    await ended;
    expect(model.isReady()).toBe(false);
    expect(log.events.at(-1)).toEqual({ event: "model-unloaded", name: "large", version: "1", isComplete: true });
  });

  it("waits for what it accepted no longer than allowed", async () => {
    const log = eventLog();
    const running = new RunningModels({ startModel: startSmallModel(), onEvent: log.onEvent, drainMs: 1 });
    const model = await started(running);
    placeIn(model);
    await running.end(model);
    expect(model.isReady()).toBe(false);
    expect(log.events.at(-1)).toMatchObject({ event: "model-unloaded", isComplete: false });
  });

  it("waits a moment for those on their way: whoever is here by then is answered", async () => {
    const log = eventLog();
    const { onEvent } = log;
    const options = { startModel: startSmallModel(), onEvent, drainMs: 60_000, arrivalGraceMs: 60_000 };
    const running = new RunningModels(options);
    const model = await started(running);
    const entrance = model.admission.enter(0);
    if (!entrance.ok) throw new Error(entrance.message);
    const ended = running.end(model);
    expect(await answerToWhite(model)).toBe(255);
    expect(entrance.value.takePlace()).toBeNull();
    expect(await answerToWhite(model)).toBe(255);
    expect(log.names()).toEqual(["model-loaded 1"]);
    entrance.value.leave();
    await ended;
    expect(log.events.at(-1)).toMatchObject({ event: "model-unloaded", isComplete: true });
  });

  it("an upload that never ends does not hold it back for longer; it is told so if it ends after all", async () => {
    const log = eventLog();
    const { onEvent } = log;
    const running = new RunningModels({ startModel: startSmallModel(), onEvent, drainMs: 2 ** 30, arrivalGraceMs: 1 });
    const model = await started(running);
    const entrance = model.admission.enter(0);
    if (!entrance.ok) throw new Error(entrance.message);
    await running.end(model);
    expect(model.isReady()).toBe(false);
    expect(log.events.at(-1)).toMatchObject({ event: "model-unloaded", isComplete: true });
    expect(entrance.value.takePlace()).toBeNull();
    const image = { name: "image", datatype: "UINT8" as const, shape: [1, 4, 4, 3], bytes: new Uint8Array(48) };
    const outcome = await model.infer({ inputs: [image] }, { client: new AbortController().signal, timeoutMs: null });
    expect(outcome).toMatchObject({ ok: false, reason: "not-ready" });
  });

  it("is done with all models when it is closed: those that run, that end and that start", async () => {
    const running = new RunningModels({
      startModel: startSmallModel(),
      onEvent: eventLog().onEvent,
      drainMs: 2 ** 30,
    });
    const [serving, ending] = [await started(running), await started(running)];
    const ticket = placeIn(ending);
    const ended = running.end(ending);
    const starting = running.start(await smallGraph());
    await running.close();
    expect([serving.isReady(), ending.isReady()]).toEqual([false, false]);
    expect(await starting).toEqual({ ok: false, error: "the repository is closed" });
    expect(await running.start(await smallGraph())).toEqual({ ok: false, error: "the repository is closed" });
    // Whoever waited has got a failure and leaves.
    ticket.leave();
    await ended;
  });
});

async function started(running: RunningModels) {
  const model = await running.start(await smallGraph());
  if (!model.ok) throw new Error(model.error);
  return model.value;
}

async function smallGraph(): Promise<GraphDescription> {
  const { graphs } = await readVersionFolder(await writeModel(await temporaryFolder()), "1");
  if (!graphs.ok) throw new Error(graphs.error);
  return graphs.value[0];
}
