/** Host keys for processes that do not have them: public halves that are known, and signatures that the monitor makes. */
import { decodePublicKey, type PublicKey } from '@nacre/ssh/keys';
import type { HostKey } from '@nacre/ssh/transport';
import type { ShownHostKey, ToSign } from './tables.ts';

/** As others see them. */
export function showHostKeys(hostKeys: readonly HostKey[]): ShownHostKey[] {
  return hostKeys.map(({ signer, certificates = [] }) => ({
    blob: signer.publicKey.blob,
    certificates: certificates.map(({ blob }) => blob),
  }));
}

/** Their public halves in another process: the same for all its connections. */
export function readHostKeys(shown: readonly ShownHostKey[]): PublicHostKey[] {
  return shown.map(({ blob, certificates }) => ({
    publicKey: decodePublicKey(blob),
    certificates: certificates.map((certificate) => decodePublicKey(certificate)),
  }));
}

export interface PublicHostKey {
  readonly publicKey: PublicKey;
  readonly certificates: readonly PublicKey[];
}

/** The same keys for one connection. */
export function remoteHostKeys(
  keys: readonly PublicHostKey[],
  id: number,
  sign: (request: ToSign) => Promise<Uint8Array>,
): HostKey[] {
  return keys.map(({ publicKey, certificates }, key) => ({
    signer: {
      publicKey,
      label: 'the monitor',
      sign: async (data, algorithm) => Buffer.from(await sign({ id, key, algorithm, data })),
    },
    certificates,
  }));
}
