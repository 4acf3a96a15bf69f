/** LocalForward, RemoteForward and DynamicForward: every line adds one. */
import { type Forward, type ForwardKind, formatForward, parseForward } from '../forwards.ts';
import { ValueError } from '../place.ts';
import { type KeywordRow, row } from '../values.ts';

/** More would be a mistake: each costs a listener. */
const maxForwards = 1000;

/** Two words, where it listens and where it leads; a remote one without the second is SOCKS on the server. */
export function forwards(name: string, kind: ForwardKind): KeywordRow<readonly Forward[]> {
  return row<readonly Forward[]>(
    name,
    [],
    ({ words: [listen = '', target, ...more], keyword }, before = []) => {
      if (more.length > 0 || (kind === 'dynamic' && target !== undefined)) {
        throw new ValueError(`keyword ${keyword} extra arguments at end of line`);
      }
      if (target === undefined && kind === 'local') throw new ValueError('Missing target argument.');
      const found = parseForward(target === undefined ? listen : `${listen}:${target}`, kind);
      if (found === undefined) throw new ValueError('Bad forwarding specification.');
      // Files are read twice for a canonical name or Match final.
      const shown = formatForward(found);
      if (before.some((other) => formatForward(other) === shown)) return before;
      if (before.length >= maxForwards) throw new ValueError(`Too many forwards (max ${maxForwards}).`);
      return [...before, found];
    },
    (value) => value.map(formatForward),
    true,
  );
}
