/** What a request asks of the library's connect(). */
import type { ConnectOptions } from '@nacre/ssh/client';
import { chooseAlgorithms } from './algorithms.ts';
import { hostTrust } from './host-trust.ts';
import { loginOptions } from './login.ts';
import type { Request } from './request.ts';

/** The options of connect() that a request amounts to; ssh-copy-id connects by them as well. */
export function connectOptions(request: Request, onAddress: (address: string | undefined) => void): ConnectOptions {
  const { settings, log, user, host, port } = request;
  const trust = hostTrust(request);
  const { addressFamily, rekeyLimit, serverAliveIntervalSeconds, serverAliveCountMax } = settings;
  return {
    ...loginOptions(request, trust),
    hostKeys: trust.policy,
    user,
    algorithms: chooseAlgorithms(settings, log),
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
    onConnect: ({ address }) => {
      onAddress(address);
      log.debug(1, 'Connection established.');
    },
    onHandshake: () => log.debug(1, `Authenticating to ${host}:${port} as '${user}'`),
    log: (level, text) => log.debug(level, text),
    onNotice: (text) => log.info(text),
  };
}
