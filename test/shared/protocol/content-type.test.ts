import {
  BINARY_CONTENT_TYPE,
  HEADER_LENGTH_FIELD,
  plainHeaderBytes,
  sagemakerContentType,
  sagemakerHeaderBytes,
} from "@spillway/shared/protocol/content-type";
import { describe, expect, it } from "vitest";

const PREFIX = "application/vnd.sagemaker-triton.binary+json;json-header-size=";

it("spells the names as Triton's documents do", () => {
  expect(HEADER_LENGTH_FIELD).toBe("Inference-Header-Content-Length");
  expect(BINARY_CONTENT_TYPE).toBe("application/octet-stream");
  expect(sagemakerContentType(123)).toBe(`${PREFIX}123`);
  expect(sagemakerContentType(null)).toBe("application/json");
});

describe.each([
  ["sagemakerHeaderBytes", (length: string) => sagemakerHeaderBytes(PREFIX + length)],
  ["plainHeaderBytes", plainHeaderBytes],
])("%s", (_, read) => {
  it.each([
    ["0", 0],
    ["1", 1],
    ["007", 7],
    ["9".repeat(15), 999_999_999_999_999],
  ])("reads the length %s", (text, length) => {
    expect(read(text)).toBe(length);
  });

  it.each(["", "-1", "1.5", "1e3", "0x10", " 1", "1 ", "1\n", "one", "NaN", "Infinity", "9".repeat(16)])(
    "takes %j for a length that is no number",
    (text) => {
      expect(read(text)).toBeNaN();
    },
  );
});

describe("sagemakerHeaderBytes", () => {
  it("reads what sagemakerContentType writes", () => {
    for (const length of [null, 1, 77, 1_048_576]) {
      expect(sagemakerHeaderBytes(sagemakerContentType(length))).toBe(length);
    }
  });

  it.each([null, undefined, "", "application/json", "application/octet-stream", PREFIX.slice(0, -1)])(
    "finds no length in %j",
    (contentType) => {
      expect(sagemakerHeaderBytes(contentType)).toBeNull();
    },
  );
});

it("takes an absent plain header for a message that is all JSON", () => {
  expect(plainHeaderBytes(null)).toBeNull();
  expect(plainHeaderBytes(undefined)).toBeNull();
});
