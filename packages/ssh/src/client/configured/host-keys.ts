/** The host key policy that settings ask for. */
import type { ClientConfig } from '../../config/index.ts';
import type { HostKeyPolicy } from '../host-key-policy.ts';
import type { KnownHostsCommand, KnownHostsQuestion } from '../known-hosts-command.ts';
import type { KnownHostsOptions } from '../known-hosts-options.ts';
import { knownHosts } from '../known-hosts-policy.ts';
import type { TrustEvent } from '../trust-event.ts';
import { settleAlgorithms } from './algorithms.ts';
import type { ConfiguredCallbacks } from './callbacks.ts';
import { type Expansion, expandPath, orEmpty, orUndefined } from './paths.ts';

export interface ConfiguredHostKeys {
  readonly policy: HostKeyPolicy;
  /** Whether the server's key was accepted in spite of what the files say: nothing secret may be given away then. */
  readonly isMismatch: () => boolean;
}

/**
 * Whom to trust, as StrictHostKeyChecking and everything around it say.
 *
 * @throws SshError `bad-file` for paths and lists that cannot be made sense of.
 */
export function configuredHostKeys(
  { settings }: Pick<ClientConfig, 'settings'>,
  system: Expansion,
  callbacks: ConfiguredCallbacks = {},
): ConfiguredHostKeys {
  const { strictHostKeyChecking: strict, hostKeyAlias: alias, verifyHostKeyDns } = settings;
  const files = (list: readonly string[], keyword: string): string[] =>
    orEmpty(list).map((file) => expandPath(file, system, keyword));
  const algorithms = settleAlgorithms('hostKeyAlgorithms', settings, callbacks);
  const authorityAlgorithms = settleAlgorithms('caSignatureAlgorithms', settings, callbacks);
  const command = orUndefined(settings.knownHostsCommand);
  const isAsking = strict === 'ask' && !settings.batchMode;
  const { onUnknownHost, onNotice, onVerdict, onDns } = callbacks;
  let isMismatch = false;

  const policy = knownHosts({
    userFiles: files(settings.userKnownHostsFile, 'UserKnownHostsFile'),
    globalFiles: files(settings.globalKnownHostsFile, 'GlobalKnownHostsFile'),
    // One file, whose name may hold blanks.
    revokedFiles: files(settings.revokedHostKeys, 'RevokedHostKeys'),
    ...(command !== undefined && { command: lazyCommand(command, system, settings.fingerprintHash) }),
    ...(alias !== undefined && { alias }),
    ...(algorithms && { algorithms }),
    ...(authorityAlgorithms && { authorityAlgorithms }),
    hashNames: settings.hashKnownHosts,
    fingerprintHash: settings.fingerprintHash,
    onUnknown: strict === 'no' || strict === 'accept-new' ? 'accept-new' : (isAsking && onUnknownHost) || 'refuse',
    checkAddress: settings.checkHostIp,
    onAddressMismatch:
      strict === 'no'
        ? 'go-on'
        : strict === 'ask'
          ? answerer(isAsking ? callbacks.onAddressMismatch : undefined)
          : 'refuse',
    acceptLocalhostWithoutVerification: settings.noHostAuthenticationForLocalhost,
    ...(verifyHostKeyDns !== 'no' && { dns: { trustSecure: verifyHostKeyDns === 'yes' } }),
    learn: chooseLearning(settings, callbacks),
    acceptMismatchWithoutVerification: (verdict, question) => {
      if (strict !== 'no') return false;
      isMismatch = true;
      callbacks.onMismatchAccepted?.(verdict, question);
      return true;
    },
    onEvent: (event) => tell(event, callbacks),
    ...(onNotice && { onNotice }),
    ...(onVerdict && { onVerdict }),
    ...(onDns && { onDns }),
  });
  // An order that somebody wrote down is kept; one that was only added to follows what the files know of the host.
  const mayReorder = algorithms === undefined || /^[+-]/.test(settings.hostKeyAlgorithms?.text ?? '');
  return {
    policy: mayReorder ? policy : { ...policy, preferredAlgorithms: async () => algorithms },
    isMismatch: () => isMismatch,
  };
}

/** With nobody to ask the answer is no, and nothing is said, as in batch mode. */
function answerer(ask: ConfiguredCallbacks['onAddressMismatch']): NonNullable<KnownHostsOptions['onAddressMismatch']> {
  return ask ?? (async () => false);
}

function chooseLearning(
  { updateHostKeys, batchMode }: ClientConfig['settings'],
  { onHostKeyUpdate }: ConfiguredCallbacks,
): NonNullable<KnownHostsOptions['learn']> {
  if (updateHostKeys !== 'ask') return updateHostKeys === 'yes';
  return (!batchMode && onHostKeyUpdate) || false;
}

/** Few configurations name a program: the others need not load what starts one. */
function lazyCommand(line: string, system: Expansion, fingerprintHash: 'md5' | 'sha256'): KnownHostsCommand {
  const { tokens, environment = process.env } = system;
  let command: Promise<KnownHostsCommand> | undefined;
  return async (question: KnownHostsQuestion) => {
    command ??= import('../known-hosts-command.ts').then(({ knownHostsCommand }) =>
      knownHostsCommand(line, { tokens, environment, fingerprintHash }),
    );
    return (await command)(question);
  };
}

function tell({ level, text }: TrustEvent, { onWarning, onNotice, log }: ConfiguredCallbacks): void {
  if (level === 'error') onWarning?.(text);
  else if (level === 'info') onNotice?.(text);
  else log?.(level, text);
}
