// Features against pictures of at most as many bytes: who is answered rightly more often.
import { mean, points } from "../calibration/statistics.ts";
import { markdownTable, percent } from "../measure.ts";
import { difference, type Sent, type SentPicture } from "./answers.ts";

/** The best picture of at most as many bytes as features take. */
export interface Rival {
  name: string;
  bytes: number;
  fused: number;
  /** How much more often the features are answered rightly, with its standard error. */
  ahead: number;
  standardError: number;
}

export interface Duel {
  setting: string;
  bytes: number;
  fused: number;
  /** Of whole files, and of JPEGs whose tables the receiver knows; null where none is as small. */
  file: Rival | null;
  tableless: Rival | null;
}

/** Every setting by its bytes. */
export function duelsOf(rows: readonly Sent[], pictures: readonly SentPicture[]): Duel[] {
  const isTableless = ({ family }: SentPicture) => family === "JPEG without tables";
  const files = pictures.filter((picture) => !isTableless(picture));
  const tableless = pictures.filter(isTableless);
  return rows
    .toSorted((a, b) => a.bytes - b.bytes)
    .map((row) => ({
      setting: row.name,
      bytes: row.bytes,
      fused: mean(row.fused),
      file: rivalOf(row, files),
      tableless: rivalOf(row, tableless),
    }));
}

/** The rival is chosen on the images that are judged, which flatters it. */
function rivalOf({ bytes, fused }: Sent, pictures: readonly Sent[]): Rival | null {
  const affordable = pictures.filter((picture) => picture.bytes <= bytes);
  if (affordable.length === 0) return null;
  const best = affordable.reduce((a, b) => (mean(b.fused) > mean(a.fused) ? b : a));
  const ahead = difference(fused, best.fused);
  const { name, bytes: itsBytes } = best;
  return { name, bytes: itsBytes, fused: mean(best.fused), ahead: ahead.mean, standardError: ahead.standardError };
}

const OUTCOMES = {
  ahead: "ahead at",
  level: "level, within two standard errors, at",
  behind: "behind at",
  unmatched: "without a rival as small at",
};

/**
 * In words, of the settings that are worth their bytes: one that is no more accurate than a leaner one says nothing of
 * features.
 */
export function verdict(duels: readonly Duel[], kind: "file" | "tableless"): string {
  const worthIt = duels.filter(({ fused }, index) => duels.slice(0, index).every((leaner) => leaner.fused < fused));
  const parts = Object.entries(OUTCOMES).map(([outcome, words]) => {
    const found = worthIt.filter((duel) => outcomeOf(duel[kind]) === outcome);
    const settings = found.map(({ setting, bytes }) => `${setting} (${bytes.toFixed(0)} bytes)`);
    return settings.length === 0 ? "" : `${words} ${settings.join(", ")}`;
  });
  return parts.filter((part) => part !== "").join("; ");
}

function outcomeOf(rival: Rival | null): keyof typeof OUTCOMES {
  if (rival === null) return "unmatched";
  if (Math.abs(rival.ahead) <= 2 * rival.standardError) return "level";
  return rival.ahead > 0 ? "ahead" : "behind";
}

export function duelTable(duels: readonly Duel[]): string {
  const cellsOf = (rival: Rival | null) =>
    rival === null
      ? ["none is as small", "", ""]
      : [`${rival.name} (${rival.bytes.toFixed(0)})`, percent(rival.fused), points(rival.ahead, rival.standardError)];
  const rivalHeader = (kind: string) => [`best ${kind} of at most as many bytes`, "fused", "ahead of it, points"];
  return markdownTable(
    ["features", "bytes", "fused", ...rivalHeader("file"), ...rivalHeader("JPEG without tables")],
    duels.map(({ setting, bytes, fused, file, tableless }) => [
      setting,
      bytes.toFixed(1),
      percent(fused),
      ...cellsOf(file),
      ...cellsOf(tableless),
    ]),
  );
}
