/** Values that are there at once or later: what is there at once costs neither a promise nor a turn. */
import type { Awaitable } from './file-system.ts';

/** Uses a value when it is there; an error of either is thrown, or rejects. */
export function whenThere<T, R>(value: Awaitable<T>, use: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(use) : use(value);
}
