/** Host key algorithms: the name that is negotiated, the key type that stands in the blob and the signature made with it. */

export interface HostKeyAlgorithm {
  /** As negotiated in KEXINIT. */
  readonly name: string;
  /** As it stands in the host key blob. */
  readonly keyType: string;
  /** As it stands in the signature. */
  readonly signature: string;
  readonly legacy: boolean;
}

const plain: readonly HostKeyAlgorithm[] = [
  row('ssh-ed25519'),
  row('ecdsa-sha2-nistp256'),
  row('ecdsa-sha2-nistp384'),
  row('ecdsa-sha2-nistp521'),
  row('sk-ssh-ed25519@openssh.com'),
  row('sk-ecdsa-sha2-nistp256@openssh.com'),
  { name: 'rsa-sha2-512', keyType: 'ssh-rsa', signature: 'rsa-sha2-512', legacy: false },
  { name: 'rsa-sha2-256', keyType: 'ssh-rsa', signature: 'rsa-sha2-256', legacy: false },
  { name: 'ssh-rsa', keyType: 'ssh-rsa', signature: 'ssh-rsa', legacy: true },
];

/** Every row, preferred first: certificates before plain keys, as OpenSSH has it, since they need no first-use question. */
export const hostKeyAlgorithms: readonly HostKeyAlgorithm[] = [...plain.map(certificateRow), ...plain];

export function findHostKeyAlgorithm(name: string): HostKeyAlgorithm | undefined {
  return hostKeyAlgorithms.find((candidate) => candidate.name === name);
}

function row(name: string): HostKeyAlgorithm {
  return { name, keyType: name, signature: name, legacy: false };
}

function certificateRow(algorithm: HostKeyAlgorithm): HostKeyAlgorithm {
  return { ...algorithm, name: certificateName(algorithm.name), keyType: certificateName(algorithm.keyType) };
}

function certificateName(name: string): string {
  // The vendor's suffix goes to the end: sk-ssh-ed25519-cert-v01@openssh.com.
  return `${name.replace(/@openssh\.com$/, '')}-cert-v01@openssh.com`;
}
