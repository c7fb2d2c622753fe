// One JSON object a line, for `wrangler tail` and log drains.

export function log(event: string, fields: Record<string, unknown> = {}): void {
  console.log(JSON.stringify({ event, ...fields }));
}
