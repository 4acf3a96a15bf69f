/** ssh-keygen -Y sign: files, each to its own .sig, or standard input to standard output. */
import { closeSync, openSync, statSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { digestMessage, formatMessageSignature, type MessageHash, signMessage } from '@nacre/ssh/keys';
import { print } from '../../../terminal/print.ts';
import { askLine } from '../ask.ts';
import { describeSystemError, Ending } from '../ending.ts';
import type { KeygenFlags } from '../flags.ts';
import { writeKeyFile } from '../key-output.ts';
import { complain, complainOfData, reasonOf } from './complain.ts';
import { readSignatureOptions } from './options.ts';
import { readPieces } from './pieces.ts';
import { findSigningKey, type SigningKey } from './signing-key.ts';

const failure = 255;

export async function sign(flags: KeygenFlags, operands: readonly string[]): Promise<number> {
  if (operands.length > 1 && operands.includes('-')) throw new Ending('Cannot sign mix of paths and standard input');
  const options = readSignatureOptions(flags.options, ['hashalg']);
  if (options === undefined) return failure;
  const key = await findSigningKey(flags);
  try {
    for (const path of operands.length === 0 ? [undefined] : operands) {
      const isSigned = await signOne(path, key, flags, options.hash);
      if (!isSigned) return failure;
    }
    return 0;
  } finally {
    key.close();
  }
}

/** @param path - undefined and `-` are standard input. */
async function signOne(path: string | undefined, key: SigningKey, flags: KeygenFlags, hash: string): Promise<boolean> {
  if (path === undefined || path === '-') {
    return await signData(0, path ?? '(stdin)', 'data on standard input', key, flags, hash);
  }
  let descriptor: number;
  try {
    descriptor = openSync(path, 'r');
  } catch (error) {
    complain(`Cannot open ${path} for signing: ${describeSystemError(error)}`);
    return false;
  }
  try {
    return await signData(descriptor, path, `file ${path}`, key, flags, hash);
  } finally {
    closeSync(descriptor);
  }
}

async function signData(
  descriptor: number,
  name: string,
  what: string,
  key: SigningKey,
  flags: KeygenFlags,
  hash: string,
): Promise<boolean> {
  if (!flags.quiet) complain(`Signing ${what}`);
  let digest: Buffer;
  try {
    digest = await digestMessage(hash, readPieces(descriptor));
  } catch (error) {
    complainOfData(error, 'sshsig_sign_fd');
    complain(
      `Signing ${name} failed: ${error instanceof SshError ? 'signature algorithm not supported' : reasonOf(error)}`,
    );
    return false;
  }
  let text: string;
  try {
    const namespace = flags.principals as string;
    // The digest could only be made of a hash that signMessage knows.
    const signature = await signMessage({ signer: key.signer, namespace, digest, hash: hash as MessageHash });
    text = formatMessageSignature(signature);
  } catch (error) {
    const reason = signerReason(error);
    complain(
      `Couldn't sign message${key.isInAgent ? ' (signer)' : ''}: ${reason}`,
      `Signing ${name} failed: ${reason}`,
    );
    return false;
  }
  if (descriptor !== 0) return saveSignature(`${name}.sig`, text, flags);
  print(text);
  return true;
}

function signerReason(error: unknown): string {
  if (!(error instanceof SshError)) throw error;
  if (error.code === 'agent-refused') return 'agent refused operation';
  if (error.code === 'agent-unavailable') return `communication with agent failed (${error.message})`;
  return `${error.message}${error.remedy === undefined ? '' : ` (${error.remedy})`}`;
}

/** A signature that is there already is replaced only after a yes; a no is no failure, as in OpenSSH. */
function saveSignature(path: string, text: string, flags: KeygenFlags): boolean {
  if (!mayWrite(path)) return true;
  try {
    writeKeyFile(path, text, 0o666);
  } catch (error) {
    complain(`Cannot open ${path}: ${describeSystemError(error)}`);
    return false;
  }
  if (!flags.quiet) complain(`Write signature to ${path}`);
  return true;
}

function mayWrite(path: string): boolean {
  try {
    statSync(path);
  } catch {
    return true;
  }
  print(`${path} already exists.\n`);
  return /^y/i.test(askLine('Overwrite (y/n)? ') ?? '');
}
