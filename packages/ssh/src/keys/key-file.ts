/** Key files: any known format in, the asked one out. */
import { maxKeyFileBytes } from '../limits.ts';
import { asBuffer } from '../wire/index.ts';
import type { FormatOptions, ParseOptions, PrivateKeyFormat } from './formats/format.ts';
import { type PublicKeyFormat, privateKeyFormats, publicKeyFormats, requirePrivateFormat } from './formats/table.ts';
import { badKey } from './key-error.ts';
import type { PrivateKey, PublicKey } from './types.ts';

export type PrivateKeyFormatName = 'openssh' | 'ppk' | 'pkcs1' | 'sec1' | 'pkcs8' | 'sshcom' | 'jwk';
export type PublicKeyFormatName = PublicKeyFormat['name'];

/**
 * Reads a private key file: OpenSSH, PuTTY (versions 2 and 3), PKCS#1, SEC1, PKCS#8, ssh.com or JWK.
 *
 * @param options - `passphrase`: itself, or a function that asks a person and is called only if the file is encrypted.
 * @throws SshError `bad-passphrase` if one is needed and was not given, or is wrong; `bad-key` for a file that is damaged or no key;
 *   `unsupported` for keys of other kinds.
 * @example
 * const key = await parsePrivateKey(await readFile(path), { name: path, passphrase: ask });
 */
export async function parsePrivateKey(file: Uint8Array, options: ParseOptions = {}): Promise<PrivateKey> {
  const { format, text } = recognise(file);
  return await format.read(text, options);
}

/** Whether a private key file needs a passphrase. Throws `bad-key` where it is no private key file. */
export function isEncrypted(file: Uint8Array): boolean {
  const { format, text } = recognise(file);
  return format.isEncrypted(text);
}

/**
 * The public half that stands in the clear in OpenSSH's and PuTTY's files, also in encrypted ones; undefined for other formats
 * and broken files. Nothing vouches for it until the private half is opened.
 */
export function peekPublicKey(file: Uint8Array): PublicKey | undefined {
  try {
    const { format, text } = recognise(file);
    return format.peek?.(text);
  } catch {
    return undefined;
  }
}

/** The name of the format that a private key file is in, or was meant to be. Throws `bad-key` where it is none. */
export function formatOfFile(file: Uint8Array): PrivateKeyFormatName {
  return recognise(file).format.name as PrivateKeyFormatName;
}

/**
 * Writes a private key file.
 *
 * @throws SshError `unsupported` where the format cannot hold this type of key.
 */
export async function formatPrivateKey(
  key: PrivateKey,
  format: PrivateKeyFormatName,
  options: FormatOptions = {},
): Promise<string> {
  return await requirePrivateFormat(format).write(key, options);
}

/**
 * Reads a public key: one line `type base64 comment`, RFC 4716, PEM or JWK.
 *
 * @throws SshError `bad-key`, `bad-certificate` or `unsupported`.
 */
export function parsePublicKey(text: string): { key: PublicKey; comment: string } {
  if (text.length > maxKeyFileBytes) throw badKey(`a file of ${text.length} characters is no public key`);
  const format = publicKeyFormats.find((row) => row.recognises(text)) as PublicKeyFormat;
  return format.parse(text);
}

/** Writes a public key; the default is OpenSSH's line, without a newline. */
export function formatPublicKey(key: PublicKey, comment = '', format: PublicKeyFormatName = 'openssh'): string {
  const row = publicKeyFormats.find(({ name }) => name === format) as PublicKeyFormat;
  return row.format(key, comment);
}

function recognise(file: Uint8Array): { format: PrivateKeyFormat; text: string } {
  if (file.length > maxKeyFileBytes) {
    throw badKey(`a file of ${file.length} bytes is no private key, at most ${maxKeyFileBytes} are read`);
  }
  // One character a byte: MACs cover comments in whatever encoding they are.
  const text = asBuffer(file).toString('latin1');
  const format = privateKeyFormats.find((row) => row.recognises(text));
  if (format !== undefined) return { format, text };
  throw badKey('expected a private key file (OpenSSH, PuTTY, PKCS#1, SEC1, PKCS#8, ssh.com or JWK)', {
    remedy: hintFor(text),
  });
}

function hintFor(text: string): string {
  if (/^(ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/]/.test(text) || text.includes('BEGIN SSH2 PUBLIC KEY')) {
    return 'This is a public key; give the file without .pub.';
  }
  if (text.includes('BEGIN DSA PRIVATE KEY'))
    return 'DSA keys are not supported; make a new key: ssh-keygen -t ed25519.';
  return 'Check that the file is whole and is the private key.';
}
