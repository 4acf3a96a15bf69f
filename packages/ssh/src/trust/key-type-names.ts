/** The names that may stand as key type in a line of known_hosts: those of OpenSSH 10, without loading what computes with keys. */

const plainNames = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'sk-ssh-ed25519@openssh.com',
  'sk-ecdsa-sha2-nistp256@openssh.com',
  'webauthn-sk-ecdsa-sha2-nistp256@openssh.com',
  'ssh-rsa',
  'rsa-sha2-256',
  'rsa-sha2-512',
];

const names: ReadonlySet<string> = new Set([
  // A key of no type, of which OpenSSH knows the name.
  'null',
  ...plainNames,
  ...plainNames.map((name) => `${name.replace('@openssh.com', '')}-cert-v01@openssh.com`),
]);

/** Whether OpenSSH's tools take a word for a key type. */
export function isKeyTypeName(word: string): boolean {
  return names.has(word);
}
