import type { SendQuestion } from "@spillway/shared/split/client-link";
import type { SendOption } from "@spillway/shared/split/controller";
import { IDLE_LINK, viewLink } from "@spillway/shared/split/link";
import {
  type ClientLinks,
  forgetOnLink,
  imageOnLink,
  keptLinks,
  linksFromKept,
  MAX_KEPT_LINKS,
  MAX_LINKS,
  PACE_KEPT_MS,
  REPORT_LATE_MS,
  reportOnLink,
  type SendReport,
  sendOnLink,
} from "@spillway/shared/split/links";
import { PROBE_AFTER_MS, PROBE_SHARE } from "@spillway/shared/split/send-choice";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MAX_OPEN_STREAMS } from "../../../edge-worker/src/stream/limits.ts";

const START_MS = 1_800_000_000_000;
const LEAN: SendOption = { route: "tail", setting: "2x1", bytes: 60, gainShare: 0.3 };
const RICH: SendOption = { route: "tail", setting: "16x4", bytes: 900, gainShare: 0.8 };
const LARGE: SendOption = { route: "large", setting: null, bytes: 3_400, gainShare: 1 };
const OPTIONS = [LEAN, RICH, LARGE];
const SPENDING = { metric: 0.5, tokenPrice: 0.05, rate: 5 };

const question = (id: string, deadlineLeftMs: number | null = null, link = "AMS"): SendQuestion => {
  return { link, id, options: OPTIONS, deadlineLeftMs, timeoutMs: 800 };
};
const answered = (id: string, durationMs: number, bytes = LARGE.bytes): SendReport => {
  return { link: "AMS", id, outcome: "answered", bytes, startDelayMs: 4, durationMs };
};

/** A client on a clock of its own, whose cloud takes so long for an answer. */
function clientOf(answerMs: (option: SendOption) => number) {
  let links: ClientLinks = [];
  let nowMs = START_MS;
  let asked = 0;
  return {
    links: () => links,
    wait(ms: number) {
      nowMs += ms;
    },
    /** What an image would be told. */
    choose: (deadlineMs: number | null = null) => sendOnLink(links, question("", deadlineMs), SPENDING, nowMs).decision,
    /** One image, up to its answer or its deadline. */
    ask(deadlineMs: number | null = null, spending = SPENDING) {
      const send = question(`send ${asked++}`, deadlineMs);
      links = imageOnLink(links, send, spending.metric, nowMs);
      const planned = sendOnLink(links, send, spending, nowMs);
      links = planned.links;
      const { option } = planned.decision;
      if (option === null) return planned.decision;
      const waitedMs = Math.min(answerMs(option), (deadlineMs ?? Infinity) - 4, 800);
      nowMs += 4 + waitedMs;
      const outcome = waitedMs < answerMs(option) ? "given-up" : "answered";
      links = reportOnLink(links, { ...answered(send.id, waitedMs, option.bytes), outcome }, nowMs);
      return planned.decision;
    },
  };
}

/** What 1,000 images with this deadline cost, one every 100 ms: how many were sent in vain. */
function missesOf(client: ReturnType<typeof clientOf>, deadlineMs: number, spending = SPENDING): number {
  let misses = 0;
  for (let k = 0; k < 1_000; k++) {
    if (client.ask(deadlineMs, spending).option !== null) misses++;
    client.wait(100);
  }
  return misses;
}

describe("a link of which nothing is known", () => {
  test.each([null, 900])(
    "is taken to be usable: who has time sends the whole image, however many do at once (%s)",
    (deadlineMs) => {
      let links: ClientLinks = [];
      const routes = Array.from({ length: 100 }, (_, k) => {
        const send = question(`${k}`, deadlineMs);
        links = imageOnLink(links, send, 0.5, START_MS);
        const planned = sendOnLink(links, send, SPENDING, START_MS);
        links = planned.links;
        return planned.decision.option?.route;
      });
      expect(new Set(routes)).toEqual(new Set(["large"]));
    },
  );

  test("is tried in the leanest way by who has less time than links mostly need, and not where no link would do", () => {
    const client = clientOf(() => 1);
    expect(client.choose(22).option).toEqual(LEAN);
    expect(client.choose(9)).toMatchObject({ option: null, reason: "no-time" });
  });
});

describe("a link that is known", () => {
  test("gets what it can carry in time", () => {
    // A second for 20 kB, and 20 ms for nothing.
    const client = clientOf(({ bytes }) => 20 + bytes / 20);
    for (let k = 0; k < 20; k++) {
      client.ask();
      client.ask(150);
      client.ask(60);
      client.wait(500);
    }
    expect(client.choose(400).option).toEqual(LARGE);
    expect(client.choose(150).option).toEqual(RICH);
    expect(client.choose(50).option).toEqual(LEAN);
    // It is tried once, and is found to take its 20 ms.
    expect(client.ask(15).option).toEqual(LEAN);
    expect(client.choose(15)).toMatchObject({ option: null, reason: "no-time" });
  });

  test("shows what lean sends are worth on it, even where only large ones were made before", () => {
    const client = clientOf(({ bytes }) => 20 + bytes / 20);
    for (let k = 0; k < 50; k++) client.ask();
    const sent = Array.from({ length: 50 }, () => client.ask(100).option);
    expect(sent.filter((option) => option === null).length).toBeLessThan(5);
  });

  test("is not given up for one answer that never came", () => {
    let isBroken = false;
    const client = clientOf(() => (isBroken ? Infinity : 20));
    for (let k = 0; k < 20; k++) client.ask(200);
    isBroken = true;
    client.ask(200);
    isBroken = false;
    client.wait(50);
    expect(client.ask(200).option).not.toBeNull();
  });

  test("lures few images into a deadline that it cannot keep, and none of a client that cannot afford it", () => {
    const most = 5 + 100_000 / PROBE_AFTER_MS;
    expect(
      missesOf(
        clientOf(() => 300),
        100,
      ),
    ).toBeLessThanOrEqual(most);
    const missesAt = (rate: number) =>
      missesOf(
        clientOf(() => 300),
        100,
        { ...SPENDING, rate },
      );
    expect(missesAt(0.1)).toBeLessThanOrEqual(5 + 100 * 0.1 * PROBE_SHARE);
    expect(missesAt(0)).toBeLessThanOrEqual(5);
  });

  test("that looked hopeless is found to be well again", () => {
    let durationMs = 300;
    const client = clientOf(() => durationMs);
    missesOf(client, 100);
    durationMs = 20;
    client.wait(PROBE_AFTER_MS);
    expect(client.ask(100).option).toEqual(LEAN);
    const sent = missesOf(client, 100);
    expect(sent).toBeGreaterThan(900);
  });

  test("is tried by one image at a time, at most every so often", () => {
    const client = clientOf(() => 300);
    missesOf(client, 100);
    const nowMs = START_MS + 3_600_000;
    const ask = (links: ClientLinks, id: string, atMs: number) => sendOnLink(links, question(id, 100), SPENDING, atMs);
    const first = ask(client.links(), "first", nowMs);
    expect(first.decision.option).toEqual(LEAN);
    expect(ask(first.links, "second", nowMs + PROBE_AFTER_MS - 1).decision).toMatchObject({ reason: "no-time" });
    expect(ask(first.links, "third", nowMs + PROBE_AFTER_MS).decision.option).toEqual(LEAN);
  });
});

describe("a token", () => {
  test("is not kept for images to come, which are worth theirs no more than this one", () => {
    const client = clientOf(() => 20);
    for (let k = 0; k < 50; k++) {
      expect(client.ask(null, { ...SPENDING, rate: 0 }).option).not.toBeNull();
      client.wait(20);
    }
  });

  test("is not spent on what cannot be in time, even where it is worth less than nothing", () => {
    const client = clientOf(() => 300);
    for (let k = 0; k < 10; k++) client.ask();
    // The first one tries what looks hopeless.
    client.ask(100);
    expect(client.ask(100, { ...SPENDING, tokenPrice: -1 })).toMatchObject({ option: null, reason: "no-time" });
    expect(client.ask(null, { ...SPENDING, tokenPrice: -1 }).option).toEqual(LARGE);
  });

  test("is not spent where nothing is worth it", () => {
    const client = clientOf(() => 20);
    expect(client.ask(null, { ...SPENDING, tokenPrice: 0.6 })).toMatchObject({ option: null, reason: "not-worth-it" });
    const nothing = { ...question("a"), options: [] };
    expect(sendOnLink([], nothing, SPENDING, START_MS)).toMatchObject({
      links: [],
      decision: { option: null, reason: "not-worth-it" },
    });
  });
});

describe("a send", () => {
  const underway = (links: ClientLinks) => links.flatMap(({ link }) => link.underway.map(({ id }) => id));
  const send = (links: ClientLinks, id: string, atMs: number) => sendOnLink(links, question(id), SPENDING, atMs).links;
  const sent = send([], "a", START_MS);

  test("is under way until its report comes, which counts once", () => {
    expect(underway(sent)).toEqual(["a"]);
    const over = reportOnLink(sent, answered("a", 50), START_MS + 60);
    expect(underway(over)).toEqual([]);
    expect(reportOnLink(over, answered("a", 900), START_MS + 61)).toBe(over);
  });

  test("that nobody knows of teaches nothing: another link's, or that of an earlier life", () => {
    expect(reportOnLink(sent, answered("b", 50), START_MS)).toBe(sent);
    expect(reportOnLink(sent, { ...answered("a", 50), link: "LHR" }, START_MS)).toBe(sent);
    expect(reportOnLink([], answered("a", 50), START_MS)).toEqual([]);
  });

  test("that was refused or says nothing leaves the link as it was", () => {
    const known = reportOnLink(sent, answered("a", 50), START_MS + 60);
    const again = send(known, "b", START_MS + 100);
    const unclear: SendReport = { ...answered("b", 700), outcome: "unclear" };
    for (const after of [forgetOnLink(again, { link: "AMS", id: "b" }), reportOnLink(again, unclear, START_MS + 900)]) {
      expect(after[0].link).toEqual(known[0].link);
      expect(after[0].awaited).toEqual([]);
    }
  });

  test("whose report is lost is waited for only so long", () => {
    const untilMs = START_MS + 800 + REPORT_LATE_MS;
    expect(underway(imageOnLink(sent, question("b"), 0.5, untilMs - 1))).toEqual(["a"]);
    expect(imageOnLink(sent, question("b"), 0.5, untilMs)[0]).toMatchObject({ link: IDLE_LINK, awaited: [] });
  });

  test("begins as long after the asking as others did", () => {
    const ofDelay = (startDelayMs: number) => {
      const links = reportOnLink(sent, { ...answered("a", 20), startDelayMs }, START_MS + 2_000);
      const later = START_MS + 5_000;
      return send(links, "b", later)[0].link.underway[0].startedMs - later;
    };
    expect(ofDelay(40)).toBe(40);
    expect(ofDelay(-3)).toBe(0);
  });

  test("cannot have ended after it was heard of, whatever the Worker's clock says", () => {
    const [{ link }] = reportOnLink(sent, answered("a", 5_000), START_MS + 60);
    expect(link.bandwidth?.last.endedMs).toBe(START_MS + 60);
  });
});

describe("images", () => {
  test("come at a pace, which is forgotten after a break", () => {
    let links: ClientLinks = [];
    for (let k = 0; k < 50; k++) links = imageOnLink(links, question("a"), k / 100, START_MS + k * 40);
    expect(links[0].intervalMs).toBeCloseTo(40, 9);
    const lastMs = links[0].lastImageAtMs ?? 0;
    const slow = imageOnLink(links, question("a"), 0.5, lastMs + PACE_KEPT_MS - 1)[0];
    expect(slow.intervalMs).toBeGreaterThan(40);
    expect(slow.metrics.length).toBeGreaterThan(1);
    expect(imageOnLink(links, question("a"), 0.5, lastMs + PACE_KEPT_MS)[0]).toMatchObject({
      intervalMs: null,
      metrics: [0.5],
    });
  });

  test("of one link say nothing about another", () => {
    const links = imageOnLink(imageOnLink([], question("a"), 0.5, START_MS), question("b", null, "LHR"), 0.1, START_MS);
    expect(links.map(({ key, metrics }) => [key, metrics])).toEqual([
      ["AMS", [0.5]],
      ["LHR", [0.1]],
    ]);
  });
});

describe("what is kept", () => {
  const manyLinks = (count: number) => {
    let links: ClientLinks = [];
    for (let k = 0; k < count; k++) links = imageOnLink(links, question("a", null, `link ${k}`), 0.5, START_MS + k);
    return links.map(({ key }) => key);
  };

  test("are more links than a client can have streams, with those of a few places", () => {
    expect(MAX_LINKS).toBeGreaterThanOrEqual(MAX_OPEN_STREAMS + 4);
  });

  test("are so many links; the longest unused goes first", () => {
    expect(manyLinks(MAX_LINKS)).toHaveLength(MAX_LINKS);
    expect(manyLinks(MAX_LINKS)[0]).toBe("link 0");
    expect(manyLinks(MAX_LINKS + 1)).toHaveLength(MAX_LINKS);
    expect(manyLinks(MAX_LINKS + 1)[0]).toBe("link 1");
  });

  test("in writing is what the latest links taught, and a life later the same is predicted", () => {
    const client = clientOf(({ bytes }) => 20 + bytes / 20);
    for (let k = 0; k < 10; k++) client.ask();
    let links: ClientLinks = [];
    for (let k = 0; k < MAX_KEPT_LINKS; k++) links = imageOnLink(links, question("a", null, `${k}`), 0.5, START_MS);
    links = [...links, ...client.links()];
    const kept = keptLinks(links);
    expect(kept.map(({ key }) => key)).toEqual([...Array(MAX_KEPT_LINKS).keys()].slice(1).map(String).concat("AMS"));
    const read = linksFromKept(JSON.parse(JSON.stringify(kept)));
    const [before, after] = [links, read].map((state) => state[state.length - 1]);
    const nowMs = START_MS + 60_000;
    expect(viewLink(after.link, nowMs)).toEqual(viewLink(before.link, nowMs));
    expect(after).toMatchObject({ awaited: [], startDelayMs: before.startDelayMs });
  });
});

describe("whatever is asked and reported", () => {
  const anyNumber = fc.oneof(fc.double(), fc.integer({ min: 0, max: 2_000 }));
  const step = fc.record({
    kind: fc.constantFrom("ask", "report", "forget"),
    link: fc.constantFrom(..."abcdefghijk"),
    id: fc.integer({ min: 0, max: 5 }).map(String),
    afterMs: fc.integer({ min: -1_000, max: 20_000 }),
    deadlineLeftMs: fc.option(fc.double({ min: 0.001, max: 600_000, noNaN: true })),
    timeoutMs: fc.integer({ min: 1, max: 60_000 }),
    metric: fc.double({ min: -1, max: 1, noNaN: true }),
    tokenPrice: fc.double({ min: -1, max: 1, noNaN: true }),
    rate: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 100, noNaN: true })),
    outcome: fc.constantFrom("answered", "given-up", "unclear"),
    bytes: fc.integer({ min: 0, max: 100_000 }),
    startDelayMs: anyNumber,
    durationMs: anyNumber,
  });
  type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

  function after(links: ClientLinks, { kind, outcome, metric, tokenPrice, rate, ...each }: Step, nowMs: number) {
    if (kind === "report") return reportOnLink(links, { ...each, outcome }, nowMs);
    if (kind === "forget") return forgetOnLink(links, each);
    const send = { ...each, options: OPTIONS };
    const seen = imageOnLink(links, send, metric, nowMs);
    return sendOnLink(seen, send, { metric, tokenPrice, rate }, nowMs).links;
  }

  function expectFinite(links: ClientLinks, nowMs: number): void {
    for (const { link, startDelayMs, intervalMs } of links) {
      const { throughput, latencyMs } = viewLink(link, nowMs).link;
      const values = [throughput, latencyMs.tail, latencyMs.large, startDelayMs ?? 0, intervalMs ?? 0];
      expect(values.every(Number.isFinite)).toBe(true);
    }
  }

  test("the state stays bounded, finite and untouched by what follows", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let links: ClientLinks = [];
        let nowMs = START_MS;
        for (const each of steps) {
          nowMs += each.afterMs;
          const before = structuredClone(links);
          const next = after(links, each, nowMs);
          expect(links).toEqual(before);
          expect(next.length).toBeLessThanOrEqual(MAX_LINKS);
          expectFinite(next, nowMs);
          links = next;
        }
      }),
      { seed: 7, numRuns: 300 },
    );
  });
});
