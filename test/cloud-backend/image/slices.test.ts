import type { Steps } from "@spillway/shared/preprocess/steps";
import { describe, expect, it } from "vitest";
import { runInSlices } from "../../../cloud-backend/src/image/slices.ts";

describe("runInSlices", () => {
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
    expect(await runInSlices(work(), 0)).toBe("done");
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
    const work = function* (): Steps<string> {
      for (const step of ["step 1", "step 2", "step 3"]) {
        turns.push(step);
        yield;
      }
      return "done";
    };
    const running = runInSlices(work(), 60_000);
    expect(turns).toEqual(["step 1", "step 2", "step 3"]);
    expect(await running).toBe("done");
  });

  it("fails as its work does", async () => {
    const work = function* (): Steps<never> {
      yield;
      throw new RangeError("no pixels");
    };
    await expect(runInSlices(work(), 0)).rejects.toThrow("no pixels");
  });
});
