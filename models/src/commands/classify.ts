// `spillway classify`: sends image files to a running Worker and prints a table of its answers.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { parseDocument } from "@spillway/shared/schema/document";
import { type Result, resultSchema } from "@spillway/shared/schema/result";
import { expectWritable, writeWhole } from "../result-output.ts";
import { percent, textTable } from "../text-table.ts";
import { parseFlags, UsageError } from "../usage.ts";
import { DEFAULT_EDGE_URL, edgeFetch, problemText } from "../worker-api.ts";

const HELP = `spillway classify FILE ... [--url ${DEFAULT_EDGE_URL}] [--top 1] [--deadline-ms N] [--json] [--out FILE]

  --json      print one JSON object a file instead of the table
  --out FILE  also write all of them there, as one JSON array
`;

const CONTENT_TYPES: Record<string, string> = { ".png": "image/png", ".webp": "image/webp" };

type Row = { file: string } & ({ result: Result } | { error: string });

export async function run(args: string[]): Promise<void> {
  const flags = parseFlags(
    args,
    {
      url: { type: "string", default: DEFAULT_EDGE_URL },
      top: { type: "string", default: "1" },
      "deadline-ms": { type: "string" },
      json: { type: "boolean", default: false },
      out: { type: "string" },
    },
    HELP,
  );
  if (flags === null) return;
  const { values, positionals: files } = flags;
  if (files.length === 0) throw new UsageError("name at least one image; see spillway classify --help");
  await expectWritable(values.out);
  const query = new URLSearchParams({ top: values.top });
  if (values["deadline-ms"] !== undefined) query.set("deadline_ms", values["deadline-ms"]);
  const rows: Row[] = [];
  for (const file of files) {
    const row = await classifyFile(file, `${values.url}/v1/classify?${query}`);
    rows.push(row);
    if (values.json) process.stdout.write(`${JSON.stringify(row)}\n`);
  }
  if (!values.json) process.stdout.write(table(rows));
  if (values.out !== undefined) await writeWhole(values.out, `${JSON.stringify(rows, null, 2)}\n`);
  const failed = rows.filter((row) => "error" in row).length;
  if (failed > 0) throw new Error(`${failed} of ${rows.length} images could not be classified`);
}

async function classifyFile(file: string, url: string): Promise<Row> {
  let image: Uint8Array<ArrayBuffer>;
  try {
    image = new Uint8Array(await readFile(file));
  } catch (error) {
    return { file, error: `cannot be read (${(error as NodeJS.ErrnoException).code})` };
  }
  const contentType = CONTENT_TYPES[path.extname(file).toLowerCase()] ?? "image/jpeg";
  const response = await edgeFetch(url, { method: "POST", body: image, headers: { "content-type": contentType } });
  if (!response.ok) return { file, error: await problemText(response) };
  return { file, result: parseDocument(resultSchema, await response.text(), "the Worker's answer") };
}

function table(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    if ("error" in row) return [row.file, row.error, "", "", "", "", ""];
    const { label, confidence, decision, timings } = row.result;
    return [
      row.file,
      label,
      percent(confidence),
      decision.tier,
      decision.exit?.toString() ?? (decision.tier === "edge" ? "vote" : "-"),
      decision.reason,
      timings.totalMs.toFixed(1),
    ];
  });
  return textTable(["file", "label", "confidence", "tier", "exit", "reason", "ms"], lines);
}
