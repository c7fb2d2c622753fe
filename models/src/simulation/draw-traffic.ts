// Sequences of images as a simulation sees them: the same seed gives every policy the same ones.
import { mulberry32 } from "@spillway/shared/random/mulberry32";
import type { Arrival } from "./arrivals.ts";
import type { Images } from "./images.ts";
import type { Traffic } from "./play.ts";
import { drawPlaces, type Sequence } from "./sequences.ts";

export interface TrafficSource {
  images: Images;
  sequence: Sequence;
  arrival: Arrival;
}

export interface DrawOptions {
  sequences: number;
  frames: number;
  seed: number;
}

/**
 * A sequence is drawn when it is asked for: a thousand of them need not lie in memory.
 *
 * @param into a sequence of the same draw that is not needed any more: its arrays are filled again, which saves a
 * quarter of the time that a simple policy takes
 */
export type DrawnTraffic = (into?: Traffic) => Traffic;

/**
 * A recording is cut into whole sequences of so many frames, at most as many as wanted; one that is shorter is one
 * sequence. Recorded intervals go with the recorded images where there are as many of both.
 */
export function drawTraffic(source: TrafficSource, options: DrawOptions): DrawnTraffic[] {
  return source.sequence.kind === "recorded" ? cutRecording(source, options) : drawSequences(source, options);
}

function drawSequences({ images, sequence, arrival }: TrafficSource, options: DrawOptions): DrawnTraffic[] {
  if (sequence.kind === "recorded") return [];
  const seeds = mulberry32(options.seed);
  const places = new Uint32Array(options.frames);
  return Array.from({ length: options.sequences }, () => {
    const [seedOfImages, seedOfArrivals] = [seeds() * 2 ** 32, seeds() * 2 ** 32];
    return (into = emptyTraffic(options.frames)) => {
      drawPlaces(sequence, images.metrics.length, mulberry32(seedOfImages), places);
      arrival.draw(mulberry32(seedOfArrivals), into.seconds);
      return showImages(images, places, into);
    };
  });
}

function cutRecording({ images, arrival }: TrafficSource, { sequences, frames, seed }: DrawOptions): DrawnTraffic[] {
  const total = images.placeOfArrival.length;
  const length = Math.min(frames, total);
  const seconds = secondsOfRecording(arrival, total, seed);
  return Array.from({ length: Math.min(sequences, Math.floor(total / length)) }, (_, piece) => {
    const [from, to] = [piece * length, (piece + 1) * length];
    return (into = emptyTraffic(length)) => {
      into.seconds.set(seconds.subarray(from, to));
      return showImages(images, images.placeOfArrival.subarray(from, to), into);
    };
  });
}

/**
 * Seconds from each image to the next, [images]: as recorded with them, or else drawn.
 *
 * @throws Error for recorded intervals that are not one for each image, or for each but the last
 */
export function secondsOfRecording(arrival: Arrival, images: number, seed: number): Float64Array {
  const seconds = new Float64Array(images);
  const { recorded } = arrival;
  if (recorded !== null) {
    if (recorded.length !== images && recorded.length !== images - 1) {
      const expected = `${images - 1} intervals, one from each of ${images} recorded images to the next`;
      throw new Error(`--arrival: expected ${expected}, got ${recorded.length}`);
    }
    seconds.set(recorded);
    return seconds;
  }
  arrival.draw(mulberry32(seed), seconds);
  return seconds;
}

function emptyTraffic(frames: number): Traffic {
  return {
    metrics: new Float64Array(frames),
    rewards: new Float64Array(frames),
    seconds: new Float64Array(frames),
  };
}

/** A plain loop: a typed array's `from` takes longer than all decisions on its elements. */
function showImages({ metrics, rewards }: Images, places: Uint32Array, into: Traffic): Traffic {
  for (let frame = 0; frame < places.length; frame++) {
    into.metrics[frame] = metrics[places[frame]];
    into.rewards[frame] = rewards[places[frame]];
  }
  return into;
}
