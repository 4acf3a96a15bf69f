/** ssh-keygen -i: a public key that another program wrote, as OpenSSH's line. */
import { readFileSync } from 'node:fs';
import { formatPublicKey, parsePublicKey } from '@nacre/ssh/keys';
import { chooseFile } from './ask.ts';
import { describe, describeSystemError, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { type FormatName, requireFormat } from './formats.ts';

/** The line that begins a file of each format. */
const beginnings: Readonly<Record<FormatName, string>> = {
  RFC4716: '---- BEGIN SSH2 PUBLIC KEY ----',
  PKCS8: '-----BEGIN PUBLIC KEY-----',
  PEM: '-----BEGIN RSA PUBLIC KEY-----',
};

export function run(flags: KeygenFlags): number {
  const format = requireFormat(flags.format);
  const path = chooseFile(flags, 'Enter file in which the key is');
  const text = read(path);
  const beginning = beginnings[format];
  if (!text.includes(beginning)) throw new Ending(`Cannot import "${path}": it has no line "${beginning}"`);
  try {
    process.stdout.write(`${formatPublicKey(parsePublicKey(text).key)}\n`);
  } catch (error) {
    throw new Ending(`Cannot import "${path}": ${describe(error)}`);
  }
  return 0;
}

function read(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'latin1');
  } catch (error) {
    throw new Ending(`ssh-keygen: ${path}: ${describeSystemError(error)}`);
  }
}
