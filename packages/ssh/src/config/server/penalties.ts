/** PerSourcePenalties: how long addresses that misbehave are held off. */
import { ValueError } from '../place.ts';
import { type KeywordRow, parseSeconds, row } from '../values.ts';
import { parseCount } from './rows.ts';

/** What happens to new addresses once as many as may be are remembered. */
export type PenaltyOverflow = 'permissive' | 'deny-all';

/** Times are in seconds. */
export interface Penalties {
  readonly enabled: boolean;
  readonly crash: number;
  readonly authfail: number;
  readonly invaliduser: number;
  readonly noauth: number;
  readonly 'grace-exceeded': number;
  readonly refuseconnection: number;
  readonly max: number;
  readonly min: number;
  readonly 'max-sources4': number;
  readonly 'max-sources6': number;
  readonly overflow: PenaltyOverflow;
  /** Undefined is that of IPv4. */
  readonly overflow6: PenaltyOverflow | undefined;
}

const defaults: Penalties = {
  enabled: true,
  crash: 90,
  authfail: 5,
  invaliduser: 5,
  noauth: 1,
  'grace-exceeded': 10,
  refuseconnection: 10,
  max: 600,
  min: 15,
  'max-sources4': 65_536,
  'max-sources6': 65_536,
  overflow: 'permissive',
  overflow6: undefined,
};

/** What lines said so far: of each part the first counts. */
export type PenaltyDraft = Partial<Penalties>;

export const perSourcePenalties: KeywordRow<PenaltyDraft> = row<PenaltyDraft>(
  'PerSourcePenalties',
  {},
  ({ words, keyword }, before = {}) => {
    const [first = ''] = words;
    if (/^(?:yes|no)$/i.test(first)) {
      if (words.length > 1) throw new ValueError(`keyword ${keyword} "${first}" argument must appear alone.`);
      return { enabled: first.toLowerCase() === 'yes', ...before };
    }
    const found: Record<string, unknown> = {};
    for (const word of words) {
      const [, name = '', text = ''] = /^([^:]*):(.*)$/s.exec(word.toLowerCase()) ?? [];
      if (name === 'enabled' || !Object.hasOwn(defaults, name))
        throw new ValueError(`unsupported ${keyword} keyword ${word}`);
      found[name] ??= parsePart(name, text, keyword);
    }
    // Whatever is set switches penalties on.
    const isNew = Object.keys(found).some((name) => !Object.hasOwn(before, name));
    return { ...(found as PenaltyDraft), ...before, enabled: isNew || (before.enabled ?? true) };
  },
  (draft) => {
    const penalties = fullPenalties(draft);
    if (!penalties.enabled) return ['no'];
    const parts = { ...penalties, overflow6: penalties.overflow6 ?? penalties.overflow };
    const names = (Object.keys(defaults) as (keyof Penalties)[]).filter((name) => name !== 'enabled');
    return [names.map((name) => `${name}:${parts[name]}`).join(' ')];
  },
  true,
);

/** What is held with the defaults in. */
export function fullPenalties(draft: PenaltyDraft): Penalties {
  return { ...defaults, ...draft };
}

function parsePart(name: string, text: string, keyword: string): number | PenaltyOverflow {
  if (name.startsWith('overflow')) {
    if (text === 'permissive' || text === 'deny-all') return text;
    throw new ValueError(`unsupported ${keyword} keyword ${name}:${text}`);
  }
  if (name.startsWith('max-sources')) {
    const number = parseCount(text, { keyword });
    if (number < 1) throw new ValueError(`${keyword} value too small.`);
    return number;
  }
  try {
    return parseSeconds(text);
  } catch {
    throw new ValueError(`invalid ${keyword} time value.`);
  }
}
