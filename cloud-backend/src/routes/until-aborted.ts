// Iterating over what may never come: an iterator that waits cannot be interrupted, only left.

/**
 * The items, until the signal aborts; then its reason is thrown, whatever the iterator is waiting for. It is
 * told to end, which it does once it waits no more.
 */
export async function* untilAborted<Item>(items: AsyncIterator<Item>, signal: AbortSignal): AsyncGenerator<Item> {
  let leave: (reason: unknown) => void = () => undefined;
  const onAbort = () => leave(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    for (;;) {
      if (signal.aborted) throw signal.reason;
      // One promise for each item: raced against one for all of them, each item would leave its mark on that.
      const item = await new Promise<IteratorResult<Item>>((resolve, reject) => {
        leave = reject;
        items.next().then(resolve, reject);
      });
      if (item.done) return;
      yield item.value;
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    void items.return?.();
  }
}
