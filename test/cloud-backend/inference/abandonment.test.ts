// When a request's signal fires, and for which reason.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, describe, expect, it, vi } from "vitest";
import { abandonment, openRequestSignal } from "../../../cloud-backend/src/inference/abandonment.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("openRequestSignal", () => {
  it("fires when its time is over", () => {
    vi.useFakeTimers();
    const { signal } = openRequestSignal(new AbortController().signal, 20);
    vi.advanceTimersByTime(19);
    expect(signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(signal.aborted).toBe(true);
    expect(abandonment(signal)).toMatchObject({ reason: "timeout" });
  });

  it("fires when the client goes, before or after it is opened", () => {
    const client = new AbortController();
    const { signal } = openRequestSignal(client.signal, null);
    client.abort();
    expect(abandonment(signal)).toMatchObject({ reason: "client-gone" });
    expect(openRequestSignal(client.signal, 20).signal.aborted).toBe(true);
  });

  it("does neither once it is closed", () => {
    vi.useFakeTimers();
    const client = new AbortController();
    const { signal, close } = openRequestSignal(client.signal, 20);
    close();
    vi.advanceTimersByTime(100);
    client.abort();
    expect(signal.aborted).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("fires although nobody listens and memory is collected meanwhile", async () => {
    setFlagsFromString("--expose-gc");
    const collect: () => void = runInNewContext("gc");
    const { signal } = openRequestSignal(new AbortController().signal, 30);
    await vi.waitFor(() => {
      collect();
      expect(signal.aborted).toBe(true);
    });
  });
});
