/** Public keys in PEM: SubjectPublicKeyInfo ("BEGIN PUBLIC KEY") and PKCS#1 ("BEGIN RSA PUBLIC KEY"). */
import {
  type ContainedPublicKey,
  decodePublicContainer,
  encodePublicContainer,
} from '../../crypto/signatures/key-container.ts';
import type { EcdsaCurve } from '../../crypto/signatures/numbers.ts';
import { badKey } from '../key-error.ts';
import { publicKeyFromNumbers, publicNumbers } from '../public-key.ts';
import type { PublicKey } from '../types.ts';
import { decodeBase64, encodeBase64Lines, findBlock } from './pem/armor.ts';

const labels = ['PUBLIC KEY', 'RSA PUBLIC KEY'] as const;

export function isPublicPem(text: string): boolean {
  return labels.some((label) => text.includes(`-----BEGIN ${label}-----`));
}

export function parsePublicPem(text: string): { key: PublicKey; comment: string } {
  for (const label of labels) {
    const block = findBlock(text, label);
    if (block === undefined) continue;
    const body = encodeBase64Lines(decodeBase64(block, 'public key file'), 64);
    return {
      key: publicKeyFromNumbers(decodePublicContainer(`-----BEGIN ${label}-----\n${body}-----END ${label}-----\n`)),
      comment: '',
    };
  }
  throw badKey('the public key file has no END line: it is cut');
}

/** Writes PEM: `spki` for every type (ssh-keygen -e -m PKCS8), `pkcs1` for RSA (ssh-keygen -e -m PEM). */
export function formatPublicPem(key: PublicKey, container: 'spki' | 'pkcs1'): string {
  const numbers = publicNumbers(key.plain);
  if (numbers.kind === 'sk' || (container === 'pkcs1' && numbers.kind !== 'rsa')) {
    throw badKey(`a ${key.type} key cannot be written as ${container}`, { code: 'unsupported' });
  }
  const contained: ContainedPublicKey =
    numbers.kind === 'ecdsa' ? { ...numbers, curve: numbers.curve as EcdsaCurve } : numbers;
  return encodePublicContainer(contained, container);
}
