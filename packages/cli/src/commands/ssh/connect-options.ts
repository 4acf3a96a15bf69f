/** What a request asks of the library's connect(): its settings, with ssh's questions and words. */
import { type ConnectOptions, configuredOptions } from '@nacre/ssh/client';
import { inOwnWords } from './algorithms.ts';
import { hostTrustWords } from './host-trust.ts';
import { loginWords } from './login.ts';
import type { Request } from './request.ts';

/** The options of connect() that a request amounts to; ssh-copy-id connects by them as well. */
export function connectOptions(request: Request, onAddress: (address: string | undefined) => void): ConnectOptions {
  const { config, log, user, host, port } = request;
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
  let isIdentified = false;
  return {
    ...options,
    onConnect: ({ address }) => {
      onAddress(address);
      log.debug(1, 'Connection established.');
    },
    onHandshake: (facts) => {
      isIdentified = true;
      log.debug(1, `Authenticating to ${host}:${port} as '${user}'`);
      options.onHandshake?.(facts);
    },
    // Whoever answers may say anything here: told where nobody takes it for a message of ours, as OpenSSH. What comes later
    // (SSH_MSG_DEBUG) is in the log already.
    onNotice: (text) => {
      if (!isIdentified) log.debug(1, `kex_exchange_identification: banner line: ${text}`);
    },
  };
}
