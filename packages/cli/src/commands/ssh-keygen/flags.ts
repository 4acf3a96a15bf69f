/** The flags of ssh-keygen. */
import type { ParsedFlags } from '../../flags/flags.ts';
import type { FlagRow } from '../../flags/table.ts';

/** Keys and their files. */
const keyFlags = [
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

/** The modes that work on certificates, lists of revoked keys, signatures, known_hosts, DNS records and moduli. */
const modes = [
  { letter: 'A', name: 'allHostKeys', help: 'Make every host key that does not exist yet.' },
  { letter: 'D', name: 'pkcs11', value: 'pkcs11', help: 'Public keys of a PKCS#11 library, which is not used here.' },
  { letter: 'F', name: 'findHost', value: 'hostname', help: 'Find a host in known_hosts.' },
  { letter: 'g', name: 'genericSshfp', help: 'Print DNS records in the generic format.' },
  { letter: 'H', name: 'hashHosts', help: 'Hash the names in known_hosts.' },
  { letter: 'h', name: 'hostCertificate', help: 'Sign a host certificate rather than one of a user.' },
  { letter: 'I', name: 'certificateId', value: 'identity', help: 'The identity of a certificate, or of a signer.' },
  { letter: 'K', name: 'residentKeys', help: 'Load the resident keys of a FIDO token.' },
  { letter: 'k', name: 'makeKrl', help: 'Make a key revocation list.' },
  { letter: 'M', name: 'moduli', value: 'mode', help: 'Make or screen moduli for group exchange: generate, screen.' },
  { letter: 'n', name: 'principals', value: 'names', help: 'Principals of a certificate; namespace of a signature.' },
  { letter: 'O', name: 'options', value: 'option', repeatable: true, help: 'An option of the mode; may be repeated.' },
  { letter: 'Q', name: 'queryKrl', help: 'Ask whether keys are in a key revocation list.' },
  { letter: 'R', name: 'removeHost', value: 'hostname', help: 'Remove a host from known_hosts.' },
  { letter: 'r', name: 'sshfp', value: 'hostname', help: 'Print the SSHFP records of a host key.' },
  {
    letter: 's',
    name: 'certificateAuthority',
    value: 'ca_key',
    help: 'Certify keys with this key; a signature file for -Y.',
  },
  { letter: 'U', name: 'authorityInAgent', help: 'The CA key is held by the agent.' },
  { letter: 'u', name: 'updateKrl', help: 'Add to a key revocation list.' },
  { letter: 'V', name: 'validity', value: 'interval', help: 'When a certificate is valid: +52w, from:to.' },
  { letter: 'w', name: 'securityKeyProvider', value: 'provider', help: 'The FIDO middleware library.' },
  {
    letter: 'Y',
    name: 'signatureMode',
    value: 'mode',
    help: 'Signatures: sign, verify, find-principals, match-principals, check-novalidate.',
  },
  {
    letter: 'z',
    name: 'serial',
    value: 'serial',
    help: 'Serial number of a certificate, version of a revocation list.',
  },
] as const satisfies readonly FlagRow[];

// -X is OpenSSH's old name for -i; -x asked for the export in times of another format.
const oldNames = [
  { letter: 'X', name: 'importKeyOld', help: 'The old name of -i.' },
] as const satisfies readonly FlagRow[];

export const table = {
  tool: 'ssh-keygen',
  rows: [...keyFlags, ...oldNames, ...modes],
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
       ssh-keygen -I certificate_identity -s ca_key [-hU] [-n principals]
                  [-O option] [-t algorithm] [-V validity_interval]
                  [-z serial_number] file ...
       ssh-keygen -L [-f input_keyfile]`,
} as const;

export type KeygenFlags = ParsedFlags<typeof table.rows>;
