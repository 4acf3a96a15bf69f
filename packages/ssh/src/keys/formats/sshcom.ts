/** ssh.com's private key files, "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", encrypted or (under the same line) not. */
import { hash } from '../../crypto/hash.ts';
import { randomBytes } from '../../crypto/random.ts';
import { findKeyFileCipher, type KeyFileCipher } from '../../crypto/signatures/key-file-cipher.ts';
import { bitLength } from '../../crypto/signatures/numbers.ts';
import { SshError } from '../../errors.ts';
import { maxMpintBytes } from '../../limits.ts';
import { WireReader, WireWriter } from '../../wire/index.ts';
import { badKey, parsingKey } from '../key-error.ts';
import { privateKeyFromNumbers, privateNumbers } from '../private-key.ts';
import type { PrivateKey } from '../types.ts';
import {
  encodePassphrase,
  type FormatOptions,
  type ParseOptions,
  type PrivateKeyFormat,
  requirePassphrase,
  wrongPassphrase,
} from './format.ts';
import { formatHeaderBlock, parseHeaderBlock } from './header-block.ts';
import { decodeBase64 } from './pem/armor.ts';

const label = 'SSH2 ENCRYPTED PRIVATE KEY';
const magic = 0x3f6ff9eb;
const rsaType = 'if-modn{sign{rsa-pkcs1-sha1},encrypt{rsa-pkcs1v2-oaep}}';
/** The only cipher there is in such files, besides none. */
const cipherName = '3des-cbc';
const maxNameBytes = 256;

export const sshcom: PrivateKeyFormat = {
  name: 'sshcom',
  recognises: (text) => text.includes(`---- BEGIN ${label} ----`),
  isEncrypted: (text) => readEnvelope(text).cipher !== undefined,
  read: async (text, options) => {
    const { cipher, type, body, comment } = readEnvelope(text);
    requireRsa(type);
    if (cipher === undefined) return readNumbers(body, comment, options);
    const passphrase = await requirePassphrase(options);
    const secrets = cipher.decrypt(deriveKey(passphrase), Buffer.alloc(cipher.ivBytes), body, Buffer.alloc(0));
    try {
      return readNumbers(secrets, comment, options);
    } catch (cause) {
      // Nothing in the file tells a wrong passphrase from damage: no MAC, no check number.
      if (cause instanceof SshError && cause.code === 'bad-key') throw wrongPassphrase(options, cause);
      throw cause;
    }
  },
  write,
};

interface Envelope {
  readonly type: string;
  readonly cipher: KeyFileCipher | undefined;
  readonly body: Buffer;
  readonly comment: string;
}

function readEnvelope(text: string): Envelope {
  const start = text.indexOf(`---- BEGIN ${label}`);
  const { comment, base64 } = parseHeaderBlock(text.slice(Math.max(0, start)), label, 'private key file');
  const bytes = decodeBase64(base64, 'private key file');
  return parsingKey(() => {
    const reader = new WireReader(bytes, 'private key file');
    if (reader.uint32('magic') !== magic) throw badKey('expected 3f6ff9eb at the start of the private key file');
    // The size of all that; no reader looks at it, and writers count differently.
    reader.uint32('size');
    const type = reader.string('type', maxNameBytes).toString('latin1');
    const cipherText = reader.string('cipher', maxNameBytes).toString('latin1');
    if (cipherText !== 'none' && cipherText !== cipherName) {
      throw badKey(`the private key file is encrypted with "${cipherText}", known is ${cipherName}`, {
        code: 'unsupported',
      });
    }
    const body = reader.string('private part');
    reader.finish();
    const cipher = cipherText === 'none' ? undefined : findKeyFileCipher(cipherName);
    if (cipher !== undefined && (body.length === 0 || body.length % cipher.blockBytes !== 0)) {
      throw badKey(`the private part is ${body.length} bytes long, which is no multiple of ${cipher.blockBytes}`);
    }
    return { type, cipher, body, comment: Buffer.from(comment, 'latin1').toString('utf8') };
  });
}

function requireRsa(type: string): void {
  if (type === rsaType || type.startsWith('if-modn{')) return;
  if (type.startsWith('dl-modp{')) {
    throw badKey('the private key file holds a DSA key, and DSA keys are not supported', {
      code: 'unsupported',
      remedy: 'Make a new key: ssh-keygen -t ed25519.',
    });
  }
  throw badKey(`the private key file holds a key of type "${type}", known is ${rsaType}`, { code: 'unsupported' });
}

/** A string with e, d, n, q^-1 mod p, q and p in it; what follows it pads the cipher's last block. */
function readNumbers(secrets: Buffer, comment: string, options: ParseOptions): PrivateKey {
  return parsingKey(() => {
    const outer = new WireReader(secrets, 'private part');
    const reader = new WireReader(outer.string('numbers'), 'private part');
    const padding = outer.rest();
    if (padding.length >= 8) throw badKey(`the private part has ${padding.length} bytes after its end`);
    const [e, d, n, qInverse, q, p] = ['e', 'd', 'n', 'iqmp', 'q', 'p'].map((field) => readNumber(reader, field)) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    reader.finish();
    return privateKeyFromNumbers({ kind: 'rsa', n, e, d, p, q, qInverse }, comment, options.name);
  });
}

/** Numbers say how many bits they have, not bytes; of these, zeros in front do not count. */
function readNumber(reader: WireReader, field: string): Buffer {
  const bits = reader.uint32(`size of ${field}`);
  if (bits > maxMpintBytes * 8) throw badKey(`${field} has ${bits} bits, at most ${maxMpintBytes * 8} are read`);
  const bytes = Buffer.from(reader.fixed(Math.ceil(bits / 8), field));
  const first = bytes.findIndex((byte) => byte !== 0);
  return bytes.subarray(first < 0 ? bytes.length : first);
}

async function write(key: PrivateKey, options: FormatOptions): Promise<string> {
  const numbers = privateNumbers(key);
  if (numbers.kind !== 'rsa') {
    throw badKey(`a ${key.type} key cannot be written as sshcom`, {
      code: 'unsupported',
      remedy: 'ssh.com files hold RSA keys only; write it in the openssh format.',
    });
  }
  const content = new WireWriter(2048);
  for (const number of [numbers.e, numbers.d, numbers.n, numbers.qInverse, numbers.q, numbers.p]) {
    const bits = bitLength(number);
    content.uint32(bits).fixed(number.subarray(number.length - Math.ceil(bits / 8)));
  }
  const secrets = new WireWriter(2048).string(content.finish());
  const passphrase = encodePassphrase(options.passphrase);
  const cipher = passphrase === undefined ? undefined : findKeyFileCipher(cipherName);
  let body = secrets.finish();
  if (cipher !== undefined && passphrase !== undefined) {
    const missing = (cipher.blockBytes - (body.length % cipher.blockBytes)) % cipher.blockBytes;
    const padded = Buffer.concat([body, randomBytes(missing)]);
    body = cipher.encrypt(deriveKey(passphrase), Buffer.alloc(cipher.ivBytes), padded).ciphertext;
  }
  const inner = new WireWriter(2048)
    .string(rsaType)
    .string(cipher?.name ?? 'none')
    .string(body)
    .finish();
  const file = new WireWriter(2048)
    .uint32(magic)
    .uint32(inner.length + 8)
    .fixed(inner)
    .finish();
  const comment = (options.comment ?? key.comment).replace(/[\r\n]+/g, ' ');
  return formatHeaderBlock(label, comment, file);
}

/** One MD5 of the passphrase, then one over it and that: no salt and no rounds, so it costs a guesser nothing. */
function deriveKey(passphrase: Buffer): Buffer {
  const first = hash('md5', passphrase);
  return Buffer.concat([first, hash('md5', passphrase, first)]).subarray(0, 24);
}
