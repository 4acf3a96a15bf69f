/** How ssh logs in: keys, the agent, passphrases, passwords and keyboard-interactive, each asked for in OpenSSH's words. */
import { existsSync } from 'node:fs';
import type { ConnectOptions } from '@nacre/ssh/client';
import { defaultIdentityFiles } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import type { Signer } from '@nacre/ssh/keys';
import { chooseSignatureAlgorithms } from './algorithms.ts';
import type { HostTrust } from './host-trust.ts';
import { writeStderr } from './log.ts';
import { expandPath, orEmpty } from './paths.ts';
import type { Request } from './request.ts';

type LoginOptions = Pick<
  ConnectOptions,
  | 'identities'
  | 'agent'
  | 'identitiesOnly'
  | 'certificates'
  | 'skipUnusableKeys'
  | 'onKeyFailure'
  | 'passphrase'
  | 'password'
  | 'auth'
>;

/** The part of connect()'s options that is about login. */
export function loginOptions(request: Request, trust: HostTrust): LoginOptions {
  const { settings, user, log } = request;
  const isBatch = settings.batchMode;
  const prompts = isBatch ? 0 : settings.numberOfPasswordPrompts;
  const given = settings.identityFile.filter((path) => path.toLowerCase() !== 'none');
  const identities = given.map((path) => expandPath(path, request, 'IdentityFile'));
  const certificates = orEmpty(settings.certificateFile).map((path) => expandPath(path, request, 'CertificateFile'));
  const agent = agentPath(request);
  const signatureAlgorithms = chooseSignatureAlgorithms(settings, log);
  const { pubkeyAuthentication, kbdInteractiveDevices } = settings;
  const mayType = () => !isBatch && !trust.isMismatch();
  const display = `${user}@${settings.hostKeyAlias ?? request.host}`;

  return {
    identities: settings.identityFile.length === 0 ? defaultIdentityFiles() : identities,
    agent: agent ?? false,
    identitiesOnly: settings.identitiesOnly,
    skipUnusableKeys: true,
    certificates,
    onKeyFailure: (signer, error) => tellKeyFailure(request, signer, error),
    ...(!isBatch && {
      passphrase: async (path: string, attempt: number) =>
        attempt > prompts ? undefined : askSecret(`Enter passphrase for key '${path}': `),
    }),
    password: async ({ attempt }) => {
      if (!mayType()) return undefined;
      if (attempt > 1) log.error('Permission denied, please try again.');
      return askSecret(`${display}'s password: `);
    },
    auth: {
      preferredMethods: chooseMethods(request),
      numberOfPasswordPrompts: prompts,
      ...(kbdInteractiveDevices !== undefined && { keyboardInteractiveDevices: kbdInteractiveDevices.split(',') }),
      ...(signatureAlgorithms && { signatureAlgorithms }),
      hostBound:
        pubkeyAuthentication === 'unbound' ? 'never' : pubkeyAuthentication === 'host-bound' ? 'always' : 'auto',
      keyboardInteractive: async ({ name, instruction, prompts: questions }) => {
        if (!mayType()) return undefined;
        if (name !== '') log.info(name);
        if (instruction !== '') log.info(instruction.replace(/\n$/, ''));
        const answers: string[] = [];
        for (const { text, echo } of questions) {
          const answer = await (echo ? askVisible : askSecret)(`(${display}) ${text}`);
          if (answer === undefined) return undefined;
          answers.push(answer);
        }
        return answers;
      },
      changePassword: async ({ prompt }) => {
        if (!mayType()) return undefined;
        if (prompt !== '') log.info(prompt.replace(/\n$/, ''));
        return askNewPassword(display, log);
      },
      onBanner: (text) => {
        if (log.shows('INFO')) writeStderr(text);
      },
      onFailure: (methods, partialSuccess) => {
        if (partialSuccess) log.verbose('Authenticated using partial success.');
        log.debug(1, `Authentications that can continue: ${methods.join(',')}`);
      },
      log: (level, text) => {
        // Told by tellKeyFailure, and better.
        if (text.startsWith('sign_and_send_pubkey: ')) return;
        if (level === 'info') log.info(text);
        else log.debug(1, text.replace(/^((?:Offering public key|Server accepts key): .*) \S+$/, '$1'));
      },
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

/** The agent's socket; undefined where none is wanted or running. */
function agentPath(request: Request): string | undefined {
  const { identityAgent = 'SSH_AUTH_SOCK' } = request.settings;
  if (identityAgent.toLowerCase() === 'none') return undefined;
  if (identityAgent === 'SSH_AUTH_SOCK') return process.env.SSH_AUTH_SOCK || undefined;
  if (/^\$[A-Za-z_]\w*$/.test(identityAgent)) return process.env[identityAgent.slice(1)] || undefined;
  const path = expandPath(identityAgent, request, 'IdentityAgent');
  return existsSync(path) ? path : undefined;
}

function chooseMethods({ settings }: Request): string[] {
  const { preferredAuthentications = 'publickey,keyboard-interactive,password' } = settings;
  const isOff: Readonly<Record<string, boolean>> = {
    publickey: settings.pubkeyAuthentication === 'no',
    password: !settings.passwordAuthentication || settings.batchMode,
    'keyboard-interactive': !settings.kbdInteractiveAuthentication || settings.batchMode,
  };
  return preferredAuthentications.split(',').filter((name) => isOff[name] !== true);
}

const bar = '@'.repeat(59);

/** A key that the server wanted and that cannot sign: the person has to know, since login may go on to a password. */
function tellKeyFailure({ log }: Request, signer: Signer, error: unknown): void {
  const [path = ''] = / (?=[A-Z0-9-]+ (?:SHA256|MD5):)/.exec(signer.label)
    ? [signer.label.slice(0, signer.label.search(/ [A-Z0-9-]+ (?:SHA256|MD5):/))]
    : [signer.label];
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
    log.error(`Load key "${path}": ${error.message}`);
  }
}
