import { describe, expect, it } from "vitest";
import { requestTimeoutMs } from "../../../cloud-backend/src/routes/request-timeout.ts";

const HEADER = "X-Request-Timeout-Ms";
const ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes";
const of = (headers: Record<string, string | undefined>) => requestTimeoutMs((name) => headers[name]);

describe("requestTimeoutMs", () => {
  it.each([
    [undefined, null],
    ["1", 1],
    ["800", 800],
    ["3600000", 3_600_000],
  ])("of the header %j is %j", (header, timeoutMs) => {
    expect(of({ [HEADER]: header })).toEqual({ ok: true, value: timeoutMs });
  });

  it.each([
    ["timeout-ms=800", 800],
    ["model=tail;timeout-ms=3600000;traceparent=00-1-2-01", 3_600_000],
    ["timeout-ms=1;timeout-ms=2", 1],
    ["c000b4f9-df62-4c85-a0bf-7c525f9104a4", null],
    ["timeout=5", null],
  ])("of the custom attributes %j is %j", (attributes, timeoutMs) => {
    expect(of({ [ATTRIBUTES]: attributes })).toEqual({ ok: true, value: timeoutMs });
  });

  it("is the header's where both say", () => {
    expect(of({ [HEADER]: "5", [ATTRIBUTES]: "timeout-ms=7" })).toEqual({ ok: true, value: 5 });
  });

  it.each(["", "0", "3600001", "99999999", "-1", "1.5", "1e3", "0x10", " 5", "5 ms", "1, 2", "soon"])(
    "refuses %j",
    (header) => {
      expect(of({ [HEADER]: header })).toEqual({
        ok: false,
        reason: "bad-request",
        message: "X-Request-Timeout-Ms: expected whole milliseconds from 1 to 3600000",
      });
    },
  );

  it.each(["", "0", "3600001", "soon"])("refuses %j among the custom attributes", (value) => {
    expect(of({ [ATTRIBUTES]: `model=tail;timeout-ms=${value}` })).toEqual({
      ok: false,
      reason: "bad-request",
      message: "timeout-ms: expected whole milliseconds from 1 to 3600000",
    });
  });
});
