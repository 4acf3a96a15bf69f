/** Which reader takes which kind of file. */
import type { FileKind } from './classify.ts';
import type { Reader } from './draft.ts';
import { readPrivateKeyFile } from './private-keys.ts';
import { readPublicKeyFile } from './public-keys.ts';
import { readAllowedSignersFile, readAuthorizedKeysFile, readKnownHostsFile } from './trust-lines.ts';

export const readers: Readonly<Record<FileKind, Reader>> = {
  'private-key': readPrivateKeyFile,
  'public-key': readPublicKeyFile,
  'known-hosts': readKnownHostsFile,
  'authorized-keys': readAuthorizedKeysFile,
  'allowed-signers': readAllowedSignersFile,
};
