/** Revocation lists byte by byte, and certificates with any serial and key id, for the tests of this folder. */
import { parsePublicKey } from '../../keys/index.ts';
import type { Certificate, PublicKey } from '../../keys/types.ts';
import { WireWriter } from '../../wire/index.ts';
import { certificateTexts, publicKeyTexts } from '../fixtures.test.data.ts';
import { writeHeader } from './format.ts';

export const keyOf = (text: string): PublicKey => parsePublicKey(text).key;
export const alice = keyOf(publicKeyTexts.alice);
export const bob = keyOf(publicKeyTexts.bob);
export const ca = keyOf(publicKeyTexts.ca);
export const otherCa = keyOf(publicKeyTexts.otherCa);
export const rsa = keyOf(publicKeyTexts.rsa);
const signed = keyOf(certificateTexts.user);

/** A certificate for alice that says what is asked for; nobody signed it. */
export function certificateOf(fields: { serial?: bigint; keyId?: string; authority?: PublicKey }): PublicKey {
  const { serial = 1n, keyId = 'nobody', authority = ca } = fields;
  const certificate: Certificate = { ...(signed.certificate as Certificate), serial, keyId, signatureKey: authority };
  return {
    type: signed.type,
    blob: signed.blob,
    signatureAlgorithms: signed.signatureAlgorithms,
    bits: signed.bits,
    plain: signed.plain,
    certificate,
    verify: () => false,
    equals: () => false,
  };
}

export type Section = readonly [type: number, data: Uint8Array];

/** A list of these sections, and whatever follows them. */
export function listOf(sections: readonly Section[], tail: Uint8Array = Buffer.alloc(0)): Buffer {
  const writer = new WireWriter();
  writeHeader(writer, { version: 1n, generatedAt: 2n, comment: Buffer.from('comment') });
  for (const [type, data] of sections) writer.uint8(type).string(data);
  return Buffer.from(writer.fixed(tail).finish());
}

/** A section about certificates; without an authority it is about all of them. */
export function about(authority: Uint8Array, ...sections: readonly Section[]): Section {
  const writer = new WireWriter().string(authority).string('reserved');
  for (const [type, data] of sections) writer.uint8(type).string(data);
  return [1, Buffer.from(writer.finish())];
}

export function serials(...values: readonly bigint[]): Buffer {
  const writer = new WireWriter();
  for (const value of values) writer.uint64(value);
  return Buffer.from(writer.finish());
}

export function strings(...values: readonly (string | Uint8Array)[]): Buffer {
  const writer = new WireWriter();
  for (const value of values) writer.string(value);
  return Buffer.from(writer.finish());
}

export function bitmap(offset: bigint, bits: Uint8Array): Buffer {
  return Buffer.from(new WireWriter().uint64(offset).string(bits).finish());
}

export function extension(name: string, isCritical: boolean, ...more: readonly Uint8Array[]): Buffer {
  const writer = new WireWriter().string(name).boolean(isCritical).string('contents');
  for (const bytes of more) writer.fixed(bytes);
  return Buffer.from(writer.finish());
}
