/** ssh-keygen -Q: asks a key revocation list about keys, and prints what it says. */

import { print } from '../../terminal/print.ts';
import { Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { findPublicKey } from './key-input.ts';
import { loadKrl } from './krl/load.ts';
import { printable } from './text.ts';

export async function run(flags: KeygenFlags, operands: readonly string[]): Promise<number> {
  const { file } = flags;
  if (file === undefined || file === '') throw new Ending('KRL checking requires an input file');
  const list = loadKrl(file);
  if (flags.fingerprint) {
    const { showKrl } = await import('./krl/show.ts');
    print(showKrl(list));
  }
  let status = 0;
  for (const path of operands) {
    const found = findPublicKey(path);
    if (found === undefined) {
      const { whyNoKey } = await import('./make-krl.ts');
      throw new Ending(`Cannot load public key ${path}: ${whyNoKey(path)}`);
    }
    const isRevoked = list.revokes(found.key) !== undefined;
    const comment = found.comment === undefined || found.comment === '' ? '' : ` (${printable(found.comment)})`;
    print(`${path}${comment}: ${isRevoked ? 'REVOKED' : 'ok'}\n`);
    if (isRevoked) status = 1;
  }
  return status;
}
