/** ssh-keygen -s: certifies keys, and writes each certificate beside its key. */
import { statSync } from 'node:fs';
import {
  formatPublicKey,
  formatValidity,
  type PublicKey,
  type Signer,
  shortTypeName,
  signCertificate,
} from '@nacre/ssh/keys';
import { usageError } from '../../flags/usage.ts';
import { sanitize } from '../../terminal/sanitize.ts';
import { expandTilde, explainSigning, openAuthority } from './certify/authority.ts';
import { type Orders, readOptions, readOrders, splitPrincipals } from './certify/orders.ts';
import { type ChosenAlgorithm, chooseAlgorithm } from './certify/signature-algorithm.ts';
import { describe, describeSystemError, Ending } from './ending.ts';
import { type KeygenFlags, table } from './flags.ts';
import { type FoundPublicKey, findPublicKey } from './key-input.ts';
import { writeKeyFile } from './key-output.ts';

export async function run(flags: KeygenFlags, files: readonly string[]): Promise<number> {
  const orders = readOrders(flags, Date.now());
  if (files.length === 0) throw usageError(table, 'Too few arguments.');
  const options = readOptions(flags);
  const { signer, close } = await openAuthority(flags);
  try {
    const algorithm = chooseAlgorithm(signer.publicKey, flags.type);
    const principals = splitPrincipals(flags.principals);
    let { serial } = orders;
    for (const file of files) {
      await certify(expandTilde(file), flags, { ...orders, ...options, serial, principals }, signer, algorithm);
      // Beyond 64 bits it begins anew, as in C.
      if (orders.serialCounts) serial = BigInt.asUintN(64, serial + 1n);
    }
    return 0;
  } finally {
    close();
  }
}

type CertificateFields = Orders & ReturnType<typeof readOptions> & { readonly principals: readonly string[] };

async function certify(
  file: string,
  flags: KeygenFlags,
  fields: CertificateFields,
  signer: Signer,
  algorithm: ChosenAlgorithm,
): Promise<void> {
  const { key: subject, comment } = loadPublicKey(file);
  const certificate = await sign(file, flags, { ...fields, subject }, signer, algorithm);
  const output = `${file.replace(/\.pub$/, '')}-cert.pub`;
  try {
    const line = `${formatPublicKey(certificate)}${comment === undefined ? '' : ` ${comment}`}\n`;
    // The comment was read one character a byte.
    writeKeyFile(output, Buffer.from(line, 'latin1'), 0o644);
  } catch (error) {
    throw new Ending(`Unable to save public key to ${output}: ${describe(error)}`);
  }
  if (!flags.quiet) report(output, fields, flags.principals);
}

async function sign(
  file: string,
  flags: KeygenFlags,
  request: CertificateFields & { readonly subject: PublicKey },
  signer: Signer,
  algorithm: ChosenAlgorithm,
): Promise<PublicKey> {
  try {
    if (algorithm.refusal !== undefined) throw new Ending(algorithm.refusal);
    return await signCertificate({ ...request, allowNoPrincipals: true }, signer, algorithm.name);
  } catch (error) {
    throw new Ending(
      `Couldn't certify ${flags.authorityInAgent ? `${file} via agent` : `key ${file}`}: ${explainSigning(error)}`,
    );
  }
}

function loadPublicKey(file: string): FoundPublicKey {
  const found = findPublicKey(file);
  if (found === undefined) throw new Ending(`load pubkey "${file}": ${reasonOf(file)}`);
  if (found.key.certificate === undefined) return found;
  throw new Ending(`do_ca_sign: key "${file}" type ${shortTypeName(found.key)} cannot be certified`);
}

function reasonOf(file: string): string {
  try {
    statSync(file);
    return 'invalid format (it holds no public key)';
  } catch (error) {
    return describeSystemError(error);
  }
}

function report(output: string, fields: CertificateFields, principals: string | undefined): void {
  const { kind, keyId, serial } = fields;
  const whom = principals === undefined ? '' : ` for ${principals}`;
  const text = `Signed ${kind} key ${output}: id "${keyId}" serial ${serial}${whom} valid ${formatValidity(fields)}`;
  process.stderr.write(`${sanitize(text)}\n`);
  if (fields.principals.length > 0) return;
  const warning = `${output} names no principals (-n): OpenSSH before 10.3 takes it for everyone's, later ones for nobody's`;
  process.stderr.write(`Warning: ${sanitize(warning)}.\n`);
}
