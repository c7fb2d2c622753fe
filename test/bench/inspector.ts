// Looks into the Worker's isolate through the inspector that wrangler serves (Chrome DevTools Protocol).

export interface HeapUsage {
  /** Megabytes of JavaScript objects. */
  objects: number;
  /** Megabytes of array buffers. */
  buffers: number;
}

export interface Inspector {
  /** Garbage that was not collected yet is in it: workerd does not let an inspector collect. */
  heapUsage(): Promise<HeapUsage>;
  close(): void;
}

interface Target {
  webSocketDebuggerUrl: string;
}

export async function openInspector(port: number): Promise<Inspector> {
  const [target] = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as Target[];
  // wrangler answers only pages that it knows; a plain client names itself as one of this machine.
  const headers = { origin: "http://localhost" };
  const socket = new WebSocket(target.webSocketDebuggerUrl, { headers } as never);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error(`no inspector at port ${port}`)), { once: true });
  });
  const waiting = new Map<number, (result: unknown) => void>();
  let lastId = 0;
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  function call(method: string): Promise<unknown> {
    lastId += 1;
    const id = lastId;
    socket.send(JSON.stringify({ id, method }));
    return new Promise((resolve) => waiting.set(id, resolve));
  }
  return {
    async heapUsage() {
      const usage = (await call("Runtime.getHeapUsage")) as { usedSize: number; backingStorageSize?: number };
      return { objects: usage.usedSize / 1e6, buffers: (usage.backingStorageSize ?? 0) / 1e6 };
    },
    close: () => socket.close(),
  };
}
