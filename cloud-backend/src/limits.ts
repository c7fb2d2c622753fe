// Every bound of the backend, with its unit and its reason.

/** Largest request body: SageMaker passes 25 MB to a real-time endpoint. */
export const MAX_BODY_BYTES = 26_214_400;

/** Bytes of a body that is JSON alone, whatever the model: read and parsed they hold the thread for 50 ms. Binary tensors are for more. */
export const MAX_JSON_BYTES = 8_388_608;

/** Bytes of one element as JSON: a number of 24 characters, its comma, and brackets or white space. */
export const JSON_ELEMENT_BYTES = 32;

/** Bytes of such a body beside its data: as many as a binary message has for it. */
export const JSON_REST_BYTES = 1_048_576;

/** Elements of JSON data and lists around them, whatever the model: half a million empty lists hold the thread for 50 ms. */
export const MAX_JSON_TOKENS = 1_048_576;

/** Largest body that loads or unloads a model: a name and an address. */
export const MAX_CONTROL_BODY_BYTES = 16_384;

/** Requests to load, unload or list models at the same time: loading goes one by one, and nobody has so many to ask. */
export const MAX_CONTROL_REQUESTS = 16;

/** Binary logarithm of the bytes that unpacking zstd may look back, 8 MiB: RFC 9659's bound on HTTP bodies. A header of 10 bytes could ask for 128 MiB. */
export const MAX_ZSTD_WINDOW_LOG = 23;

/** Models in one page of SageMaker's list: more than a container loads. */
export const MODELS_PER_PAGE = 100;

/** Bytes of a manifest.json: 100,000 labels, the most that the schema allows, of 160 characters each. */
export const MAX_MANIFEST_BYTES = 16_777_216;

/** Pixels of one image; the edge's own limit, so that whatever it accepts may be sent on. */
export { MAX_IMAGE_PIXELS } from "@spillway/shared/schema/config";

/** Pixels of an image's longer side; the edge's own limit, and the most that a WebP can state. Every row costs some time. */
export const MAX_IMAGE_SIDE = 16_384;

/** Pixels of all images of one request: a few kilobytes of PNG can hold 16 million pixels, 64 of them seconds of work. */
export const MAX_REQUEST_PIXELS = 64_000_000;

/** Images decoded at the same time: each may take 64 MB, and libuv decodes on four threads. */
export const MAX_CONCURRENT_DECODES = 4;

/** Bytes of one frame of features, which is what the largest map takes; the edge makes none that is longer. A request's frames are as many as its batch may have rows. */
export { MAX_FRAME_BYTES } from "@spillway/shared/split/frame";

/** Threads that decode the frames of one tail, where there are cores for them: as many as decode images. They are made when they are needed. */
export const MAX_FRAME_THREADS = 4;

/** Milliseconds for which shrinking images, of all requests together, may hold the thread that answers HTTP in one turn of its event loop. */
export const DECODING_SLICE_MS = 2;

/** Longest `timeout` parameter, in the protocol's microseconds (one hour): Node's timers overflow after 24 days. */
export const MAX_TIMEOUT_MICROSECONDS = 3_600_000_000;

/** Milliseconds a client may take to send its request; SageMaker gives up on an invocation after 60 s. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** Milliseconds of them for the headers: they fit into one packet, and slow ones are held open on purpose. */
export const HEADERS_TIMEOUT_MS = 10_000;

/** Bytes that a request's target, header names and values stay below. Node's own default; ours take a tenth. */
export const MAX_HEADER_BYTES = 16_384;

/** Connections at the same time: 10,000 slow ones leave room. Each takes a file descriptor and some 10 KB. */
export const MAX_CONNECTIONS = 16_384;

/** Connections that the kernel holds until they are accepted: a burst should not have to knock twice. */
export const LISTEN_BACKLOG = 4_096;

/** Milliseconds at the end in which new connections are still accepted, for the sake of those that were opened before: one in each turn of the event loop. */
export const LAST_CALL_MS = 250;

/** Milliseconds that a kept connection waits for its next request. AWS's load balancers close theirs after 60 s and must be first. */
export const KEEP_ALIVE_MS = 65_000;

/** Milliseconds without a byte in either direction: SageMaker waits 360 s for a model to load. */
export const IDLE_TIMEOUT_MS = 400_000;

/** Milliseconds between two looks for requests whose time is over. */
export const CONNECTION_CHECK_MS = 1_000;

/** Bytes of log lines that are written together: a page, which pipes take whole. */
export const LOG_BUFFER_BYTES = 4_096;

/** Milliseconds that a log line waits for others: no more than whoever watches would notice. */
export const LOG_DELAY_MS = 100;

/** Characters of a caller's own text in a log line: a message's `id` may be megabytes. */
export const MAX_LOGGED_TEXT_LENGTH = 256;

/** Seconds in `Retry-After`: a full queue of the default length is worked off in less. */
export const RETRY_AFTER_SECONDS = 1;

/** Milliseconds before each attempt to replace a dead inference thread; after the last one it is given up, and the process ends if nothing else serves. */
export const RESTART_DELAYS_MS = [100, 1_000, 5_000, 15_000] as const;

/** Bytes of a configuration file: there are some thirty settings. */
export const MAX_CONFIGURATION_BYTES = 65_536;

/** Milliseconds at the end of the process for traces that are still to be sent: nobody waits for them. */
export const TRACING_STOP_MS = 2_000;

/** Milliseconds that a model which is to end waits for bodies that are on their way; those of honest senders are here in less. */
export const ARRIVAL_GRACE_MS = 1_000;

/** Milliseconds that whoever ends a thread waits for the batch that it runs; one that takes longer ends its thread behind it. */
export const MAX_STOP_MS = 4_000;

/** Bytes of log lines that wait for a reader who has stopped reading; what comes beyond is lost. */
export const MAX_LOG_BACKLOG_BYTES = 1_048_576;
/** Milliseconds that a process which ends waits for its log's reader: a busy machine needs some, a dead reader gets no more. */
export const LOG_EXIT_MS = 1_000;
