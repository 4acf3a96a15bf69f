/** ssh-keygen -c: another comment in a private key file and in the public one beside it. */
import { withPrivateKeyDetails } from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { askLine, chooseFile } from './ask.ts';
import { Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { requireFormat } from './formats.ts';
import { loadPrivateKey, requireFile } from './key-input.ts';
import { requireKdf, savePrivateKey, savePublicKey } from './key-output.ts';
import { showsLineBreaks } from './text.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  const format = requireFormat(flags.format);
  requireKdf(flags);
  const path = chooseFile(flags, 'Enter file in which the key is');
  requireFile(path);
  // -N serves as well where -P is missing: the passphrase does not change here.
  const known = { ...flags, passphrase: flags.passphrase ?? flags.newPassphrase };
  const { key, passphrase } = await loadPrivateKey(
    path,
    known,
    `Cannot load private key "${path}"`,
    'Enter passphrase: ',
  );
  if (format !== 'RFC4716' && key.type !== 'ssh-ed25519') {
    throw new Ending('Comments are only supported for keys stored in the new format (-o).', 1);
  }
  print(`Old comment: ${key.comment}\n`);
  const comment = flags.comment ?? askLine('New comment: ');
  if (comment === undefined) throw new Ending('', 1);
  if (showsLineBreaks(comment)) throw new Ending('ssh-keygen: a comment cannot hold line breaks', 1);
  if (comment === key.comment) {
    print('No change to comment\n');
    return 0;
  }
  const renamed = withPrivateKeyDetails(key, { comment });
  await savePrivateKey(renamed, path, passphrase, flags);
  savePublicKey(renamed, `${path}.pub`);
  print(comment === '' ? 'Comment removed\n' : `Comment '${comment}' applied\n`);
  return 0;
}
