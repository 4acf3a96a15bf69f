/** How ssh logs in: keys, the agent, passphrases, passwords and keyboard-interactive, each asked for in OpenSSH's words. */
import type { ConfiguredCallbacks } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { sanitizeText } from '../../terminal/sanitize.ts';
import { writeStderr } from './log.ts';
import type { Request } from './request.ts';

/** What ssh asks and says during login. */
export function loginWords(request: Request): ConfiguredCallbacks {
  const { settings, user, log } = request;
  const display = `${user}@${settings.hostKeyAlias ?? request.host}`;
  return {
    passphrase: (path) => askSecret(`Enter passphrase for key '${path}': `),
    password: async ({ attempt }) => {
      if (attempt > 1) log.error('Permission denied, please try again.');
      return askSecret(`${display}'s password: `);
    },
    keyboardInteractive: async ({ name, instruction, prompts }) => {
      if (name !== '') log.info(name);
      if (instruction !== '') log.info(instruction.replace(/\n$/, ''));
      const answers: string[] = [];
      for (const { text, echo } of prompts) {
        const answer = await (echo ? askVisible : askSecret)(`(${display}) ${text}`);
        if (answer === undefined) return undefined;
        answers.push(answer);
      }
      return answers;
    },
    changePassword: async ({ prompt }) => {
      if (prompt !== '') log.info(prompt.replace(/\n$/, ''));
      return askNewPassword(display, log);
    },
    onAddKey: async (path, comment) => {
      const { askPermission } = await import('../../terminal/prompts.ts');
      return askPermission(`Add key ${path} (${comment}) to agent?`);
    },
    onKeyFailure: ({ origin, label }, error) => tellKeyFailure(log, origin?.name ?? label, error),
    onUnusableKey: ({ path, isMissingDefault, error }) => {
      const isMissing = (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT';
      if (!isMissing) tellKeyFailure(log, path, error);
      else if (!isMissingDefault) log.info(`no such identity: ${path}: No such file or directory`);
      else log.debug(3, `no such identity: ${path}: No such file or directory`);
    },
    onBanner: (text) => {
      if (log.shows('INFO')) writeStderr(sanitizeText(text));
    },
    onFailure: (methods, partialSuccess) => {
      if (partialSuccess) log.verbose('Authenticated using partial success.');
      log.debug(1, `Authentications that can continue: ${methods.join(',')}`);
    },
  };
}

async function askSecret(prompt: string): Promise<string | undefined> {
  return (await import('../../terminal/prompts.ts')).askSecret(prompt);
}

async function askVisible(prompt: string): Promise<string | undefined> {
  return (await import('../../terminal/prompts.ts')).askVisible(prompt);
}

async function askNewPassword(
  display: string,
  log: Request['log'],
): Promise<{ oldPassword: string; newPassword: string } | undefined> {
  const oldPassword = await askSecret(`Enter ${display}'s old password: `);
  if (oldPassword === undefined) return undefined;
  for (;;) {
    const newPassword = await askSecret(`Enter ${display}'s new password: `);
    if (newPassword === undefined || newPassword === '') return undefined;
    if ((await askSecret(`Retype ${display}'s new password: `)) === newPassword) return { oldPassword, newPassword };
    log.error('Mismatch; try again, EOF to quit.');
  }
}

const bar = '@'.repeat(59);

/** A key that the server wanted and that cannot sign: the person has to know, since login may go on to a password. */
function tellKeyFailure(log: Request['log'], path: string, error: unknown): void {
  if (!(error instanceof SshError)) {
    log.error(`sign_and_send_pubkey: signing failed for "${path}": ${error instanceof Error ? error.message : error}`);
  } else if (/^Permissions \d+ for /.test(error.message)) {
    for (const line of [bar, '@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @', bar]) log.error(line);
    log.error(error.message);
    log.error('It is required that your private key files are NOT accessible by others.');
    log.error('This private key will be ignored.');
    log.error(`Load key "${path}": bad permissions`);
  } else if (error.code === 'bad-passphrase') {
    log.debug(2, `no passphrase given, try next key`);
  } else if (error.code === 'agent-refused') {
    log.error(`sign_and_send_pubkey: signing failed for "${path}" from agent: agent refused operation`);
  } else {
    log.error(`Load key "${path}": ${error.message.replace(`${path} `, 'it ')}`);
  }
}
