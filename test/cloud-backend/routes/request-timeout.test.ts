import { describe, expect, it } from "vitest";
import { requestTimeoutMs } from "../../../cloud-backend/src/routes/request-timeout.ts";

describe("requestTimeoutMs", () => {
  it.each([
    [undefined, null],
    ["1", 1],
    ["800", 800],
    ["3600000", 3_600_000],
  ])("of %j is %j", (header, timeoutMs) => {
    expect(requestTimeoutMs(header)).toEqual({ ok: true, value: timeoutMs });
  });

  it.each(["", "0", "3600001", "99999999", "-1", "1.5", "1e3", "0x10", " 5", "5 ms", "1, 2", "soon"])(
    "refuses %j",
    (header) => {
      expect(requestTimeoutMs(header)).toEqual({
        ok: false,
        reason: "bad-request",
        message: "X-Request-Timeout-Ms: expected whole milliseconds from 1 to 3600000",
      });
    },
  );
});
