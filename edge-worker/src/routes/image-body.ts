// Takes the image out of a request, as the body itself or as the field `image` of a form. Bytes are
// counted while they arrive: what a header says about length is only believed when it is too much.
import { readAtMost } from "../body.ts";
import type { Failure } from "../errors.ts";
import { BODY_TIMEOUT_MS, MULTIPART_OVERHEAD_BYTES } from "../limits.ts";
import { withinTime } from "../within-time.ts";

export type ImageBody = { ok: true; image: Uint8Array<ArrayBuffer> } | ({ ok: false } & Failure);

const FIELD = "image";

export async function readImageBody(request: Request, maxBytes: number): Promise<ImageBody> {
  const contentType = request.headers.get("content-type") ?? "";
  const isForm = /^multipart\/form-data\s*;/i.test(contentType);
  if (!isForm && !/^image\//i.test(contentType)) {
    const got = contentType === "" ? "none" : `\`${contentType.slice(0, 100)}\``;
    const detail = `expected image/jpeg, image/png, image/webp or multipart/form-data, got ${got}`;
    return { ok: false, reason: "unsupported-media-type", detail };
  }
  const tooLarge = { ok: false, reason: "too-many-bytes", detail: `expected at most ${maxBytes} bytes` } as const;
  const limit = isForm ? maxBytes + MULTIPART_OVERHEAD_BYTES : maxBytes;
  if (Number(request.headers.get("content-length")) > limit) return tooLarge;
  const reading = readAtMost(request.body, limit).then((bytes) => ({ bytes }));
  const read = await withinTime(reading, BODY_TIMEOUT_MS);
  if (read === null) {
    return { ok: false, reason: "request-timeout", detail: `expected the whole body within ${BODY_TIMEOUT_MS} ms` };
  }
  const body = read.bytes;
  if (body === null) return tooLarge;
  const image = isForm ? await formImage(body, contentType) : body;
  if (image === null) {
    return { ok: false, reason: "bad-request", detail: `expected a form with one file in the field \`${FIELD}\`` };
  }
  if (image.byteLength > maxBytes) return tooLarge;
  if (image.byteLength === 0) return { ok: false, reason: "not-an-image", detail: "expected an image, got no bytes" };
  return { ok: true, image };
}

/** The bytes of the form's image, or null when the form is damaged or has no such file. */
async function formImage(body: Uint8Array<ArrayBuffer>, contentType: string): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    const form = await new Response(body, { headers: { "content-type": contentType } }).formData();
    const file = form.get(FIELD);
    return file instanceof File ? new Uint8Array(await file.arrayBuffer()) : null;
  } catch {
    return null;
  }
}
