/** Compares what OpenSSL's own calls compute with node:crypto, once before they are used. */
import { createCipheriv, createHmac } from 'node:crypto';
import type { Bindings, EvpCipherName } from './bindings.ts';

/** Longer than a block and no multiple of one. */
const text = Buffer.from(Array.from({ length: 1000 }, (_, index) => (index * 7) & 0xff));
const key = Buffer.from(text.subarray(1, 33));
const aad = Buffer.from(text.subarray(0, 4));

/** Whether every call gives what node:crypto gives, and a changed tag is refused. */
export function computesAsNodeDoes(evp: Bindings): boolean {
  return gcmIsRight(evp) && streamIsRight(evp, 'AES-256-CTR') && streamIsRight(evp, 'ChaCha20') && macsAreRight(evp);
}

function gcmIsRight(evp: Bindings): boolean {
  const iv = Buffer.from(text.subarray(40, 52));
  const expected = createCipheriv('aes-256-gcm', key, iv).setAAD(aad);
  const ciphertext = Buffer.concat([expected.update(text), expected.final()]);
  const sealer = evp.cipher('AES-256-GCM', 'encrypt', key);
  const opener = evp.cipher('AES-256-GCM', 'decrypt', key);
  const tag = Buffer.alloc(16);
  // Twice: the second message must not depend on the first.
  for (let time = 0; time < 2; time++) {
    const bytes = Buffer.from(text);
    sealer.start(iv);
    sealer.authenticate(aad);
    sealer.update(bytes, bytes);
    sealer.finish(tag);
    if (!bytes.equals(ciphertext) || !tag.equals(expected.getAuthTag())) return false;
    if (!opens(tag, true, bytes)) return false;
    tag[0] = (tag[0] as number) ^ 1;
    if (!opens(tag, false, Buffer.from(ciphertext))) return false;
  }
  return true;

  function opens(givenTag: Buffer, isRight: boolean, bytes: Buffer): boolean {
    opener.start(iv);
    opener.authenticate(aad);
    opener.update(bytes, bytes);
    return opener.verify(givenTag) === isRight && bytes.equals(text);
  }
}

function streamIsRight(evp: Bindings, name: EvpCipherName): boolean {
  const iv = Buffer.from(text.subarray(40, 56));
  const expected = createCipheriv(name.toLowerCase(), key, iv).update(text);
  const stream = evp.cipher(name, 'encrypt', key, iv);
  const target = Buffer.alloc(text.length);
  const half = 333;
  stream.update(target, text.subarray(0, half));
  stream.update(target.subarray(half), text.subarray(half));
  if (!target.equals(expected)) return false;
  stream.start(iv);
  stream.update(target, text);
  return target.equals(expected);
}

function macsAreRight(evp: Bindings): boolean {
  const expected = createHmac('sha256', key).update(text).digest();
  const hmac = evp.hmac('sha256', key);
  const mac = Buffer.alloc(32);
  for (let time = 0; time < 2; time++) {
    hmac.compute(mac.fill(0), text.subarray(0, 10), text.subarray(10));
    if (!mac.equals(expected)) return false;
  }
  // RFC 8439 §2.5.2.
  const tag = Buffer.alloc(16);
  const poly1305Key = Buffer.from('85d6be7857556d337f4452fe42d506a80103808afb0db2fd4abff6af4149f51b', 'hex');
  evp.poly1305(tag, Buffer.from('Cryptographic Forum Research Group'), poly1305Key);
  return tag.toString('hex') === 'a8061dc1305136c6c22b8baf0c0127a9';
}
