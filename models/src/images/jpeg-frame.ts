// How a JPEG is coded, from the segments before its first scan (ITU T.81, annex B). sharp decodes
// CMYK and arithmetic coding, which the Worker refuses, and its metadata does not tell all of it.

export interface JpegFrame {
  /** Code of the frame's marker: SOF0 to SOF15. */
  marker: number;
  bitsPerSample: number;
  components: number;
  /** Samples stored for each pixel: 3 without chroma subsampling, 1.5 with 4:2:0, 1 for grey. */
  samplesPerPixel: number;
  /** Whether the first scan holds the whole picture. */
  isOneScan: boolean;
}

interface Segment {
  marker: number;
  payload: Uint8Array;
}

const SOS = 0xda;
const PROGRESSIVE = 0xc2;
/** DHT, JPG and DAC: in the range of the frame headers, but none. */
const NO_FRAMES = new Set([0xc4, 0xc8, 0xcc]);

/** Null when the JPEG ends, or a scan begins, before a whole frame header. */
export function readJpegFrame(bytes: Uint8Array): JpegFrame | null {
  let frame: Segment | undefined;
  for (const segment of segmentsOf(bytes)) {
    if (segment.marker === SOS) return frame === undefined ? null : parse(frame, segment.payload[0]);
    if (isFrame(segment.marker)) frame ??= segment;
  }
  return null;
}

/** One line about a coding that the Worker answers with 415, or null. */
export function codingProblem({ marker, bitsPerSample, components }: JpegFrame): string | null {
  if (marker > PROGRESSIVE) return `expected a baseline or progressive JPEG, got ${codingName(marker)}`;
  if (bitsPerSample !== 8) return `expected a JPEG of 8 bits a sample, got ${bitsPerSample}`;
  if (components === 4) return "expected a JPEG in colour or grey, got CMYK";
  return components === 1 || components === 3 ? null : `expected a JPEG of 1 or 3 components, got ${components}`;
}

/** Up to the data of the first scan; before it every segment states its length. */
function* segmentsOf(bytes: Uint8Array): Generator<Segment, void> {
  let at = bytes.indexOf(0xff, 2);
  while (at !== -1) {
    // Any number of FF may stand before a marker's code.
    while (bytes[at] === 0xff) at++;
    if (at + 2 >= bytes.length) return;
    const end = at + 1 + ((bytes[at + 1] << 8) | bytes[at + 2]);
    if (end < at + 3 || end > bytes.length) return;
    yield { marker: bytes[at], payload: bytes.subarray(at + 3, end) };
    at = bytes.indexOf(0xff, end);
  }
}

function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && !NO_FRAMES.has(marker);
}

function parse({ marker, payload }: Segment, scanComponents: number): JpegFrame | null {
  const components = payload[5];
  if (payload.length < 6 || payload.length !== 6 + 3 * components) return null;
  const samplesPerPixel = countSamples(payload.subarray(6));
  const isOneScan = marker !== PROGRESSIVE && scanComponents === components;
  return { marker, bitsPerSample: payload[0], components, samplesPerPixel, isOneScan };
}

/** Of each component's three bytes the second holds its sampling factors, across and down. */
function countSamples(components: Uint8Array): number {
  const factors = Array.from({ length: components.length / 3 }, (_, k) => components[3 * k + 1]);
  const across = factors.map((factor) => factor >> 4);
  const down = factors.map((factor) => factor & 15);
  const samples = across.reduce((sum, horizontal, k) => sum + horizontal * down[k], 0);
  return samples / (Math.max(...across) * Math.max(...down));
}

function codingName(marker: number): string {
  if (marker === 0xc3) return "a lossless one";
  return marker >= 0xc9 && marker <= 0xcb ? "an arithmetic-coded one" : "a hierarchical one";
}
