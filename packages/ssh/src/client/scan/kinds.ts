/** The kinds of host keys that a scan asks for, a row each, in the order in which they are asked for. */
import { hostKeyAlgorithms } from '../../transport/host-key-algorithms.ts';

/** A kind of host key by ssh-keyscan's name for it. */
export type HostKeyKind = 'rsa' | 'ecdsa' | 'ed25519' | 'ecdsa-sk' | 'ed25519-sk';

export interface HostKeyKindRow {
  readonly name: HostKeyKind;
  /** Type names of its plain keys, and of its certificates. */
  readonly keyTypes: readonly string[];
  readonly certificateTypes: readonly string[];
  /** What one proof costs the server: where one connection may show any kind, it shows the cheapest. */
  readonly cost: number;
}

export const hostKeyKinds: readonly HostKeyKindRow[] = [
  { name: 'rsa', keyTypes: ['ssh-rsa'], certificateTypes: ['ssh-rsa-cert-v01@openssh.com'], cost: 3 },
  {
    name: 'ecdsa',
    keyTypes: ['ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521'],
    certificateTypes: [
      'ecdsa-sha2-nistp256-cert-v01@openssh.com',
      'ecdsa-sha2-nistp384-cert-v01@openssh.com',
      'ecdsa-sha2-nistp521-cert-v01@openssh.com',
    ],
    cost: 2,
  },
  { name: 'ed25519', keyTypes: ['ssh-ed25519'], certificateTypes: ['ssh-ed25519-cert-v01@openssh.com'], cost: 1 },
  {
    name: 'ecdsa-sk',
    keyTypes: ['sk-ecdsa-sha2-nistp256@openssh.com'],
    certificateTypes: ['sk-ecdsa-sha2-nistp256-cert-v01@openssh.com'],
    // Somebody may have to touch a token.
    cost: 4,
  },
  {
    name: 'ed25519-sk',
    keyTypes: ['sk-ssh-ed25519@openssh.com'],
    certificateTypes: ['sk-ssh-ed25519-cert-v01@openssh.com'],
    cost: 4,
  },
];

/** A kind with the algorithm names that ask for it, preferred first. */
export interface WantedKind {
  readonly name: HostKeyKind;
  readonly algorithms: readonly string[];
}

/** The kinds asked for, the cheapest first. */
export function wantedKinds(names: readonly HostKeyKind[] | undefined, certificates: boolean): WantedKind[] {
  return hostKeyKinds
    .filter((row) => names === undefined || names.includes(row.name))
    .sort((a, b) => a.cost - b.cost)
    .map((row) => {
      const types = certificates ? row.certificateTypes : row.keyTypes;
      const algorithms = hostKeyAlgorithms.filter(({ keyType }) => types.includes(keyType)).map(({ name }) => name);
      return { name: row.name, algorithms };
    });
}

/** The kind that a key or certificate of this type is. */
export function kindOf(keyType: string): HostKeyKind | undefined {
  return hostKeyKinds.find((row) => row.keyTypes.includes(keyType) || row.certificateTypes.includes(keyType))?.name;
}
