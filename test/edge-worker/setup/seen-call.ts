// What a call looks like to the cloud, as `mirror` of faulty-cloud.ts answers it.

export interface SeenCall {
  headers: Record<string, string>;
  parameters: Record<string, unknown>;
}
