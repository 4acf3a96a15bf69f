/** ssh-keygen -p: another passphrase, number of rounds, cipher or format for a private key file. */
import { askNewPassphrase, chooseFile } from './ask.ts';
import { Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { requireFormat } from './formats.ts';
import { loadPrivateKey, requireFile } from './key-input.ts';
import { requireRounds, savePrivateKey } from './key-output.ts';
import { printable } from './text.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  if (flags.format !== undefined) requireFormat(flags.format);
  if (flags.rounds !== undefined) requireRounds(flags.rounds);
  const path = chooseFile(flags, 'Enter file in which the key is');
  requireFile(path);
  const { key } = await loadPrivateKey(path, flags, `Failed to load key ${path}`, 'Enter old passphrase: ');
  process.stdout.write(`Key has comment '${printable(Buffer.from(key.comment, 'utf8').toString('latin1'))}'\n`);
  const passphrase = flags.newPassphrase ?? (await chooseNewPassphrase());
  await savePrivateKey(key, path, passphrase, flags);
  process.stdout.write('Your identification has been saved with the new passphrase.\n');
  return 0;
}

async function chooseNewPassphrase(): Promise<string> {
  const passphrase = await askNewPassphrase('Enter new passphrase (empty for no passphrase): ');
  if (passphrase !== undefined) return passphrase;
  process.stdout.write('Pass phrases do not match.  Try again.\n');
  throw new Ending('', 1);
}
