import { expect, test } from "vitest";
import { CircuitBreaker } from "../../../edge-worker/src/cloud/circuit-breaker.ts";

const options = { failures: 3, openMs: 1000 };

function openedAt(nowMs: number): CircuitBreaker {
  const circuit = new CircuitBreaker(options);
  for (let k = 0; k < options.failures; k++) circuit.failed(nowMs);
  return circuit;
}

test("opens at the last of the failures in a row, not before", () => {
  const circuit = new CircuitBreaker(options);
  circuit.failed(0);
  circuit.failed(0);
  expect(circuit.allows(0)).toBe(true);
  circuit.failed(0);
  expect(circuit.allows(0)).toBe(false);
});

test("a success starts the count again", () => {
  const circuit = new CircuitBreaker(options);
  circuit.failed(0);
  circuit.failed(0);
  circuit.succeeded();
  circuit.failed(0);
  circuit.failed(0);
  expect(circuit.allows(0)).toBe(true);
});

test("lets one call try after its time, and the next only after that time again", () => {
  const circuit = openedAt(0);
  expect(circuit.allows(999)).toBe(false);
  expect(circuit.allows(1000)).toBe(true);
  expect(circuit.allows(1001)).toBe(false);
  expect(circuit.allows(2000)).toBe(true);
});

test("being asked whether it is open is no try", () => {
  const circuit = openedAt(0);
  expect([999, 1000, 1000].map((nowMs) => circuit.isOpen(nowMs))).toEqual([true, false, false]);
  expect(circuit.allows(1000)).toBe(true);
  expect(circuit.isOpen(1001)).toBe(true);
});

test("can be opened at once, and closes like any other", () => {
  const circuit = new CircuitBreaker(options);
  circuit.open(0);
  expect(circuit.allows(999)).toBe(false);
  expect(circuit.allows(1000)).toBe(true);
  circuit.succeeded();
  expect(circuit.isOpen(1001)).toBe(false);
});

test("closes when the try succeeds, and stays open when it fails", () => {
  const circuit = openedAt(0);
  expect(circuit.allows(1000)).toBe(true);
  circuit.failed(1100);
  expect(circuit.allows(1500)).toBe(false);
  expect(circuit.allows(2000)).toBe(true);
  circuit.succeeded();
  expect(circuit.allows(2001)).toBe(true);
  expect(circuit.allows(2002)).toBe(true);
});
