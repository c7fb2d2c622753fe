// What decoding may take.

/**
 * Bytes of memory for decoding one picture: enough for a baseline JPEG of 13 megapixels, a
 * progressive one of 8 and a lossless WebP of 7.
 */
export const MAX_PICTURE_BYTES = 60_000_000;

/**
 * Bytes of memory for a picture and the decoders kept for the next. An isolate has 128 MB;
 * onnxruntime takes about 40 with its weights, code and requests the rest.
 */
export const MAX_DECODER_BYTES = 80_000_000;

/**
 * Scans of a progressive JPEG; encoders write about ten. Each costs a pass over all pixels and may
 * take a few bytes in the file, so without a limit a small file could keep the decoder busy for minutes.
 */
export const MAX_JPEG_SCANS = 64;
