/** What a file is: by its content first, as people name key files as they like. */
import { basename } from 'node:path';
import type { FoundFile } from './files.ts';

export type FileKind = 'private-key' | 'public-key' | 'known-hosts' | 'authorized-keys' | 'allowed-signers';

const privateArmor =
  /^(?:-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----|PuTTY-User-Key-File-\d|---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----)/m;
const publicArmor = /^(?:---- BEGIN SSH2 PUBLIC KEY ----|-----BEGIN (?:RSA )?PUBLIC KEY-----)/m;
/** A key type, and a blob that begins with the length of one. */
const keyType = '(?:ssh|ecdsa|sk)-[A-Za-z0-9@.-]+';
const keyLine = new RegExp(`^[ \\t]*${keyType}[ \\t]+AAAA[A-Za-z0-9+/]`);
/** One field before the key, as the hosts of known_hosts or the options of authorized_keys. */
const anyLine = new RegExp(`(?:^|[ \\t])${keyType}[ \\t]+AAAA[A-Za-z0-9+/]`);

/** How much of a file is looked at: comments may come first. */
const headCharacters = 64 * 1024;

/** Undefined for what is none of ours: configuration, logs, pictures, and the backup that ssh-keygen leaves of known_hosts. */
export function classify({ path, text }: Pick<FoundFile, 'path' | 'text'>): FileKind | undefined {
  const name = basename(path);
  if (/known_hosts\d?\.old$/.test(name)) return undefined;
  const head = text.slice(0, headCharacters);
  if (privateArmor.test(head)) return 'private-key';
  if (publicArmor.test(head)) return 'public-key';
  if (/known_hosts/.test(name)) return 'known-hosts';
  if (/authorized_keys/.test(name)) return 'authorized-keys';
  if (/allowed_signers/.test(name)) return 'allowed-signers';
  const lines = head.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  const [first] = lines;
  if (first === undefined) return undefined;
  if (keyLine.test(first)) return name.endsWith('.pub') || lines.length === 1 ? 'public-key' : 'authorized-keys';
  // A .pub file that is none, or a private key that lost its frame, is worth a word.
  if (name.endsWith('.pub')) return 'public-key';
  if (!anyLine.test(first)) return undefined;
  return /^@|^\||^[^" \t=]+[ \t]+(?:ssh|ecdsa|sk)-/.test(first) ? 'known-hosts' : 'authorized-keys';
}
