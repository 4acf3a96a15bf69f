/** Login as settings ask for it: which keys, agents and methods, and who is asked for what. */
import type { ClientConfig } from '../../config/index.ts';
import { defaultIdentityNames } from '../identities.ts';
import type { ConnectOptions } from '../options.ts';
import { agentPath } from './agent-path.ts';
import { settleAlgorithms } from './algorithms.ts';
import type { ConfiguredCallbacks } from './callbacks.ts';
import { type Expansion, expandPath, orEmpty } from './paths.ts';

export type LoginOptions = Pick<
  ConnectOptions,
  | 'identities'
  | 'agent'
  | 'identitiesOnly'
  | 'certificates'
  | 'skipUnusableKeys'
  | 'hasDefaultIdentities'
  | 'addKeysToAgent'
  | 'hostBased'
  | 'onKeyFailure'
  | 'onUnusableKey'
  | 'passphrase'
  | 'password'
  | 'auth'
>;

/**
 * The part of connect()'s options that is about login.
 *
 * @param mayType - false from where on nothing secret may be asked for: the server is not the one that the files know.
 * @throws SshError `bad-file` for paths and lists that cannot be made sense of.
 */
export function configuredLogin(
  { settings }: Pick<ClientConfig, 'settings'>,
  system: Expansion,
  callbacks: ConfiguredCallbacks = {},
  mayType: () => boolean = () => true,
): LoginOptions {
  const { batchMode, pubkeyAuthentication, kbdInteractiveDevices, identityFile } = settings;
  const { passphrase, password, changePassword, keyboardInteractive, onKeyFailure, onBanner, onFailure } = callbacks;
  const { NACRE_SSH_KEYSIGN: keysign } = system.environment ?? process.env;
  const attempts = batchMode ? 0 : settings.numberOfPasswordPrompts;
  const given = identityFile.filter((path) => path.toLowerCase() !== 'none');
  const signatureAlgorithms = settleAlgorithms('pubkeyAcceptedAlgorithms', settings, callbacks);
  const hostBasedAlgorithms = settleAlgorithms('hostbasedAcceptedAlgorithms', settings, callbacks);
  /** Nobody is asked in batch mode, nor by a server that is not the one it should be. */
  const guarded =
    <Request, Answer>(ask: (request: Request) => Promise<Answer | undefined>) =>
    (request: Request) =>
      mayType() ? ask(request) : Promise.resolve(undefined);

  return {
    identities:
      identityFile.length === 0
        ? defaultIdentityNames.map((name) => `${system.home}/.ssh/${name}`)
        : given.map((path) => expandPath(path, system, 'IdentityFile')),
    agent: agentPath(settings.identityAgent, system) ?? false,
    identitiesOnly: settings.identitiesOnly,
    skipUnusableKeys: true,
    hasDefaultIdentities: identityFile.length === 0,
    certificates: orEmpty(settings.certificateFile).map((path) => expandPath(path, system, 'CertificateFile')),
    ...addKeys(settings, callbacks),
    ...(settings.hostbasedAuthentication && { hostBased: keysign === undefined ? {} : { keysign } }),
    ...(onKeyFailure && { onKeyFailure }),
    ...(callbacks.onUnusableKey && { onUnusableKey: callbacks.onUnusableKey }),
    ...(!batchMode &&
      passphrase && {
        passphrase: async (path: string, attempt: number) =>
          attempt > attempts ? undefined : passphrase(path, attempt),
      }),
    ...(!batchMode && password && { password: guarded(password) }),
    auth: {
      preferredMethods: chooseMethods(settings),
      numberOfPasswordPrompts: attempts,
      ...(kbdInteractiveDevices !== undefined && { keyboardInteractiveDevices: kbdInteractiveDevices.split(',') }),
      ...(signatureAlgorithms && { signatureAlgorithms }),
      ...(hostBasedAlgorithms && { hostBasedAlgorithms }),
      hostBound:
        pubkeyAuthentication === 'unbound' ? 'never' : pubkeyAuthentication === 'host-bound' ? 'always' : 'auto',
      ...(!batchMode && keyboardInteractive && { keyboardInteractive: guarded(keyboardInteractive) }),
      ...(!batchMode && changePassword && { changePassword: guarded(changePassword) }),
      ...(onBanner && { onBanner }),
      ...(onFailure && { onFailure }),
      log: (level, text) => {
        // Told by onKeyFailure, and better.
        if (text.startsWith('sign_and_send_pubkey: ')) return;
        if (level === 'info') callbacks.onNotice?.(text);
        else callbacks.log?.('debug1', text.replace(/^((?:Offering public key|Server accepts key): .*) \S+$/, '$1'));
      },
    },
  };
}

function addKeys(
  { addKeysToAgent: { mode, lifetimeSeconds } }: ClientConfig['settings'],
  { onAddKey }: ConfiguredCallbacks,
): Pick<ConnectOptions, 'addKeysToAgent'> {
  if (mode === 'no') return {};
  // The answer of nobody is no, also in batch mode: OpenSSH's question goes to SSH_ASKPASS there too.
  const ask = mode === 'ask' ? { ask: onAddKey ?? (async () => false) } : {};
  return { addKeysToAgent: { lifetimeSeconds, confirm: mode === 'confirm', ...ask } };
}

function chooseMethods(settings: ClientConfig['settings']): string[] {
  const { preferredAuthentications = 'hostbased,publickey,keyboard-interactive,password' } = settings;
  const isOff: Readonly<Record<string, boolean>> = {
    hostbased: !settings.hostbasedAuthentication,
    publickey: settings.pubkeyAuthentication === 'no',
    password: !settings.passwordAuthentication || settings.batchMode,
    'keyboard-interactive': !settings.kbdInteractiveAuthentication || settings.batchMode,
  };
  return preferredAuthentications.split(',').filter((name) => isOff[name] !== true);
}
