/** Has replies that belong together go out in the order in which their requests came. */

interface Place<T> {
  readonly send: (value: T) => void;
  answer: { readonly value: T } | undefined;
}

/**
 * Requests end in any order, and clients may not count on one. paramiko does: with writes in flight, as in its `put`, it
 * waits for each reply in turn, drops one that comes early, and then waits for that for ever.
 */
export class ReplyOrder<T> {
  readonly #places: Place<T>[] = [];

  /** Keeps a place. Call what it gives with the answer; `send` gets that once every place before has been answered. */
  take(send: (value: T) => void): (value: T) => void {
    const place: Place<T> = { send, answer: undefined };
    this.#places.push(place);
    return (value) => {
      place.answer = { value };
      for (let first = this.#places[0]; first?.answer !== undefined; first = this.#places[0]) {
        this.#places.shift();
        first.send(first.answer.value);
      }
    };
  }
}
