import {
  formatCustomAttributes,
  MAX_CUSTOM_ATTRIBUTES_LENGTH,
  parseCustomAttributes,
} from "@spillway/shared/protocol/custom-attributes";
import { describe, expect, it } from "vitest";

describe("formatCustomAttributes", () => {
  it("writes what parseCustomAttributes reads", () => {
    const attributes = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", model: "large" };
    const text = formatCustomAttributes(attributes);
    expect(text).toBe("traceparent=00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01;model=large");
    expect(Object.fromEntries(parseCustomAttributes(text))).toEqual(attributes);
  });

  it("has no text for no attributes", () => {
    expect(formatCustomAttributes({})).toBe("");
  });

  it.each(["", "a b", "a;b", "a=b", "ä", "a\n", "\u007f"])("refuses %j as key and as value", (token) => {
    expect(() => formatCustomAttributes({ [token]: "value" })).toThrow(RangeError);
    expect(() => formatCustomAttributes({ key: token })).toThrow(RangeError);
  });

  it("takes as much as SageMaker takes, and not one more", () => {
    const longest = "x".repeat(MAX_CUSTOM_ATTRIBUTES_LENGTH - "key=".length);
    expect(formatCustomAttributes({ key: longest })).toHaveLength(1024);
    expect(() => formatCustomAttributes({ key: `${longest}x` })).toThrow(RangeError);
  });
});

describe("parseCustomAttributes", () => {
  it.each([
    [undefined, {}],
    [null, {}],
    ["", {}],
    ["just some text", {}],
    ["=value", {}],
    ["key=", { key: "" }],
    ["a=1;;b=2;", { a: "1", b: "2" }],
    [" a = 1 ; b=2 ", { a: "1", b: "2" }],
    ["a=1;a=2", { a: "1" }],
    ["c000b4f9-df62;traceparent=x", { traceparent: "x" }],
    ["a=b=c", { a: "b=c" }],
    ["__proto__=x", { ["__proto__"]: "x" }],
  ])("reads %j", (text, expected) => {
    expect(Object.fromEntries(parseCustomAttributes(text))).toEqual(expected);
  });
});
