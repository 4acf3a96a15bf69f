/** ssh-keygen -y: the public key of a private key file. */
import { formatPublicKey } from '@nacre/ssh/keys';
import { chooseFile } from './ask.ts';
import type { KeygenFlags } from './flags.ts';
import { loadPrivateKey, requireFile } from './key-input.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  const path = chooseFile(flags, 'Enter file in which the key is');
  requireFile(path);
  const { key } = await loadPrivateKey(path, flags, `Load key "${path}"`);
  process.stdout.write(`${formatPublicKey(key.publicKey, key.comment)}\n`);
  return 0;
}
