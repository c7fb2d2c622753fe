import { formatTraceparent, idOfBytes, parseTraceparent, traceIdOfUuid } from "@spillway/shared/protocol/trace-context";
import { describe, expect, it } from "vitest";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN_ID = "00f067aa0ba902b7";

describe("parseTraceparent", () => {
  it.each([
    ["00", { isSampled: false, isRandom: false }],
    ["01", { isSampled: true, isRandom: false }],
    ["02", { isSampled: false, isRandom: true }],
    ["03", { isSampled: true, isRandom: true }],
    ["ff", { isSampled: true, isRandom: true }],
    ["fc", { isSampled: false, isRandom: false }],
  ])("reads the flags %s", (flags, expected) => {
    const context = parseTraceparent(`00-${TRACE_ID}-${SPAN_ID}-${flags}`);
    expect(context).toEqual({ traceId: TRACE_ID, spanId: SPAN_ID, ...expected });
  });

  it("reads what it knows of a later version, whatever follows", () => {
    for (const rest of ["", "-", "-what-the-future-will-be-like"]) {
      expect(parseTraceparent(`cc-${TRACE_ID}-${SPAN_ID}-01${rest}`)).toMatchObject({ traceId: TRACE_ID });
    }
  });

  it.each([
    ["nothing", undefined],
    ["null", null],
    ["empty", ""],
    ["version ff", `ff-${TRACE_ID}-${SPAN_ID}-01`],
    ["version 00 with more", `00-${TRACE_ID}-${SPAN_ID}-01-extra`],
    ["version 00 with a trailing dash", `00-${TRACE_ID}-${SPAN_ID}-01-`],
    ["a later version with digits appended", `01-${TRACE_ID}-${SPAN_ID}-011`],
    ["upper case", `00-${TRACE_ID.toUpperCase()}-${SPAN_ID}-01`],
    ["no hexadecimal digit", `00-${TRACE_ID.replace("4", "g")}-${SPAN_ID}-01`],
    ["a trace id of zeros", `00-${"0".repeat(32)}-${SPAN_ID}-01`],
    ["a span id of zeros", `00-${TRACE_ID}-${"0".repeat(16)}-01`],
    ["a short trace id", `00-${TRACE_ID.slice(1)}-${SPAN_ID}-01`],
    ["a long span id", `00-${TRACE_ID}-${SPAN_ID}0-01`],
    ["no flags", `00-${TRACE_ID}-${SPAN_ID}`],
    ["one flag digit", `00-${TRACE_ID}-${SPAN_ID}-1`],
    ["blanks", ` 00-${TRACE_ID}-${SPAN_ID}-01`],
    ["a line break", `00-${TRACE_ID}-${SPAN_ID}-01\n`],
    ["two values joined", `00-${TRACE_ID}-${SPAN_ID}-01, 00-${TRACE_ID}-${SPAN_ID}-01`],
  ])("ignores %s", (_, header) => {
    expect(parseTraceparent(header)).toBeNull();
  });
});

it("formatTraceparent writes what parseTraceparent reads", () => {
  for (const flags of ["00", "01", "02", "03"]) {
    const header = `00-${TRACE_ID}-${SPAN_ID}-${flags}`;
    const context = parseTraceparent(header);
    expect(context && formatTraceparent(context)).toBe(header);
  }
});

describe("idOfBytes", () => {
  it("writes each byte as two digits", () => {
    expect(idOfBytes(new Uint8Array([0, 1, 0xab, 0xff, 0, 0, 0, 16]))).toBe("0001abff00000010");
  });

  it("draws no id that the standard excludes", () => {
    expect(idOfBytes(new Uint8Array(8))).toBe("0000000000000001");
    expect(idOfBytes(new Uint8Array(16))).toBe("00000000000000000000000000000001");
  });
});

describe("traceIdOfUuid", () => {
  it("drops the dashes", () => {
    expect(traceIdOfUuid("4BF92F35-77b3-4da6-a3ce-929d0e0e4736")).toBe(TRACE_ID);
  });

  it.each(["", "test", TRACE_ID, "4bf92f35-77b3-4da6-a3ce-929d0e0e473g", "4bf92f3577b3-4da6-a3ce-929d-0e0e4736"])(
    "refuses %j",
    (text) => {
      expect(() => traceIdOfUuid(text)).toThrow(RangeError);
    },
  );
});
