/** Questions of ssh-keygen: names and yes-or-no on stdin and stdout, passphrases on the terminal, by askpass, or from stdin. */
import { closeSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { print } from '../../terminal/print.ts';
import { readStdinLine } from '../../terminal/stdin-line.ts';
import { Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';

/** Where the key is or goes: `-f`, or the answer to the question, or the file that the empty answer stands for. */
export function chooseFile(flags: KeygenFlags, question: string): string {
  if (flags.file !== undefined) return flags.file;
  const usual = join(userInfo().homedir, '.ssh', usualName(flags.type));
  const answer = askLine(`${question} (${usual}): `);
  if (answer === undefined) throw new Ending('', 1);
  return answer === '' ? usual : answer;
}

function usualName(type = 'ed25519'): string {
  if (/rsa/.test(type)) return 'id_rsa';
  if (/^sk-|-sk$/.test(type)) return /ecdsa/.test(type) ? 'id_ecdsa_sk' : 'id_ed25519_sk';
  return /ecdsa/.test(type) ? 'id_ecdsa' : 'id_ed25519';
}

/** Asks on stdout and reads a line of stdin; undefined where stdin is at its end. */
export function askLine(question: string): string | undefined {
  print(question);
  return readStdinLine();
}

/** Asks for the passphrase that a file has. */
export function askPassphrase(prompt: string): Promise<string> {
  return askHidden(prompt);
}

/** Asks twice for a new passphrase; undefined where the two answers differ. */
export async function askNewPassphrase(prompt: string): Promise<string | undefined> {
  const first = await askHidden(prompt);
  const second = await askHidden('Enter same passphrase again: ');
  return first === second ? first : undefined;
}

async function askHidden(prompt: string): Promise<string> {
  const { askSecret } = await import('../../terminal/prompts.ts');
  if (await canAskPerson()) {
    const answer = await askSecret(prompt);
    // Giving no answer is not the same as an empty passphrase, which would leave the key unprotected.
    if (answer === undefined) throw new Ending('ssh-keygen: no passphrase was given', 1);
    return answer;
  }
  // Scripts without a terminal pipe it in, where the end of stdin counts as an empty line.
  process.stderr.write(prompt);
  return readStdinLine() ?? '';
}

async function canAskPerson(): Promise<boolean> {
  const { openControllingTerminal } = await import('../../terminal/tty-prompt.ts');
  const terminal = openControllingTerminal();
  if (terminal !== undefined) {
    closeSync(terminal);
    return true;
  }
  const { readAskpassRules } = await import('../../terminal/askpass.ts');
  return readAskpassRules(process.env).allowed;
}
