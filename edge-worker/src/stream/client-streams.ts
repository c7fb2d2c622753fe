// All streams of one client, in one Durable Object.
//
// Not in the Worker: a socket there is one request, for which the platform grants as much CPU and as many calls as for
// a single image, while an object gets them anew with every message; and a client that comes back finds the frames in
// work, not only what was written down. One object for all its streams, since they are counted, share the memory and
// take turns in the edge network. Their budget of offloads is the client's, however many they are.
//
// What survives: a broken connection, all. Between two connections a stream is one row, so that an object which is
// evicted then loses nothing. An object that ends while its client is connected (a deployment, a crash) takes the
// unread answers with it: the client hears `resumed: false`, and sends again what has none. To write them down as
// they come would cost 30 rows a second, and a camera has newer frames by then.
import { DurableObject } from "cloudflare:workers";
import { sharedIsolate } from "../shared-isolate.ts";
import { classifyFrame } from "./classify-frame.ts";
import { createEdgeTurn } from "./edge-turn.ts";
import type { Frame, HeldBytes } from "./frame-queue.ts";
import { MAX_OPEN_STREAMS } from "./limits.ts";
import { createSavedStreams } from "./saved-streams.ts";
import { CLOSE, type Connection, type SavedStream, Stream } from "./stream.ts";
import { listen, openSocket, streamSocket } from "./stream-socket.ts";

/** What the Worker has checked before it asks for a socket. */
export interface StreamRequest {
  clientKey: string;
  /** null: a new one. */
  stream: string | null;
  after: string | null;
  top: number;
  deadlineMs: number | null;
}

/** Carries a {@link StreamRequest} as JSON in ASCII: a socket cannot come out of a call. */
export const STREAM_REQUEST_HEADER = "x-spillway-stream";

export class ClientStreams extends DurableObject<Env> {
  readonly #streams = new Map<string, Stream>();
  readonly #saved = createSavedStreams(this.ctx.storage);
  readonly #held: HeldBytes = { count: 0 };
  readonly #edgeTurn = createEdgeTurn(() => performance.now());

  override async fetch(request: Request): Promise<Response> {
    const asked: StreamRequest = JSON.parse(decodeURIComponent(request.headers.get(STREAM_REQUEST_HEADER) ?? ""));
    const isolate = sharedIsolate(this.env);
    const { config } = await isolate.configs.current((work) => this.ctx.waitUntil(work));
    const { client, server } = openSocket();
    const socket = streamSocket(server);
    const about = { maxBytes: config.limits.maxBytes, model: isolate.bundle.hash, configVersion: config.version };
    const stream = this.#enter(asked, { socket, top: asked.top, deadlineMs: asked.deadlineMs, about });
    if (stream !== null) {
      listen(server, {
        onMessage: (message) => stream.receive(socket, message),
        onEnd: () => stream.disconnect(socket),
      });
    }
    return new Response(null, { status: 101, webSocket: client });
  }

  /** Forgets streams that nobody came back to. */
  override async alarm(): Promise<void> {
    this.#wakeAt(await this.#saved.forgetOld(Date.now()));
  }

  /** The stream of a connection; null when there may be no other, and the connection has been closed. */
  #enter({ clientKey, stream: id, after }: StreamRequest, connection: Connection): Stream | null {
    const open = id === null ? undefined : this.#streams.get(id);
    if (open?.resume(connection, after)) return open;
    if (this.#streams.size >= MAX_OPEN_STREAMS) {
      connection.socket.close(CLOSE.tryLater, `a client may have ${MAX_OPEN_STREAMS} streams open`);
      return null;
    }
    const saved = id === null ? null : this.#saved.take(id, Date.now());
    if (id !== null && saved !== null) {
      const restored = this.#create(id, clientKey, saved);
      if (restored.resume(connection, after)) return restored;
      this.#streams.delete(id);
    }
    const fresh = this.#create(crypto.randomUUID(), clientKey, null);
    fresh.begin(connection);
    return fresh;
  }

  #create(id: string, clientKey: string, saved: SavedStream | null): Stream {
    const isolate = sharedIsolate(this.env);
    const background = (work: Promise<unknown>) => this.ctx.waitUntil(work);
    const classifier = { isolate, gates: this.env.OFFLOAD_GATE, clientKey, link: `stream ${id}`, background };
    const services = {
      classify: (frame: Frame, endTurn: () => void) => classifyFrame(frame, endTurn, classifier),
      edgeTurn: this.#edgeTurn,
      held: this.#held,
      onRest: () => this.#putAway(id, stream),
      now: isolate.now,
      date: () => Date.now(),
    };
    const stream = new Stream(id, services, saved);
    this.#streams.set(id, stream);
    return stream;
  }

  /** From here on the stream is a row, until its client comes back. One that never had a frame is nothing. */
  #putAway(id: string, stream: Stream): void {
    this.#streams.delete(id);
    const saved = stream.save();
    if (saved.frames > 0) this.#wakeAt(this.#saved.put(id, saved, Date.now()));
  }

  #wakeAt(atMs: number | null): void {
    if (atMs !== null) void this.ctx.storage.setAlarm(atMs);
  }
}
