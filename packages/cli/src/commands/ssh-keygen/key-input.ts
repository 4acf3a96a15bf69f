/** Reads key files as OpenSSH's tools do: private keys only where nobody else can read them, public ones from three places. */
import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs';
import { type PrivateKey, type PublicKey, parsePrivateKey, parsePublicKey, peekPublicKey } from '@nacre/ssh/keys';
import { askPassphrase } from './ask.ts';
import { describe, describeSystemError, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';

/** A file that must exist; the error names it as `-y`, `-p` and `-c` do, or with the tool's name before. */
export function requireFile(path: string, prefix = ''): void {
  try {
    statSync(path);
  } catch (error) {
    throw new Ending(`${prefix}${path}: ${describeSystemError(error)}`);
  }
}

/**
 * Opens a private key, asking for its passphrase if need be.
 *
 * @param complaint - the words before the reason of a failure: `Load key "id_rsa"`.
 * @returns the key and the passphrase that opened it, empty where there was none.
 */
export async function loadPrivateKey(
  path: string,
  flags: KeygenFlags,
  complaint: string,
  prompt = `Enter passphrase for "${path}": `,
): Promise<{ key: PrivateKey; passphrase: string }> {
  let passphrase = '';
  const ask = async (): Promise<string> => {
    passphrase = flags.passphrase ?? (await askPassphrase(prompt));
    return passphrase;
  };
  try {
    const key = await parsePrivateKey(readPrivateFile(path), { name: path, passphrase: ask });
    return { key, passphrase };
  } catch (error) {
    if (error instanceof Ending && error.message !== badPermissions) throw error;
    throw new Ending(`${complaint}: ${error instanceof Ending ? badPermissions : describe(error)}`);
  }
}

/** The reason in an error that the caller puts into a sentence. */
export const badPermissions = 'bad permissions';

/** The owner's key must be the owner's alone. Asked of the open file, so that it cannot change between check and reading. */
export function readPrivateFile(path: string): Buffer {
  const file = openSync(path, 'r');
  try {
    const { uid, mode } = fstatSync(file);
    if (uid === process.getuid?.() && (mode & 0o077) !== 0) {
      const shown = (mode & 0o777).toString(8).padStart(4, '0');
      process.stderr.write(`${frame}
@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
${frame}
Permissions ${shown} for '${path}' are too open.
It is required that your private key files are NOT accessible by others.
This private key will be ignored.
`);
      throw new Ending(badPermissions);
    }
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

const frame = '@'.repeat(59);

/** A public key and its comment, undefined where none can be known. */
export interface FoundPublicKey {
  readonly key: PublicKey;
  readonly comment: string | undefined;
}

/** The public key of a file: in itself, in the file beside it that ends in .pub, or in the clear part of a private key file. */
export function findPublicKey(path: string): FoundPublicKey | undefined {
  const found = readPublicFile(path) ?? readPublicFile(`${path}.pub`);
  if (found !== undefined) return found;
  const bytes = tryRead(path);
  const key = bytes === undefined ? undefined : peekPublicKey(bytes);
  return key === undefined ? undefined : { key, comment: undefined };
}

/** The first line that is a public key; without a comment the file's name stands for it. */
function readPublicFile(path: string): FoundPublicKey | undefined {
  const lines = tryRead(path)?.toString('latin1').split('\n') ?? [];
  for (const line of lines) {
    if (line.includes('PRIVATE KEY')) return undefined;
    const found = readPublicLine(line.replace(/\r$/, ''));
    if (found === undefined) continue;
    const comment = found.rest.trimEnd() === '' ? path : found.rest;
    return { key: found.key, comment };
  }
  return undefined;
}

/** A key at the start of a text, and what follows it without the space before; undefined where there is none. */
export function readPublicLine(text: string): { key: PublicKey; rest: string } | undefined {
  const match = /^[ \t]*([^ \t]+)[ \t]+([A-Za-z0-9+/=]+)(?:[ \t]+|$)/.exec(text);
  if (match === null) return undefined;
  try {
    return { key: parsePublicKey(`${match[1]} ${match[2]}`).key, rest: text.slice(match[0].length) };
  } catch {
    return undefined;
  }
}

/** A list of keys, or a key: whatever can be read, `-` being standard input. One character a byte. */
export function readKeyList(path: string): { text: string; name: string } {
  if (path === '-') return { text: readFileSync(0, 'latin1'), name: '(stdin)' };
  try {
    return { text: readFileSync(path, 'latin1'), name: path };
  } catch (error) {
    throw new Ending(`ssh-keygen: ${path}: ${describeSystemError(error)}`);
  }
}

function tryRead(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}
