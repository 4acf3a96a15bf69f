/** ssh-keygen -s … -t: how the CA signs. */
import { findPublicKeyAlgorithm, type PublicKey, shortTypeName } from '@nacre/ssh/keys';
import { Ending } from '../ending.ts';

/** The algorithm, or why a key of the CA's type cannot sign so; OpenSSH says that where it signs. */
export type ChosenAlgorithm = { readonly name: string; readonly refusal?: undefined } | { readonly refusal: string };

/**
 * @param asked - the name of an algorithm or, as OpenSSH has it, of the CA's type, with which only it cannot sign.
 * @throws Ending for the name of another type.
 */
export function chooseAlgorithm(ca: PublicKey, asked: string | undefined): ChosenAlgorithm {
  if (asked === undefined) return { name: ca.signatureAlgorithms[0] as string };
  if (ca.signatureAlgorithms.includes(asked)) return { name: asked };
  const row = findPublicKeyAlgorithm(asked);
  const sameFamily = row !== undefined && !row.certificate && familyOf(row.keyType) === familyOf(ca.type);
  if (!sameFamily && asked.toLowerCase() !== shortTypeName(ca).toLowerCase()) {
    throw new Ending(`CA key type ${ca.type} doesn't match specified ${asked}`);
  }
  return { refusal: `signature algorithm not supported (${ca.type} signs with ${ca.signatureAlgorithms.join(', ')})` };
}

/** The three curves are one type to OpenSSH. */
function familyOf(type: string): string {
  return type.replace(/^(ecdsa-sha2-).*/, '$1');
}
