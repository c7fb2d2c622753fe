// A camera that takes pictures by the clock, whatever becomes of them: frame k is taken k/fps seconds after the first.
// The newest goes out as soon as there is room; one for which there was none until the next came is skipped.
import type { StreamClient } from "./stream-client.ts";

export interface Camera {
  framesPerSecond: number;
  /** May be infinite. */
  frames: number;
  /** The picture of frame `index`, counted from 0. */
  picture(index: number): Promise<Uint8Array<ArrayBuffer>>;
}

export interface FrameClock {
  now(): number;
  startTimer(ms: number): { elapsed: Promise<void>; cancel(): void };
}

export interface PlayedFrames {
  /** That the camera took. */
  taken: number;
  sent: number;
  skipped: number;
}

/**
 * Sends frames until there are no more, or the signal aborts. A frame's name is its number, counted from 0.
 *
 * @param played counts, kept up to date
 * @throws Error when the stream cannot go on
 */
export async function playFrames(
  camera: Camera,
  client: StreamClient,
  clock: FrameClock,
  signal: AbortSignal,
  played: PlayedFrames,
): Promise<void> {
  while (client.hello === null && !signal.aborted) await first([client.change()], signal);
  const shutter = openShutter(camera, clock.now(), played);
  while (!signal.aborted) {
    const newest = shutter.takeDue(clock.now());
    if (newest !== null && (await sendIfRoom(newest, camera, client))) shutter.sent();
    if (shutter.isDone) return;
    const timer = clock.startTimer(shutter.untilNextMs(clock.now()));
    await first([client.change(), timer.elapsed], signal).finally(timer.cancel);
  }
}

/** Waits for the answers that are due, until the signal aborts. */
export async function drainAnswers(client: StreamClient, signal: AbortSignal): Promise<void> {
  while (client.unanswered > 0 && !signal.aborted) await first([client.change()], signal);
}

/** Takes frames by the clock and keeps the newest until it is sent. */
function openShutter({ frames, framesPerSecond }: Camera, startMs: number, played: PlayedFrames) {
  const intervalMs = 1000 / framesPerSecond;
  let newest: number | null = null;
  return {
    get isDone() {
      return newest === null && played.taken === frames;
    },
    /** The number of the newest frame that is not sent; null when it is. */
    takeDue(nowMs: number): number | null {
      const taken = Math.min(frames, Math.floor((nowMs - startMs) / intervalMs) + 1);
      if (taken <= played.taken) return newest;
      played.skipped += taken - played.taken - (newest === null ? 1 : 0);
      played.taken = taken;
      newest = taken - 1;
      return newest;
    },
    sent(): void {
      played.sent++;
      newest = null;
    },
    untilNextMs(nowMs: number): number {
      return played.taken === frames ? Infinity : Math.max(0, Math.ceil(startMs + played.taken * intervalMs - nowMs));
    },
  };
}

async function sendIfRoom(frame: number, camera: Camera, client: StreamClient): Promise<boolean> {
  if (!client.hasRoom) return false;
  const picture = await camera.picture(frame);
  // It may have gone with the connection while the picture was read.
  if (!client.hasRoom) return false;
  client.send(String(frame), picture);
  return true;
}

/**
 * Settles as the first of these does, or when the signal aborts. Each call listens anew: a promise of the abort that
 * all of them wait for would remember every one for as long as a camera runs.
 */
async function first(changes: readonly Promise<void>[], signal: AbortSignal): Promise<void> {
  const { promise: aborted, resolve } = Promise.withResolvers<void>();
  const onAbort = () => resolve();
  if (signal.aborted) onAbort();
  signal.addEventListener("abort", onAbort);
  try {
    await Promise.race([...changes, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
