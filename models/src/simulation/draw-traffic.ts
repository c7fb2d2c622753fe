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

/** A sequence is drawn when it is asked for: a thousand of them need not lie in memory. */
export type DrawnTraffic = () => Traffic;

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
  return Array.from({ length: options.sequences }, () => {
    const [seedOfImages, seedOfArrivals] = [seeds() * 2 ** 32, seeds() * 2 ** 32];
    return () => {
      const places = new Uint32Array(options.frames);
      drawPlaces(sequence, images.metrics.length, mulberry32(seedOfImages), places);
      const seconds = new Float64Array(options.frames);
      arrival.draw(mulberry32(seedOfArrivals), seconds);
      return trafficOf(images, places, seconds);
    };
  });
}

function cutRecording({ images, arrival }: TrafficSource, { sequences, frames, seed }: DrawOptions): DrawnTraffic[] {
  const total = images.placeOfArrival.length;
  const length = Math.min(frames, total);
  const seconds = secondsOfRecording(arrival, total, seed);
  return Array.from({ length: Math.min(sequences, Math.floor(total / length)) }, (_, piece) => {
    const [from, to] = [piece * length, (piece + 1) * length];
    return () => trafficOf(images, images.placeOfArrival.slice(from, to), seconds.slice(from, to));
  });
}

/** The recorded intervals where there is one for each image, or each but the last, else drawn ones, [images]. */
export function secondsOfRecording(arrival: Arrival, images: number, seed: number): Float64Array {
  const seconds = new Float64Array(images);
  const { recorded } = arrival;
  if (recorded !== null && (recorded.length === images || recorded.length === images - 1)) {
    seconds.set(recorded);
    return seconds;
  }
  arrival.draw(mulberry32(seed), seconds);
  return seconds;
}

/** Plain loops: a typed array's `from` takes longer than all decisions on its elements. */
function trafficOf({ metrics, rewards }: Images, places: Uint32Array, seconds: Float64Array): Traffic {
  const traffic = {
    metrics: new Float64Array(places.length),
    rewards: new Float64Array(places.length),
    seconds,
  };
  for (let frame = 0; frame < places.length; frame++) {
    traffic.metrics[frame] = metrics[places[frame]];
    traffic.rewards[frame] = rewards[places[frame]];
  }
  return traffic;
}
