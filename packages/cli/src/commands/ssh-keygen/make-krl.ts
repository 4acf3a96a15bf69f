/** ssh-keygen -k: makes key revocation lists, and adds to them. */
import { readFileSync, statSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { type AuthorityScope, RevocationListDraft } from '@nacre/ssh/trust/revocation-list';
import { print } from '../../terminal/print.ts';
import { describeSystemError, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { findPublicKey } from './key-input.ts';
import { writeWhole } from './key-output.ts';
import { loadKrl } from './krl/load.ts';
import { revokeAll, type Specification } from './krl/specification.ts';

export function run(flags: KeygenFlags, operands: readonly string[]): number {
  const version = readVersion(flags.serial);
  const { file } = flags;
  if (file === undefined || file === '') throw new Ending('KRL generation requires an output file');
  requirePlace(file, flags.updateKrl);
  const scope = flags.certificateAuthority === undefined ? undefined : loadScope(flags.certificateAuthority);
  const before = flags.updateKrl ? loadKrl(file) : undefined;
  const draft = before === undefined ? new RevocationListDraft() : RevocationListDraft.from(before);
  if (version !== 0n) draft.version = version;
  if (flags.comment !== undefined) draft.comment = flags.comment;
  for (const path of operands) revokeAll(open(path, flags.quiet), scope, draft);
  // An updated list keeps the date that it was first made, as OpenSSH's does: its version tells it from older ones.
  const kept = before?.generatedAt ?? 0n;
  const generatedAt = kept === 0n ? BigInt(Math.floor(Date.now() / 1000)) : kept;
  save(file, encode(draft, generatedAt));
  return 0;
}

/** `-z`; a plus sign, which counts up the serials of certificates, means nothing here. */
function readVersion(text = '0'): bigint {
  const digits = text.replace(/^\+/, '');
  if (/^\d{1,20}$/.test(digits) && BigInt(digits) <= 0xffff_ffff_ffff_ffffn) return BigInt(digits);
  throw new Ending(`Invalid serial number "${digits}"`);
}

function requirePlace(file: string, isUpdate: boolean): void {
  try {
    statSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new Ending(`Cannot access KRL "${file}": ${describeSystemError(error)}`);
    }
    if (isUpdate) throw new Ending(`KRL "${file}" does not exist`);
  }
}

/** `-s`: the authority whose certificates are meant, `none` for all. */
function loadScope(path: string): AuthorityScope {
  if (path.toLowerCase() === 'none') return 'any-authority';
  const found = findPublicKey(path);
  if (found === undefined) throw new Ending(`Cannot load CA public key ${path}: ${whyNoKey(path)}`);
  if (found.key.certificate !== undefined) {
    throw new Ending(`Cannot load CA public key ${path}: invalid argument (it is a certificate, expected a plain key)`);
  }
  return found.key;
}

/** Why no public key was found at a path. */
export function whyNoKey(path: string): string {
  try {
    statSync(path);
    return 'invalid format';
  } catch (error) {
    return describeSystemError(error);
  }
}

function open(path: string, isQuiet: boolean): Specification {
  const name = path === '-' ? '(standard input)' : path;
  let text: string;
  try {
    text = readFileSync(path === '-' ? 0 : path, 'latin1');
  } catch (error) {
    throw new Ending(`fopen ${name}: ${describeSystemError(error)}`);
  }
  if (!isQuiet) print(`Revoking from ${name}\n`);
  return { text, name };
}

function encode(draft: RevocationListDraft, generatedAt: bigint): Buffer {
  try {
    return draft.encode({ generatedAt });
  } catch (error) {
    if (error instanceof SshError) throw new Ending(`Couldn't generate KRL (${error.message})`);
    throw error;
  }
}

/** The old list stays until the new one is whole: a list that cannot be read would shut everybody out. */
function save(file: string, bytes: Buffer): void {
  try {
    writeWhole(file, bytes, 0o644);
  } catch (error) {
    throw new Ending(`write ${file}: ${describeSystemError(error)}`);
  }
}
