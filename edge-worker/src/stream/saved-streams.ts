// Streams between two connections, a row each. SQLite counts the rows that are written: one when a client goes and
// one when it comes back, whatever it has sent in between.
import { log } from "../telemetry/log.ts";
import { KEEP_ANSWERS_MS, MAX_KEPT_STREAMS } from "./limits.ts";
import type { SavedStream } from "./stream.ts";

/** Nothing is stored before the first stream is, and nothing is left when the last one has gone. */
export interface SavedStreams {
  /** Keeps a stream until `nowMs` + KEEP_ANSWERS_MS; returns when the next one may be forgotten. */
  put(id: string, stream: SavedStream, nowMs: number): number | null;
  /** Takes a stream out; null when there is none, or none any more. */
  take(id: string, nowMs: number): SavedStream | null;
  /** Forgets those whose time has come; returns when the next one may be, or null when none is left. */
  forgetOld(nowMs: number): Promise<number | null>;
}

export function createSavedStreams(storage: DurableObjectStorage): SavedStreams {
  const { sql } = storage;
  let hasTable = sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'stream'").toArray().length > 0;

  function next(): number | null {
    if (!hasTable) return null;
    return sql.exec<{ until: number | null }>("SELECT MIN(until_ms) AS until FROM stream").one().until;
  }

  return {
    put(id, stream, nowMs) {
      try {
        sql.exec("CREATE TABLE IF NOT EXISTS stream (id TEXT PRIMARY KEY, until_ms INTEGER, saved TEXT) WITHOUT ROWID");
        hasTable = true;
        const until = nowMs + KEEP_ANSWERS_MS;
        sql.exec("INSERT OR REPLACE INTO stream VALUES (?, ?, ?)", id, until, JSON.stringify(stream));
        const oldest = "SELECT id FROM stream ORDER BY until_ms DESC LIMIT -1 OFFSET ?";
        sql.exec(`DELETE FROM stream WHERE id IN (${oldest})`, MAX_KEPT_STREAMS);
      } catch (error) {
        // The client will hear that nothing is known of it.
        log("stream-not-saved", { stream: id, detail: String(error) });
      }
      return next();
    },

    take(id, nowMs) {
      if (!hasTable) return null;
      const [row] = sql.exec<{ until_ms: number; saved: string }>("DELETE FROM stream WHERE id = ? RETURNING *", id);
      return row === undefined || row.until_ms <= nowMs ? null : JSON.parse(row.saved);
    },

    async forgetOld(nowMs) {
      if (hasTable) sql.exec("DELETE FROM stream WHERE until_ms <= ?", nowMs);
      const until = next();
      if (until === null) {
        hasTable = false;
        await storage.deleteAll();
      }
      return until;
    },
  };
}
