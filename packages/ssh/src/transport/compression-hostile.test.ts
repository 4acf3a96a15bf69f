import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { SshError } from '../errors.ts';
import { maxPacketBytes } from '../limits.ts';
import { createDeflater, createInflater } from './compression.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

const zlib = 'zlib@openssh.com';
const roles = ['client', 'server'] as const;

/** Sends a payload that is taken for compressed as it stands. */
function sendDeflated(raw: RawPeer, bytes: Buffer): void {
  raw.writer.setCompression(false);
  raw.send(bytes);
}

test('a packet that inflates beyond the packet limit ends the connection while it inflates', async () => {
  const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024), { level: 9 });
  assert.ok(bomb.length < maxPacketBytes / 2);
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested, compression: zlib })).reach('connection');
    const before = process.memoryUsage().arrayBuffers;
    sendDeflated(raw, bomb);
    const told = await raw.disconnect();
    assert.equal(raw.end.code, 'limit-exceeded');
    assert.equal(told?.reason, 6);
    assert.ok(process.memoryUsage().arrayBuffers - before < 32 * 1024 * 1024);
    assert.deepEqual(raw.connection.payloads, []);
  }
});

test('the limit is exact, and counts each packet by itself', () => {
  const deflater = createDeflater();
  const inflater = createInflater();
  for (let round = 0; round < 4; round++) {
    const payload = Buffer.alloc(maxPacketBytes, round);
    assert.ok(inflater.inflate(deflater.deflate(payload, Buffer.alloc(0))).equals(payload));
  }
  const oneMore = deflater.deflate(Buffer.alloc(maxPacketBytes + 1), Buffer.alloc(0));
  assert.throws(() => inflater.inflate(oneMore), { code: 'limit-exceeded' });
});

test('a corrupt stream, an empty one, one that ends and one of another kind are refused', async () => {
  const ended = deflateSync(Buffer.from([94, 1]));
  const dictionary = deflateSync(Buffer.from([94, 1]), { dictionary: Buffer.from('dictionary') });
  const streams: [string, Buffer[]][] = [
    ['no zlib header', [Buffer.from([94, 1, 2, 3])]],
    ['raw deflate', [deflateRawSync(Buffer.alloc(100, 94))]],
    ['a dictionary nobody has', [dictionary]],
    ['a header alone', [ended.subarray(0, 2)]],
    ['an empty stream', [deflateSync(Buffer.alloc(0))]],
    ['something behind the end of the stream', [ended, Buffer.from([1, 2, 3, 4])]],
    ['another stream behind the end of the first', [ended, ended]],
    ['a wrong checksum', [Buffer.concat([ended.subarray(0, -1), Buffer.from([0xee])]), Buffer.from([0])]],
  ];
  for (const [what, packets] of streams) {
    const raw = await (await RawPeer.create({ tested: 'server', compression: zlib })).reach('connection');
    for (const packet of packets) sendDeflated(raw, packet);
    const told = await raw.disconnect();
    assert.equal(raw.end.code, 'bad-packet', what);
    assert.equal(told?.reason, 6, what);
    assert.equal(raw.end.side, 'peer');
  }
});

test('any bytes give the inflater a payload or an SshError', () => {
  const deflater = createDeflater();
  const good = deflater.deflate(
    Buffer.from('a sentence that is said twice, a sentence that is said twice'),
    Buffer.alloc(0),
  );
  let refused = 0;
  for (let at = 0; at < good.length; at++) {
    for (const bit of [1, 16, 128]) {
      const changed = Buffer.from(good);
      changed[at] = (changed[at] as number) ^ bit;
      const inflater = createInflater();
      try {
        for (let round = 0; round < 3; round++) assert.ok(inflater.inflate(changed).length > 0);
      } catch (error) {
        assert.ok(error instanceof SshError, String(error));
        refused++;
      }
    }
  }
  assert.ok(refused > good.length);
});

test('compression begins after login and not before: what looks compressed is taken as it stands', async () => {
  for (const tested of roles) {
    for (const phase of ['service', 'auth'] as const) {
      const raw = await (await RawPeer.create({ tested, compression: zlib })).reach(phase);
      // Deflated data begins with 0x78, 120: an unassigned message before login, which is answered as such.
      const sequence = raw.writer.sequence;
      raw.send(deflateSync(Buffer.alloc(1024 * 1024)));
      assert.deepEqual([...(await raw.next())], [3, 0, 0, 0, sequence]);
      raw.send([2, 0, 0, 0, 0]);
      assert.deepEqual(raw.ends, []);
    }
  }
});

test('from the packet behind USERAUTH_SUCCESS on it is compressed, in both directions and after a rekey', async () => {
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested, compression: zlib })).reach('connection');
    for (let round = 0; round < 3; round++) {
      raw.send(Buffer.alloc(5000, 94));
      await settle(1);
      raw.transport.send(Buffer.alloc(5000, 94));
      await settle(1);
      assert.ok(Buffer.concat(raw.sink.bytes).length < 500);
      assert.equal((await raw.next()).length, 5000);
      raw.sendKexInit();
      await raw.readKexInit();
      await raw.agree();
      raw.sendNewKeys();
      raw.writer.setCompression(true);
      assert.deepEqual([...(await raw.next())], [21]);
      raw.switchReader();
      raw.reader.setCompression(true);
    }
    assert.equal(raw.connection.payloads.length, 3);
    assert.deepEqual(raw.ends, []);
  }
});

test('plain zlib, which would begin before login, is never agreed on', async () => {
  const raw = await RawPeer.create({ tested: 'server', compression: zlib });
  await raw.identify();
  raw.sendKexInit({ compressionClientToServer: ['zlib'], compressionServerToClient: ['zlib'] });
  await raw.disconnect();
  assert.equal(raw.end.code, 'no-common-algorithm');
});

test('nothing is compressed unless asked', async () => {
  for (const tested of roles) {
    const raw = await RawPeer.create({ tested });
    await raw.identify();
    const init = await raw.readKexInit();
    assert.deepEqual([init.compressionClientToServer, init.compressionServerToClient], [['none'], ['none']]);
  }
});

test('gzip is refused: only zlib streams were agreed on', async () => {
  const raw = await (await RawPeer.create({ tested: 'server', compression: zlib })).reach('connection');
  sendDeflated(raw, gzipSync(Buffer.from([94, 1])));
  assert.equal(raw.end.code, 'bad-packet');
});
