/** The client's first value, made while the server's KEXINIT is still on its way. */
import { findAgreement } from '../../crypto/agreement/table.ts';
import type { AgreementInitiator } from '../../crypto/key-agreement.ts';

/**
 * What servers choose from by default, for those methods whose key pair takes its time. A key pair of sntrup761 takes some 20 to 40 ms of a
 * process that has just begun: about a round trip, which is what lies between a server's identification and its KEXINIT.
 */
const expectations: readonly { readonly software: RegExp; readonly methods: readonly string[] }[] = [
  { software: /^SSH-2\.0-OpenSSH_9\.[0-8]\D/, methods: ['sntrup761x25519-sha512@openssh.com'] },
  {
    software: /^SSH-2\.0-(?:OpenSSH_(?:9\.9|1\d\.\d+)|nacre_)/,
    methods: ['mlkem768x25519-sha256', 'sntrup761x25519-sha512', 'sntrup761x25519-sha512@openssh.com'],
  },
];

/** Curves that every such server has too: where one is preferred, it will be chosen. */
const alwaysThere = ['curve25519-sha256', 'curve25519-sha256@libssh.org', 'ecdh-sha2-nistp256'];

/** The method that this server will choose of ours, as far as its identification tells; undefined where that is not worth a head start. */
export function expectedMethod(offered: readonly string[], peerIdentification: string): string | undefined {
  const { methods = [] } = expectations.find(({ software }) => software.test(`${peerIdentification} `)) ?? {};
  const first = offered.find((name) => methods.includes(name) || alwaysThere.includes(name));
  return first !== undefined && methods.includes(first) ? first : undefined;
}

/** A key pair of the method that is expected. It is used for one exchange or for none. */
export class EarlyStart {
  #name: string | undefined;
  #initiator: Promise<AgreementInitiator> | undefined;

  begin(offered: readonly string[], peerIdentification: string): void {
    const name = expectedMethod(offered, peerIdentification);
    const agreement = name === undefined ? undefined : findAgreement(name);
    if (agreement === undefined || this.#initiator !== undefined) return;
    this.#name = name;
    this.#initiator = Promise.resolve(agreement.start());
    // A failure is told to whoever takes it.
    this.#initiator.catch(() => {});
  }

  /** The initiator, where it was this method that was expected. */
  take(name: string): Promise<AgreementInitiator> | undefined {
    const taken = this.#name === name ? this.#initiator : undefined;
    this.#name = undefined;
    return taken;
  }
}
