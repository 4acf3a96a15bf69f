/** OpenSSH's own private key files (PROTOCOL.key, "openssh-key-v1"). */
import { bcryptPbkdf } from '../../crypto/kdf/bcrypt.ts';
import { randomBytes } from '../../crypto/random.ts';
import { findKeyFileCipher, type KeyFileCipher, keyFileCiphers } from '../../crypto/signatures/key-file-cipher.ts';
import { maxKdfRounds } from '../../limits.ts';
import { WireReader, WireWriter } from '../../wire/index.ts';
import { badKey, parsingKey } from '../key-error.ts';
import { readPrivateKey, writePrivateKey } from '../private-key.ts';
import { decodePublicKey } from '../public-key.ts';
import type { PrivateKey, PublicKey } from '../types.ts';
import {
  encodePassphrase,
  type FormatOptions,
  type ParseOptions,
  type PrivateKeyFormat,
  requirePassphrase,
  wrongPassphrase,
} from './format.ts';
import { decodeBase64, encodeBase64Lines, findBlock } from './pem/armor.ts';

/** Ciphers that such files may be encrypted with, by OpenSSH's names; the first is the default. */
export const keyFileCipherNames: readonly string[] = keyFileCiphers.map(({ name }) => name);

const label = 'OPENSSH PRIVATE KEY';
const magic = Buffer.from('openssh-key-v1\0', 'latin1');
const saltBytes = 16;
const maxSaltBytes = 1024;
/** OpenSSH's default since 9.4. */
const defaultRounds = 24;
/** Padding of unencrypted files. */
const plainBlockBytes = 8;

export const openssh: PrivateKeyFormat = {
  name: 'openssh',
  recognises: (text) => text.includes(`-----BEGIN ${label}-----`),
  isEncrypted: (text) => readEnvelope(text).cipher !== undefined,
  peek: (text) => readEnvelope(text).publicKey,
  read: async (text, options) => {
    const envelope = readEnvelope(text);
    const secrets = envelope.cipher === undefined ? envelope.body : await decrypt(envelope, envelope.cipher, options);
    return readSecrets(secrets, envelope, options);
  },
  write,
};

interface Envelope {
  readonly cipher: KeyFileCipher | undefined;
  readonly salt: Buffer;
  readonly rounds: number;
  readonly publicKey: PublicKey;
  readonly body: Buffer;
  readonly tag: Buffer;
}

function readEnvelope(text: string): Envelope {
  const block = findBlock(text, label);
  if (block === undefined) throw badKey(`the private key file has no "-----END ${label}-----" line: it is cut`);
  const bytes = decodeBase64(block, 'private key file');
  return parsingKey(() => {
    const reader = new WireReader(bytes, 'private key file');
    if (!reader.fixed(magic.length, 'magic').equals(magic)) {
      throw badKey('expected "openssh-key-v1" at the start of the private key file');
    }
    const cipher = requireCipher(reader.ascii('cipher'));
    const { salt, rounds } = readKdf(reader, cipher);
    const count = reader.uint32('number of keys');
    if (count !== 1) throw badKey(`the private key file holds ${count} keys, only files with one key are read`);
    const publicKey = decodePublicKey(reader.string('public key'));
    const body = reader.string('private part');
    const blockBytes = cipher?.blockBytes ?? plainBlockBytes;
    if (body.length < blockBytes || body.length % blockBytes !== 0) {
      throw badKey(`the private part is ${body.length} bytes long, which is no multiple of ${blockBytes}`);
    }
    const tag = reader.fixed(cipher?.tagBytes ?? 0, 'authentication tag');
    reader.finish();
    return { cipher, salt, rounds, publicKey, body, tag };
  });
}

function requireCipher(name: string): KeyFileCipher | undefined {
  return name === 'none' ? undefined : findKeyFileCipher(name);
}

function readKdf(reader: WireReader, cipher: KeyFileCipher | undefined): { salt: Buffer; rounds: number } {
  const kdf = reader.ascii('key derivation');
  const parameters = reader.string('key derivation parameters');
  if (cipher === undefined) {
    if (kdf !== 'none' || parameters.length > 0)
      throw badKey(`the private key file has cipher none, but derives with ${kdf}`);
    return { salt: parameters, rounds: 0 };
  }
  if (kdf !== 'bcrypt') throw badKey(`the private key file derives its key with "${kdf}", known is bcrypt`);
  const inner = new WireReader(parameters, 'bcrypt parameters');
  const salt = inner.string('salt', maxSaltBytes);
  const rounds = inner.uint32('rounds');
  inner.finish();
  if (salt.length === 0) throw badKey('the private key file has an empty salt');
  // A giant count would hang whoever opens the file (Go b315afd).
  if (rounds < 1 || rounds > maxKdfRounds) {
    throw badKey(`the private key file asks for ${rounds} bcrypt rounds, 1 to ${maxKdfRounds} are allowed`);
  }
  return { salt, rounds };
}

async function decrypt(envelope: Envelope, cipher: KeyFileCipher, options: ParseOptions): Promise<Buffer> {
  const passphrase = await requirePassphrase(options);
  // bcrypt has no empty passphrase, so none can be right.
  if (passphrase.length === 0) throw wrongPassphrase(options);
  const { salt, rounds, body, tag } = envelope;
  const { key, iv } = await derive(cipher, passphrase, salt, rounds);
  let secrets: Buffer;
  try {
    secrets = cipher.decrypt(key, iv, body, tag);
  } catch (cause) {
    throw wrongPassphrase(options, cause);
  }
  // Two equal random numbers in front tell that the passphrase was right.
  if (secrets.readUInt32BE(0) !== secrets.readUInt32BE(4)) throw wrongPassphrase(options);
  return secrets;
}

async function derive(
  cipher: KeyFileCipher,
  passphrase: Buffer,
  salt: Buffer,
  rounds: number,
): Promise<{ key: Buffer; iv: Buffer }> {
  const material = await bcryptPbkdf(passphrase, salt, rounds, cipher.keyBytes + cipher.ivBytes);
  return { key: material.subarray(0, cipher.keyBytes), iv: material.subarray(cipher.keyBytes) };
}

function readSecrets(secrets: Buffer, envelope: Envelope, options: ParseOptions): PrivateKey {
  return parsingKey(() => {
    const reader = new WireReader(secrets, 'private part');
    if (reader.uint32('first check') !== reader.uint32('second check')) {
      throw badKey('the private key file is damaged: its two check numbers differ');
    }
    const withComment = readPrivateKey(reader, options.name);
    // Old files hold comments in whatever encoding the terminal had.
    const key = withComment(reader.string('comment').toString('utf8'));
    requirePadding(reader.rest());
    // The outer copy is what an agent or a server is shown before the passphrase is known; a file may not lie about it.
    if (!key.publicKey.plain.equals(envelope.publicKey.plain)) {
      throw badKey('the public key of the private key file is not that of its private key');
    }
    return key;
  });
}

/** As in OpenSSH, any number of them: PuTTYgen pads to 16 bytes where 8 would do. */
function requirePadding(padding: Buffer): void {
  if (padding.some((byte, index) => byte !== ((index + 1) & 0xff))) {
    throw badKey('the private key file does not end with padding 1, 2, 3 …');
  }
}

async function write(key: PrivateKey, options: FormatOptions): Promise<string> {
  const passphrase = encodePassphrase(options.passphrase);
  const rounds = options.rounds ?? defaultRounds;
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > maxKdfRounds) {
    throw badKey(`bcrypt rounds are 1 to ${maxKdfRounds}, not ${rounds}`, { code: 'misuse' });
  }
  // A passphrase and no cipher would look protected and be open.
  const cipher = passphrase === undefined ? undefined : findKeyFileCipher(options.cipher ?? 'aes256-ctr');
  const plaintext = writeSecrets(key, options.comment ?? key.comment, cipher?.blockBytes ?? plainBlockBytes);
  const writer = new WireWriter(2048).fixed(magic);
  let tag = Buffer.alloc(0);
  let body = plaintext;
  if (cipher !== undefined && passphrase !== undefined) {
    const salt = randomBytes(saltBytes);
    const { key: cipherKey, iv } = await derive(cipher, passphrase, salt, rounds);
    const sealed = cipher.encrypt(cipherKey, iv, plaintext);
    body = sealed.ciphertext;
    tag = Buffer.from(sealed.tag);
    const parameters = new WireWriter().string(salt).uint32(rounds).finish();
    writer.string(cipher.name).string('bcrypt').string(parameters);
  } else {
    writer.string('none').string('none').string('');
  }
  writer.uint32(1).string(key.publicKey.blob).string(body).fixed(tag);
  return `-----BEGIN ${label}-----\n${encodeBase64Lines(writer.finish(), 70)}-----END ${label}-----\n`;
}

function writeSecrets(key: PrivateKey, comment: string, blockBytes: number): Buffer {
  const check = randomBytes(4);
  const writer = new WireWriter(2048).fixed(check).fixed(check);
  writePrivateKey(writer, key);
  writer.string(comment);
  for (let byte = 1; writer.length % blockBytes !== 0; byte++) writer.uint8(byte);
  return writer.finish();
}
