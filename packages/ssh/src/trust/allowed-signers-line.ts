/** One line of allowed_signers: principals, options, key. */
import { SshError } from '../errors.ts';
import { decodePublicKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxPatternBytes } from '../limits.ts';
import { optionsEnd } from './key-options.ts';
import { parseTimeSpec } from './time-spec.ts';
import { cutField, keyFieldsFlaw, type LineProblem, lineFlaw } from './trust-file.ts';

/** One good line. */
export interface AllowedSignersEntry {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly text: string;
  /** The pattern list as it stands there, without quotes. */
  readonly principals: string;
  /** The key signs certificates and no messages. */
  readonly certAuthority: boolean;
  /** Pattern list of the namespaces it may sign for; undefined means any. */
  readonly namespaces: string | undefined;
  /** Seconds since 1970; both ends are still valid. */
  readonly validAfter: number | undefined;
  readonly validBefore: number | undefined;
  readonly key: PublicKey;
  readonly comment: string;
}

/** One bad line; with its principals, if they could be read. The reason is in ssh-keygen's words. */
export interface SignerLineProblem extends LineProblem {
  readonly principals: string | undefined;
}

interface Place {
  readonly file: string;
  readonly line: number;
  /** Whether a line feed ends the line: ssh-keygen says something else of a last line without one. */
  readonly closed: boolean;
}

/** Reads a line; undefined where it is empty or a comment. */
export function parseSignerLine(text: string, place: Place): AllowedSignersEntry | SignerLineProblem | undefined {
  const { file, line } = place;
  const bad = (reason: string, principals?: string): SignerLineProblem => ({ file, line, reason, principals });
  const content = text.replace(/^[ \t\r]+/, '');
  if (content === '' || content.startsWith('#')) return undefined;
  const flaw = lineFlaw(text);
  if (flaw !== undefined) return bad(`invalid line (${flaw})`);
  const fields = cutPrincipals(content);
  if (fields === undefined) return bad('invalid line');
  // Longer lists are not matched (patterns.ts), and a line that never matches should say so.
  if (fields.principals.length > maxPatternBytes) return bad('invalid line (its list of principals is too long)');
  if (fields.rest === undefined) return place.closed ? bad('missing key', fields.principals) : bad('invalid line');
  const parsed = parseKeyAndOptions(fields.rest);
  if (typeof parsed === 'string') return bad(parsed, fields.principals);
  return { file, line, text, principals: fields.principals, ...parsed };
}

/**
 * The first field. It may be quoted, also from its middle on, and then ends with the second quote.
 *
 * @returns undefined where a quote is not closed; without `rest` where nothing follows.
 */
function cutPrincipals(content: string): { principals: string; rest: string | undefined } | undefined {
  const at = content.search(/[ \t\r"]/);
  if (at < 0) return { principals: content, rest: undefined };
  let principals = content.slice(0, at);
  let rest = content.slice(at + 1);
  if (content[at] === '"') {
    const close = rest.indexOf('"');
    if (close < 0) return undefined;
    principals += rest.slice(0, close);
    rest = rest.slice(close + 1);
  }
  return { principals, rest: rest.replace(/^[ \t\r]+/, '') };
}

type KeyAndOptions = Omit<AllowedSignersEntry, 'file' | 'line' | 'text' | 'principals'>;

function parseKeyAndOptions(text: string): KeyAndOptions | string {
  const direct = readKey(text);
  if (typeof direct === 'object') return { ...noOptions, ...direct };
  const end = optionsEnd(text);
  if (end === text.length) return hasOpenQuote(text) ? 'invalid options' : 'missing key';
  const behind = readKey(text.slice(end).replace(/^[ \t]+/, ''));
  if (typeof behind === 'string') return `invalid key (${/^(ssh|ecdsa|sk|rsa)-/.test(text) ? direct : behind})`;
  const options = parseOptions(text.slice(0, end));
  return typeof options === 'string' ? `bad options: ${options}` : { ...options, ...behind };
}

function readKey(text: string): { key: PublicKey; comment: string } | string {
  const [type, afterType] = cutField(text);
  const [blob, comment] = cutField(afterType.trimEnd());
  const flaw = keyFieldsFlaw(type, blob);
  if (flaw !== undefined) return flaw;
  try {
    return { key: decodePublicKey(Buffer.from(blob, 'base64')), comment };
  } catch (error) {
    if (error instanceof SshError) return error.message;
    throw error;
  }
}

function hasOpenQuote(text: string): boolean {
  return text.replaceAll('\\"', '').split('"').length % 2 === 0;
}

type Options = Pick<AllowedSignersEntry, 'certAuthority' | 'namespaces' | 'validAfter' | 'validBefore'>;
type Draft = { -readonly [Name in keyof Options]: Options[Name] };

const noOptions: Options = {
  certAuthority: false,
  namespaces: undefined,
  validAfter: undefined,
  validBefore: undefined,
};

/** What each option with a value does; the returned text says why it cannot. */
const settings: Readonly<Record<string, (draft: Draft, value: string) => string | undefined>> = {
  namespaces: (draft, value) => {
    if (draft.namespaces !== undefined) return 'multiple "namespaces" clauses';
    if (value.length > maxPatternBytes) return 'the list of namespaces is too long';
    draft.namespaces = value;
    return undefined;
  },
  'valid-after': (draft, value) => setTime(draft, 'validAfter', 'valid-after', value),
  'valid-before': (draft, value) => setTime(draft, 'validBefore', 'valid-before', value),
};

function setTime(draft: Draft, name: 'validAfter' | 'validBefore', option: string, value: string): string | undefined {
  if (draft[name] !== undefined) return `multiple "${option}" clauses`;
  const seconds = parseTimeSpec(value);
  if (seconds === undefined || seconds <= 0) return `invalid "${option}" time`;
  draft[name] = seconds;
  return undefined;
}

/** An option that is not known makes the line bad: a limit that is not understood must not be dropped. */
function parseOptions(field: string): Options | string {
  const draft: Draft = { ...noOptions };
  const word = /(cert-authority)|(namespaces|valid-after|valid-before)=/iy;
  for (let at = 0; ; ) {
    word.lastIndex = at;
    const found = word.exec(field);
    if (found !== null) {
      at = word.lastIndex;
      const name = found[2]?.toLowerCase();
      if (name === undefined) {
        draft.certAuthority = true;
      } else {
        const value = readQuoted(field, at);
        if (typeof value === 'string') return value;
        const flaw = settings[name]?.(draft, value.text);
        if (flaw !== undefined) return flaw;
        at = value.end;
      }
    }
    if (at >= field.length) break;
    if (field[at] !== ',') return 'unknown key option';
    at++;
    if (at >= field.length) return 'unexpected end-of-options';
  }
  if (draft.validAfter !== undefined && draft.validBefore !== undefined && draft.validBefore <= draft.validAfter) {
    return '"valid-before" time is before "valid-after"';
  }
  return draft;
}

/** A value in quotes, in which `\"` stands for a quote. */
function readQuoted(field: string, from: number): { text: string; end: number } | string {
  if (field[from] !== '"') return 'missing start quote';
  let text = '';
  for (let at = from + 1; at < field.length; at++) {
    if (field[at] === '"') return { text, end: at + 1 };
    if (field[at] === '\\' && field[at + 1] === '"') at++;
    text += field[at];
  }
  return 'missing end quote';
}
