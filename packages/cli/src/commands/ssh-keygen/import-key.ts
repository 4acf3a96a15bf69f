/** ssh-keygen -i: a key that another program wrote, as OpenSSH's line, or as a private key file where it was one. */
import { readFileSync, statSync } from 'node:fs';
import { formatPrivateKey, formatPublicKey, parsePrivateKey, parsePublicKey } from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { askPassphrase, chooseFile } from './ask.ts';
import { describe, describeSystemError, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { type FormatName, requireFormat } from './formats.ts';

/** What a file of each format has to hold, and what OpenSSH says of one that does not. */
const formats: Readonly<Record<FormatName, { beginning: string; complaint: (path: string) => string }>> = {
  RFC4716: {
    beginning: '---- BEGIN SSH2 PUBLIC KEY ----',
    complaint: () => 'do_convert_from_ssh2: parse key: invalid format',
  },
  PKCS8: {
    beginning: '-----BEGIN PUBLIC KEY-----',
    complaint: (path) => `do_convert_from_pkcs8: ${path} is not a recognised public key format`,
  },
  PEM: {
    beginning: '-----BEGIN RSA PUBLIC KEY-----',
    complaint: () => 'do_convert_from_pem: unrecognised raw private key format',
  },
};

/** Private files that -i reads besides, whatever their -m would be: of ssh.com as OpenSSH does, and of PuTTY. */
const sshcomBeginning = '---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----';
const ppkBeginning = /^PuTTY-User-Key-File-/;

export async function run(flags: KeygenFlags): Promise<number> {
  const format = requireFormat(flags.format);
  const path = chooseFile(flags, 'Enter file in which the key is');
  const bytes = read(path);
  const text = bytes.toString('latin1');
  const isPrivate = format === 'RFC4716' && (text.includes(sshcomBeginning) || ppkBeginning.test(text));
  print(isPrivate ? await convertPrivate(bytes, path, flags) : convertPublic(text, path, format));
  return 0;
}

function convertPublic(text: string, path: string, format: FormatName): string {
  const { beginning, complaint } = formats[format];
  if (!text.includes(beginning)) throw new Ending(`${complaint(path)} ("${path}" has no line "${beginning}")`);
  try {
    return `${formatPublicKey(parsePublicKey(text.slice(text.indexOf(beginning))).key)}\n`;
  } catch (error) {
    const reason = describe(error);
    throw new Ending(`${complaint(path)} (${path}: ${reason})`);
  }
}

/** OpenSSH takes unencrypted files of ssh.com only. What comes out is not encrypted: it goes to a pipe, and -p protects it. */
async function convertPrivate(bytes: Buffer, path: string, flags: KeygenFlags): Promise<string> {
  const ask = async (): Promise<string> =>
    flags.passphrase ?? (await askPassphrase(`Enter passphrase for "${path}": `));
  try {
    const key = await parsePrivateKey(bytes, { name: path, passphrase: ask });
    return await formatPrivateKey(key, key.type === 'ssh-rsa' ? 'pkcs1' : 'openssh');
  } catch (error) {
    if (error instanceof Ending) throw error;
    throw new Ending(`do_convert_from_ssh2: private key conversion failed (${path}: ${describe(error)})`);
  }
}

function read(path: string): Buffer {
  try {
    statSync(path);
    return readFileSync(path);
  } catch (error) {
    // Where no file has that name, it is standard input.
    if (path === '-' && (error as NodeJS.ErrnoException).code === 'ENOENT') return readFileSync(0);
    throw new Ending(`ssh-keygen: ${path}: ${describeSystemError(error)}`);
  }
}
