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

  it("counts bytes as they arrive, and refuses who brings more than there is", () => {
    const admission = new Admission({ maxRequests: 9, maxBytes: 100 });
    expect(admission.enter(101)).toMatchObject({ ok: false, reason: "overloaded" });
    const request = onTheWay(admission, 100);
    expect(admission.bytes).toBe(0);
    expect([request.holds(60), request.holds(60), request.holds(100)]).toEqual([null, null, null]);
    expect(admission.bytes).toBe(100);
    expect(request.holds(101)).toMatchObject({ reason: "overloaded" });
    expect(admission.bytes).toBe(100);
  });

  it("refuses before a body comes by what accepted requests hold, since all others would give way", () => {
    const admission = new Admission({ maxRequests: 9, maxBytes: 100 });
    onTheWay(admission).holds(100);
    expect(admission.enter(100)).toMatchObject({ ok: true });
    const inside = onTheWay(admission);
    inside.holds(40);
    inside.takePlace();
    expect(admission.enter(60)).toMatchObject({ ok: true });
    expect(admission.enter(61)).toMatchObject({ ok: false, reason: "overloaded" });
    inside.leave();
    expect(admission.enter(100)).toMatchObject({ ok: true });
  });

  it("lets those who have been arriving longest give way when bytes run out, and no more of them than it must", () => {
    const admission = new Admission({ maxRequests: 9, maxBytes: 100 });
    const [empty, first, second, third, last] = Array.from({ length: 5 }, () => onTheWay(admission));
    for (const ticket of [third, second, first]) ticket.holds(30);
    expect(last.holds(10)).toBeNull();
    expect(gaveWay(empty, first, second, third)).toEqual([false, false, false, false]);
    expect(last.holds(11)).toBeNull();
    expect(gaveWay(empty, first, second, third)).toEqual([false, true, false, false]);
    expect([admission.arriving, admission.bytes]).toEqual([4, 71]);
    expect(first.signal.reason).toMatchObject({ ok: false, reason: "overloaded" });
    expect([first.holds(1), first.takePlace()]).toEqual([first.signal.reason, first.signal.reason]);
    first.leave();
    expect([admission.arriving, admission.bytes]).toEqual([4, 71]);
    // Never itself, though it came before those that are left.
    expect(second.holds(100)).toBeNull();
    expect(gaveWay(empty, second, third, last)).toEqual([false, false, true, true]);
    expect(admission.bytes).toBe(100);
  });

  it("lets nobody give way for a request that would be refused even so", () => {
    const admission = new Admission({ maxRequests: 9, maxBytes: 100 });
    const inside = accepted(admission);
    inside.holds(50);
    const [arriving, greedy] = [onTheWay(admission), onTheWay(admission)];
    arriving.holds(40);
    expect(greedy.holds(51)).toMatchObject({ reason: "overloaded" });
    expect(gaveWay(arriving, greedy, inside)).toEqual([false, false, false]);
    expect(greedy.holds(50)).toBeNull();
    expect(gaveWay(arriving, greedy, inside)).toEqual([true, false, false]);
  });

  it("is empty once all have left, also those who never took a place; all is answered once those with a place have", async () => {
    const admission = new Admission({ maxRequests: 9, maxBytes: 100 });
    await Promise.all([admission.empty(), admission.answered()]);
    const [inside, outside] = [accepted(admission), onTheWay(admission)];
    const over: string[] = [];
    const empty = admission.empty().then(() => over.push("empty"));
    const answered = admission.answered().then(() => over.push("answered"));
    await Promise.resolve();
    expect(over).toEqual([]);
    inside.leave();
    await answered;
    expect(over).toEqual(["answered"]);
    outside.leave();
    await empty;
  });

  it("is empty also when the last on the way gave way", async () => {
    const admission = new Admission({ maxRequests: 9, maxBytes: 100 });
    const slow = onTheWay(admission);
    slow.holds(100);
    const empty = admission.empty();
    const inside = accepted(admission);
    inside.holds(1);
    inside.leave();
    await empty;
    expect(gaveWay(slow)).toEqual([true]);
  });

  it("a ticket that was given back is of no use", () => {
    const ticket = accepted(new Admission({ maxRequests: 1, maxBytes: 1 }));
    ticket.leave();
    ticket.leave();
    expect(() => ticket.holds(1)).toThrow(TypeError);
    expect(() => ticket.takePlace()).toThrow(TypeError);
  });

  it("never holds more than its limits, lets nobody with a place give way, and is empty once all have left", () => {
    const action = fc.oneof(
      fc.nat(60).map((bytes) => (ticket: Ticket) => ticket.holds(bytes)),
      fc.constantFrom<(ticket: Ticket) => unknown>(
        (ticket) => ticket.takePlace() ?? "placed",
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
        const placed = new Set<Ticket>();
        for (const [which, act] of happenings) {
          const ticket = tickets[which];
          const outcome = act(ticket);
          if (outcome === "placed") placed.add(ticket);
          if (outcome === "left") {
            tickets.splice(which, 1);
            placed.delete(ticket);
          }
          expect(admission.requests).toBe(placed.size);
          expect(admission.requests).toBeLessThanOrEqual(3);
          expect(admission.bytes).toBeLessThanOrEqual(100);
          expect(gaveWay(...placed)).not.toContain(true);
          expect(admission.arriving).toBe(gaveWay(...tickets).filter((gone) => !gone).length - placed.size);
        }
        for (const ticket of tickets) ticket.leave();
        expect([admission.requests, admission.arriving, admission.bytes]).toEqual([0, 0, 0]);
      }),
    );
  });
});

function gaveWay(...tickets: Ticket[]): boolean[] {
  return tickets.map(({ signal }) => signal.aborted);
}

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
