/** What a row of the key format table tells, and how formats ask for passphrases. */

import { SshError } from '../../errors.ts';
import type { PrivateKey, PublicKey } from '../types.ts';

/** A passphrase, or where to ask for it; the hint names the key file. */
export type Passphrase = string | Uint8Array | ((hint: string) => Promise<string | undefined>);

export interface ParseOptions {
  passphrase?: Passphrase;
  /** The file's name, for prompts and error texts. */
  name?: string;
}

export interface FormatOptions {
  /** Encrypts the file. */
  passphrase?: string | Uint8Array;
  /** bcrypt rounds of the openssh format; default 24. */
  rounds?: number;
  /** Default: the key's own. */
  comment?: string;
  /** Cipher of the openssh format, by OpenSSH's name. */
  cipher?: string;
}

/** One format of private key files. */
export interface PrivateKeyFormat {
  readonly name: string;
  /** Whether this text is in the format, or was meant to be. */
  recognises(text: string): boolean;
  /** Whether a passphrase is needed. Throws `bad-key` where the text is too broken to tell. */
  isEncrypted(text: string): boolean;
  read(text: string, options: ParseOptions): Promise<PrivateKey>;
  /** Present where the public half stands in the clear even in encrypted files. */
  readonly peek?: (text: string) => PublicKey;
  readonly write: (key: PrivateKey, options: FormatOptions) => Promise<string>;
}

/** The passphrase, asked for if need be. Throws `bad-passphrase` if there is none. */
export async function requirePassphrase(options: ParseOptions): Promise<Buffer> {
  const { passphrase } = options;
  const given = typeof passphrase === 'function' ? await passphrase(options.name ?? 'the private key') : passphrase;
  if (given === undefined) {
    throw new SshError(`${describe(options)} is encrypted and no passphrase was given`, {
      code: 'bad-passphrase',
      stage: 'key',
      remedy: 'Give its passphrase, or load it into an agent once with ssh-add.',
    });
  }
  return typeof given === 'string' ? Buffer.from(given, 'utf8') : Buffer.from(given);
}

export function wrongPassphrase(options: ParseOptions, cause?: unknown): SshError {
  return new SshError(`wrong passphrase for ${describe(options)}`, {
    code: 'bad-passphrase',
    stage: 'key',
    remedy: 'Try again; the passphrase is that of the key file, not of an account.',
    cause,
  });
}

export function encodePassphrase(passphrase: string | Uint8Array | undefined): Buffer | undefined {
  if (passphrase === undefined || passphrase.length === 0) return undefined;
  return typeof passphrase === 'string' ? Buffer.from(passphrase, 'utf8') : Buffer.from(passphrase);
}

function describe(options: ParseOptions): string {
  return options.name === undefined ? 'the private key' : `private key ${options.name}`;
}
