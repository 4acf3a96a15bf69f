/** What a request asks of the library's connect(): its settings, with ssh's questions and words. */
import type { Duplex } from 'node:stream';
import { type ConnectOptions, configuredOptions } from '@nacre/ssh/client';
import { inOwnWords } from './algorithms.ts';
import { hostTrustWords } from './host-trust.ts';
import { loginWords } from './login.ts';
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
  const { config, settings, log } = request;
  const options = inOwnWords(() =>
    configuredOptions(config, request, {
      ...hostTrustWords(request),
      ...loginWords(request),
      onWarning: (text) => log.error(text),
      onNotice: (text) => log.info(text),
      log: (level, text) => {
        if (level === 'verbose') log.verbose(text);
        else log.debug(Number(level.at(-1)) as 1 | 2 | 3, text);
      },
    }),
  );
  const { bindInterface, bindAddress } = settings;
  let isIdentified = false;
  return {
    ...options,
    ...(bindInterface !== undefined && addressOfInterface(bindInterface, request)),
    ...(bindAddress !== undefined && { localAddress: bindAddress }),
    onConnect: ({ address, stream }) => {
      onAddress(address, stream);
      log.debug(1, 'Connection established.');
      for (const line of lines) log.debug(1, line);
    },
    logIdentities: log.shows('DEBUG1'),
    logPackets: log.shows('DEBUG3'),
    onHandshake: (facts) => {
      isIdentified = true;
      options.onHandshake?.(facts);
    },
    // Whoever answers may say anything here: told where nobody takes it for a message of ours, as OpenSSH. What comes later
    // (SSH_MSG_DEBUG) is in the log already.
    onNotice: (text) => {
      if (!isIdentified) log.debug(1, `kex_exchange_identification: banner line: ${text}`);
    },
  };
}
