/** The flags of ssh-add. */
import type { ParsedArguments, ParsedFlags } from '../../flags/flags.ts';
import type { FlagRow } from '../../flags/table.ts';

const rows = [
  { letter: 'C', name: 'certificatesOnly', help: 'Add or remove certificates only, and no plain keys.' },
  { letter: 'c', name: 'confirm', help: 'Every use of the keys is to be confirmed by askpass.' },
  { letter: 'D', name: 'removeAll', help: 'Remove all keys from the agent.' },
  { letter: 'd', name: 'remove', help: 'Remove keys from the agent instead of adding them.' },
  { letter: 'K', name: 'residentKeys', help: 'Load the resident keys of a FIDO authenticator.' },
  { letter: 'k', name: 'plainOnly', help: 'Add or remove plain keys only, and no certificates.' },
  { letter: 'L', name: 'listKeys', repeatable: true, help: 'List the public keys that the agent holds.' },
  { letter: 'l', name: 'listFingerprints', repeatable: true, help: 'List the fingerprints of the keys that it holds.' },
  { letter: 'N', name: 'noCertificateExpiry', help: 'Do not have the agent forget a certificate that has expired.' },
  { letter: 'Q', name: 'extensions', help: 'List the protocol extensions that the agent knows.' },
  { letter: 'q', name: 'quiet', help: 'Say nothing after a success.' },
  { letter: 'T', name: 'test', help: 'Test whether the agent can sign with these keys.' },
  { letter: 'v', name: 'verbose', repeatable: true, help: 'Tell what is going on; up to three times.' },
  { letter: 'X', name: 'unlock', repeatable: true, help: 'Unlock the agent.' },
  { letter: 'x', name: 'lock', repeatable: true, help: 'Lock the agent with a password.' },
  { letter: 'E', name: 'hash', value: 'fingerprint_hash', help: 'Hash of the fingerprints: sha256 (default) or md5.' },
  { letter: 'e', name: 'removeToken', value: 'pkcs11', help: "Remove a PKCS#11 token's keys." },
  { letter: 'H', name: 'hostKeyFiles', value: 'hostkey_file', repeatable: true, help: 'A known_hosts file for -h.' },
  {
    letter: 'h',
    name: 'destinations',
    value: 'destination_constraint',
    repeatable: true,
    help: 'Where the keys may be used: [user@]host or host>[user@]host.',
  },
  // Limits of XMSS keys, which nobody builds any more.
  { letter: 'M', name: 'mostSignatures', value: 'maxsign', help: 'Without effect.' },
  { letter: 'm', name: 'leastSignatures', value: 'minleft', help: 'Without effect.' },
  { letter: 'S', name: 'securityKeyProvider', value: 'provider', help: 'The FIDO middleware library.' },
  { letter: 's', name: 'addToken', value: 'pkcs11', help: "Add a PKCS#11 token's keys." },
  { letter: 't', name: 'lifetime', value: 'life', help: 'How long the agent keeps the keys: seconds, or 1h30m.' },
] as const satisfies readonly FlagRow[];

export const table = {
  tool: 'ssh-add',
  rows,
  usage: `usage: ssh-add [-CcDdKkLlNQqvXx] [-E fingerprint_hash] [-H hostkey_file]
               [-h destination_constraint] [-S provider] [-t life]
               [file ...]
       ssh-add -s pkcs11 [-Cv] [certificate ...]
       ssh-add -e pkcs11
       ssh-add -T pubkey ...`,
} as const;

export type AddFlags = ParsedFlags<typeof rows>;
export type AddArguments = ParsedArguments<typeof rows>;
