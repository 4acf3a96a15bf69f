/** The back ends of chacha20-poly1305@openssh.com, fastest first, and the choice among them. */
import { SshError } from '../../../errors.ts';
import { isForcedOff } from '../../../fast-paths.ts';
import type { BindChaCha, ChaChaBackend } from './backend.ts';
import { nobleBackend } from './noble.ts';
import { nodeMacBackend, nodeNobleBackend } from './node.ts';
import { opensslBackend } from './openssl.ts';
import { sodiumBackend } from './sodium.ts';

/**
 * Sealing on one core, packets of 32 KiB and of 64 bytes: openssl 1.5 to 3 GB/s and 2.8 µs, sodium-native 1.2 to 1.5 GB/s and 1.6 µs,
 * node-mac 1.3 to 1.8 GB/s and 5.5 µs, node-noble 0.2 GB/s and 11 µs, noble 0.15 GB/s and 11 µs. The first two take 10 to 15 ms to load.
 */
export const chachaBackends: readonly ChaChaBackend[] = [
  opensslBackend,
  sodiumBackend,
  nodeMacBackend,
  nodeNobleBackend,
  nobleBackend,
];

/** The first back end of the list that can be had here. */
export function chooseChaChaBackend(backends: readonly ChaChaBackend[] = allowedBackends()): {
  name: ChaChaBackend['name'];
  bind: BindChaCha;
} {
  for (const backend of backends) {
    const bind = backend.load();
    if (bind !== null) return { name: backend.name, bind };
  }
  throw new SshError(
    'nothing here computes chacha20-poly1305: node:crypto has no chacha20 and no package could be loaded',
    {
      code: 'unsupported',
      stage: 'transport',
      remedy:
        'Use Node 20.19 or newer, install sodium-native, or leave chacha20-poly1305@openssh.com out of the ciphers.',
    },
  );
}

/** What may be chosen from: with NACRE_CRYPTO=fallback the one that runs everywhere. */
function allowedBackends(): readonly ChaChaBackend[] {
  return isForcedOff('NACRE_CRYPTO') ? [nobleBackend] : chachaBackends;
}
