/** Keys for tests, made by ssh-keygen once a run: never the keys of a person. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './cleanup.ts';
import { requireProgram } from './paths.ts';
import { requireSuccess } from './programs.ts';

/** A key pair on disk in OpenSSH's format. */
export interface KeyPair {
  /** The private key's file, mode 600. */
  readonly file: string;
  /** The public key's line: type, base64, comment. */
  readonly publicLine: string;
  /** `SHA256:…` */
  readonly fingerprint: string;
}

export const keyTypes = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa'] as const;
export type TestKeyType = (typeof keyTypes)[number];

export interface MakeKeyOptions {
  type?: TestKeyType;
  passphrase?: string;
  comment?: string;
  /** RSA only. */
  bits?: number;
}

let made = 0;
let keyFolder: string | undefined;

/** Makes one key pair. */
export async function makeKey(options: MakeKeyOptions = {}): Promise<KeyPair> {
  const { type = 'ed25519', passphrase = '', comment = `nacre test ${type}` } = options;
  keyFolder ??= makeFolder('keys');
  const file = join(keyFolder, `${type}-${++made}`);
  const [algorithm = type, curve] = type.split('-');
  const bits = options.bits ?? (curve === undefined ? undefined : Number(curve));
  const size = bits === undefined ? [] : ['-b', String(bits)];
  // Few rounds: the tests are not about the cost of a passphrase.
  const rounds = passphrase === '' ? [] : ['-a', '4'];
  const argv = ['-q', '-t', algorithm, ...size, ...rounds, '-N', passphrase, '-C', comment, '-f', file];
  await requireSuccess([requireProgram('ssh-keygen'), ...argv]);
  const publicLine = readFileSync(`${file}.pub`, 'utf8').trim();
  const shown = await requireSuccess([requireProgram('ssh-keygen'), '-l', '-f', `${file}.pub`]);
  return { file, publicLine, fingerprint: /SHA256:\S+/.exec(shown)?.[0] ?? '' };
}

const hostKeyCache = new Map<TestKeyType, Promise<KeyPair>>();

/** The host key of a type; all servers of one run share it, because RSA keys take a while to make. */
export function hostKey(type: TestKeyType): Promise<KeyPair> {
  let pair = hostKeyCache.get(type);
  if (pair === undefined) {
    pair = makeKey({ type, comment: 'host' });
    hostKeyCache.set(type, pair);
  }
  return pair;
}

const userKeyCache = new Map<TestKeyType, Promise<KeyPair>>();

/** The key without a passphrase that servers of the harness let in by default, for each type. */
export function userKey(type: TestKeyType = 'ed25519'): Promise<KeyPair> {
  let pair = userKeyCache.get(type);
  if (pair === undefined) {
    pair = makeKey({ type, comment: 'user' });
    userKeyCache.set(type, pair);
  }
  return pair;
}

/** A key in PuTTY's format (PPK), unencrypted, for plink, psftp and pscp. */
export async function puttyKey(pair: KeyPair): Promise<string> {
  const file = `${pair.file}.ppk`;
  await requireSuccess([requireProgram('puttygen'), pair.file, '-O', 'private', '-o', file]);
  return file;
}

/** A key in dropbear's format, for dbclient. */
export async function dropbearKey(pair: KeyPair): Promise<string> {
  const file = `${pair.file}.dropbear`;
  await requireSuccess([requireProgram('dropbearconvert'), 'openssh', 'dropbear', pair.file, file]);
  return file;
}
