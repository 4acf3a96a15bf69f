/** ssh-keygen -A: every host key that is not there yet. */
import { accessSync, constants, statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname } from 'node:path';
import { generateKey } from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { describeSystemError, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { hostKeyFiles } from './host-key-files.ts';
import { requireKdf, savePrivateKey, savePublicKey } from './key-output.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  requireKdf(flags);
  let announced = false;
  for (const row of hostKeyFiles) {
    const file = `${flags.file ?? ''}${row.path}`;
    const state = stateOf(file, row.path);
    if (state === 'there') continue;
    if (state === 'missing') {
      if (!announced) print('ssh-keygen: generating new host keys: ');
      announced = true;
      print(`${row.shown} `);
    }
    // As in OpenSSH, one key that fails leaves the others to be made, and the line begins again behind the complaint.
    if (state === 'unknown' || !(await make(row.type, file, flags))) announced = false;
  }
  if (announced) print('\n');
  return 0;
}

/** An empty file is none: an installation that was cut short leaves such ones behind. */
function stateOf(file: string, shown: string): 'there' | 'missing' | 'unknown' {
  try {
    return statSync(file).size === 0 ? 'missing' : 'there';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    process.stderr.write(`Could not stat ${shown}: ${describeSystemError(error)}\n`);
    return 'unknown';
  }
}

/** The public file first: where the private one stands, the pair is whole. */
async function make(type: string, file: string, flags: KeygenFlags): Promise<boolean> {
  try {
    accessSync(dirname(file), constants.W_OK);
  } catch (error) {
    process.stderr.write(`Could not save your private key in ${file}: ${describeSystemError(error)}\n`);
    return false;
  }
  try {
    const key = await generateKey(type, { comment: `${userInfo().username}@${hostname()}` });
    savePublicKey(key, `${file}.pub`);
    await savePrivateKey(key, file, '', flags);
    return true;
  } catch (error) {
    if (!(error instanceof Ending)) throw error;
    process.stderr.write(`${error.message}\n`);
    return false;
  }
}
