/** --connect: how far one comes without logging in. The name, the address, the server's identification, its key. */
import { promises as dns } from 'node:dns';
import { configuredOptions, connect, type Expansion, type HostKeyQuestion } from '@nacre/ssh/client';
import type { ClientConfig } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import { fingerprint } from '@nacre/ssh/keys';
import { checkHostKey, type KnownHosts } from '@nacre/ssh/trust';
import type { ProbeFacts } from './explanation.ts';

/** @param files - the known_hosts files that the host's settings name. */
export async function probe(
  config: ClientConfig,
  expansion: Expansion,
  files: readonly KnownHosts[],
): Promise<ProbeFacts> {
  const { host, settings } = config;
  const { port, hostKeyAlias: alias } = settings;
  const found: { -readonly [Name in keyof ProbeFacts]: ProbeFacts[Name] } = {
    host,
    port,
    addresses: await lookUp(host),
    address: null,
    identification: null,
    hostKey: null,
    verdict: null,
    error: null,
  };
  const options = configuredOptions(config, expansion);
  const { preferredAlgorithms } = options.hostKeys;
  const seenEnough = new Error('seen enough');
  try {
    const connection = await connect(
      { host, port },
      {
        ...options,
        timeoutMs: options.timeoutMs || probeTimeoutMs,
        identities: [],
        agent: false,
        hostKeys: {
          async verify({ key }: HostKeyQuestion) {
            found.hostKey = { type: key.type, fingerprint: fingerprint(key.plain) };
            found.verdict = checkHostKey(files, { host, port, key, alias, address: undefined }).status;
          },
          ...(preferredAlgorithms && {
            preferredAlgorithms: (name: string, at: number) => preferredAlgorithms.call(options.hostKeys, name, at),
          }),
        },
        onConnect: ({ address }) => {
          found.address = address ?? null;
        },
        // Nothing is asked of the server behind this.
        onHandshake: ({ serverIdentification }) => {
          found.identification = serverIdentification;
          throw seenEnough;
        },
      },
    );
    await connection.close();
  } catch (error) {
    const isEnd = error === seenEnough || (error instanceof Error && error.cause === seenEnough);
    if (!isEnd) found.error = error instanceof SshError ? error.message : String(error);
  }
  return found;
}

/** A person waits. */
const probeTimeoutMs = 10_000;

async function lookUp(host: string): Promise<string[]> {
  try {
    return (await dns.lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // The connection says why.
    return [];
  }
}
