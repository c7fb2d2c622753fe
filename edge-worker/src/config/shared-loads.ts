// One load for all requests of an isolate that need the same thing at the same time.
//
// A load runs in the request that began it. When workerd cancels that request, the promise may never
// settle, for the others that wait for it neither. So nobody waits for long: the first whose time is up
// begins anew, and the rest join that one.
import { withinTime } from "../within-time.ts";

export interface SharedLoads<T> {
  /**
   * What `begin` gives, or what another's `begin` gives that is under way for this key. A result is
   * not remembered.
   *
   * @throws Error what `begin` throws, or that neither of two loads gave anything in time
   */
  load(key: string, begin: () => Promise<T>): Promise<T>;
}

/** @param timeoutMs for which a load is waited for; longer than one takes whose request lives */
export function createSharedLoads<T>(timeoutMs: number): SharedLoads<T> {
  const underWay = new Map<string, Promise<{ value: T }>>();

  function start(key: string, begin: () => Promise<T>): Promise<{ value: T }> {
    const load = begin()
      .then((value) => ({ value }))
      .finally(() => forget(key, load));
    underWay.set(key, load);
    return load;
  }

  /** Unless another has taken its place. */
  function forget(key: string, load: Promise<{ value: T }>): void {
    if (underWay.get(key) === load) underWay.delete(key);
  }

  async function attempt(key: string, begin: () => Promise<T>): Promise<{ value: T } | null> {
    const load = underWay.get(key) ?? start(key, begin);
    const loaded = await withinTime(load, timeoutMs);
    if (loaded === null) forget(key, load);
    return loaded;
  }

  return {
    async load(key, begin) {
      const loaded = (await attempt(key, begin)) ?? (await attempt(key, begin));
      if (loaded === null) throw new Error(`no load of ${key} ended in ${timeoutMs} ms`);
      return loaded.value;
    },
  };
}
