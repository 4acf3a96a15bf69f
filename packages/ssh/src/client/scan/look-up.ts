/** Looks a host's addresses up, before the time begins that the host itself has. */
import { type LookupAddress, lookup } from 'node:dns';
import { isIP } from 'node:net';
import { SshError } from '../../errors.ts';

/** The addresses of a name, or why there are none. Never rejects. */
export function lookUpHost(
  host: string,
  family: 4 | 6 | undefined,
  signal: AbortSignal,
): Promise<LookupAddress[] | SshError> {
  const own = isIP(host);
  if (own !== 0 && (family === undefined || family === own)) {
    return Promise.resolve([{ address: host, family: own }]);
  }
  return new Promise((resolve) => {
    // The system's look-up cannot be called back, but nobody needs to wait for it.
    const onAbort = () => resolve(failed(host, 'the scan was aborted'));
    signal.addEventListener('abort', onAbort, { once: true });
    lookup(host, { all: true, family: family ?? 0 }, (error, addresses) => {
      signal.removeEventListener('abort', onAbort);
      if (error !== null) resolve(failed(host, words.get(error.code ?? '') ?? error.message, error));
      else if (addresses.length === 0) resolve(failed(host, 'No address associated with hostname'));
      else resolve(addresses);
    });
  });
}

function failed(host: string, reason: string, cause?: unknown): SshError {
  return new SshError(`getaddrinfo ${host}: ${reason}`, { code: 'dns-failed', stage: 'dns', cause });
}

/** The C library's words. */
const words = new Map([
  ['ENOTFOUND', 'Name or service not known'],
  ['EAI_NONAME', 'Name or service not known'],
  ['EAI_AGAIN', 'Temporary failure in name resolution'],
  ['EAI_FAIL', 'Non-recoverable failure in name resolution'],
  ['EAI_ADDRFAMILY', 'Address family for hostname not supported'],
  ['ENODATA', 'No address associated with hostname'],
]);
