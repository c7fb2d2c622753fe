// One version of a served graph: a protocol request in, a protocol response out. It knows no HTTP.

import type { Signature } from "@spillway/shared/protocol/graph-signature";
import type { InferenceRequest, InferenceResponse } from "@spillway/shared/protocol/message";
import type { Outcome } from "../errors.ts";
import type { ModelStatistics, RequestDurations } from "../telemetry/model-statistics.ts";
import type { Admission } from "./admission.ts";
import type { EncodedInput } from "./encoded-input.ts";
import type { Provider, ServingOptions } from "./serving-options.ts";

/** What is known of a request beside its message. */
export interface RequestContext {
  /** Fires when the client has gone. */
  client: AbortSignal;
  /** What the transport allows, in milliseconds; the shorter of this and the message's `timeout` counts. */
  timeoutMs: number | null;
  /** Told how long an answered request took, for traces. */
  onAnswered?: ((durations: RequestDurations & { batchRows: number }) => void) | undefined;
}

export interface Model {
  readonly name: string;
  readonly version: string;
  readonly signature: Signature;
  /** What may come in the place of its inputs, as BYTES [n]; null where nothing may. */
  readonly encoded: Pick<EncodedInput, "kind" | "name"> | null;
  /** Names of the classes, in the order of the logits. */
  readonly labels: readonly string[];
  /** Where it runs: the first of the wanted execution providers that could be had. */
  readonly provider: Provider;
  /** Requests that wait for a run. */
  readonly waiting: number;
  /** How it is run: batches, instances, limits. */
  readonly serving: ServingOptions;
  readonly statistics: ModelStatistics;
  /** Who may come in; asked before a body is read. */
  readonly admission: Admission;
  isReady(): boolean;
  infer(request: InferenceRequest, context: RequestContext): Promise<Outcome<InferenceResponse>>;
  /** Ends its threads; what is still running fails. */
  stop(): Promise<void>;
}
