import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomBytes } from '../crypto/random.ts';
import { maxPacketBytes } from '../limits.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

const families = [
  { name: 'AES-GCM', cipher: 'aes256-gcm@openssh.com', block: 16, counts: false },
  { name: 'chacha20-poly1305', cipher: 'chacha20-poly1305@openssh.com', block: 8, counts: false },
  {
    name: 'CTR, encrypt-then-MAC',
    cipher: 'aes128-ctr',
    mac: 'hmac-sha2-256-etm@openssh.com',
    block: 16,
    counts: false,
  },
  {
    name: 'CBC, encrypt-then-MAC',
    cipher: 'aes128-cbc',
    mac: 'hmac-sha2-256-etm@openssh.com',
    block: 16,
    counts: false,
  },
  // Its length is encrypted with the body, but no block's decryption tells of another: nothing to hide.
  { name: 'CTR, encrypt-and-MAC', cipher: 'aes256-ctr', mac: 'hmac-sha2-256', block: 16, counts: true },
] as const;

const hiding = [
  { name: 'CBC, encrypt-and-MAC', cipher: 'aes128-cbc', mac: 'hmac-sha2-256', block: 16 },
  { name: '3DES, encrypt-and-MAC', cipher: '3des-cbc', mac: 'hmac-sha2-512', block: 8 },
] as const;

/** Lengths that no packet has, for a cipher of that block size. */
function badLengths(block: number, counts: boolean): number[] {
  const over = Math.floor(maxPacketBytes / block) * block + block - (counts ? 4 : 0);
  const whole = 8 * block - (counts ? 4 : 0);
  return [
    0,
    1,
    4,
    over,
    2 ** 31 - (counts ? 4 : 0),
    2 ** 32 - block,
    2 ** 32 - 1,
    whole + 1,
    whole - 1,
    whole + block / 2,
  ];
}

/** A packet that says `length` whatever it is. */
function packetClaiming(length: number, block: number): Buffer {
  const packet = Buffer.alloc(16 * block, 0);
  packet.writeUInt32BE(length, 0);
  packet[4] = 6;
  packet[5] = 2;
  return packet;
}

test('before keys: impossible lengths end the connection at once', async () => {
  for (const tested of ['client', 'server'] as const) {
    for (const length of badLengths(8, true)) {
      const raw = await (await RawPeer.create({ tested })).reach('first-kexinit');
      raw.sendBytes(packetClaiming(length, 8).subarray(0, 4));
      const told = await raw.disconnect();
      assert.equal(raw.end.code, 'bad-packet');
      assert.equal(raw.end.message, `Bad packet length ${length}.`);
      assert.equal(told?.reason, 2);
    }
  }
});

for (const { name, cipher, block, counts, ...rest } of families) {
  test(`${name}: impossible lengths end the connection at once`, async () => {
    for (const length of badLengths(block, counts)) {
      const raw = await (await RawPeer.create({ tested: 'server', cipher, ...rest })).reach('auth');
      // AEAD and -etm have the length in the clear or under a key of its own.
      raw.sendBytes(raw.sealPacket(packetClaiming(length, block)).subarray(0, counts ? block : 4));
      const told = await raw.disconnect();
      assert.equal(raw.end.message, `Bad packet length ${length}.`);
      assert.equal(raw.end.code, 'bad-packet');
      assert.equal(told?.reason, 2);
    }
  });
}

for (const { name, block, ...names } of hiding) {
  test(`${name}: whatever is wrong is told after the same number of bytes, in the same words`, async () => {
    const outcomes = new Set<string>();
    const claims = [...badLengths(block, true), 8 * block - 4, 80 * block - 4, maxPacketBytes - 4];
    for (const length of claims) {
      const raw = await (await RawPeer.create({ tested: 'server', ...names })).reach('auth');
      // The MAC is that of another packet length, so it is wrong even where the length is possible.
      let sent = 0;
      const feed = (bytes: Buffer) => {
        raw.sendBytes(bytes);
        sent += bytes.length;
      };
      feed(raw.sealPacket(packetClaiming(length, block)));
      await settle(2);
      assert.deepEqual(raw.ends, [], `length ${length} is told at once`);
      while (raw.ends.length === 0 && sent < 2 * maxPacketBytes) {
        // The last bytes come one at a time, to see exactly where it ends.
        feed(Buffer.alloc(sent < maxPacketBytes - 64 ? 16 : 1, 0x55));
      }
      await settle(1);
      const told = await raw.disconnect();
      assert.equal(raw.end.code, 'bad-mac');
      outcomes.add(`${sent} ${raw.end.message} ${told?.reason} ${told?.description}`);
    }
    assert.equal(outcomes.size, 1, [...outcomes].join('\n'));
    assert.match([...outcomes].join(), /Corrupted MAC on input.* 5 Corrupted MAC on input/);
  });

  test(`${name}: swallowing keeps no more than what came last`, async () => {
    const raw = await (await RawPeer.create({ tested: 'server', ...names })).reach('auth');
    raw.sendBytes(raw.sealPacket(packetClaiming(2 ** 32 - 1, block)));
    const before = process.memoryUsage().arrayBuffers;
    for (let round = 0; round < 31; round++) raw.sendBytes(Buffer.alloc(8192, 0x55));
    assert.deepEqual(raw.ends, []);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 * 1024 * 1024);
    raw.sendBytes(Buffer.alloc(16_384, 0x55));
    assert.equal(raw.end.code, 'bad-mac');
  });
}

test('the largest packet is taken, one block more is not', async () => {
  for (const { cipher, block, counts, ...rest } of families) {
    const raw = await (await RawPeer.create({ tested: 'server', cipher, ...rest })).reach('connection');
    const largest = Math.floor((maxPacketBytes + (counts ? 4 : 0)) / block) * block - (counts ? 4 : 0);
    const packet = Buffer.alloc(4 + largest);
    packet.writeUInt32BE(largest, 0);
    packet[4] = 4;
    packet[5] = 94;
    raw.sendBytes(raw.sealPacket(packet));
    assert.equal(raw.connection.payloads[0]?.length, largest - 5);
    assert.deepEqual(raw.ends, []);
  }
});

test('padding that is too short, or as long as the packet, is refused although the MAC is right', async () => {
  for (const { cipher, block, counts, ...rest } of families) {
    for (const padding of [0, 1, 3, 8 * block - 1, 8 * block, 255]) {
      const raw = await (await RawPeer.create({ tested: 'server', cipher, ...rest })).reach('auth');
      // As many bytes behind the length as make whole blocks, with the length among them where it counts.
      const length = 8 * block - (counts ? 4 : 0);
      const packet = Buffer.alloc(4 + length);
      packet.writeUInt32BE(length, 0);
      packet[4] = padding;
      packet[5] = 2;
      raw.sendBytes(raw.sealPacket(packet));
      const told = await raw.disconnect();
      assert.equal(raw.end.code, 'bad-packet', `${cipher} ${padding}`);
      assert.match(raw.end.message, new RegExp(`Corrupted padding length ${padding} `));
      assert.equal(told?.reason, 2);
    }
  }
});

test('padding of up to 255 bytes, whatever it holds, is taken', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  for (let padding = 4; padding < 256; padding++) {
    const unpadded = 1 + 1 + padding;
    const fill = (16 - (unpadded % 16)) % 16;
    const packet = Buffer.concat([
      Buffer.alloc(4),
      Buffer.from([padding]),
      Buffer.from([94]),
      Buffer.alloc(fill),
      randomBytes(padding),
    ]);
    packet.writeUInt32BE(packet.length - 4, 0);
    raw.sendBytes(raw.sealPacket(packet));
  }
  assert.equal(raw.connection.payloads.length, 252);
});

test('a forged length reserves nothing', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('first-kexinit');
  const before = process.memoryUsage().arrayBuffers;
  const head = Buffer.alloc(4);
  head.writeUInt32BE(maxPacketBytes - 4);
  raw.sendBytes(head);
  assert.ok(process.memoryUsage().arrayBuffers - before <= maxPacketBytes);
  assert.deepEqual(raw.ends, []);
});
