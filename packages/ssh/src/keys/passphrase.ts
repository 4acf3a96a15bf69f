/** Another passphrase for a private key file. */
import { asBuffer } from '../wire/index.ts';
import type { FormatOptions, Passphrase } from './formats/format.ts';
import { formatOfFile, formatPrivateKey, type PrivateKeyFormatName, parsePrivateKey } from './key-file.ts';
import type { PrivateKey } from './types.ts';

export interface ChangePassphraseOptions {
  /** The passphrase that the file has now; a function is asked only if it is encrypted. */
  old?: Passphrase;
  /** The new one, empty for none. A function is given the opened key, and asked only after the old passphrase was right. */
  new: string | Uint8Array | ((key: PrivateKey) => Promise<string | Uint8Array>);
  /** bcrypt rounds of the openssh format; default 24. */
  rounds?: number;
  /** Cipher of the openssh format, by OpenSSH's name. */
  cipher?: string;
  /** Default: the format that the file has. */
  format?: PrivateKeyFormatName | ((key: PrivateKey) => PrivateKeyFormatName);
  /** The file's name, for prompts and error texts. */
  name?: string;
}

/**
 * The text of a private key file under another passphrase (ssh-keygen -p). Nothing is written: saving it, by way of a new file and
 * a rename, is the caller's.
 *
 * @throws SshError `bad-passphrase` if the old one is wrong, `bad-key` for a damaged file, `unsupported` where the format cannot
 *   hold the key or has no encryption (JWK).
 * @example
 * const text = await changePassphrase(await readFile(path), { old: 'was', new: 'is', rounds: 64 });
 */
export async function changePassphrase(file: Uint8Array, options: ChangePassphraseOptions): Promise<string> {
  const { old, name, format = formatOfFile(file), rounds, cipher } = options;
  const key = await parsePrivateKey(asBuffer(file), {
    ...(old !== undefined && { passphrase: old }),
    ...(name !== undefined && { name }),
  });
  const passphrase = typeof options.new === 'function' ? await options.new(key) : options.new;
  const writing: FormatOptions = {
    passphrase,
    ...(rounds !== undefined && { rounds }),
    ...(cipher !== undefined && { cipher }),
  };
  return await formatPrivateKey(key, typeof format === 'function' ? format(key) : format, writing);
}
