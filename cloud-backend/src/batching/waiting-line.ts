// The requests that wait: first come, first served within a priority.
import { LOWEST_PRIORITY, type PendingRequest } from "./pending-request.ts";

export class WaitingLine {
  /** One line for each priority, the first goes first. A Set keeps the order and forgets in constant time. */
  readonly #lines = Array.from({ length: LOWEST_PRIORITY }, () => new Set<PendingRequest>());
  /** To be run alone, before anybody else: they have waited for a whole batch already. */
  readonly #again = new Set<PendingRequest>();
  #rows = 0;

  get rows(): number {
    return this.#rows;
  }

  get requests(): number {
    return this.#lines.reduce((sum, line) => sum + line.size, this.#again.size);
  }

  add(request: PendingRequest): void {
    (request.isAlone ? this.#again : this.#lines[request.work.priority - 1]).add(request);
    this.#rows += request.work.rows;
  }

  /** @returns whether it was still waiting */
  remove(request: PendingRequest): boolean {
    const isFound = this.#again.delete(request) || this.#lines[request.work.priority - 1].delete(request);
    if (isFound) this.#rows -= request.work.rows;
    return isFound;
  }

  /** When the one that has waited longest came; Infinity when nobody waits. One to be run alone counts as overdue. */
  oldestMs(): number {
    if (this.#again.size > 0) return Number.NEGATIVE_INFINITY;
    return Math.min(...this.#lines.map(([first]) => first?.arrivedMs ?? Number.POSITIVE_INFINITY));
  }

  /**
   * Takes those whose turn it is and who fit into `maxRows` together; one alone may have more. Nobody
   * is overtaken by a smaller request behind: that would leave a large one waiting for ever.
   */
  take(maxRows: number): PendingRequest[] {
    const [alone] = this.#again;
    if (alone !== undefined) return this.#taken([alone]);
    const taken: PendingRequest[] = [];
    let rows = 0;
    for (const line of this.#lines) {
      for (const request of line) {
        if (taken.length > 0 && rows + request.work.rows > maxRows) return this.#taken(taken);
        taken.push(request);
        rows += request.work.rows;
      }
    }
    return this.#taken(taken);
  }

  takeAll(): PendingRequest[] {
    return this.#taken([...this.#again, ...this.#lines.flatMap((line) => [...line])]);
  }

  #taken(requests: PendingRequest[]): PendingRequest[] {
    for (const request of requests) this.remove(request);
    return requests;
  }
}
