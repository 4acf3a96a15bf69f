/** PuTTY's private key files (.ppk), versions 2 and 3, as described in appendix C of PuTTY's manual. */
import type { EcdsaCurve } from '../../crypto/signatures/numbers.ts';
import { maxMpintBytes } from '../../limits.ts';
import { WireReader, WireWriter } from '../../wire/index.ts';
import { badKey, parsingKey } from '../key-error.ts';
import { privateKeyFromNumbers, privateNumbers } from '../private-key.ts';
import { decodePublicKey, publicNumbers } from '../public-key.ts';
import type { PrivateKey, PublicKey } from '../types.ts';
import { encodePassphrase, type FormatOptions, type PrivateKeyFormat } from './format.ts';
import { encodeBase64Lines } from './pem/armor.ts';
import { readPpkFields } from './ppk/fields.ts';
import { openPpk, sealPpk } from './ppk/protection.ts';

export const ppk: PrivateKeyFormat = {
  name: 'ppk',
  recognises: (text) => /^\s*PuTTY-User-Key-File-\d/.test(text),
  isEncrypted: (text) => readPpkFields(text).encryption !== 'none',
  peek: (text) => {
    const { algorithm, publicBlob } = readPpkFields(text);
    return decodePublicKey(publicBlob, { allowedTypes: [algorithm] });
  },
  read: async (text, options) => {
    const fields = readPpkFields(text);
    const publicKey = decodePublicKey(fields.publicBlob, { allowedTypes: [fields.algorithm] });
    const secrets = await openPpk(fields, options);
    return parsingKey(() => readSecrets(publicKey, secrets, fields.comment.toString('utf8'), options.name));
  },
  write,
};

/** The private blob; what follows its fields is padding of the cipher, under the MAC like all else. */
function readSecrets(publicKey: PublicKey, secrets: Buffer, comment: string, label: string | undefined): PrivateKey {
  const reader = new WireReader(secrets, 'PPK private part');
  const numbers = publicNumbers(publicKey);
  switch (numbers.kind) {
    case 'ed25519': {
      const seed = Buffer.from(reader.string('private key', 32));
      return privateKeyFromNumbers({ kind: 'ed25519', seed, publicKey: numbers.publicKey }, comment, label);
    }
    case 'ecdsa': {
      const scalar = Buffer.from(reader.unsignedMpint('private key', 67));
      const curve = numbers.curve as EcdsaCurve;
      return privateKeyFromNumbers({ kind: 'ecdsa', curve, point: numbers.point, scalar }, comment, label);
    }
    case 'rsa': {
      const [d, p, q, qInverse] = ['d', 'p', 'q', 'iqmp'].map((field) =>
        Buffer.from(reader.unsignedMpint(field, maxMpintBytes)),
      ) as [Buffer, Buffer, Buffer, Buffer];
      return privateKeyFromNumbers({ ...numbers, d, p, q, qInverse }, comment, label);
    }
    case 'sk':
      throw badKey('PuTTY has no files for security keys', { code: 'unsupported' });
  }
}

function writeSecrets(key: PrivateKey): Buffer {
  const numbers = privateNumbers(key);
  const writer = new WireWriter(1024);
  switch (numbers.kind) {
    case 'ed25519':
      return writer.string(numbers.seed).finish();
    case 'ecdsa':
      return writer.mpint(numbers.scalar).finish();
    case 'rsa':
      return writer.mpint(numbers.d).mpint(numbers.p).mpint(numbers.q).mpint(numbers.qInverse).finish();
    case 'sk':
      throw badKey('PuTTY has no files for security keys', { code: 'unsupported' });
  }
}

async function write(key: PrivateKey, options: FormatOptions): Promise<string> {
  const comment = options.comment ?? key.comment;
  if (/[\r\n\0]/.test(comment)) throw badKey('a comment cannot hold line breaks', { code: 'misuse' });
  const { plain } = key.publicKey;
  const content = {
    algorithm: plain.type,
    comment: Buffer.from(comment, 'utf8'),
    publicBlob: plain.blob,
    secrets: writeSecrets(key),
  };
  const { encryption, derivation, privateBlob, mac } = await sealPpk(content, encodePassphrase(options.passphrase));
  return [
    `PuTTY-User-Key-File-3: ${plain.type}\n`,
    `Encryption: ${encryption}\n`,
    `Comment: ${comment}\n`,
    blockLines('Public', plain.blob),
    derivation,
    blockLines('Private', privateBlob),
    `Private-MAC: ${mac.toString('hex')}\n`,
  ].join('');
}

function blockLines(name: string, bytes: Buffer): string {
  const lines = encodeBase64Lines(bytes, 64);
  return `${name}-Lines: ${lines.split('\n').length - 1}\n${lines}`;
}
