// When images come: the time from each to the next, in seconds (the time unit of a simulation).
import type { Interval } from "@spillway/shared/policy/value-iteration";
import { readNumbers } from "../arrays/inputs.ts";
import { UsageError } from "../usage.ts";

export const ARRIVAL_FORMS = "periodic, geometric:P, modulated:I1,I2,LEAVE1,LEAVE2 or intervals:FILE.npy";
/** Images that come more rarely find any bucket full, and their law has too many intervals to be written down. */
const LEAST_GEOMETRIC = 1e-4;
/** The last intervals of a geometric law, so unlikely that they are left out. */
const NEGLIGIBLE = 1e-9;
const LONGEST_INTERVAL = 1_000_000;

export interface Arrival {
  /** Mean time between images, in seconds. */
  mean: number;
  /** How often each interval occurs, in whole seconds; one between two counts as either, so that the mean is kept. */
  law: Interval[];
  /** The intervals as they were recorded; null for a process that has a law and no history. */
  recorded: Float64Array | null;
  /** Fills `seconds` with the time from each image to the next; the process has run for long before the first. */
  draw(random: () => number, seconds: Float64Array): void;
}

/** @throws UsageError for anything but the forms above; Error for a file that holds no intervals */
export async function readArrival(text: string): Promise<Arrival> {
  const separator = text.indexOf(":");
  const [kind, rest] = separator < 0 ? [text, null] : [text.slice(0, separator), text.slice(separator + 1)];
  if (kind === "intervals" && rest !== null && rest !== "") return recordedArrival(rest, await readNumbers(rest));
  const numbers = rest?.split(",").map((part) => (part.trim() === "" ? Number.NaN : Number(part))) ?? [];
  if (kind === "periodic" && rest === null) return periodic();
  if (kind === "geometric" && numbers.length === 1 && isGeometric(numbers[0])) return geometric(numbers[0]);
  const [first, second, leaveFirst, leaveSecond] = numbers;
  const isModulated = kind === "modulated" && numbers.length === 4 && [first, second].every(isInterval);
  if (isModulated && isProbability(leaveFirst) && isProbability(leaveSecond)) {
    return modulated([first, second], [leaveFirst, leaveSecond]);
  }
  const limits = `I whole from 1 to ${LONGEST_INTERVAL}, P from ${LEAST_GEOMETRIC} to 1, LEAVE above 0 and at most 1`;
  throw new UsageError(`--arrival: expected ${ARRIVAL_FORMS}, ${limits}; got "${text}"`);
}

function periodic(): Arrival {
  return { mean: 1, law: [{ units: 1, share: 1 }], recorded: null, draw: (_random, seconds) => void seconds.fill(1) };
}

/** An image comes in any second with this probability. */
function geometric(probability: number): Arrival {
  const law: Interval[] = [];
  for (let units = 1, left = 1; left > NEGLIGIBLE; units++) {
    const share = left * probability;
    law.push({ units, share });
    left -= share;
  }
  return {
    mean: 1 / probability,
    law: normalised(law),
    recorded: null,
    draw(random, seconds) {
      const logMiss = Math.log1p(-probability);
      for (let frame = 0; frame < seconds.length; frame++) {
        // 1 - u is above 0, as u is below 1.
        seconds[frame] = probability === 1 ? 1 : 1 + Math.floor(Math.log(1 - random()) / logMiss);
      }
    },
  };
}

/**
 * EMSOFT'22's Markov-modulated arrivals: a chain of two states that moves on once a second. The image that comes in a
 * state is followed by the next one after that state's interval, whatever the chain does meanwhile.
 */
function modulated(intervals: [number, number], leavePerSecond: [number, number]): Arrival {
  const both = leavePerSecond[0] + leavePerSecond[1];
  // After k seconds the chain is in the other state with probability leave / both * (1 - (1 - both)^k).
  const leave = intervals.map((units, state) => (leavePerSecond[state] / both) * (1 - (1 - both) ** units));
  const changes = leave[0] + leave[1];
  const secondShare = changes > 0 ? leave[0] / changes : 0.5;
  const law = normalised([
    { units: intervals[0], share: 1 - secondShare },
    { units: intervals[1], share: secondShare },
  ]);
  return {
    mean: meanOf(law),
    law,
    recorded: null,
    draw(random, seconds) {
      let state = random() < secondShare ? 1 : 0;
      for (let frame = 0; frame < seconds.length; frame++) {
        seconds[frame] = intervals[state];
        if (random() < leave[state]) state = 1 - state;
      }
    },
  };
}

/** Drawn from any place of the recording on, round its end. */
function recordedArrival(file: string, recorded: Float64Array): Arrival {
  if (recorded.length === 0) throw new Error(`${file}: expected at least one interval, got none`);
  const wrong = recorded.findIndex((value) => !(value >= 0 && value <= LONGEST_INTERVAL));
  if (wrong >= 0) {
    throw new Error(`${file}: row ${wrong}: expected seconds from 0 to ${LONGEST_INTERVAL}, got ${recorded[wrong]}`);
  }
  const law = lawOf(recorded);
  const mean = recorded.reduce((sum, value) => sum + value, 0) / recorded.length;
  if (mean === 0) throw new Error(`${file}: expected an interval above 0, got only 0`);
  return {
    mean,
    law,
    recorded,
    draw(random, seconds) {
      const start = Math.floor(random() * recorded.length);
      for (let frame = 0; frame < seconds.length; frame++) seconds[frame] = recorded[(start + frame) % recorded.length];
    },
  };
}

function lawOf(recorded: Float64Array): Interval[] {
  const shares = new Map<number, number>();
  const add = (units: number, share: number) => shares.set(units, (shares.get(units) ?? 0) + share);
  for (const value of recorded) {
    const below = Math.floor(value);
    add(below, 1 - (value - below));
    if (value > below) add(below + 1, value - below);
  }
  return normalised(Array.from(shares, ([units, share]) => ({ units, share })).sort((a, b) => a.units - b.units));
}

function normalised(law: readonly Interval[]): Interval[] {
  const total = law.reduce((sum, { share }) => sum + share, 0);
  return law.map(({ units, share }) => ({ units, share: share / total }));
}

function meanOf(law: readonly Interval[]): number {
  return law.reduce((sum, { units, share }) => sum + units * share, 0);
}

function isProbability(value: number): boolean {
  return value > 0 && value <= 1;
}

function isGeometric(value: number): boolean {
  return isProbability(value) && value >= LEAST_GEOMETRIC;
}

function isInterval(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= LONGEST_INTERVAL;
}
