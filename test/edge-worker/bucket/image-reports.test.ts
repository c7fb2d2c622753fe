import { expect, test } from "vitest";
import { createImageReports } from "../../../edge-worker/src/bucket/image-reports.ts";
import { MAX_REPORTING_CLIENTS } from "../../../edge-worker/src/limits.ts";

const image = { metric: 0.5, atMs: 0 };

test("one client more than may wait drops the longest unseen", () => {
  const reports = createImageReports();
  for (let k = 0; k < MAX_REPORTING_CLIENTS; k++) reports.note(`client ${k}`, image);
  reports.note("client 0", image);
  reports.note("one more", image);
  expect(reports.take("client 0")).toHaveLength(2);
  expect(reports.take("client 1")).toEqual([]);
  expect(reports.take("client 2")).toEqual([image]);
  expect(reports.take("one more")).toEqual([image]);
});
