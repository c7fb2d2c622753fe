// What a chart of lines must be before it is drawn: Vega would leave out silently what it cannot place.
import type { Axis, Line, LineChart } from "./lines.ts";

/** @throws RangeError naming the chart, the line and the point that cannot be drawn */
export function checkLineChart(chart: LineChart): void {
  const { title, lines, x, y } = chart;
  if (lines.length === 0) throw new RangeError(`${title}: expected at least one line, got none`);
  const names = new Set(lines.map((line) => line.name));
  if (names.size < lines.length) {
    throw new RangeError(`${title}: expected a name of its own for each line, got ${lines.map((line) => line.name)}`);
  }
  checkDomain(x, `${title}: x`);
  checkDomain(y, `${title}: y`);
  for (const line of lines) checkLine(line, chart);
}

function checkDomain({ domain, scale }: Axis, name: string): void {
  if (domain === undefined) return;
  const [from, to] = domain;
  if (!(Number.isFinite(from) && Number.isFinite(to) && from < to)) {
    throw new RangeError(`${name}: expected a domain of two rising finite numbers, got ${domain}`);
  }
  if (scale === "log" && from <= 0)
    throw new RangeError(`${name}: expected a positive domain on a log scale, got ${domain}`);
}

function checkLine({ name, points }: Line, { title, x, y }: LineChart): void {
  const line = `${title}: ${name}`;
  if (points.length === 0) throw new RangeError(`${line}: expected at least one point, got none`);
  for (const [index, point] of points.entries()) {
    const where = `${line}: point ${index}`;
    checkValue(point.x, x, `${where}: x`);
    checkValue(point.y, y, `${where}: y`);
    if (point.low === undefined && point.high === undefined) continue;
    checkValue(point.low, y, `${where}: low`);
    checkValue(point.high, y, `${where}: high`);
    if (Number(point.low) > Number(point.high)) {
      throw new RangeError(`${where}: expected low <= high, got ${point.low} and ${point.high}`);
    }
  }
}

function checkValue(value: number | undefined, { scale }: Axis, name: string): void {
  if (!Number.isFinite(value)) throw new RangeError(`${name}: expected a finite number, got ${value}`);
  if (scale === "log" && !(Number(value) > 0)) {
    throw new RangeError(`${name}: expected a positive number on a log scale, got ${value}`);
  }
}
