// Who may come in, and when a place counts as taken.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Admission, type Ticket } from "../../../cloud-backend/src/inference/admission.ts";

describe("Admission", () => {
  it("refuses one more than it has places for, and lets the next in when one leaves", () => {
    const admission = new Admission({ maxRequests: 2, maxBytes: 100 });
    const [first] = [accepted(admission), accepted(admission)];
    expect(admission.enter(0)).toMatchObject({ ok: false, reason: "overloaded" });
    first.leave();
    expect(admission.enter(0)).toMatchObject({ ok: true });
  });

  it("gives no place to those who are still on their way: they keep nobody out", () => {
    const admission = new Admission({ maxRequests: 1, maxBytes: 100 });
    const slow = Array.from({ length: 50 }, () => onTheWay(admission));
    const fast = accepted(admission);
    expect(admission.requests).toBe(1);
    expect(slow[0].takePlace()).toMatchObject({ reason: "overloaded" });
    fast.leave();
    expect(slow[0].takePlace()).toBeNull();
  });

  it("counts bytes as they arrive, and refuses those that declare or send too many", () => {
    const admission = new Admission({ maxRequests: 9, maxBytes: 100 });
    const request = onTheWay(admission, 100);
    expect(admission.bytes).toBe(0);
    expect([request.holds(60), request.holds(60), request.holds(100)]).toEqual([null, null, null]);
    expect(admission.bytes).toBe(100);
    expect(request.holds(101)).toMatchObject({ reason: "overloaded" });
    expect(admission.enter(1)).toMatchObject({ ok: false, reason: "overloaded" });
    expect(admission.enter(0)).toMatchObject({ ok: true });
  });

  it("is empty once all have left, also those who never took a place", async () => {
    const admission = new Admission({ maxRequests: 9, maxBytes: 100 });
    await admission.empty();
    const [inside, outside] = [accepted(admission), onTheWay(admission)];
    let isEmpty = false;
    const empty = admission.empty().then(() => {
      isEmpty = true;
    });
    inside.leave();
    await Promise.resolve();
    expect(isEmpty).toBe(false);
    outside.leave();
    await empty;
  });

  it("a ticket that was given back is of no use", () => {
    const ticket = accepted(new Admission({ maxRequests: 1, maxBytes: 1 }));
    ticket.leave();
    ticket.leave();
    expect(() => ticket.holds(1)).toThrow(TypeError);
    expect(() => ticket.takePlace()).toThrow(TypeError);
  });

  it("never holds more than its limits, and nothing once all have left, in whatever order", () => {
    const action = fc.oneof(
      fc.nat(60).map((bytes) => (ticket: Ticket) => ticket.holds(bytes)),
      fc.constantFrom<(ticket: Ticket) => unknown>(
        (ticket) => ticket.takePlace(),
        (ticket) => {
          ticket.leave();
          return "left";
        },
      ),
    );
    const events = fc.array(fc.tuple(fc.nat(5), action), { maxLength: 60 });
    fc.assert(
      fc.property(events, (happenings) => {
        const admission = new Admission({ maxRequests: 3, maxBytes: 100 });
        const tickets = Array.from({ length: 70 }, () => onTheWay(admission));
        for (const [which, act] of happenings) {
          if (act(tickets[which]) === "left") tickets.splice(which, 1);
          expect(admission.requests).toBeLessThanOrEqual(3);
          expect(admission.bytes).toBeLessThanOrEqual(100);
        }
        for (const ticket of tickets) ticket.leave();
        expect([admission.requests, admission.arriving, admission.bytes]).toEqual([0, 0, 0]);
      }),
    );
  });
});

function onTheWay(admission: Admission, declaredBytes = 0): Ticket {
  const entrance = admission.enter(declaredBytes);
  if (!entrance.ok) throw new Error(entrance.message);
  return entrance.value;
}

function accepted(admission: Admission): Ticket {
  const ticket = onTheWay(admission);
  const refusal = ticket.takePlace();
  if (refusal !== null) throw new Error(refusal.message);
  return ticket;
}
