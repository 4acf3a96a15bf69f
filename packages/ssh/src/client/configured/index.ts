/** From settings to what connect() takes: what the command line does with its files, a program does by the same code. */
import type { ClientConfig } from '../../config/index.ts';
import type { ConnectOptions } from '../options.ts';
import { configuredAlgorithms } from './algorithms.ts';
import type { ConfiguredCallbacks } from './callbacks.ts';
import { configuredHostKeys } from './host-keys.ts';
import { configuredLogin } from './login.ts';
import { type Expansion, orUndefined } from './paths.ts';

export { allAlgorithms } from './algorithms.ts';
export type { ConfiguredCallbacks, ConfiguredNews, ConfiguredQuestions } from './callbacks.ts';
export { type Expansion, expandPath, orEmpty, orUndefined } from './paths.ts';

/**
 * The options of connect() that settings amount to: host keys, login, algorithms, times. The host and the port to connect to
 * are `config.host` and `config.settings.port`; jump hosts and proxies are another's task, whose stream goes into `stream`.
 *
 * Nothing is printed and nobody is asked but through the callbacks. Without any, hosts that no file knows are refused, as are
 * passphrases and passwords.
 *
 * @param config - what `resolveClientConfig()` gave.
 * @param system - the home folder and the tokens that paths are expanded with.
 * @throws SshError `bad-file` for values that cannot be made sense of, with file and line where they are known.
 * @example
 * const system = nodeConfigSystem();
 * const config = await resolveClientConfig({ host: 'db1' }, system);
 * const { host, user, originalHost, settings } = config;
 * const tokens = clientTokens({ host, user, originalHost, port: settings.port, hostKeyAlias: settings.hostKeyAlias, jumpHosts: '' }, system);
 * const server = await connect({ host, port: settings.port }, configuredOptions(config, { home: system.home, tokens }));
 */
export function configuredOptions(
  config: ClientConfig,
  system: Expansion,
  callbacks: ConfiguredCallbacks = {},
): ConnectOptions {
  const { settings, user } = config;
  const { addressFamily, rekeyLimit, serverAliveIntervalSeconds, serverAliveCountMax } = settings;
  const trust = configuredHostKeys(config, system, callbacks);
  const { log } = callbacks;
  const versionAddendum = orUndefined(settings.versionAddendum);
  return {
    ...configuredLogin(config, system, callbacks, () => !trust.isMismatch()),
    hostKeys: trust.policy,
    user,
    algorithms: configuredAlgorithms(settings, callbacks),
    timeoutMs: (settings.connectTimeoutSeconds ?? 0) * 1000,
    attempts: settings.connectionAttempts,
    requiredRsaBits: settings.requiredRsaSize,
    rekey: {
      ...(rekeyLimit.bytes > 0 && { bytes: rekeyLimit.bytes }),
      ...(rekeyLimit.seconds !== undefined && { ms: rekeyLimit.seconds * 1000 }),
    },
    ...(serverAliveIntervalSeconds > 0 && {
      keepalive: { intervalMs: serverAliveIntervalSeconds * 1000, countMax: serverAliveCountMax },
    }),
    ...(addressFamily !== 'any' && { family: addressFamily === 'inet' ? 4 : 6 }),
    ...(settings.bindAddress !== undefined && { localAddress: settings.bindAddress }),
    ...(versionAddendum !== undefined && { versionAddendum }),
    onHandshake: ({ isPostQuantum }) => {
      if (!isPostQuantum && wantsWeakCryptoWarning(config))
        for (const line of notPostQuantum) callbacks.onNotice?.(line);
    },
    ...(log && { log: (level: 1 | 2 | 3, text: string) => log(`debug${level}`, text) }),
  };
}

/** Who wrote down which key exchanges to use has made the choice already. */
function wantsWeakCryptoWarning({ settings }: ClientConfig): boolean {
  return settings.warnWeakCrypto === 'yes' && settings.kexAlgorithms === undefined;
}

const notPostQuantum = [
  '** WARNING: connection is not using a post-quantum key exchange algorithm.',
  '** This session may be vulnerable to "store now, decrypt later" attacks.',
  '** The server may need to be upgraded. See https://openssh.com/pq.html',
];
