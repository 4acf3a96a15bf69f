import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeTunnelPacket, encodeTunnelPacket } from './tunnel-packets.ts';

const header4 = Buffer.alloc(20, 0);
header4[0] = 0x45;
const header6 = Buffer.alloc(40, 0);
header6[0] = 0x60;
const family = (number: number) =>
  Buffer.from([number >>> 24, number >>> 16, number >>> 8, number].map((b) => b & 0xff));

test('packets bear the family as OpenBSD numbers it, frames bear nothing (PROTOCOL §2.3)', () => {
  for (const [packet, number] of [
    [header4, 2],
    [header6, 24],
    [Buffer.concat([header4, Buffer.alloc(65_515, 7)]), 2],
  ] as const) {
    const data = encodeTunnelPacket('point-to-point', packet);
    assert.deepEqual(data, Buffer.concat([family(number), packet]));
    assert.deepEqual(decodeTunnelPacket('point-to-point', data as Buffer), packet);
  }
  const frame = Buffer.alloc(60, 1);
  assert.deepEqual(encodeTunnelPacket('ethernet', frame), frame);
  assert.deepEqual(decodeTunnelPacket('ethernet', frame), frame);
});

test('what is no packet never reaches a device', () => {
  const hostile: Buffer[] = [];
  for (let length = 0; length < 4; length++) hostile.push(Buffer.alloc(length));
  for (let length = 0; length < 20; length++) hostile.push(Buffer.concat([family(2), header4.subarray(0, length)]));
  for (let length = 0; length < 40; length++) hostile.push(Buffer.concat([family(24), header6.subarray(0, length)]));
  // Unknown families: none, the numbers of Linux and of macOS for IPv6, one with IPv4's low byte.
  for (const number of [0, 10, 30, 0x0200_0002, 0xffff_ffff]) {
    hostile.push(Buffer.concat([family(number), header4]), Buffer.concat([family(number), header6]));
  }
  hostile.push(Buffer.concat([family(24), header4]), Buffer.concat([family(2), header6]), header4, header6);
  for (const version of [0, 1, 5, 7, 15]) {
    hostile.push(Buffer.concat([family(2), Buffer.alloc(40, version << 4)]));
  }
  for (const data of hostile) assert.equal(decodeTunnelPacket('point-to-point', data), undefined, data.toString('hex'));
  for (let length = 0; length < 14; length++) {
    assert.equal(decodeTunnelPacket('ethernet', Buffer.alloc(length)), undefined);
    assert.equal(encodeTunnelPacket('ethernet', Buffer.alloc(length)), undefined);
  }
  for (const bad of [Buffer.alloc(0), header4.subarray(0, 19), header6.subarray(0, 39), Buffer.alloc(40)]) {
    assert.equal(encodeTunnelPacket('point-to-point', bad), undefined);
  }
});
