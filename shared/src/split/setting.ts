// A setting says how much of a feature map is sent: its first channels, and how many bits a value. Its index in the
// manifest's list is what the tail is told.

export interface Setting {
  /** The first so many of the map's channels; the rest stays behind. */
  channels: number;
  /** 8, 4, 2 or 1. */
  bits: number;
}

/** Channels, height and width of a feature map of one image. */
export type FeatureShape = readonly [channels: number, height: number, width: number];

/** As answers, tables and evaluations name it: "16x4". */
export function settingName({ channels, bits }: Setting): string {
  return `${channels}x${bits}`;
}

/** Steps between the smallest and the largest code. */
export function quantiserLevels(bits: number): number {
  return 2 ** bits - 1;
}
