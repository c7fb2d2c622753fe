// SageMaker strips headers that it does not know and passes one on: `CustomAttributes`, up to 1,024
// characters that mean what the two ends agree on. Ours are `key=value;key=value`.

/** The header under which the container sees them. */
export const CUSTOM_ATTRIBUTES_FIELD = "X-Amzn-SageMaker-Custom-Attributes";
export const MAX_CUSTOM_ATTRIBUTES_LENGTH = 1024;

/** Printable ASCII but for the two separators. */
const TOKEN = /^[!-:<>-~]+$/;

/** @throws RangeError for keys or values that cannot be told apart again, and when they are too long together */
export function formatCustomAttributes(attributes: Readonly<Record<string, string>>): string {
  const parts = Object.entries(attributes).map(([key, value]) => {
    for (const token of [key, value]) {
      if (!TOKEN.test(token)) {
        throw new RangeError(`custom attributes: expected ASCII without blanks, ; and =, got ${JSON.stringify(token)}`);
      }
    }
    return `${key}=${value}`;
  });
  const text = parts.join(";");
  if (text.length > MAX_CUSTOM_ATTRIBUTES_LENGTH) {
    throw new RangeError(`custom attributes: expected at most ${MAX_CUSTOM_ATTRIBUTES_LENGTH} characters`);
  }
  return text;
}

/** Others may put anything there: what is no `key=value` is passed over, and of a key that comes twice the first counts. */
export function parseCustomAttributes(text: string | null | undefined): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  for (const part of (text ?? "").split(";")) {
    const at = part.indexOf("=");
    const key = part.slice(0, Math.max(at, 0)).trim();
    if (key !== "" && !attributes.has(key)) attributes.set(key, part.slice(at + 1).trim());
  }
  return attributes;
}
