import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aes128Gcm } from '../crypto/ciphers/aes-gcm.ts';
import { randomBytes } from '../crypto/random.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';

const mostBytes = 66 * 1024;

/** A reader, and the bytes of packets with payloads of these sizes. */
function sealed(sizes: readonly number[]) {
  const keys = { key: randomBytes(16), iv: randomBytes(12), macKey: Buffer.alloc(0) };
  const [reader, writer] = [new PacketReader(), new PacketWriter()];
  reader.setProtection(aes128Gcm.createOpener(keys, null), false);
  writer.setProtection(aes128Gcm.createSealer(keys, null), false);
  const payloads = sizes.map((size) => randomBytes(size));
  for (const payload of payloads) writer.write(payload);
  return { reader, payloads, wire: Buffer.concat(writer.take()) };
}

/** Reads as a socket with all bytes at hand would, each time into the same memory. Gives the sizes of the reads. */
function readAll(reader: PacketReader, wire: Buffer, payloads: readonly Buffer[], most: number): number[] {
  const memory = Buffer.alloc(most);
  const reads: number[] = [];
  let opened = 0;
  for (let at = 0; at < wire.length; ) {
    const wanted = reader.nextReadBytes(most);
    assert.ok(wanted > 0 && wanted <= most, `a read of ${wanted} bytes`);
    const byteCount = wire.copy(memory, 0, at, at + wanted);
    at += byteCount;
    reads.push(byteCount);
    reader.feed(memory.subarray(0, byteCount));
    for (let payload = reader.next(); payload !== undefined; payload = reader.next()) {
      assert.ok(payload.equals(payloads[opened++] as Buffer), `packet ${opened}`);
    }
    reader.settle();
    memory.fill(0xff);
  }
  assert.equal(opened, payloads.length);
  return reads;
}

test('packets of one size: after the first straddling one, reads end where packets do', () => {
  const { reader, payloads, wire } = sealed(Array<number>(40).fill(32_777));
  const packetBytes = wire.length / 40;
  const reads = readAll(reader, wire, payloads, mostBytes);
  // The first read knows nothing and ends within a packet; the second brings the rest of that, and whole ones.
  let at = 0;
  for (const byteCount of reads.slice(0, 2)) at += byteCount;
  assert.equal(at % packetBytes, 0);
  for (const byteCount of reads.slice(2, -1)) assert.equal(byteCount, 2 * packetBytes);
});

test('whatever sizes packets and reads have, every payload comes out whole', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return seed % below;
  };
  for (const most of [50, 4000, 33_000, mostBytes]) {
    const sizes = Array.from({ length: 60 }, () =>
      random(3) === 0 ? 1 + random(70_000) : [1, 32_777, 65_545][random(3)],
    );
    const { reader, payloads, wire } = sealed(sizes as number[]);
    readAll(reader, wire, payloads, most);
  }
});

test('two connections that hold packets at the same time do not share memory', () => {
  const [first, second] = [sealed([60_000, 60_000]), sealed([60_000, 60_000])];
  const opened: Buffer[] = [];
  const feed = ({ reader, wire }: typeof first, from: number, to: number) => {
    reader.feed(wire.subarray(from, to));
    for (let payload = reader.next(); payload !== undefined; payload = reader.next()) opened.push(payload);
    reader.settle();
  };
  for (let at = 0; at < first.wire.length; at += 25_000) {
    for (const each of [first, second]) feed(each, at, at + 25_000);
  }
  assert.equal(opened.length, 4);
  for (const [index, { payloads }] of [first, second, first, second].entries()) {
    assert.ok((opened[index] as Buffer).equals(payloads[index >> 1] as Buffer));
  }
});
