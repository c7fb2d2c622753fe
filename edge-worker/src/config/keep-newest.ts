// A Map as a short memory: it keeps the order of insertion, so the first key is the longest unused.

/** Makes it the newest of the map, and drops the oldest beyond `most`. */
export function keepNewest<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) if (map.size > most) map.delete(oldest);
}
