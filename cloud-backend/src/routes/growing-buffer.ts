// Bytes that come in pieces, in one buffer that grows with them. A list of the pieces would cost a sender
// of single bytes nothing, and us hundreds of bytes for each.

export class GrowingBuffer {
  #buffer = new ArrayBuffer(0);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const length = this.#length + piece.byteLength;
    if (length > this.#buffer.byteLength) {
      this.#buffer = this.#buffer.transfer(Math.max(length, 2 * this.#buffer.byteLength));
    }
    new Uint8Array(this.#buffer).set(piece, this.#length);
    this.#length = length;
  }

  /** All of them, in a buffer of just their length, which is the caller's: this one is empty afterwards. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#buffer.transfer(this.#length));
    this.free();
    return bytes;
  }

  /** Empties it, and gives the memory back now instead of when the garbage collector comes by. */
  free(): void {
    if (!this.#buffer.detached) this.#buffer.transfer(0);
    this.#buffer = new ArrayBuffer(0);
    this.#length = 0;
  }
}
