/** The SSHSIG structure (PROTOCOL.sshsig): its blob, its armor, and the bytes that a key signs. */
import { SshError, type SshErrorInit } from '../../errors.ts';
import { maxAlgorithmNameBytes, maxMessageSignatureBytes, maxSignatureNamespaceBytes } from '../../limits.ts';
import { asBuffer, WireReader, WireWriter } from '../../wire/index.ts';
import { decodeBase64, encodeBase64Lines } from '../formats/pem/armor.ts';
import { decodePublicKey } from '../public-key.ts';
import type { PublicKey } from '../types.ts';

/** The hash of the message: PROTOCOL.sshsig allows these two and no other. */
export const messageHashes = ['sha512', 'sha256'] as const;
export type MessageHash = (typeof messageHashes)[number];

/** A signature over a file or message, taken apart and not judged yet. */
export interface MessageSignature {
  /** The key or certificate that claims to have signed. */
  readonly publicKey: PublicKey;
  /** What the signature is for: `file`, `git`, `email` … A signature for one purpose is none for another. */
  readonly namespace: string;
  /** Room for later versions; empty in this one. */
  readonly reserved: Buffer;
  /** The name of the hash as it stands there; `verifyMessage` takes sha256 and sha512. */
  readonly hash: string;
  /** The wire-format signature: string algorithm | string blob … */
  readonly signature: Buffer;
}

const magic = Buffer.from('SSHSIG', 'latin1');
const version = 1;
const begin = '-----BEGIN SSH SIGNATURE-----';
const end = '-----END SSH SIGNATURE-----';
/** As ssh-keygen breaks lines. */
const lineWidth = 70;

/**
 * Reads the blob of a signature; every byte must have its place.
 *
 * @throws SshError `bad-signature` for anything that is not exactly one SSHSIG structure of version 1; `bad-key`,
 *   `bad-certificate` or `unsupported` where the key inside is not one.
 */
export function decodeMessageSignature(blob: Uint8Array): MessageSignature {
  return parsingSignature(() => {
    const reader = openBlob(blob);
    const key = reader.string('public key');
    const namespace = readNamespace(reader);
    const reserved = Buffer.from(reader.string('reserved'));
    const hash = reader.ascii('hash algorithm', maxAlgorithmNameBytes);
    const signature = Buffer.from(reader.string('signature'));
    if (reader.remaining > 0) throw badSignature('Signature contains trailing data');
    return { publicKey: decodePublicKey(key), namespace, reserved, hash, signature };
  });
}

/** Writes the blob that `decodeMessageSignature` reads. */
export function encodeMessageSignature(signature: MessageSignature): Buffer {
  return new WireWriter(1024)
    .fixed(magic)
    .uint32(version)
    .string(signature.publicKey.blob)
    .string(signature.namespace)
    .string(signature.reserved)
    .string(signature.hash)
    .string(signature.signature)
    .finish();
}

/**
 * Reads a signature file as ssh-keygen -Y sign writes it. What follows the END line is not looked at, as in OpenSSH.
 *
 * @throws SshError as `decodeMessageSignature`, and `limit-exceeded` for a file that is too large to be a signature.
 * @example
 * const signature = parseMessageSignature(await readFile('release.tar.sig'));
 */
export function parseMessageSignature(file: Uint8Array | string): MessageSignature {
  if (file.length > maxMessageSignatureBytes) {
    throw badSignature(
      `a file of ${file.length} bytes is no signature, at most ${maxMessageSignatureBytes} bytes are read`,
      { code: 'limit-exceeded' },
    );
  }
  const text = typeof file === 'string' ? file : asBuffer(file).toString('latin1');
  return decodeMessageSignature(dearmor(text));
}

/** Writes a signature file. */
export function formatMessageSignature(signature: MessageSignature): string {
  return `${begin}\n${encodeBase64Lines(encodeMessageSignature(signature), lineWidth)}${end}\n`;
}

/** What the key signs: everything that is in the blob but the key itself, and the digest instead of the message. */
export function encodeSignedData(namespace: string, hash: string, digest: Uint8Array): Buffer {
  return new WireWriter(256).fixed(magic).string(namespace).string('').string(hash).string(digest).finish();
}

/** Why a namespace cannot be one. PROTOCOL.sshsig: an empty one is not allowed, for it would separate nothing. */
export function namespaceFlaw(namespace: string): string | undefined {
  if (namespace === '') return 'the namespace is empty';
  if (namespace.includes('\0')) return 'the namespace holds a NUL';
  if (Buffer.byteLength(namespace) > maxSignatureNamespaceBytes) {
    return `the namespace is longer than ${maxSignatureNamespaceBytes} bytes`;
  }
  return undefined;
}

/** Errors about signatures over messages; the message is in ssh-keygen's words where it has some. */
export function badSignature(message: string, init: Partial<SshErrorInit> = {}): SshError {
  return new SshError(message, { code: 'bad-signature', stage: 'key', ...init });
}

function dearmor(text: string): Buffer {
  const head = /^-----BEGIN SSH SIGNATURE-----\r?\n/.exec(text)?.[0];
  if (head === undefined) {
    throw badSignature("Couldn't parse signature: missing header", {
      remedy: `A signature file begins with "${begin}"; ssh-keygen -Y sign writes one.`,
    });
  }
  const footer = text.indexOf(`\n${end}`, head.length - 1);
  if (footer < 0) {
    throw badSignature("Couldn't parse signature: missing footer", { remedy: `The file is cut: "${end}" is missing.` });
  }
  try {
    return decodeBase64(text.slice(head.length, Math.max(head.length, footer)), 'signature');
  } catch (cause) {
    throw badSignature("Couldn't decode signature: invalid format", { cause });
  }
}

function openBlob(blob: Uint8Array): WireReader {
  const reader = new WireReader(blob, 'signature');
  if (reader.remaining < magic.length + 4 || !reader.fixed(magic.length).equals(magic)) {
    throw badSignature("Couldn't verify signature: invalid format");
  }
  const found = reader.uint32('version');
  if (found > version) throw badSignature(`Signature version ${found} is larger than supported version ${version}`);
  if (found !== version) throw badSignature(`Signature version ${found}, expected ${version}`);
  return reader;
}

function readNamespace(reader: WireReader): string {
  const namespace = reader.text('namespace', maxSignatureNamespaceBytes);
  const flaw = namespaceFlaw(namespace);
  if (flaw !== undefined) throw badSignature(`Couldn't verify signature: ${flaw}`);
  return namespace;
}

/** What is wrong with the bytes comes out as `bad-signature`, not as a broken message of a connection. */
function parsingSignature<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SshError && error.code === 'bad-message') throw badSignature(error.message, { cause: error });
    throw error;
  }
}
