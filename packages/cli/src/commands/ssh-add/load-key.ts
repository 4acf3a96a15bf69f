/** Loads private keys for the agent: permissions first, then the passphrase, which is tried on the files that follow. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import { isEncrypted, type PrivateKey, parsePrivateKey } from '@nacre/ssh/keys';
import type { Log } from '../ssh/log.ts';
import { describe, describeSystemError } from '../ssh-keygen/ending.ts';
import { askHidden } from './ask.ts';
import { say } from './words.ts';

/** More than any key file; the parser has its own, smaller limit and says so. */
const maxFileBytes = 2 * 1024 * 1024;

export interface KeyLoaderOptions {
  readonly log: Log;
  /** Whether each use is to be confirmed, which the prompt tells. */
  readonly confirm: boolean;
}

export class KeyLoader {
  readonly #options: KeyLoaderOptions;
  /** The one that worked last: people often have one for all their keys. */
  #passphrase: string | undefined;

  constructor(options: KeyLoaderOptions) {
    this.#options = options;
  }

  /** The key, or undefined where there is none, for which the reason has been told. `-` is standard input. */
  async load(path: string): Promise<{ key: PrivateKey; name: string } | undefined> {
    const name = path === '-' ? '(stdin)' : path;
    const bytes = this.#read(path, name);
    if (bytes === undefined) return undefined;
    try {
      const key = isEncrypted(bytes) ? await this.#unlock(bytes, name) : await parsePrivateKey(bytes, { name });
      return key === undefined ? undefined : { key, name };
    } catch (error) {
      this.#passphrase = undefined;
      say(`Error loading key "${name}": ${describe(error)}`);
      return undefined;
    } finally {
      bytes.fill(0);
    }
  }

  async #unlock(bytes: Buffer, name: string): Promise<PrivateKey | undefined> {
    const { log, confirm } = this.#options;
    const known = this.#passphrase === undefined ? undefined : await tryPassphrase(bytes, name, this.#passphrase);
    if (known !== undefined) return known;
    this.#passphrase = undefined;
    const about = `${name}${confirm ? ' (will confirm each use)' : ''}: `;
    for (let prompt = `Enter passphrase for ${about}`; ; prompt = `Bad passphrase, try again for ${about}`) {
      const passphrase = await askHidden(prompt, log);
      if (passphrase === '') return undefined;
      const key = await tryPassphrase(bytes, name, passphrase);
      if (key === undefined) continue;
      this.#passphrase = passphrase;
      return key;
    }
  }

  #read(path: string, name: string): Buffer | undefined {
    let file = 0;
    try {
      if (path !== '-') file = openSync(path, 'r');
    } catch (error) {
      say(`${path}: ${describeSystemError(error)}`);
      return undefined;
    }
    try {
      if (file !== 0 && !this.#isPrivate(file, path)) return undefined;
      return readAll(file);
    } catch (error) {
      say(`Error loading key "${name}": ${describeSystemError(error)}`);
      return undefined;
    } finally {
      if (file !== 0) closeSync(file);
    }
  }

  /** The owner's key must be the owner's alone. Asked of the open file, so that it cannot change between check and reading. */
  #isPrivate(file: number, path: string): boolean {
    const { uid, mode } = fstatSync(file);
    if (uid !== process.getuid?.() || (mode & 0o077) === 0) return true;
    const { log } = this.#options;
    log.error(frame);
    log.error('@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @');
    log.error(frame);
    log.error(`Permissions 0${(mode & 0o777).toString(8).padStart(3, '0')} for '${path}' are too open.`);
    log.error('It is required that your private key files are NOT accessible by others.');
    log.error('This private key will be ignored.');
    return false;
  }
}

const frame = '@'.repeat(59);

/** Undefined where the passphrase is wrong; whatever else is wrong is thrown. */
async function tryPassphrase(bytes: Buffer, name: string, passphrase: string): Promise<PrivateKey | undefined> {
  try {
    return await parsePrivateKey(bytes, { name, passphrase });
  } catch (error) {
    if (error instanceof SshError && error.code === 'bad-passphrase') return undefined;
    throw error;
  }
}

/** A file, a pipe or a terminal to its end, as far as a key may go. */
function readAll(file: number): Buffer {
  const buffer = Buffer.alloc(maxFileBytes);
  let length = 0;
  while (length < maxFileBytes) {
    const count = readSome(file, buffer, length);
    if (count === 0) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

function readSome(file: number, into: Buffer, offset: number): number {
  for (;;) {
    try {
      return readSync(file, into, offset, into.length - offset, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EOF') return 0;
      if (code !== 'EAGAIN') throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    }
  }
}
