// What decoding may take.

/**
 * Bytes of memory to which decoding one picture may grow: what a baseline JPEG of 16 megapixels and
 * 8 MiB can take, the most that a configuration lets in. A progressive JPEG of 10 megapixels, a
 * lossless WebP of 9 and any PNG of 16 fit too.
 */
export const MAX_PICTURE_BYTES = 97_000_000;

/**
 * Bytes of memory for a picture and the decoders kept for the next. A decoder that has only seen
 * small pictures holds 17 and fits beside the largest picture of another kind. The largest pictures
 * thus take what an isolate of 128 MB has beside onnxruntime; photos of 12 megapixels take 60.
 */
export const MAX_DECODER_BYTES = 114_000_000;

/**
 * Scans of a progressive JPEG; encoders write about ten. Each costs a pass over all pixels and may
 * take a few bytes in the file, so without a limit a small file could keep the decoder busy for minutes.
 */
export const MAX_JPEG_SCANS = 64;
