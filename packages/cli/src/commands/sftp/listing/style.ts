/** How ls lists: what its flags say, and the order of the entries. */
import type { FileAttributes } from '@nacre/ssh/sftp';

export interface Entry {
  readonly name: string;
  readonly attributes: FileAttributes;
  /** The server's own line. */
  readonly longName?: Buffer;
}

export interface ListingStyle {
  readonly view: 'columns' | 'lines' | 'long';
  /** Numbers in place of users' and groups' names. */
  readonly isNumeric: boolean;
  /** Sizes with units. */
  readonly isScaled: boolean;
  readonly showsAll: boolean;
  readonly sort: 'name' | 'time' | 'size' | 'none';
  readonly isReversed: boolean;
}

/** @param flags - in the order in which they were given: of those that contradict each other the last counts. */
export function styleOf(flags: ReadonlySet<string>): ListingStyle {
  let view: ListingStyle['view'] = 'columns';
  let isNumeric = false;
  let isScaled = false;
  let sort: ListingStyle['sort'] = 'name';
  for (const flag of flags) {
    if (flag === '1') [view, isNumeric, isScaled] = ['lines', false, false];
    else if (flag === 'l') view = 'long';
    else if (flag === 'n') [view, isNumeric] = ['long', true];
    else if (flag === 'h') isScaled = true;
    else if (flag === 'S') sort = 'size';
    else if (flag === 't') sort = 'time';
    else if (flag === 'f') sort = 'none';
  }
  return { view, isNumeric, isScaled, sort, showsAll: flags.has('a'), isReversed: flags.has('r') };
}

/** The newest and the largest come first. */
export function sortEntries(entries: readonly Entry[], { sort, isReversed }: ListingStyle): Entry[] {
  if (sort === 'none') return [...entries];
  const sign = isReversed ? -1 : 1;
  const sizeOf = ({ attributes }: Entry) => attributes.size ?? 0;
  const timeOf = ({ attributes }: Entry) => attributes.times?.modified ?? 0;
  // By their bytes. UTF-16 has another order only from the surrogates on.
  const isSimple = entries.every(({ name }) => !beyondSurrogates.test(name));
  const byBytes = (a: Entry, b: Entry) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
  const byUnits = (a: Entry, b: Entry) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
  const compare = {
    name: isSimple ? byUnits : byBytes,
    size: (a: Entry, b: Entry) => sizeOf(b) - sizeOf(a),
    time: (a: Entry, b: Entry) => timeOf(b) - timeOf(a),
  }[sort];
  return [...entries].sort((a, b) => sign * compare(a, b));
}

const beyondSurrogates = /[\ud800-\uffff]/;
