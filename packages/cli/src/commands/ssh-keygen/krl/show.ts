/** What a key revocation list says, as `ssh-keygen -Q -l` prints it: lines that -k would take, as far as it has words for them. */
import { isUtf8 } from 'node:buffer';
import { SshError } from '@nacre/ssh/errors';
import { decodePublicKey, fingerprint, type PublicKey } from '@nacre/ssh/keys';
import type { KeyRevocationList } from '@nacre/ssh/trust/revocation-list';
import { sanitize } from '../../../terminal/sanitize.ts';

export function showKrl(list: KeyRevocationList): string {
  const lines = [`# KRL version ${list.version}`, `# Generated at ${formatTime(list.generatedAt)}`];
  if (list.comment.length > 0) lines.push(`# Comment: ${showText(list.comment)}`);
  lines.push('');
  for (const blob of list.keys()) {
    const key = tryDecode(blob);
    if (key === undefined) process.stderr.write('parse KRL key: invalid format\n');
    else lines.push(`hash: ${fingerprint(key)} # ${key.type}`);
  }
  // In hexadecimal, as OpenSSH prints it, although -k wants base64.
  for (const digest of list.keyHashes('sha256')) lines.push(`hash: SHA256:${digest.toString('hex')}`);
  // A comment: -k has no word for the SHA-1 hash of a key that is not there.
  for (const digest of list.keyHashes('sha1')) lines.push(`# hash SHA1:${digest.toString('hex')}`);
  for (const { authority, serials, keyIds } of list.certificates()) {
    lines.push('');
    lines.push(authority === undefined ? '# Wildcard CA' : `# CA key ${authority.type} ${fingerprint(authority)}`);
    for (const [first, last] of serials()) lines.push(`serial: ${first === last ? first : `${first}-${last}`}`);
    for (const id of keyIds()) lines.push(`id: ${showText(id)}`);
  }
  lines.push('');
  return lines.join('\n');
}

function tryDecode(blob: Buffer): PublicKey | undefined {
  try {
    return decodePublicKey(blob);
  } catch (error) {
    if (error instanceof SshError) return undefined;
    throw error;
  }
}

/** Text that may be broken somewhere: what is UTF-8 is shown, every other byte is escaped. */
function showText(bytes: Uint8Array): string {
  if (isUtf8(bytes)) return sanitize(bytes);
  let shown = '';
  for (let at = 0; at < bytes.length; ) {
    const lead = bytes[at] as number;
    const length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    const character = bytes.subarray(at, at + (isUtf8(bytes.subarray(at, at + length)) ? length : 1));
    shown += sanitize(character);
    at += character.length;
  }
  return shown;
}

/** Local time, as strftime(3) writes %Y%m%dT%H%M%S. */
function formatTime(seconds: bigint): string {
  // time_t has a sign.
  const time = new Date(Number(BigInt.asIntN(64, seconds)) * 1000);
  if (Number.isNaN(time.getTime())) return '<INVALID>';
  const two = (value: number) => String(value).padStart(2, '0');
  const date = `${time.getFullYear()}${two(time.getMonth() + 1)}${two(time.getDate())}`;
  return `${date}T${two(time.getHours())}${two(time.getMinutes())}${two(time.getSeconds())}`;
}
