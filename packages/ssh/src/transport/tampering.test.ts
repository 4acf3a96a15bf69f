import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ciphers } from '../crypto/ciphers/table.ts';
import { findMac } from '../crypto/macs/table.ts';
import { randomBytes } from '../crypto/random.ts';
import { SshError } from '../errors.ts';
import { maxPacketBytes } from '../limits.ts';
import { createPair, logIn, MemorySink } from './memory-pair.test.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import type { Phase, Role } from './phase.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

const macNames = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-256'];

for (const cipher of ciphers) {
  for (const macName of cipher.aead ? [undefined] : macNames) {
    test(`${cipher.name} ${macName ?? ''}: a bit flipped at any offset gives no payload`, () => {
      const mac = macName === undefined ? null : (findMac(macName) ?? null);
      const keys = {
        key: randomBytes(cipher.keyBytes),
        iv: randomBytes(cipher.ivBytes),
        macKey: randomBytes(mac?.keyBytes ?? 0),
      };
      const writer = new PacketWriter();
      writer.setProtection(cipher.createSealer(keys, mac), true);
      writer.write(Buffer.from([94, ...randomBytes(40)]));
      const packet = Buffer.concat(writer.take());
      const rest = Buffer.alloc(maxPacketBytes + 512, 0x55);
      for (let at = 0; at < packet.length; at++) {
        const reader = new PacketReader();
        reader.setProtection(cipher.createOpener(keys, mac), true);
        const changed = Buffer.from(packet);
        changed[at] = (changed[at] as number) ^ (1 << (at % 8));
        assert.throws(
          () => {
            for (const bytes of [changed, rest]) {
              reader.feed(Buffer.from(bytes));
              const payload = reader.next();
              assert.equal(payload, undefined, `a payload came out although byte ${at} was changed`);
              reader.settle();
            }
          },
          (error) =>
            error instanceof SshError &&
            (error.code === 'bad-mac' || (error.code === 'bad-packet' && at < 4)) &&
            error.disconnect !== undefined,
        );
      }
    });

    test(`${cipher.name} ${macName ?? ''}: packets swapped, repeated or left out are refused`, () => {
      const mac = macName === undefined ? null : (findMac(macName) ?? null);
      const keys = {
        key: randomBytes(cipher.keyBytes),
        iv: randomBytes(cipher.ivBytes),
        macKey: randomBytes(mac?.keyBytes ?? 0),
      };
      const writer = new PacketWriter();
      writer.setProtection(cipher.createSealer(keys, mac), true);
      const packets = [0, 1, 2].map((index) => {
        writer.write(Buffer.from([94, index, 0, 0, 0, 0, 0, 0]));
        return Buffer.concat(writer.take());
      });
      for (const order of [[1], [0, 0], [0, 2], [1, 0]]) {
        const reader = new PacketReader();
        reader.setProtection(cipher.createOpener(keys, mac), true);
        const given = order.map((index) => packets[index] as Buffer);
        assert.throws(
          () => {
            reader.feed(Buffer.concat([...given, Buffer.alloc(maxPacketBytes + 512, 0x55)]));
            for (let count = 0; count < given.length; count++) reader.next();
            reader.next();
          },
          (error) => error instanceof SshError && (error.code === 'bad-mac' || error.code === 'bad-packet'),
          order.join(),
        );
      }
    });
  }
}

test('live: a byte changed anywhere in a packet ends the connection, with DISCONNECT 5 or 2', async () => {
  const families = [
    { cipher: 'aes128-gcm@openssh.com' },
    { cipher: 'chacha20-poly1305@openssh.com' },
    { cipher: 'aes128-ctr', mac: 'hmac-sha2-256-etm@openssh.com' },
    { cipher: 'aes128-ctr', mac: 'hmac-sha2-256' },
    { cipher: 'aes128-cbc', mac: 'hmac-sha2-256' },
    { cipher: 'aes128-cbc', mac: 'hmac-sha2-256-etm@openssh.com' },
  ];
  for (const names of families) {
    for (let at = 0; ; at++) {
      const raw = await (await RawPeer.create({ tested: 'server', ...names })).reach('connection');
      const packet = raw.seal([94, 1, 2, 3, 4]);
      if (at === packet.length) break;
      packet[at] = (packet[at] as number) ^ 0x80;
      raw.sendBytes(packet);
      raw.sendBytes(Buffer.alloc(maxPacketBytes + 512, 0x55));
      const told = await raw.disconnect();
      assert.ok(raw.end.code === 'bad-mac' || (at < 4 && raw.end.code === 'bad-packet'), `${names.cipher} ${at}`);
      assert.equal(told?.reason, raw.end.code === 'bad-mac' ? 5 : 2);
      assert.equal(raw.connection.ended, raw.end);
      assert.deepEqual(raw.connection.payloads, []);
    }
  }
});

test('a byte changed anywhere in the plain handshake never leads to a login phase with different transcripts', async () => {
  // What is changed in the clear must make the exchange hash differ, or the packet unreadable; only padding may change unseen.
  for (const side of ['client', 'server'] as const) {
    let total = Number.POSITIVE_INFINITY;
    for (let at = 0; at < total; at += 7) {
      const algorithms = { kex: ['curve25519-sha256'], cipher: ['aes128-gcm@openssh.com'] };
      const pair = await createPair({ client: { algorithms }, server: { algorithms } });
      const sink = side === 'client' ? pair.clientSink : pair.serverSink;
      let passed = 0;
      sink.tamper = (bytes) => {
        const copy = Buffer.from(bytes);
        const index = at - passed;
        if (index >= 0 && index < copy.length) copy[index] = (copy[index] as number) ^ 1;
        passed += bytes.length;
        return copy;
      };
      const outcomes = Promise.allSettled([pair.client.handshake(), pair.server.handshake()]);
      // A length that was made larger leaves both waiting for more.
      for (let turn = 0; turn < 40; turn++) await settle(1);
      pair.clock.advance(120_001);
      const [atClient] = await outcomes;
      if (total === Number.POSITIVE_INFINITY) total = at === 0 ? 700 : passed;
      if (atClient?.status === 'fulfilled') assert.deepEqual(pair.client.sessionId, pair.server.sessionId);
      else assert.ok((atClient as PromiseRejectedResult).reason instanceof SshError);
    }
  }
});

/** Stops the scripted side after a number of bytes. */
class CutPeer extends RawPeer {
  allowance = Number.POSITIVE_INFINITY;
  onCut: () => void = () => {};
  sent = 0;

  override sendBytes(bytes: Uint8Array): void {
    const allowed = bytes.subarray(0, Math.max(0, this.allowance - this.sent));
    this.sent += bytes.length;
    if (allowed.length > 0) super.sendBytes(allowed);
    if (this.sent >= this.allowance) this.onCut();
  }

  static override async create(options: ConstructorParameters<typeof RawPeer>[0]): Promise<CutPeer> {
    const { hostKey } = await RawPeer.create(options);
    return new CutPeer(options, hostKey);
  }
}

async function bytesOfHandshake(tested: Role, to: Phase): Promise<number> {
  const whole = await CutPeer.create({ tested });
  await whole.reach(to);
  return whole.sent;
}

for (const tested of ['client', 'server'] as const) {
  test(`${tested}: the stream cut at every byte of the handshake`, async () => {
    const total = await bytesOfHandshake(tested, 'auth');
    assert.ok(total > 300);
    for (let length = 0; length < total; length++) {
      const raw = await CutPeer.create({ tested });
      raw.allowance = length;
      let isCut = false;
      raw.onCut = () => {
        if (!isCut) raw.transport.receiveEnd();
        isCut = true;
      };
      if (length === 0) {
        raw.start();
        raw.onCut();
      } else await raw.reach('auth').catch(() => {});
      const outcome = await raw.handshake;
      assert.equal(raw.end, outcome, `${length} of ${total}`);
      assert.equal(raw.end.code, 'connection-lost', `${length} of ${total}`);
      assert.equal(raw.sink.isEnded, true);
      assert.equal(raw.clock.timerCount, 0, `timers after ${length} of ${total}`);
    }
  });

  test(`${tested}: a peer that stops anywhere in the handshake is left at the deadline`, async () => {
    const total = await bytesOfHandshake(tested, 'auth');
    for (let length = 0; length < total; length += 5) {
      const raw = await CutPeer.create({ tested });
      raw.allowance = length;
      raw.start();
      const reached = raw.reach('auth').catch(() => {});
      await settle(16);
      raw.clock.advance(119_999);
      assert.deepEqual(raw.ends, [], `${length} of ${total}`);
      raw.clock.advance(1);
      assert.equal(raw.end.code, 'timeout', `${length} of ${total}`);
      assert.equal(await raw.handshake, raw.end);
      await reached;
      assert.equal(raw.clock.timerCount, 0);
    }
  });

  test(`${tested}: a peer that stops in a rekey is left at the deadline`, async () => {
    for (const stopAfter of ['nothing', 'KEXINIT', 'value'] as const) {
      const raw = await (
        await RawPeer.create({ tested, client: { rekey: { ms: 0 } }, server: { rekey: { ms: 0 } } })
      ).reach('connection');
      assert.equal(raw.clock.timerCount, 0);
      const rekeyed = raw.transport.rekey().catch((error: unknown) => error);
      await raw.readKexInit();
      if (stopAfter !== 'nothing') raw.sendKexInit();
      if (stopAfter === 'value') await raw.agree();
      await settle(8);
      raw.clock.advance(119_999);
      assert.deepEqual(raw.ends, [], stopAfter);
      raw.clock.advance(1);
      assert.equal(raw.end.code, 'timeout', stopAfter);
      assert.equal(await rekeyed, raw.end);
      assert.equal(raw.connection.ended, raw.end);
      assert.equal(raw.clock.timerCount, 0);
    }
  });

  test(`${tested}: the connection lost in a rekey settles it`, async () => {
    const raw = await (await RawPeer.create({ tested })).reach('connection');
    const rekeyed = raw.transport.rekey().catch((error: unknown) => error);
    await raw.readKexInit();
    raw.transport.receiveEnd(new Error('ECONNRESET'));
    assert.equal(await rekeyed, raw.end);
    assert.equal(raw.end.code, 'connection-lost');
    assert.match(raw.end.message, /ECONNRESET/);
    assert.equal(raw.clock.timerCount, 0);
  });
}

test('a deadline of 0 is none', async () => {
  const raw = await RawPeer.create({ tested: 'client', client: { kexTimeoutMs: 0 } });
  raw.start();
  await settle(2);
  raw.clock.advance(10 ** 9);
  assert.deepEqual(raw.ends, []);
  assert.equal(raw.clock.timerCount, 0);
  raw.transport.receiveEnd();
  assert.equal((await raw.handshake) as unknown, raw.end);
});

test('a login in pieces of one byte works', async () => {
  const algorithms = { kex: ['curve25519-sha256'] };
  const pair = await createPair({ client: { algorithms }, server: { algorithms }, pieceBytes: 1 });
  assert.ok(pair.clientSink instanceof MemorySink);
  await logIn(pair);
  assert.equal(pair.client.phase, 'connection');
});
