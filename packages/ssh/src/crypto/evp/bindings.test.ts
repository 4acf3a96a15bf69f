import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { type Bindings, bindEvp, type Koffi } from './bindings.ts';
import { loadEvp } from './library.ts';
import { computesAsNodeDoes } from './self-check.ts';

const evp = loadEvp();
const skip = evp === undefined && 'OpenSSL of this process is not called';

const isMisuse = (error: unknown): boolean => error instanceof SshError && error.code === 'misuse';

test('no length that C would run past gets through', { skip }, () => {
  assert.ok(evp !== undefined);
  const [key, iv, tag] = [randomBytes(16), randomBytes(12), Buffer.alloc(16)];
  assert.throws(() => evp.cipher('AES-128-GCM', 'encrypt', randomBytes(15)), isMisuse);
  assert.throws(() => evp.cipher('AES-256-GCM', 'encrypt', key), isMisuse);
  assert.throws(() => evp.cipher('AES-128-CTR', 'encrypt', key, iv), isMisuse);
  assert.throws(() => evp.cipher('ChaCha20', 'encrypt', key), isMisuse);
  const sealer = evp.cipher('AES-128-GCM', 'encrypt', key);
  assert.throws(() => sealer.start(randomBytes(11)), isMisuse);
  assert.throws(() => sealer.start(iv, randomBytes(17)), isMisuse);
  sealer.start(iv);
  assert.throws(() => sealer.update(Buffer.alloc(9), Buffer.alloc(10)), isMisuse);
  sealer.update(Buffer.alloc(10), Buffer.alloc(10));
  assert.throws(() => sealer.finish(tag.subarray(1)), isMisuse);
  const opener = evp.cipher('AES-128-GCM', 'decrypt', key);
  opener.start(iv);
  assert.throws(() => opener.verify(Buffer.alloc(15)), isMisuse);
  assert.throws(() => evp.hmac('sha256', randomBytes(32)).compute(Buffer.alloc(31), key), isMisuse);
  assert.throws(() => evp.hmac('no-such-hash', randomBytes(32)), isMisuse);
  assert.throws(() => evp.poly1305(tag, key, randomBytes(31)), isMisuse);
  assert.throws(() => evp.poly1305(tag.subarray(1), key, randomBytes(32)), isMisuse);
});

test('what goes beyond what was given stays as it was', { skip }, () => {
  assert.ok(evp !== undefined);
  const memory = Buffer.alloc(300, 0xa5);
  const sealer = evp.cipher('AES-256-GCM', 'encrypt', randomBytes(32));
  for (const byteCount of [1, 15, 16, 17, 100, 200]) {
    memory.fill(0xa5);
    sealer.start(randomBytes(12));
    const body = memory.subarray(20, 20 + byteCount);
    sealer.update(body, body);
    sealer.finish(memory.subarray(250, 266));
    const untouched = [memory.subarray(0, 20), memory.subarray(20 + byteCount, 250), memory.subarray(266)];
    for (const part of untouched)
      assert.ok(
        part.every((byte) => byte === 0xa5),
        `${byteCount}`,
      );
  }
});

test('a wrong tag leaves no error behind for the next call of node:crypto', { skip }, () => {
  assert.ok(evp !== undefined);
  const [key, iv] = [randomBytes(16), randomBytes(12)];
  const opener = evp.cipher('AES-128-GCM', 'decrypt', key);
  opener.start(iv);
  opener.update(Buffer.alloc(8), Buffer.alloc(8));
  assert.equal(opener.verify(Buffer.alloc(16)), false);
  const decipher = createDecipheriv('aes-128-cbc', key, Buffer.alloc(16));
  decipher.update(Buffer.alloc(16));
  assert.throws(() => decipher.final(), /bad decrypt|wrong final block length/i);
  // And it goes on with the next message.
  const sealer = evp.cipher('AES-128-GCM', 'encrypt', key);
  const [bytes, tag] = [Buffer.from('the next one'), Buffer.alloc(16)];
  sealer.start(iv);
  sealer.update(bytes, bytes);
  sealer.finish(tag);
  opener.start(iv);
  opener.update(bytes, bytes);
  assert.equal(opener.verify(tag), true);
  assert.equal(bytes.toString(), 'the next one');
});

test('a library that computes something else is not used, and one that lacks a call is none', { skip }, () => {
  assert.ok(evp !== undefined);
  assert.equal(computesAsNodeDoes(evp), true);
  const wrong = (name: keyof Bindings, made: Bindings[typeof name]): Bindings => ({ ...evp, [name]: made });
  assert.equal(computesAsNodeDoes(wrong('poly1305', () => {})), false);
  assert.equal(computesAsNodeDoes(wrong('hmac', () => ({ compute() {} }))), false);
  const trusting = wrong('cipher', (...values: Parameters<Bindings['cipher']>) => ({
    ...evp.cipher(...values),
    verify: () => true,
  }));
  assert.equal(computesAsNodeDoes(trusting), false);
  const empty: Koffi = {
    load: () => ({
      func() {
        throw new Error('no such symbol');
      },
    }),
  };
  assert.throws(() => bindEvp(empty), /no such symbol/);
});

test('contexts are freed with the objects that stand for them', { skip }, async () => {
  assert.ok(evp !== undefined);
  const { setFlagsFromString } = await import('node:v8');
  const { runInNewContext } = await import('node:vm');
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const makeMany = () => {
    for (let count = 0; count < 20_000; count++) evp.cipher('AES-256-GCM', 'encrypt', Buffer.alloc(32));
  };
  const settle = async () => {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  };
  for (let round = 0; round < 2; round++) {
    makeMany();
    await settle();
  }
  const before = process.memoryUsage.rss();
  for (let round = 0; round < 4; round++) {
    makeMany();
    await settle();
  }
  // 80,000 contexts that nobody frees would take some 80 MB.
  assert.ok(process.memoryUsage.rss() - before < 40e6, `${process.memoryUsage.rss() - before} bytes more`);
});
