/** ssh-keygen -r: the SSHFP records of a host's keys, as lines of a zone file. */
import { statSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { formatSshfp, type PublicKey, type SshfpHash } from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { describeSystemError, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { hostKeyFiles } from './host-key-files.ts';
import { findPublicKey } from './key-input.ts';

export function run(flags: KeygenFlags): number {
  const host = flags.sshfp ?? '';
  if (flags.file !== undefined) {
    if (!exists(flags.file)) throw new Ending(`${flags.file}: No such file or directory`);
    printRecords(host, flags.file, flags);
    return 0;
  }
  const files = hostKeyFiles.map(({ path }) => path).filter(exists);
  if (files.length === 0) throw new Ending('no keys found.');
  for (const file of files) printRecords(host, file, flags);
  return 0;
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new Ending(`${path}: ${describeSystemError(error)}`);
  }
}

function printRecords(host: string, path: string, flags: KeygenFlags): void {
  const found = findPublicKey(path);
  if (found === undefined) {
    throw new Ending(`Failed to read v2 public key from "${path}": No such file or directory (it holds no public key)`);
  }
  const hashes = chooseHashes(flags.options);
  if (hashes === undefined) return;
  print(records(host, found.key, hashes, flags.genericSshfp));
}

/** -O hashalg=; the last one counts. An option that is unknown leaves this key out and is no failure, as in OpenSSH. */
function chooseHashes(options: readonly string[]): SshfpHash[] | undefined {
  let hashes: SshfpHash[] = ['sha1', 'sha256'];
  for (const option of options) {
    const name = /^hashalg=(.*)$/is.exec(option)?.[1]?.toLowerCase();
    if (name === undefined) {
      process.stderr.write(`Invalid option "${option}"\n`);
      return undefined;
    }
    if (!knownHashes.includes(name)) throw new Ending('Unsupported hash algorithm');
    hashes = name === 'sha1' || name === 'sha256' ? [name] : [];
  }
  return hashes;
}

const knownHashes: readonly string[] = ['md5', 'sha1', 'sha256', 'sha384', 'sha512'];

function records(host: string, key: PublicKey, hashes: readonly SshfpHash[], generic: boolean): string {
  try {
    if (hashes.length > 0) return formatSshfp(host, key, { hashes, generic });
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    if (error.code !== 'unsupported') throw new Ending(`ssh-keygen: ${error.message}`);
  }
  process.stderr.write('export_dns_rr: unsupported algorithm and/or digest_type\n');
  return '';
}
