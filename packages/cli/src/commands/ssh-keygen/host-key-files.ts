/** The host keys that sshd reads where its configuration names none, in the order in which ssh-keygen goes through them. */

export const hostKeyFiles = [
  { type: 'ssh-rsa', shown: 'RSA', path: '/etc/ssh/ssh_host_rsa_key' },
  { type: 'ecdsa-sha2-nistp256', shown: 'ECDSA', path: '/etc/ssh/ssh_host_ecdsa_key' },
  { type: 'ssh-ed25519', shown: 'ED25519', path: '/etc/ssh/ssh_host_ed25519_key' },
] as const;
