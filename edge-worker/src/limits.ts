// Every limit of the Worker that is not part of the live configuration, with its unit and reason.

/** Milliseconds for which an isolate trusts the configuration it read last: how late a change may act. */
export const CONFIG_MAX_AGE_MS = 10_000;
/** Seconds for which Cloudflare may answer a KV read from its cache; 30 is the least it allows. */
export const KV_CACHE_SECONDS = 30;
/** Calibrations from KV that an isolate holds: the one in force, and the one before it, which may come back. */
export const MAX_HELD_CALIBRATIONS = 2;
/** Calibrations that an isolate knows to be refused for good, so as not to read them again; a line of text each. */
export const MAX_REFUSED_CALIBRATIONS = 16;
/** Policies from KV that an isolate holds: the one in force, and the one before it, which may come back. */
export const MAX_HELD_POLICIES = 2;
/**
 * Policies made ready for a bucket that an isolate holds. While a new policy and a new bucket spread, each of the two
 * may be asked for with either of the other.
 */
export const MAX_PREPARED_POLICIES = 4;
/** Milliseconds that a decision waits for its policy to be read: half of what it has, and KV mostly takes a tenth. */
export const POLICY_WAIT_MS = 250;
/** Milliseconds from the answer that lacked a token's prices to solving them: by then the answer is stored and gone. */
export const SOLVE_AFTER_MS = 50;
/** Milliseconds after which prices that are still being solved were lost with their object, and are solved anew. */
export const SOLVE_TIMEOUT_MS = 60_000;
/** Images that an isolate keeps of one client for its gate, at most: as many go out in one call of their own. */
export const MAX_REPORTED_IMAGES = 32;
/** Milliseconds for which they wait for an image that asks the gate, as long as others follow. */
export const REPORT_AFTER_MS = 10_000;
/** Clients whose images wait in an isolate; the longest unseen is forgotten first. 32 images of 1,000 take 1 MB. */
export const MAX_REPORTING_CLIENTS = 1_000;
/** Milliseconds to wait for the gate. A call takes a few; an object that wakes up far away some hundred. */
export const GATE_TIMEOUT_MS = 500;
/** Failures in a row after which the cloud is left alone for a while. */
export const CIRCUIT_FAILURES = 5;
/** Milliseconds the circuit stays open before one request may try again. */
export const CIRCUIT_OPEN_MS = 5_000;
/**
 * Milliseconds after which a server that refused frames is sent one again, as another may have taken its place. One that
 * still takes none costs a refused frame each time.
 */
export const FRAMES_AGAIN_MS = 600_000;
/** Bytes of a cloud reply: 100,000 classes as FP32 take 0.4 MB, as JSON 2 MB. */
export const MAX_REPLY_BYTES = 4_194_304;
/** Bytes around the image in a multipart body: boundaries and field headers. */
export const MULTIPART_OVERHEAD_BYTES = 65_536;
/** Clients whose request rate an isolate remembers; the longest unseen is forgotten first. */
export const MAX_TRACKED_CLIENTS = 10_000;
/** Milliseconds to wait for a KV read; the configuration that the isolate holds serves meanwhile. */
export const KV_TIMEOUT_MS = 1_000;
/**
 * Milliseconds for which a request waits for what another one is loading: KV's time, and as much again to
 * check what came. After that, the other request was cancelled and its load went with it.
 */
export const SHARED_LOAD_TIMEOUT_MS = 2 * KV_TIMEOUT_MS;
/** Milliseconds in which a request's body must have arrived: 8 MiB at 2.2 Mbit/s. */
export const BODY_TIMEOUT_MS = 30_000;
/** Labels that are listed unless the caller wants fewer or more. */
export const DEFAULT_TOP = 5;
/** More labels than anybody reads; the rest of the probabilities say nothing. */
export const MAX_TOP = 100;
