// What a call looks like to the cloud, as `mirror` of faulty-cloud.ts answers it.

export interface SeenCall {
  headers: Record<string, string>;
  /** Of the message; none where the body is raw. */
  parameters: Record<string, unknown>;
  /** The body, in base64. */
  body: string;
}
