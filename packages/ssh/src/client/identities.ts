/** Keys to log in with: files that are opened only when a server wants them. */
import type { Stats } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SshError, toSshError } from '../errors.ts';
import { readFile, stat } from '../io/index.ts';
import { isEncrypted, parsePrivateKey, parsePublicKey, peekPublicKey, withCertificate } from '../keys/index.ts';
import type { PrivateKey, PublicKey, Signer } from '../keys/types.ts';
import { maxKeyFileBytes } from '../limits.ts';

/** The files OpenSSH looks for in ~/.ssh, in its order. */
export const defaultIdentityNames: readonly string[] = [
  'id_rsa',
  'id_ecdsa',
  'id_ecdsa_sk',
  'id_ed25519',
  'id_ed25519_sk',
];

export function defaultIdentityFiles(): string[] {
  return defaultIdentityNames.map((name) => join(homedir(), '.ssh', name));
}

export interface IdentityFileOptions {
  /** Asked for the passphrase of an encrypted key, once the server wants that key; undefined leaves the key out. */
  readonly passphrase?: (path: string, attempt: number) => Promise<string | undefined>;
  /** Told of the private key before it signs for the first time; the signature waits for it. */
  readonly onFirstUse?: (key: PrivateKey) => Promise<void>;
  /** How often a wrong passphrase may be given again. Default 3. */
  readonly passphraseAttempts?: number;
}

/**
 * A key file as a signer. The public half is read at once where the file tells it (or a `.pub` beside it); the private half,
 * and its passphrase, only when it must sign.
 *
 * @throws SshError `bad-file` where there is none or it cannot be read, `bad-key` where it is no key.
 */
export async function loadIdentity(path: string, options: IdentityFileOptions = {}): Promise<Signer> {
  const { bytes: file, found } = await openKeyFile(path);
  if (isPublicOnly(file)) return publicHalfOnly(path, file);
  const exposure = exposureOf(path, found);
  const isLocked = isEncrypted(file);
  if (!isLocked && exposure === undefined) return announced(await parsePrivateKey(file, { name: path }), options);
  const publicKey = peekPublicKey(file) ?? (await readPublicFile(`${path}.pub`));
  if (publicKey === undefined) {
    if (exposure !== undefined) throw exposure;
    // Old PEM files tell nothing without their passphrase.
    return announced(await unlock(file, path, options), options);
  }
  let unlocked: Promise<Signer> | undefined;
  return {
    publicKey,
    label: path,
    async sign(data, algorithm, signOptions) {
      if (exposure !== undefined) throw exposure;
      unlocked ??= unlock(file, path, options).then((key) => announced(key, options));
      unlocked.catch(() => {
        unlocked = undefined;
      });
      return (await unlocked).sign(data, algorithm, signOptions);
    },
  };
}

/** The key, with somebody told of it before it signs. */
function announced(key: PrivateKey, { onFirstUse }: IdentityFileOptions): Signer {
  if (onFirstUse === undefined) return key;
  let told: Promise<void> | undefined;
  return {
    publicKey: key.publicKey,
    label: key.label,
    async sign(data, algorithm, signOptions) {
      told ??= onFirstUse(key);
      await told;
      return key.sign(data, algorithm, signOptions);
    },
  };
}

/**
 * A private key that others can read is no longer private; whoever copied it can use it from anywhere. Only files of our own
 * are judged: a service's key may belong to root and be readable by a group on purpose.
 */
function exposureOf(path: string, found: Stats): SshError | undefined {
  const own = process.getuid?.();
  if (own === undefined || found.uid !== own || (found.mode & 0o077) === 0) return undefined;
  const mode = (found.mode & 0o777).toString(8).padStart(4, '0');
  return new SshError(`Permissions ${mode} for '${path}' are too open.`, {
    code: 'bad-file',
    stage: 'key',
    remedy: `Run "chmod 600 ${path}"; if others can log in here, make a new key.`,
  });
}

/** `-i id.pub`: the private half is the agent's, and the file only says which key is meant. */
function isPublicOnly(file: Buffer): boolean {
  return /^(?:ssh-|ecdsa-|sk-)[!-~]+ [A-Za-z0-9+/]/.test(file.toString('latin1', 0, 80));
}

function publicHalfOnly(path: string, file: Buffer): Signer {
  return {
    publicKey: parsePublicKey(file.toString('utf8')).key,
    label: path,
    sign: () =>
      Promise.reject(
        new SshError(`${path} holds a public key only, and no agent has its private half`, {
          code: 'bad-file',
          stage: 'key',
        }),
      ),
  };
}

/** The certificate beside a key file (`id_ed25519-cert.pub`), if there is one that belongs to the key. */
export async function loadCertificateBeside(path: string, signer: Signer): Promise<Signer | undefined> {
  const certificate = await readCertificateBeside(path, signer.publicKey);
  return certificate && withCertificate(signer, certificate);
}

/** The same without a signer for it. */
export async function readCertificateBeside(path: string, publicKey: PublicKey): Promise<PublicKey | undefined> {
  const key = await readPublicFile(`${path}-cert.pub`);
  return key?.certificate !== undefined && key.plain.equals(publicKey) ? key : undefined;
}

async function unlock(file: Buffer, path: string, options: IdentityFileOptions): Promise<PrivateKey> {
  const attempts = options.passphraseAttempts ?? 3;
  for (let attempt = 1; ; attempt++) {
    const passphrase = await options.passphrase?.(path, attempt);
    if (passphrase === undefined || passphrase === '') {
      throw new SshError(`the key ${path} is encrypted and no passphrase was given`, {
        code: 'bad-passphrase',
        stage: 'key',
      });
    }
    try {
      return await parsePrivateKey(file, { passphrase, name: path });
    } catch (error) {
      const isWrong = error instanceof SshError && error.code === 'bad-passphrase';
      if (!isWrong || attempt >= attempts) throw error;
    }
  }
}

/** The public key of a key file, of the `.pub` beside it or of what the private file itself tells; undefined where none does. */
export async function readPublicHalf(path: string): Promise<PublicKey | undefined> {
  const beside = (await readPublicFile(`${path}.pub`)) ?? (await readPublicFile(path));
  if (beside !== undefined) return beside;
  try {
    return peekPublicKey(await readKeyFile(path));
  } catch {
    return undefined;
  }
}

async function readPublicFile(path: string): Promise<PublicKey | undefined> {
  try {
    return parsePublicKey((await readKeyFile(path)).toString('utf8')).key;
  } catch {
    return undefined;
  }
}

/** A key file's bytes. */
export async function readKeyFile(path: string): Promise<Buffer> {
  return (await openKeyFile(path)).bytes;
}

async function openKeyFile(path: string): Promise<{ bytes: Buffer; found: Stats }> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new Error('it is not a regular file');
    if (found.size > maxKeyFileBytes) throw new Error(`it is larger than ${maxKeyFileBytes} bytes`);
    return { bytes: await readFile(path), found };
  } catch (error) {
    const wrapped = toSshError(error, { code: 'bad-file', stage: 'key' });
    throw new SshError(`cannot read the key file ${path}: ${wrapped.message}`, {
      code: 'bad-file',
      stage: 'key',
      cause: error,
    });
  }
}
