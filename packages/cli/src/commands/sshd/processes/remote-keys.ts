/** Host keys for processes that do not have them: public halves that are known, and signatures that the monitor makes. */
import { decodePublicKey } from '@nacre/ssh/keys';
import type { HostKey } from '@nacre/ssh/transport';
import type { ShownHostKey, ToSign } from './tables.ts';

/** As others see them. */
export function showHostKeys(hostKeys: readonly HostKey[]): ShownHostKey[] {
  return hostKeys.map(({ signer, certificates = [] }) => ({
    blob: signer.publicKey.blob,
    certificates: certificates.map(({ blob }) => blob),
  }));
}

/** The same keys in another process, for one connection. */
export function remoteHostKeys(
  shown: readonly ShownHostKey[],
  id: number,
  sign: (request: ToSign) => Promise<Uint8Array>,
): HostKey[] {
  return shown.map(({ blob, certificates }, key) => ({
    signer: {
      publicKey: decodePublicKey(blob),
      label: 'the monitor',
      sign: async (data, algorithm) => Buffer.from(await sign({ id, key, algorithm, data })),
    },
    certificates: certificates.map((certificate) => decodePublicKey(certificate)),
  }));
}
