// `GET /v1/stream` in workerd: a real socket, the real Durable Object, the real network.
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { frameAnswerSchema } from "@spillway/shared/schema/stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_KEPT_STREAMS, MAX_OPEN_STREAMS, WINDOW } from "../../../edge-worker/src/stream/limits.ts";
import { env, reset, startApp, storeConfig } from "../setup/app.ts";
import { noisePng } from "../setup/png.ts";
import { closeCameras, connect as connectAs, type Message } from "./camera.ts";

const app = startApp();
let clientNumber = 0;
/** Of each test its own, and with it the Durable Object. */
let clientKey = "";

beforeEach(async () => {
  await reset();
  clientKey = `client ${++clientNumber}`;
  await storeConfig((config) => {
    config.offload.enabled = false;
  });
});

afterEach(closeCameras);

const connect = (query = "", key = clientKey) => connectAs(app, key, query);
const object = () => env.CLIENT_STREAMS.get(env.CLIENT_STREAMS.idFromName(clientKey));
const tables = ({ sql }: DurableObjectStorage) =>
  sql
    .exec<{ name: string }>("SELECT name FROM sqlite_master")
    .toArray()
    .map(({ name }) => name)
    .filter((name) => !name.startsWith("_cf_"));
const savedStreams = () =>
  runInDurableObject(object(), (_instance, { storage }) => {
    if (!tables(storage).includes("stream")) return [];
    const rows = storage.sql.exec<{ id: string }>("SELECT id FROM stream ORDER BY until_ms");
    return rows.toArray().map(({ id }) => id);
  });

/** Waits for the row of a stream that was just left. */
const untilSaved = (id: string) => vi.waitUntil(async () => (await savedStreams()).includes(id));

describe("GET /v1/stream", () => {
  test("answers each frame as POST /v1/classify does, in order, by its name", async () => {
    const camera = await connect("?top=2");
    expect(await camera.hello).toMatchObject({ resumed: false, frames: 0, lastFrame: null, configVersion: "test" });
    const images = await Promise.all(Array.from({ length: WINDOW }, (_, seed) => noisePng(seed)));
    for (const [index, image] of images.entries()) camera.send(JSON.stringify({ frame: `f${index}` }), image);
    const answers = (await camera.take(WINDOW)).map((answer) => frameAnswerSchema.parse(answer));
    expect(answers.map((answer) => answer.frame)).toEqual(images.map((_, index) => `f${index}`));
    for (const [index, answer] of answers.entries()) {
      if (answer.type !== "answer") throw new Error(JSON.stringify(answer));
      const { label, confidence, top, decision } = await app.classify(images[index], "?top=2");
      expect(answer.result).toMatchObject({ label, confidence, top, decision });
    }
  });

  test("a broken image is a problem of its frame, and the stream goes on", async () => {
    const camera = await connect();
    const png = await noisePng(1);
    camera.send(new Uint8Array([7]), new Uint8Array(), png.slice(0, 60), png);
    await camera.hello;
    const [one, none, cut, whole] = await camera.take(4);
    expect(one).toMatchObject({ type: "problem", frame: "1", problem: { status: 400, reason: "not-an-image" } });
    expect(none).toMatchObject({ type: "problem", frame: "2", problem: { status: 400, reason: "not-an-image" } });
    expect(cut).toMatchObject({ type: "problem", frame: "3", problem: { type: "about:blank", status: 400 } });
    expect(whole).toMatchObject({ type: "answer", frame: "4" });
  });

  test.each([
    ["no upgrade", "", {}, 426, "upgrade-required"],
    ["a bad deadline", "?deadline_ms=0", { upgrade: "websocket" }, 400, "bad-request"],
    ["an id that is none", "?stream=mine", { upgrade: "websocket" }, 400, "bad-request"],
    ["a frame's name that is too long", `?after=${"x".repeat(65)}`, { upgrade: "websocket" }, 400, "bad-request"],
  ])("refuses %s before there is a socket", async (_, query, headers, status, reason) => {
    const response = await app.fetch(`/v1/stream${query}`, { headers: { ...headers, "cf-connecting-ip": clientKey } });
    expect(response.status).toBe(status);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    expect(await response.json()).toMatchObject({ status, reason });
  });

  test("takes nothing but GET", async () => {
    const response = await app.fetch("/v1/stream", { method: "POST", body: "x" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET"]);
  });

  test("ends a client that talks nonsense", async () => {
    const camera = await connect();
    camera.send("<html>");
    expect(await camera.closed).toEqual({ code: 1008, reason: "text: expected JSON" });
  });

  test("has so many streams of one client open, and other clients theirs", async () => {
    const cameras = await Promise.all(Array.from({ length: MAX_OPEN_STREAMS }, () => connect()));
    await Promise.all(cameras.map((camera) => camera.hello));
    const reason = `a client may have ${MAX_OPEN_STREAMS} streams open`;
    expect(await (await connect()).closed).toEqual({ code: 1013, reason });
    expect(await (await connect("", "somebody else")).hello).toMatchObject({ resumed: false });
    // One that is there may go on, and a place that is free is free.
    const { stream } = await cameras[1].hello;
    expect(await (await connect(`?stream=${stream}`)).hello).toMatchObject({ stream, resumed: true });
    await cameras[0].close();
    expect(await (await connect()).hello).toMatchObject({ resumed: false });
  });
});

describe("resumption", () => {
  async function leave(): Promise<{ id: string; answers: Message[] }> {
    const camera = await connect();
    const { stream: id } = await camera.hello;
    const png = await noisePng(3);
    camera.send(JSON.stringify({ frame: "a" }), png, JSON.stringify({ frame: "b" }), png);
    const answers = await camera.take(2);
    camera.send(JSON.stringify({ frame: "c" }), png);
    await camera.close();
    await untilSaved(id);
    return { id, answers };
  }

  test("gives what the client has missed, also after the object was evicted", async () => {
    const { id, answers } = await leave();
    await evictDurableObject(object());
    const camera = await connect(`?stream=${id}&after=a`);
    expect(await camera.hello).toMatchObject({ stream: id, resumed: true, frames: 3, lastFrame: "c" });
    const [b, c] = await camera.take(2);
    expect(b).toEqual(answers[1]);
    expect(c).toMatchObject({ type: "answer", frame: "c" });
    camera.send(await noisePng(4));
    expect(await camera.next()).toMatchObject({ type: "answer", frame: "4" });
  });

  test("takes the stream from a connection that only seems to be open", async () => {
    const camera = await connect();
    const { stream: id } = await camera.hello;
    camera.send(await noisePng(1));
    await camera.next();
    const again = await connect(`?stream=${id}&after=1`);
    expect(await again.hello).toMatchObject({ resumed: true, frames: 1 });
    expect((await camera.closed).code).toBe(1001);
    again.send(await noisePng(1));
    expect(await again.next()).toMatchObject({ frame: "2" });
  });

  test("begins anew for an id that nobody knows, or that is another client's", async () => {
    const { id } = await leave();
    const other = await connect(`?stream=${id}&after=a`, "somebody else");
    expect(await other.hello).toMatchObject({ resumed: false, frames: 0 });
    const lost = await connect(`?stream=${id}&after=never-sent`);
    expect(await lost.hello).toMatchObject({ resumed: false, frames: 0, lastFrame: null });
    expect((await lost.hello).stream).not.toBe(id);
    lost.send(await noisePng(1));
    expect(await lost.next()).toMatchObject({ frame: "1" });
  });

  test("is over when its time is", async () => {
    const { id } = await leave();
    await runInDurableObject(object(), (_instance, { storage }) => {
      storage.sql.exec("UPDATE stream SET until_ms = ?", Date.now());
    });
    expect(await runDurableObjectAlarm(object())).toBe(true);
    // Not even an empty table, which would be stored for ever.
    expect(await runInDurableObject(object(), (_instance, { storage }) => tables(storage))).toEqual([]);
    expect(await (await connect(`?stream=${id}&after=a`)).hello).toMatchObject({ resumed: false });
    const again = await leave();
    expect(await savedStreams()).toEqual([again.id]);
  });

  test("is kept for so many streams of a client, the latest", async () => {
    const ids: string[] = [];
    for (let count = 0; count <= MAX_KEPT_STREAMS; count++) ids.push((await leave()).id);
    expect((await savedStreams()).toSorted()).toEqual(ids.slice(1).toSorted());
  });

  test("costs nothing for a stream that had no frame", async () => {
    const camera = await connect();
    await camera.hello;
    expect(await runInDurableObject(object(), (_instance, { storage }) => tables(storage))).toEqual([]);
    await camera.close();
    const marker = (await leave()).id;
    expect(await savedStreams()).toEqual([marker]);
  });
});
