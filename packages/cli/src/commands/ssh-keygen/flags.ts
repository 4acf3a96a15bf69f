/** The flags of ssh-keygen: those that work here, and those that are known and refused by name. */
import type { ParsedFlags } from '../../flags/flags.ts';
import type { FlagRow } from '../../flags/table.ts';

const built = [
  { letter: 'q', name: 'quiet', help: 'Say nothing while making a key.' },
  {
    letter: 'v',
    name: 'verbose',
    repeatable: true,
    help: 'Show the randomart of fingerprints, and why lines are skipped.',
  },
  { letter: 'l', name: 'fingerprint', help: 'Show the fingerprint of a key, or of every key in a list.' },
  { letter: 'B', name: 'bubbleBabble', help: 'Show the fingerprint as pronounceable words.' },
  { letter: 'y', name: 'printPublic', help: 'Print the public key of a private key file.' },
  { letter: 'L', name: 'showCertificate', help: 'Print what certificates say.' },
  { letter: 'p', name: 'changePassphrase', help: 'Change the passphrase of a private key file.' },
  { letter: 'c', name: 'changeComment', help: 'Change the comment of a private key file.' },
  { letter: 'e', name: 'exportKey', help: 'Print the public key in the format of -m.' },
  { letter: 'i', name: 'importKey', help: "Read a public key in the format of -m, print it in OpenSSH's." },
  { letter: 't', name: 'type', value: 'type', help: 'Make a key of this type: ed25519 (default), ecdsa, rsa.' },
  { letter: 'b', name: 'bits', value: 'bits', help: 'Size: rsa 1024 to 16384 (default 3072), ecdsa 256, 384 or 521.' },
  { letter: 'f', name: 'file', value: 'file', help: 'The key file; - is standard input for -l and -L.' },
  { letter: 'C', name: 'comment', value: 'comment', help: 'The comment of the key.' },
  { letter: 'N', name: 'newPassphrase', value: 'new_passphrase', help: 'The new passphrase; empty for none.' },
  { letter: 'P', name: 'passphrase', value: 'passphrase', help: 'The passphrase that the file has now.' },
  { letter: 'a', name: 'rounds', value: 'rounds', help: 'How much work one guess at the passphrase costs.' },
  { letter: 'Z', name: 'cipher', value: 'cipher', help: 'The cipher that encrypts the private key file.' },
  { letter: 'm', name: 'format', value: 'format', help: 'Format: RFC4716, PKCS8 or PEM.' },
  {
    letter: 'E',
    name: 'hash',
    value: 'hash',
    help: 'The hash of fingerprints: sha256 (default), md5, sha1, sha384, sha512.',
  },
] as const satisfies readonly FlagRow[];

/** What OpenSSH's ssh-keygen knows besides. Their letters are read as getopt(3) would, so that the refusal names the right one. */
const notBuilt = [
  { letter: 'A', name: 'allHostKeys', help: 'making all host keys' },
  { letter: 'D', name: 'pkcs11', value: 'library', help: 'reading public keys from a PKCS#11 library' },
  { letter: 'F', name: 'findHost', value: 'hostname', help: 'finding a host in known_hosts' },
  { letter: 'g', name: 'genericSshfp', help: 'the generic format of SSHFP records' },
  { letter: 'H', name: 'hashHosts', help: 'hashing known_hosts' },
  { letter: 'h', name: 'hostCertificate', help: 'signing host certificates' },
  { letter: 'I', name: 'certificateId', value: 'identity', help: 'signing certificates' },
  { letter: 'K', name: 'residentKeys', help: 'loading resident keys of a FIDO token' },
  { letter: 'k', name: 'makeKrl', help: 'making a key revocation list' },
  { letter: 'M', name: 'moduli', value: 'mode', help: 'making moduli for group exchange' },
  { letter: 'n', name: 'principals', value: 'names', help: 'the principals of a certificate' },
  { letter: 'O', name: 'option', value: 'option', help: 'the options of certificates, signatures and tokens' },
  { letter: 'Q', name: 'queryKrl', help: 'asking a key revocation list' },
  { letter: 'R', name: 'removeHost', value: 'hostname', help: 'removing a host from known_hosts' },
  { letter: 'r', name: 'sshfp', value: 'hostname', help: 'printing SSHFP records' },
  { letter: 's', name: 'certificateAuthority', value: 'ca_key', help: 'signing certificates' },
  { letter: 'U', name: 'authorityInAgent', help: 'signing with a CA key in the agent' },
  { letter: 'u', name: 'updateKrl', help: 'updating a key revocation list' },
  { letter: 'V', name: 'validity', value: 'interval', help: 'the validity of a certificate' },
  { letter: 'w', name: 'securityKeyProvider', value: 'library', help: 'choosing a FIDO middleware library' },
  { letter: 'Y', name: 'signatureMode', value: 'mode', help: 'signing files and verifying their signatures' },
  { letter: 'z', name: 'serial', value: 'serial', help: 'the serial number of a certificate' },
] as const satisfies readonly FlagRow[];

// -X is OpenSSH's old name for -i; -x asked for the export in times of another format.
const oldNames = [
  { letter: 'X', name: 'importKeyOld', help: 'The old name of -i.' },
] as const satisfies readonly FlagRow[];

export const table = {
  tool: 'ssh-keygen',
  rows: [...built, ...oldNames, ...notBuilt],
  usage: `usage: ssh-keygen [-q] [-a rounds] [-b bits] [-C comment] [-f output_keyfile]
                  [-m format] [-N new_passphrase] [-t ecdsa | ed25519 | rsa]
                  [-Z cipher]
       ssh-keygen -p [-a rounds] [-f keyfile] [-m format] [-N new_passphrase]
                   [-P old_passphrase] [-Z cipher]
       ssh-keygen -i [-f input_keyfile] [-m key_format]
       ssh-keygen -e [-f input_keyfile] [-m key_format]
       ssh-keygen -y [-f input_keyfile] [-P passphrase]
       ssh-keygen -c [-a rounds] [-C comment] [-f keyfile] [-P passphrase]
       ssh-keygen -l [-v] [-E fingerprint_hash] [-f input_keyfile]
       ssh-keygen -B [-f input_keyfile]
       ssh-keygen -L [-f input_keyfile]`,
} as const;

export type KeygenFlags = ParsedFlags<typeof table.rows>;

/** The letter of a flag that is not built, and what it would do. */
export function findNotBuilt(name: string): { letter: string; help: string } | undefined {
  return notBuilt.find((row) => row.name === name);
}
