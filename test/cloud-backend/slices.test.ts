import type { Steps } from "@spillway/shared/preprocess/steps";
import { describe, expect, it } from "vitest";
import { shareThread } from "../../cloud-backend/src/slices.ts";

describe("shareThread", () => {
  it("lets others have a turn between two slices", async () => {
    const turns: string[] = [];
    const work = function* (): Steps<string> {
      for (const step of ["step 1", "step 2", "step 3"]) {
        turns.push(step);
        setImmediate(() => turns.push(`others after ${step}`));
        yield;
      }
      return "done";
    };
    expect(await shareThread(0)(work())).toBe("done");
    expect(turns).toEqual([
      "step 1",
      "others after step 1",
      "step 2",
      "others after step 2",
      "step 3",
      "others after step 3",
    ]);
  });

  it("takes as many steps at once as its time allows", async () => {
    const turns: string[] = [];
    const running = shareThread(60_000)(steps(turns, "a", 3));
    const others = new Promise<void>((resolve) => {
      setImmediate(() => resolve(void turns.push("others")));
    });
    expect(await running).toBe("a");
    await others;
    expect(turns).toEqual(["a 1", "a 2", "a 3", "others"]);
  });

  it("has one slice a turn for all, and gives each a step of it in its turn", async () => {
    const turns: string[] = [];
    const inSlices = shareThread(0);
    const running = [inSlices(steps(turns, "long", 3)), inSlices(steps(turns, "short", 1))];
    const stop = countTurns(turns);
    expect(await Promise.all(running)).toEqual(["long", "short"]);
    stop();
    const own = turns.filter((turn) => turn !== "turn");
    expect(own).toEqual(["long 1", "short 1", "long 2", "long 3"]);
    for (const [at, turn] of turns.entries()) {
      if (at > 0 && turn !== "turn") expect(turns[at - 1]).toBe("turn");
    }
  });

  it("takes up work that comes while it is at it, and after it was done with all", async () => {
    const turns: string[] = [];
    const inSlices = shareThread(60_000);
    const outer = function* (): Steps<Promise<string>> {
      yield;
      return inSlices(steps(turns, "inner", 2));
    };
    expect(await inSlices(outer())).toBe("inner");
    expect(await inSlices(steps(turns, "later", 1))).toBe("later");
    expect(turns).toEqual(["inner 1", "inner 2", "later 1"]);
  });

  it("fails as its work does, and goes on with the others", async () => {
    const work = function* (): Steps<never> {
      yield;
      throw new RangeError("no pixels");
    };
    const inSlices = shareThread(0);
    const failing = inSlices(work());
    const other = inSlices(steps([], "other", 3));
    await expect(failing).rejects.toThrow("no pixels");
    expect(await other).toBe("other");
  });
});

function* steps(turns: string[], name: string, count: number): Steps<string> {
  for (let step = 1; step <= count; step++) {
    turns.push(`${name} ${step}`);
    if (step < count) yield;
  }
  return name;
}

/** Notes each turn of the event loop, until it is told to stop. */
function countTurns(turns: string[]): () => void {
  let isOver = false;
  const note = () => {
    turns.push("turn");
    if (!isOver) setImmediate(note);
  };
  setImmediate(note);
  return () => {
    isOver = true;
  };
}
