/** All key file formats, in the order in which they are tried on a file. */
import { badKey } from '../key-error.ts';
import type { PublicKey } from '../types.ts';
import type { PrivateKeyFormat } from './format.ts';
import { formatPublicJwk, isJson, jwk, parsePublicJwk } from './jwk.ts';
import { openssh } from './openssh.ts';
import { pkcs1 } from './pkcs1.ts';
import { pkcs8 } from './pkcs8.ts';
import { ppk } from './ppk.ts';
import { formatPublicLine, parsePublicLine } from './public-line.ts';
import { formatRfc4716, isRfc4716, parseRfc4716 } from './rfc4716.ts';
import { sec1 } from './sec1.ts';
import { formatPublicPem, isPublicPem, parsePublicPem } from './spki.ts';
import { sshcom } from './sshcom.ts';

export const privateKeyFormats = [
  openssh,
  ppk,
  pkcs1,
  sec1,
  pkcs8,
  sshcom,
  jwk,
] as const satisfies readonly PrivateKeyFormat[];

/** One format of public key files. */
export interface PublicKeyFormat {
  readonly name: 'rfc4716' | 'spki' | 'pkcs1' | 'jwk' | 'openssh';
  recognises(text: string): boolean;
  parse(text: string): { key: PublicKey; comment: string };
  format(key: PublicKey, comment: string): string;
}

/** The one-line form comes last: it has no mark of its own. */
export const publicKeyFormats: readonly PublicKeyFormat[] = [
  { name: 'rfc4716', recognises: isRfc4716, parse: parseRfc4716, format: formatRfc4716 },
  { name: 'spki', recognises: isPublicPem, parse: parsePublicPem, format: (key) => formatPublicPem(key, 'spki') },
  { name: 'pkcs1', recognises: isPublicPem, parse: parsePublicPem, format: (key) => formatPublicPem(key, 'pkcs1') },
  { name: 'jwk', recognises: isJson, parse: parsePublicJwk, format: formatPublicJwk },
  { name: 'openssh', recognises: () => true, parse: parsePublicLine, format: formatPublicLine },
];

export function requirePrivateFormat(name: string): PrivateKeyFormat {
  const format = privateKeyFormats.find((row) => row.name === name);
  if (format === undefined) throw badKey(`unknown private key format "${name}"`, { code: 'misuse' });
  return format;
}
