// Prometheus' text format, read line by line, as strictly as Prometheus reads it.

export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Exposition {
  /** Type by the metric's name. */
  types: Map<string, string>;
  samples: Sample[];
}

const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/;
/** Infinities and NaN in any case, as Go's `ParseFloat` takes them. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([Nn]a[Nn]|[+-]?[Ii]nf|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/gy;

/** @throws Error for anything that is not in the format, and for series that come twice or before their type */
export function parseExposition(text: string): Exposition {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  const series = new Set<string>();
  for (const line of text.split("\n").filter((candidate) => candidate !== "")) {
    const comment = COMMENT.exec(line);
    if (comment !== null) {
      if (comment[1] === "TYPE") types.set(comment[2], comment[3]);
      continue;
    }
    const [, name, labels = "", value] = SAMPLE.exec(line) ?? fail(line);
    const metric = types.has(name) ? name : name.replace(/_(bucket|sum|count)$/, "");
    const key = `${name}{${labels}}`;
    if (!types.has(metric) || series.has(key)) fail(line);
    series.add(key);
    samples.push({ name, labels: parseLabels(labels), value: Number(value.replace(/inf/i, "Infinity")) });
  }
  return { types, samples };
}

/** The one sample of that name whose labels include these. */
export function sampleOf({ samples }: Exposition, name: string, labels: Record<string, string> = {}): number {
  const matching = samples.filter(
    (sample) => sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  if (matching.length !== 1) throw new Error(`${name} ${JSON.stringify(labels)}: ${matching.length} samples`);
  return matching[0].value;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  let end = 0;
  for (let match = LABEL.exec(text); match !== null; match = LABEL.exec(text)) {
    labels[match[1]] = match[2].replace(/\\(.)/g, (_, escaped: string) => (escaped === "n" ? "\n" : escaped));
    end = LABEL.lastIndex;
  }
  if (end !== text.length) fail(text);
  return labels;
}

function fail(line: string): never {
  throw new Error(`not in the text format: ${line}`);
}
