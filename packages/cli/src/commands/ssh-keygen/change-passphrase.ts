/** ssh-keygen -p: another passphrase, number of rounds, cipher or format for a private key file. */
import { changePassphrase, type PrivateKey } from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { askNewPassphrase, askPassphrase, chooseFile } from './ask.ts';
import { describe, Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { requireFormat } from './formats.ts';
import { badPermissions, readPrivateFile, requireFile } from './key-input.ts';
import { chooseFormat, requireKdf, requireLongEnough, requireRounds, saveKeyText, tooShort } from './key-output.ts';
import { printable } from './text.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  if (flags.format !== undefined) requireFormat(flags.format);
  requireKdf(flags);
  const path = chooseFile(flags, 'Enter file in which the key is');
  requireFile(path);
  saveKeyText(await rewrite(path, flags), path);
  print('Your identification has been saved with the new passphrase.\n');
  return 0;
}

async function rewrite(path: string, flags: KeygenFlags): Promise<string> {
  let isOpen = false;
  const renew = async (key: PrivateKey): Promise<string> => {
    isOpen = true;
    print(`Key has comment '${printable(Buffer.from(key.comment, 'utf8').toString('latin1'))}'\n`);
    const passphrase = flags.newPassphrase ?? (await chooseNewPassphrase());
    requireLongEnough(passphrase, chooseFormat(key, flags.format));
    return passphrase;
  };
  try {
    return await changePassphrase(readPrivateFile(path), {
      name: path,
      old: async () => flags.passphrase ?? (await askPassphrase('Enter old passphrase: ')),
      new: renew,
      format: (key) => chooseFormat(key, flags.format),
      ...(flags.rounds !== undefined && { rounds: requireRounds(flags.rounds) }),
      ...(flags.cipher !== undefined && { cipher: flags.cipher }),
    });
  } catch (error) {
    if (error instanceof Ending && error.message !== badPermissions && error.message !== tooShort) throw error;
    const reason = error instanceof Ending ? error.message : describe(error);
    throw isOpen
      ? new Ending(`Saving key "${path}" failed: ${reason}`, 1)
      : new Ending(`Failed to load key ${path}: ${reason}`);
  }
}

async function chooseNewPassphrase(): Promise<string> {
  const passphrase = await askNewPassphrase('Enter new passphrase (empty for no passphrase): ');
  if (passphrase !== undefined) return passphrase;
  print('Pass phrases do not match.  Try again.\n');
  throw new Ending('', 1);
}
