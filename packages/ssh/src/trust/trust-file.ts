/** Lines of the trust files: split with limits, cut into fields, key blobs checked; nothing here knows a file's meaning. */
import { SshError } from '../errors.ts';
import { maxTrustFileBytes, maxTrustLineBytes } from '../limits.ts';
import type { TrustText } from './trust-text.ts';

/** A line that was skipped, and why. It grants nothing. */
export interface LineProblem {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

/**
 * The lines of a file without their line feeds; a carriage return at a line's end stays with it.
 *
 * @throws SshError `limit-exceeded` for a file longer than `maxTrustFileBytes`.
 */
export function splitLines(text: string, file: string): string[] {
  requireFileLength(text, file);
  return text.split('\n');
}

/** @throws SshError `limit-exceeded` for a file longer than `maxTrustFileBytes`. */
export function requireFileLength(text: TrustText, file: string): void {
  if (text.length <= maxTrustFileBytes) return;
  throw new SshError(
    `${file} is ${text.length} ${typeof text === 'string' ? 'characters' : 'bytes'} long, at most ${maxTrustFileBytes} are read`,
    {
      code: 'limit-exceeded',
      stage: 'trust',
      remedy: `Check that ${file} is the file you mean.`,
    },
  );
}

/** The line without blanks at its ends, or undefined where it is empty or a comment. */
export function contentOf(line: string): string | undefined {
  const content = line.trim();
  return content === '' || content.startsWith('#') ? undefined : content;
}

/** Why a line is not to be read at all, if it is not. */
export function lineFlaw(line: string): string | undefined {
  if (line.length > maxTrustLineBytes)
    return `the line is ${line.length} characters long, at most ${maxTrustLineBytes} are read`;
  if (line.includes('\0')) return 'the line holds a NUL byte';
  return undefined;
}

/** The first field and what follows the blanks behind it. */
export function cutField(text: string): [field: string, rest: string] {
  const blank = text.search(/[ \t]/);
  return blank < 0 ? [text, ''] : [text.slice(0, blank), text.slice(blank).trimStart()];
}

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Why the fields `type` and `blob` are no public key: the name inside the blob must be the declared one (a line that says
 * ssh-ed25519 over an RSA blob is believed by no one). The rest of the blob is not looked at.
 */
export function keyFieldsFlaw(type: string, blob: string): string | undefined {
  if (type === '' || blob === '') return 'expected a key type and a key in base64';
  if (!base64.test(blob) || blob.length % 4 !== 0) return `the key after "${shown(type)}" is not base64`;
  const nameBytes = type.length;
  const head = Buffer.from(blob.slice(0, Math.ceil((nameBytes + 4) / 3) * 4), 'base64');
  if (head.length < 4) return 'the key is cut short';
  const inside = head.readUInt32BE(0);
  if (inside === nameBytes && head.toString('latin1', 4, 4 + nameBytes) === type) return undefined;
  return `the line declares a key of type "${shown(type)}", its blob holds another`;
}

/** Text of a file as it may stand in an error: cut, without control characters. */
export function shown(text: string): string {
  return text.slice(0, 60).replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
