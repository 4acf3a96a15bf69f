/** What a request asks of the library's connect(). */
import type { Duplex } from 'node:stream';
import type { ConnectOptions } from '@nacre/ssh/client';
import { chooseAlgorithms } from './algorithms.ts';
import { hostTrust } from './host-trust.ts';
import { loginOptions } from './login.ts';
import { addressOfInterface } from './network-interface.ts';
import type { Request } from './request.ts';

/**
 * The options of connect() that a request amounts to; ssh-copy-id connects by them as well.
 *
 * @param lines - told at -v once the stream stands, such as which keys there are.
 */
export function connectOptions(
  request: Request,
  onAddress: (address: string | undefined, stream: Duplex) => void,
  lines: readonly string[] = [],
): ConnectOptions {
  const { settings, log, user } = request;
  const trust = hostTrust(request);
  const { addressFamily, rekeyLimit, serverAliveIntervalSeconds, serverAliveCountMax, channelTimeout } = settings;
  const own = settings.bindInterface === undefined ? undefined : addressOfInterface(settings.bindInterface, request);
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
    ...own,
    ...(settings.bindAddress !== undefined && { localAddress: settings.bindAddress }),
    ...(settings.versionAddendum !== undefined && { versionAddendum: settings.versionAddendum }),
    tcpKeepAlive: settings.tcpKeepAlive,
    ...(channelTimeout.length > 0 && { channelTimeouts: channelTimeout }),
    onConnect: ({ address, stream }) => {
      onAddress(address, stream);
      log.debug(1, 'Connection established.');
      for (const line of lines) log.debug(1, line);
    },
    log: (level, text) => log.debug(level, text),
    logIdentities: log.shows('DEBUG1'),
    logPackets: log.shows('DEBUG3'),
    onNotice: (text) => log.info(text),
  };
}
