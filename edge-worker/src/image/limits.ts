// What reading and decoding a picture may take.

/**
 * Pixels of a side: the longest that a WebP can state. Unfiltering and shrinking cost some time for
 * each row, so a PNG of one column and millions of rows, a few kilobytes of file, would take seconds.
 */
export const MAX_IMAGE_SIDE = 16_384;

/**
 * Chunks of a PNG or a WebP, segments of a JPEG. Encoders cut 8 MiB into about a thousand; walking
 * through a million empty ones, which fit as well, would take a good part of a second.
 */
export const MAX_IMAGE_CHUNKS = 16_384;

/**
 * Bytes of memory to which decoding one picture may grow. A baseline JPEG of 16 megapixels and 8 MiB
 * takes 64.0 MB of pixels, twice its file and 2 MB for the decoder: 82.8 MB. Of files up to 4 MiB
 * there is room too for a progressive JPEG of 12 megapixels (4:2:0), for a WebP of 10 when it is
 * lossless and of 9 when it is lossy with opacity, and for a PNG of 16 in RGB or RGBA of 8 bits. What
 * a header does not tell cannot exceed it either: a decoder is refused to grow further.
 */
export const MAX_PICTURE_BYTES = 96_000_000;

/**
 * Bytes of memory for a picture and the decoders kept for the next. With the 20 MB that onnxruntime
 * holds after three stages were loaded this makes 116 of an isolate's 128 MB; the rest is for the
 * request's body and the program. A decoder that has only seen small pictures holds 17 MB and fits
 * beside a picture that takes 79; one of 12 megapixels takes 60. Beside larger ones the other
 * decoders are let go. When production collects the memory of a dropped WebAssembly instance is not
 * known; here, in workerd, it was late. Until then this limit is exceeded by what was dropped.
 */
export const MAX_DECODER_BYTES = 96_000_000;

/**
 * Scans of a progressive JPEG; encoders write about ten. Each costs a pass over all pixels and may
 * take a few bytes in the file, so without a limit a small file could keep the decoder busy for minutes.
 */
export const MAX_JPEG_SCANS = 64;
