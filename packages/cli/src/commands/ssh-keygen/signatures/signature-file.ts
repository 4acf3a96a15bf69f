/** Opens a signature file, with the complaints that OpenSSH's functions make on the way. */
import { closeSync, openSync, readSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { type MessageSignature, parseMessageSignature } from '@nacre/ssh/keys';
import { sanitize } from '../../../terminal/sanitize.ts';
import { describeSystemError } from '../ending.ts';
import { complain, reasonOf } from './complain.ts';

/** The operation that asks, as its name stands in the complaints. */
export type Caller = 'sig_verify' | 'sig_find_principals';

/** Reads a signature; undefined, and complaints on stderr, where there is none. */
export function openSignature(path: string, caller: Caller): MessageSignature | undefined {
  let file: Buffer;
  try {
    file = readStart(path);
  } catch (error) {
    return complain(`Couldn't read signature file: ${describeSystemError(error)}`);
  }
  try {
    return parseMessageSignature(file);
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return complain(...complaints(error, file, caller));
  }
}

/** One byte more than a signature may have, so that a larger file is refused and yet not read as a whole. */
const mostBytes = 256 * 1024 + 1;

function readStart(path: string): Buffer {
  const descriptor = openSync(path, 'r');
  try {
    const file = Buffer.alloc(mostBytes);
    let length = 0;
    for (let count = -1; count !== 0 && length < mostBytes; length += count) {
      count = readSync(descriptor, file, length, mostBytes - length, null);
    }
    return file.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

const header = '-----BEGIN SSH SIGNATURE-----\n';
const footer = '\n-----END SSH SIGNATURE-----';

function complaints(error: SshError, file: Buffer, caller: Caller): string[] {
  const message = sanitize(error.message);
  if (message.endsWith('missing header')) return [message, armorComplaint(caller, file.length < header.length)];
  if (message.endsWith('missing footer')) {
    return [message, armorComplaint(caller, file.length - header.length < footer.length)];
  }
  if (message.startsWith("Couldn't decode signature")) {
    return ['sshsig_dearmor: decode base64: invalid format', armorComplaint(caller, false)];
  }
  const isKeyError = error.code !== 'bad-signature';
  const isCut = !isKeyError && error.cause !== undefined;
  const own = isKeyError || isCut ? [] : [message];
  const reason = isCut ? `incomplete message (${message})` : isKeyError ? reasonOf(error) : 'invalid format';
  if (caller === 'sig_find_principals') return [...own, `${caller}: sshsig_get_pubkey: ${reason}`];
  if (isCut) return [`sshsig_peek_hashalg: parse signature object: ${reason}`];
  return isKeyError ? [`sshsig_wrap_verify: parse signature object: ${reason}`] : own;
}

function armorComplaint(caller: Caller, isShort: boolean): string {
  return `${caller}: sshsig_armor: ${isShort ? 'incomplete message' : 'invalid format'}`;
}
