import { expect, test } from "vitest";
import { traceparentOf } from "../../../edge-worker/src/cloud/traceparent.ts";

const ID = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736";
const RANDOM = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
const OWN = "00-4bf92f3577b34da6a3ce929d0e0e4736-0102030405060708-03";

test.each(["00", "01", "03"])("a caller's trace goes on as it came, with flags %s", (flags) => {
  const header = `00-11111111111111111111111111111111-2222222222222222-${flags}`;
  expect(traceparentOf(header, ID, RANDOM)).toBe(header);
});

test.each([undefined, "", "garbage", `${OWN}-more`, "00-00000000000000000000000000000000-2222222222222222-01"])(
  "%j is none: the request's id names the trace",
  (header) => {
    expect(traceparentOf(header, ID, RANDOM)).toBe(OWN);
  },
);
