// Tables for a terminal: columns as wide as their widest cell.

export function textTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  const format = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd();
  return `${[header, ...rows].map(format).join("\n")}\n`;
}

/** A fraction as a percentage with one digit; a dash for none. */
export function percent(fraction: number | null, digits = 1): string {
  return fraction === null ? "-" : `${(fraction * 100).toFixed(digits)} %`;
}
