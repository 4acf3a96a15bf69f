import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../errors.ts';
import { loadEvp } from '../evp/library.ts';
import { macs } from '../macs/table.ts';
import type { CipherAlgorithm, DirectionKeys, MacAlgorithm, PacketSealer } from '../packet-protection.ts';
import { sealOnto } from './sealing.test.kit.ts';
import { ciphers, findCipher, restoreOpener, restoreSealer } from './table.ts';

// From the first packet on; with NACRE_EVP=off the same runs through node:crypto.
loadEvp();

interface Pair {
  label: string;
  cipher: CipherAlgorithm;
  mac: MacAlgorithm | null;
}

const pairs = ciphers.flatMap((cipher): Pair[] =>
  cipher.aead
    ? [{ label: cipher.name, cipher, mac: null }]
    : macs.map((mac) => ({ label: `${cipher.name} ${mac.name}`, cipher, mac })),
);

function freshKeys(cipher: CipherAlgorithm, mac: MacAlgorithm | null): DirectionKeys {
  return {
    key: randomBytes(cipher.keyBytes),
    iv: randomBytes(cipher.ivBytes),
    macKey: randomBytes(mac === null ? 0 : mac.keyBytes),
  };
}

/** packet_length | padding_length | payload | padding for this sealer. */
function framed(sealer: PacketSealer, payload: Uint8Array): Buffer {
  const unpadded = 1 + payload.length + (sealer.lengthCountsForPadding ? 4 : 0);
  let padding = sealer.blockBytes - (unpadded % sealer.blockBytes);
  if (padding < 4) padding += sealer.blockBytes;
  const packet = randomBytes(4 + 1 + payload.length + padding);
  packet.writeUInt32BE(packet.length - 4, 0);
  packet.writeUInt8(padding, 4);
  packet.set(payload, 5);
  return packet;
}

function sealed(sealer: PacketSealer, sequence: number, packet: Buffer): Buffer {
  const out: Buffer[] = [];
  sealOnto(out, sealer, sequence, packet);
  const joined = Buffer.concat(out);
  assert.equal(joined.length, packet.length + sealer.trailerBytes);
  return joined;
}

const isBadMac = (error: unknown): boolean =>
  error instanceof SshError &&
  error.code === 'bad-mac' &&
  error.stage === 'transport' &&
  error.side === 'peer' &&
  error.disconnect === 5 &&
  error.message.startsWith('Corrupted MAC on input');

const isMisuse = (error: unknown): boolean => error instanceof SshError && error.code === 'misuse';

test('the table: order, and a file for every family', () => {
  assert.deepEqual(
    ciphers.map((cipher) => cipher.name),
    [
      'aes256-gcm@openssh.com',
      'aes128-gcm@openssh.com',
      'chacha20-poly1305@openssh.com',
      'aes256-ctr',
      'aes192-ctr',
      'aes128-ctr',
      'aes256-cbc',
      'aes192-cbc',
      'aes128-cbc',
      '3des-cbc',
    ],
  );
  for (const cipher of ciphers) {
    assert.equal(findCipher(cipher.name), cipher);
    assert.equal(cipher.legacy, cipher.name.endsWith('cbc') ? true : undefined);
    assert.equal(cipher.aead, cipher.name.includes('@'));
  }
  assert.equal(findCipher('none'), undefined);
  const sources = readdirSync(new URL('.', import.meta.url)).filter((name) => /^[^.]+\.(ts|js)$/.test(name));
  const families = sources.map((name) => name.replace(/\.\w+$/, '')).filter((name) => name !== 'table');
  assert.deepEqual(families.sort(), ['aes-ctr', 'aes-gcm', 'cbc', 'chacha20-poly1305']);
});

for (const { label, cipher, mac } of pairs) {
  test(`${label}: round trip for payloads of 0 to 300 and 32768 bytes`, () => {
    const keys = freshKeys(cipher, mac);
    const sealer = cipher.createSealer(keys, mac);
    const opener = cipher.createOpener(keys, mac);
    // Whoever made the keys may wipe them at once.
    for (const secret of [keys.key, keys.iv, keys.macKey]) secret.fill(0);
    assert.equal(sealer.blockBytes, opener.blockBytes);
    assert.equal(sealer.trailerBytes, opener.trailerBytes);
    assert.equal(sealer.lengthCountsForPadding, opener.lengthCountsForPadding);
    assert.equal(sealer.lengthCountsForPadding, mac !== null && !mac.etm);
    assert.equal(opener.headBytes, mac !== null && !mac.etm ? cipher.blockBytes : 4);
    const lengths = [...Array(301).keys(), 32_768, 7];
    // The last sequence number and the wrap to zero lie within the run.
    let sequence = 0xffff_ffff - 150;
    for (const length of lengths) {
      const packet = framed(sealer, randomBytes(length));
      const wire = sealed(sealer, sequence, packet);
      const packetLength = opener.readLength(sequence, wire, 0);
      assert.equal(packetLength, packet.length - 4);
      assert.deepEqual(opener.open(sequence, wire, 0, packetLength), packet.subarray(4));
      sequence = (sequence + 1) >>> 0;
    }
  });

  test(`${label}: a bit flipped anywhere, or another sequence number, is a bad MAC`, () => {
    const keys = freshKeys(cipher, mac);
    const packet = framed(cipher.createSealer(keys, mac), Buffer.from('a small packet'));
    const wire = sealed(cipher.createSealer(keys, mac), 7, packet);
    const open = (sequence: number, bytes: Buffer): Buffer => {
      const opener = cipher.createOpener(keys, mac);
      opener.readLength(sequence, bytes, 0);
      return opener.open(sequence, bytes, 0, packet.length - 4);
    };
    assert.deepEqual(open(7, wire), packet.subarray(4));
    for (let offset = 0; offset < wire.length; offset++) {
      const flipped = Buffer.from(wire);
      flipped[offset] = (flipped[offset] as number) ^ (1 << (offset % 8));
      assert.throws(() => open(7, flipped), isBadMac, `offset ${offset}`);
    }
    // AES-GCM counts packets itself and does not look at the sequence number.
    if (!cipher.name.includes('gcm')) assert.throws(() => open(8, wire), isBadMac);
    const otherKeys = freshKeys(cipher, mac);
    const stranger = cipher.createOpener(otherKeys, mac);
    stranger.readLength(7, wire, 0);
    assert.throws(() => stranger.open(7, wire, 0, packet.length - 4), isBadMac);
  });

  test(`${label}: replayed, dropped and swapped packets are a bad MAC`, () => {
    const keys = freshKeys(cipher, mac);
    const sealer = cipher.createSealer(keys, mac);
    const packets = ['one', 'two', 'three'].map((text) => framed(sealer, Buffer.from(text)));
    const wires = packets.map((packet, sequence) => sealed(sealer, sequence, packet));
    for (const order of [
      [0, 0],
      [1, 0],
      [0, 2],
    ]) {
      const opener = cipher.createOpener(keys, mac);
      assert.throws(() => {
        for (const [sequence, index] of order.entries()) {
          opener.readLength(sequence, wires[index] as Buffer, 0);
          opener.open(sequence, wires[index] as Buffer, 0, (packets[index] as Buffer).length - 4);
        }
      }, isBadMac);
    }
  });

  test(`${label}: packets lie anywhere in the input, and what goes in or comes out is not shared`, () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 5 }), fc.nat(40), (payloads, gap) => {
        const keys = freshKeys(cipher, mac);
        const sealer = cipher.createSealer(keys, mac);
        const opener = cipher.createOpener(keys, mac);
        const out: Buffer[] = [];
        const bodies = payloads.map((payload, sequence) => {
          const packet = framed(sealer, payload);
          const body = Buffer.from(packet.subarray(4));
          sealOnto(out, sealer, sequence, packet);
          packet.fill(0xee);
          return body;
        });
        const input = Buffer.concat([Buffer.alloc(gap), ...out, Buffer.alloc(gap)]);
        let offset = gap;
        const opened = bodies.map((_, sequence) => {
          const packetLength = opener.readLength(sequence, input, offset);
          const body = opener.open(sequence, input, offset, packetLength);
          offset += 4 + packetLength + opener.trailerBytes;
          return body;
        });
        assert.equal(offset, input.length - gap);
        input.fill(0xee);
        assert.deepEqual(opened, bodies);
      }),
      { numRuns: 8 },
    );
  });

  test(`${label}: exported state goes on elsewhere with the same bytes`, () => {
    const keys = freshKeys(cipher, mac);
    // A counter about to carry through all its bytes is the hard case.
    if (cipher.name.endsWith('ctr')) keys.iv.fill(0xff).writeUInt8(0xf0, keys.iv.length - 1);
    if (cipher.name.includes('gcm')) keys.iv.fill(0xff, 6).writeUInt8(0xfd, keys.iv.length - 1);
    const sealer = cipher.createSealer(keys, mac);
    let movingSealer = cipher.createSealer(keys, mac);
    let movingOpener = cipher.createOpener(keys, mac);
    for (let sequence = 0; sequence < 12; sequence++) {
      const packet = framed(sealer, randomBytes(sequence * 9));
      const wire = sealed(sealer, sequence, packet);
      assert.deepEqual(sealed(movingSealer, sequence, packet), wire);
      movingSealer = restoreSealer(movingSealer.exportState());
      // In the middle of a packet the state is still that of the packet's start.
      movingOpener.readLength(sequence, wire, 0);
      const state = movingOpener.exportState();
      assert.equal(state.cipher, cipher.name);
      assert.equal(state.mac, mac === null ? undefined : mac.name);
      movingOpener = restoreOpener(state);
      const packetLength = movingOpener.readLength(sequence, wire, 0);
      assert.deepEqual(movingOpener.open(sequence, wire, 0, packetLength), packet.subarray(4));
      movingOpener = restoreOpener(movingOpener.exportState());
      assert.deepEqual(movingOpener.exportState(), movingSealer.exportState());
    }
  });

  test(`${label}: wrong calls are named as such`, () => {
    const keys = freshKeys(cipher, mac);
    const short = { ...keys, key: keys.key.subarray(1) };
    assert.throws(() => cipher.createSealer(short, mac), isMisuse);
    assert.throws(() => cipher.createOpener({ ...keys, iv: Buffer.alloc(cipher.ivBytes + 1) }, mac), isMisuse);
    assert.throws(() => cipher.createSealer(keys, cipher.aead ? (macs[0] as MacAlgorithm) : null), isMisuse);
    const sealer = cipher.createSealer(keys, mac);
    const packet = framed(sealer, Buffer.alloc(40));
    const wire = sealed(sealer, 0, packet);
    for (const packetLength of [-1, 0, Number.NaN, packet.length - 3, 2 ** 32]) {
      const opener = cipher.createOpener(keys, mac);
      opener.readLength(0, wire, 0);
      assert.throws(() => opener.open(0, wire, 0, packetLength), isMisuse, String(packetLength));
    }
  });
}

test('encrypt-and-MAC: a length that is no whole number of blocks fails just as a wrong MAC does (CVE-2008-5161)', () => {
  for (const { cipher, mac } of pairs.filter((pair) => pair.mac !== null && !pair.mac.etm)) {
    const keys = freshKeys(cipher, mac);
    const wire = sealed(cipher.createSealer(keys, mac), 0, framed(cipher.createSealer(keys, mac), Buffer.alloc(99)));
    const messages = [1, 5, 13, 4 * cipher.blockBytes - 4].map((packetLength) => {
      const opener = cipher.createOpener(keys, mac);
      opener.readLength(0, wire, 0);
      try {
        opener.open(0, wire, 0, packetLength);
      } catch (error) {
        assert.ok(isBadMac(error));
        return (error as SshError).message;
      }
      return assert.fail('it opened');
    });
    assert.equal(new Set(messages).size, 1);
  }
});

test('encrypt-and-MAC: readLength comes once, and before open', () => {
  const cipher = findCipher('aes256-cbc');
  const mac = macs.find((one) => one.name === 'hmac-sha2-256');
  assert.ok(cipher !== undefined && mac !== undefined);
  const keys = freshKeys(cipher, mac);
  const sealer = cipher.createSealer(keys, mac);
  const wire = sealed(sealer, 0, framed(sealer, Buffer.alloc(20)));
  const opener = cipher.createOpener(keys, mac);
  assert.throws(() => opener.open(0, wire, 0, 28), isMisuse);
  assert.throws(() => opener.readLength(0, wire.subarray(0, 15), 0), isMisuse);
  opener.readLength(0, wire, 0);
  assert.throws(() => opener.readLength(0, wire, 0), isMisuse);
});

test('encrypt-then-MAC: an authentic packet of no whole number of blocks is a bad packet', () => {
  for (const { cipher, mac } of pairs.filter((pair) => pair.mac?.etm)) {
    assert.ok(mac !== null);
    const keys = freshKeys(cipher, mac);
    const head = Buffer.of(0, 0, 0, cipher.blockBytes + 3);
    const body = randomBytes(cipher.blockBytes + 3);
    const wire = Buffer.concat([head, body, mac.create(keys.macKey)(0, head, body)]);
    const opener = cipher.createOpener(keys, mac);
    assert.throws(
      () => opener.open(0, wire, 0, opener.readLength(0, wire, 0)),
      (error) => error instanceof SshError && error.code === 'bad-packet' && error.side === 'peer',
    );
  }
});

test('AES-GCM: the invocation counter carries, leaves the fixed bytes alone, and ends rather than repeat', () => {
  const cipher = findCipher('aes256-gcm@openssh.com');
  assert.ok(cipher !== undefined);
  const key = randomBytes(cipher.keyBytes);
  const start = (ivHex: string) => {
    const keys = { key, iv: Buffer.from(ivHex, 'hex'), macKey: Buffer.alloc(0) };
    return { sealer: cipher.createSealer(keys, null), opener: cipher.createOpener(keys, null) };
  };
  const carrying = start('ffffffff00000000ffffffff');
  sealed(carrying.sealer, 0, framed(carrying.sealer, Buffer.alloc(4)));
  assert.equal(carrying.sealer.exportState().iv.toString('hex'), 'ffffffff0000000100000000');

  const last = start('ffffffffffffffffffffffff');
  const packet = framed(last.sealer, Buffer.alloc(4));
  const wire = sealed(last.sealer, 0, packet);
  assert.deepEqual(last.opener.open(0, wire, 0, packet.length - 4), packet.subarray(4));
  const isExhausted = (error: unknown) => error instanceof SshError && error.code === 'limit-exceeded';
  assert.throws(() => sealOnto([], last.sealer, 1, packet), isExhausted);
  assert.throws(() => last.opener.open(1, wire, 0, packet.length - 4), isExhausted);
  assert.throws(() => last.sealer.exportState(), isExhausted);
});

test('one small packet goes out as one buffer, a large one uncopied in a few', () => {
  for (const { label, cipher, mac } of pairs) {
    const sealer = cipher.createSealer(freshKeys(cipher, mac), mac);
    const out: Buffer[] = [];
    sealOnto(out, sealer, 0, framed(sealer, Buffer.alloc(100)));
    assert.equal(out.length, 1, label);
    sealOnto(out, sealer, 1, framed(sealer, Buffer.alloc(8192)));
    assert.ok(out.length <= 4, label);
  }
});

test('state that names nothing known is refused', () => {
  const state = { cipher: 'aes256-ctr', key: Buffer.alloc(32), iv: Buffer.alloc(16), macKey: Buffer.alloc(32) };
  assert.throws(() => restoreSealer({ ...state, cipher: 'none', mac: 'hmac-sha2-256' }), isMisuse);
  assert.throws(() => restoreOpener({ ...state, mac: 'none' }), isMisuse);
  assert.throws(() => restoreOpener(state), isMisuse);
});
