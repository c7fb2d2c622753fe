// One run of a camera through a running stack: what became of each frame, and when.
import type { FrameAnswer } from "@spillway/shared/schema/stream";
import { frameClock } from "../../../models/src/commands/stream.ts";
import { drainAnswers, playFrames } from "../../../models/src/stream/play-frames.ts";
import { StreamClient } from "../../../models/src/stream/stream-client.ts";
import type { ShapedStack } from "../../e2e/shaped-stack.ts";

export interface CameraFrames {
  pictures: readonly Uint8Array<ArrayBuffer>[];
  labels: readonly number[];
  framesPerSecond: number;
  frames: number;
  /** null: any time will do. */
  deadlineMs: number | null;
}

export interface ToldFrame {
  /** Its number, from 0. */
  frame: number;
  answer: FrameAnswer;
  /** From sending to the answer, at the client. */
  latencyMs: number;
}

export interface CameraRun {
  told: ToldFrame[];
  skipped: number;
  /** Bytes that the link was given, headers included. */
  bytesUp: number;
}

/** The link is to follow its trace before. */
export async function runCamera({ edgeUrl, link }: ShapedStack, camera: CameraFrames): Promise<CameraRun> {
  const { pictures, framesPerSecond, frames, deadlineMs } = camera;
  const url = new URL(`${edgeUrl}/v1/stream?top=1`);
  if (deadlineMs !== null) url.searchParams.set("deadline_ms", String(deadlineMs));
  const told: ToldFrame[] = [];
  const client = new StreamClient({
    url,
    openSocket: (address) => new WebSocket(address),
    onAnswer: (answer, latencyMs) => void told.push({ frame: Number(answer.frame), answer, latencyMs }),
    now: frameClock.now,
    random: Math.random,
  });
  const picture = async (index: number) => pictures[index % pictures.length];
  const played = { taken: 0, sent: 0, skipped: 0 };
  const never = new AbortController().signal;
  try {
    await playFrames({ framesPerSecond, frames, picture }, client, frameClock, never, played);
    await drainAnswers(client, AbortSignal.timeout(30_000));
  } finally {
    client.end();
  }
  return { told, skipped: played.skipped, bytesUp: link.bytesUp };
}

/** The decision about a frame; null where it was dropped or a problem. */
export function decisionOf({ answer }: ToldFrame) {
  return answer.type === "answer" ? answer.result.decision : null;
}

/** Shares of the frames that were told of. */
export function scoreCamera(
  { told, skipped }: CameraRun,
  { labels, deadlineMs }: Pick<CameraFrames, "labels" | "deadlineMs">,
) {
  const share = (holds: (one: ToldFrame) => boolean) => told.filter(holds).length / told.length;
  return {
    frames: told.length,
    skipped,
    /** Asked the cloud, and its answer did not reach the client in time; or dropped. */
    missRate: share((one) => {
      const decision = decisionOf(one);
      if (decision === null) return true;
      return decision.route !== null && (decision.tier === "edge" || one.latencyMs > (deadlineMs ?? Infinity));
    }),
    dropped: share(({ answer }) => answer.type === "dropped"),
    cloud: share((one) => decisionOf(one)?.tier === "cloud"),
    accuracy: share(({ frame, answer }) => {
      return answer.type === "answer" && answer.result.index === labels[frame % labels.length];
    }),
    bytesAFrame: told.reduce((sum, one) => sum + (decisionOf(one)?.bytesSent ?? 0), 0) / told.length,
  };
}
