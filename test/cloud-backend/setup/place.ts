// A request's place among the accepted ones, taken by hand.
import type { Ticket } from "../../../cloud-backend/src/inference/admission.ts";
import type { Model } from "../../../cloud-backend/src/inference/model.ts";

/** @throws Error when there is none */
export function placeIn({ admission }: Pick<Model, "admission">): Ticket {
  const entrance = admission.enter(0);
  const refusal = entrance.ok ? entrance.value.takePlace() : entrance;
  if (!entrance.ok || refusal !== null) throw new Error("expected a place");
  return entrance.value;
}
