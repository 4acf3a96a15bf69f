/** The host key of a person's own server: made on the first start, kept in a folder nobody else can read. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatPrivateKey, formatPublicKey, generateKey, type PrivateKey, parsePrivateKey } from '@nacre/ssh/keys';

export async function loadOrMakeHostKey(folder: string): Promise<{ key: PrivateKey; path: string }> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const path = join(folder, 'ssh_host_ed25519_key');
  if (!existsSync(path)) await makeHostKey(path);
  return { key: await parsePrivateKey(readFileSync(path), { name: path }), path };
}

async function makeHostKey(path: string): Promise<void> {
  const key = await generateKey('ssh-ed25519', { comment: 'nacre start' });
  const file = await formatPrivateKey(key, 'openssh');
  // Readable by nobody else from its first moment, and never over a file that came to be meanwhile (paramiko CVE-2022-24302).
  writeFileSync(path, file, { mode: 0o600, flag: 'wx' });
  writeFileSync(`${path}.pub`, `${formatPublicKey(key.publicKey, 'nacre start')}\n`, { mode: 0o644 });
}
