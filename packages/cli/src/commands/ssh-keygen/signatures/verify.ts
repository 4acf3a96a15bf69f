/** ssh-keygen -Y verify and check-novalidate: the data is on standard input. */
import { SshError } from '@nacre/ssh/errors';
import {
  digestMessage,
  fingerprint,
  formatPublicKey,
  type MessageSignature,
  type PublicKey,
  shortTypeName,
  verifyMessage,
} from '@nacre/ssh/keys';
import { checkSigner } from '@nacre/ssh/trust';
import { print } from '../../../terminal/print.ts';
import { sanitize } from '../../../terminal/sanitize.ts';
import type { KeygenFlags } from '../flags.ts';
import { requireHash } from '../show-fingerprint.ts';
import { openAllowedSigners } from './allowed-file.ts';
import { complain, complainOfData, complainOfLines, reasonOf } from './complain.ts';
import { readSignatureOptions, type SignatureOptions } from './options.ts';
import { readPieces } from './pieces.ts';
import { openSignature } from './signature-file.ts';

/** Whether the data is signed by someone who may sign it. */
export async function verify(flags: KeygenFlags): Promise<number> {
  return await report(
    flags,
    flags.certificateId,
    async (key, options) => (await isNotRevoked(flags, key)) && isAllowed(flags, key, options),
  );
}

/** Whether the data is signed at all, by whomever. */
export async function checkOnly(flags: KeygenFlags): Promise<number> {
  return await report(flags, undefined, async () => true);
}

async function report(
  flags: KeygenFlags,
  principal: string | undefined,
  accepts: (key: PublicKey, options: SignatureOptions) => Promise<boolean>,
): Promise<number> {
  const printHash = requireHash(flags.hash);
  const options = readSignatureOptions(flags.options, ['verify-time', 'print-pubkey']);
  const key = options === undefined ? undefined : await findSigningKey(flags);
  if (options === undefined || key === undefined || !(await accepts(key, options))) {
    if (!flags.quiet) print('Could not verify signature.\n');
    return 255;
  }
  if (!flags.quiet) {
    const whose = principal === undefined ? '' : `for ${sanitize(principal)} `;
    const shown = `${shortTypeName(key)} key ${fingerprint(key, printHash)}`;
    print(`Good "${sanitize(flags.principals as string)}" signature ${whose}with ${shown}\n`);
  }
  if (options.printPublicKey) print(`${formatPublicKey(key)}\n`);
  return 0;
}

/** The key that signed what is on standard input. */
async function findSigningKey(flags: KeygenFlags): Promise<PublicKey | undefined> {
  const signature = openSignature(flags.certificateAuthority as string, 'sig_verify');
  if (signature === undefined) return undefined;
  const digest = await readDigest(signature);
  if (digest === undefined) return undefined;
  try {
    // As OpenSSH's tool, which has no way to ask for the touch of a security key; the library does by itself.
    const rules = { namespace: flags.principals as string, digest, requireUserPresence: false };
    return (await verifyMessage(signature, rules)).key;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    if (error.code === 'bad-signature') return complain(sanitize(error.message));
    return complain(`sshsig_wrap_verify: parse signature object: ${sanitize(reasonOf(error))}`);
  }
}

async function readDigest(signature: MessageSignature): Promise<Buffer | undefined> {
  try {
    return await digestMessage(signature.hash, readPieces(0));
  } catch (error) {
    complainOfData(error, 'sshsig_verify_fd');
    return undefined;
  }
}

/** OpenSSH says nothing of why; -v does. */
async function isNotRevoked(flags: KeygenFlags, key: PublicKey): Promise<boolean> {
  const path = flags.sshfp;
  if (path === undefined) return true;
  let reason: string | undefined;
  try {
    reason = (await import('./revoked.ts')).revocationReason(path, key);
  } catch (error) {
    reason = error instanceof Error ? error.message : String(error);
  }
  if (reason !== undefined && flags.verbose > 0) complain(`debug1: ${sanitize(path)}: ${sanitize(reason)}`);
  return reason === undefined;
}

function isAllowed(flags: KeygenFlags, key: PublicKey, options: SignatureOptions): boolean {
  const file = openAllowedSigners(flags.file as string);
  if (typeof file === 'string') return false;
  const verdict = checkSigner(file, {
    key,
    principal: flags.certificateId as string,
    namespace: flags.principals as string,
    now: options.now,
  });
  complainOfLines(verdict.notes);
  return verdict.status === 'allowed';
}
