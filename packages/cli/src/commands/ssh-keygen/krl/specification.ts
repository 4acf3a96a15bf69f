/** What is to be revoked, a line each: `serial:`, `id:`, `key:`, `sha1:`, `sha256:`, `hash:`, or a key or certificate as it is. */
import { hash } from '@nacre/ssh/crypto';
import { SshError } from '@nacre/ssh/errors';
import type { PublicKey } from '@nacre/ssh/keys';
import type { AuthorityScope, RevocationListDraft } from '@nacre/ssh/trust/revocation-list';
import { Ending } from '../ending.ts';
import { readPublicLine } from '../key-input.ts';

export interface Specification {
  /** One character a byte. */
  readonly text: string;
  /** For errors. */
  readonly name: string;
}

/** Where a line stands, and what it is to change. */
interface Context {
  readonly place: string;
  readonly scope: AuthorityScope | undefined;
  readonly draft: RevocationListDraft;
}

/**
 * Takes a specification into a draft.
 *
 * @param scope - whose certificates `serial:` and `id:` mean.
 */
export function revokeAll(
  specification: Specification,
  scope: AuthorityScope | undefined,
  draft: RevocationListDraft,
): void {
  let number = 0;
  for (const line of specification.text.split('\n')) {
    number++;
    // A number sign ends the line, also in the comment of a key.
    const content = (line.split('#', 1)[0] as string).replace(/[ \t\r]+$/, '').replace(/^[ \t]+/, '');
    if (content === '') continue;
    const context = { place: `${specification.name}:${number}`, scope, draft };
    const row = rows.find(({ word }) => content.slice(0, word.length).toLowerCase() === word) ?? bareKey;
    try {
      row.revoke(content.slice(row.word.length).replace(/^[ \t]+/, ''), context);
    } catch (error) {
      if (!(error instanceof SshError)) throw error;
      const reason = row.reason === undefined ? '' : `: ${row.reason}`;
      const detail = `${context.place}: ${error.message}`;
      throw new Ending(`update_krl_from_file: revoke ${row.what} failed${reason} (${detail})`);
    }
  }
}

interface Row {
  readonly word: string;
  readonly what: string;
  /** What OpenSSH says of a value that it does not take. */
  readonly reason?: string;
  revoke(value: string, context: Context): void;
}

const rows: readonly Row[] = [
  { word: 'serial:', what: 'serial', revoke: revokeSerials },
  {
    word: 'id:',
    what: 'key ID',
    revoke(value, { draft, scope }) {
      draft.revokeKeyId(requireScope(scope, 'key ID'), Buffer.from(value, 'latin1'));
    },
  },
  {
    word: 'hash:',
    what: 'key',
    reason: 'invalid format',
    revoke(value, { draft, place }) {
      draft.revokeKeyHash('sha256', readHash(value, place));
    },
  },
  { word: 'key:', what: 'key', revoke: (value, { draft, place }) => draft.revokeKey(requireKey(value, place)) },
  { word: 'sha1:', what: 'key', revoke: (value, context) => revokeByHash('sha1', value, context) },
  { word: 'sha256:', what: 'key', revoke: (value, context) => revokeByHash('sha256', value, context) },
];

const bareKey: Row = {
  word: '',
  what: 'key',
  revoke: (value, { draft, place }) => draft.revoke(requireKey(value, place)),
};

function revokeByHash(hashName: 'sha1' | 'sha256', value: string, { draft, place }: Context): void {
  draft.revokeKeyHash(hashName, hash(hashName, requireKey(value, place).plain.blob));
}

function revokeSerials(value: string, { draft, scope, place }: Context): void {
  const authority = requireScope(scope, 'serial number');
  const [firstText = '', lastText] = value.split(/-(.*)/s, 2);
  const first = readSerial(firstText, value, place);
  if (lastText === undefined) {
    draft.revokeSerials(authority, first);
    return;
  }
  const last = readSerial(lastText, lastText, place);
  if (last <= first) throw new Ending(`${place}: invalid serial range ${first}:${last}`);
  draft.revokeSerials(authority, first, last);
}

/** A number as strtoull(3) takes it: decimal, 0x and hexadecimal, 0 and octal. A sign that would turn it around is refused. */
function readSerial(text: string, shown: string, place: string): bigint {
  const [, hexadecimal, octal, decimal] = /^\s*\+?(?:(0x[0-9a-f]+)|0([0-7]*)|([1-9]\d*))$/i.exec(text) ?? [];
  const digits = hexadecimal ?? decimal ?? (octal === undefined ? undefined : `0o${octal || '0'}`);
  if (digits === undefined) throw new Ending(`${place}: invalid serial "${shown}"`);
  // Longer ones are out of range whatever they say, and not worth turning into numbers.
  const serial = digits.length > 80 ? undefined : BigInt(digits.toLowerCase());
  if (serial === undefined || serial > 0xffff_ffff_ffff_ffffn) throw new Ending(`${place}: serial out of range`);
  return serial;
}

function requireScope(scope: AuthorityScope | undefined, what: string): AuthorityScope {
  if (scope !== undefined) return scope;
  throw new Ending(`revoking certificates by ${what} requires specification of a CA key`);
}

function requireKey(value: string, place: string): PublicKey {
  const found = readPublicLine(value);
  if (found === undefined) throw new Ending(`${place}: invalid key: invalid format`);
  return found.key;
}

/** `SHA256:` and base64, without padding as fingerprints are printed. */
function readHash(value: string, place: string): Buffer {
  if (!value.startsWith('SHA256:')) throw new Ending(`${place}: unsupported hash algorithm`);
  const text = value.slice('SHA256:'.length).replace(/=+$/, '');
  const digest = Buffer.from(text, 'base64');
  // Node's decoder passes over what is no base64.
  if (digest.toString('base64').replace(/=+$/, '') !== text) {
    throw new Ending(`${place}: decode hash failed: invalid format`);
  }
  return digest;
}
