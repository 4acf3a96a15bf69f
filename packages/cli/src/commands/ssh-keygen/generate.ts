/** ssh-keygen without a mode: makes a key pair. */
import { mkdirSync, statSync } from 'node:fs';
import { hostname, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fingerprint, formatExpiringKey, generateKey, randomArt } from '@nacre/ssh/keys';
import { print } from '../../terminal/print.ts';
import { askLine, askNewPassphrase, chooseFile } from './ask.ts';
import { describe, Ending } from './ending.ts';
import { readExpiry } from './expiry.ts';
import type { KeygenFlags } from './flags.ts';
import { requireFormat } from './formats.ts';
import { requireKdf, savePrivateKey, savePublicKey } from './key-output.ts';
import { chooseKeyType, isTokenType } from './key-types.ts';
import { showsLineBreaks } from './text.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  if (flags.type !== undefined && isTokenType(flags.type)) {
    const { enroll } = await import('./tokens.ts');
    enroll(flags, flags.type);
  }
  const { type, bits } = chooseKeyType(flags);
  const comment = flags.comment ?? `${userInfo().username}@${hostname()}`;
  if (showsLineBreaks(comment)) throw new Ending('ssh-keygen: a comment cannot hold line breaks');
  if (flags.format !== undefined) requireFormat(flags.format);
  requireKdf(flags);
  const expires = readExpiry(flags.options);
  const say = (text: string): void => void (flags.quiet || print(`${text}\n`));

  say(`Generating public/private ${flags.type ?? 'ed25519'} key pair.`);
  const key = await generateKey(type, { comment, ...(bits !== undefined && { bits }) });
  const file = chooseFile(flags, 'Enter file in which to save the key');
  createOwnFolder(file, say);
  if (!mayWrite(file)) return 1;
  const passphrase = flags.passphrase ?? flags.newPassphrase ?? (await chooseNewPassphrase(file));
  await savePrivateKey(key, file, passphrase, flags);
  say(`Your identification has been saved in ${file}`);
  savePublicKey(key, `${file}.pub`);
  say(`Your public key has been saved in ${file}.pub`);
  say('The key fingerprint is:');
  say(`${fingerprint(key.publicKey)} ${comment}`);
  say("The key's randomart image is:");
  say(randomArt(key.publicKey));
  // What -q silences is talk; this line is what was asked for.
  if (expires !== undefined) print(`${formatExpiringKey(key.publicKey, comment, expires)}\n`);
  return 0;
}

/** The first key of an account: ~/.ssh is made, and nothing else is. */
function createOwnFolder(file: string, say: (text: string) => void): void {
  const folder = join(userInfo().homedir, '.ssh');
  if (dirname(resolve(file)) !== folder) return;
  try {
    mkdirSync(folder, { mode: 0o700 });
    say(`Created directory '${folder}'.`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw new Ending(`Could not create directory '${folder}' (${describe(error)}).`);
    }
  }
}

/** A file that exists is replaced only after a yes. */
function mayWrite(file: string): boolean {
  try {
    statSync(file);
  } catch {
    return true;
  }
  print(`${file} already exists.\n`);
  return /^y/i.test(askLine('Overwrite (y/n)? ') ?? '');
}

async function chooseNewPassphrase(file: string): Promise<string> {
  for (;;) {
    const passphrase = await askNewPassphrase(`Enter passphrase for "${file}" (empty for no passphrase): `);
    if (passphrase !== undefined) return passphrase;
    print('Passphrases do not match.  Try again.\n');
  }
}
