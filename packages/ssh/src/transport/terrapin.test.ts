/** CVE-2023-48795 as it was published: a man in the middle puts packets in before NEWKEYS and cuts as many off after it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPair, logIn, type MemorySink, type Pair } from './memory-pair.test.ts';
import { serviceAccept } from './messages.ts';
import type { ClientTransportOptions, ServerTransportOptions } from './options.ts';
import type { Role } from './phase.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

const attackable = [
  { cipher: ['chacha20-poly1305@openssh.com'], mac: ['hmac-sha2-256'] },
  { cipher: ['aes128-cbc'], mac: ['hmac-sha2-256-etm@openssh.com'] },
];
const injected = {
  IGNORE: Buffer.from([2, 0, 0, 0, 0]),
  UNIMPLEMENTED: Buffer.from([3, 0, 0, 0, 0]),
  DEBUG: Buffer.from([4, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
};

/** Splits a stream of plain packets, up to and including NEWKEYS; what follows is sealed and stays in one piece. */
class Splitter {
  #bytes = Buffer.alloc(0);
  #identified = false;
  #sealed = false;

  /** @returns whole plain packets (the identification counts as one), then what is sealed. */
  take(bytes: Buffer): { plain: { packet: Buffer; number: number | undefined }[]; sealed: Buffer } {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const plain: { packet: Buffer; number: number | undefined }[] = [];
    const cut = (length: number) => {
      const packet = this.#bytes.subarray(0, length);
      this.#bytes = this.#bytes.subarray(length);
      return packet;
    };
    while (!this.#sealed && this.#bytes.length > 0) {
      if (!this.#identified) {
        plain.push({ packet: cut(this.#bytes.indexOf('\n') + 1), number: undefined });
        this.#identified = true;
        continue;
      }
      const number = this.#bytes[5] as number;
      plain.push({ packet: cut(4 + this.#bytes.readUInt32BE(0)), number });
      if (number === 21) this.#sealed = true;
    }
    const sealed = this.#sealed ? cut(this.#bytes.length) : Buffer.alloc(0);
    return { plain, sealed };
  }
}

function plainPacket(payload: Buffer): Buffer {
  const padding = 8 - ((5 + payload.length) % 8) + (8 - ((5 + payload.length) % 8) < 4 ? 8 : 0);
  const packet = Buffer.concat([Buffer.alloc(5), payload, Buffer.alloc(padding)]);
  packet.writeUInt32BE(packet.length - 4, 0);
  packet[4] = padding;
  return packet;
}

interface Attack {
  payload: Buffer;
  /** Put in before this message of the attacked stream: 20 KEXINIT, 21 NEWKEYS. */
  before: number;
  /** How much is cut off behind NEWKEYS. */
  cutBytes: number;
}

/** Injects one packet, and cuts the first sealed packet (EXT_INFO) off. */
function attack(sink: MemorySink, { payload, before, cutBytes }: Attack): { cut: number } {
  const splitter = new Splitter();
  const state = { cut: 0 };
  sink.tamper = (bytes) => {
    const { plain, sealed } = splitter.take(bytes);
    const out: Buffer[] = [];
    for (const { packet, number } of plain) {
      if (number === before) out.push(plainPacket(payload));
      out.push(packet);
    }
    const cut = Math.min(sealed.length, cutBytes - state.cut);
    state.cut += cut;
    out.push(sealed.subarray(cut));
    return Buffer.concat(out);
  };
  return state;
}

/** The sealed size of the EXT_INFO that stands first after NEWKEYS. */
async function extInfoBytes(role: Role, options: Parameters<typeof createPair>[0]): Promise<number> {
  const pair = await createPair(options);
  const splitter = new Splitter();
  let sealedBytes = 0;
  const sink = role === 'client' ? pair.clientSink : pair.serverSink;
  sink.tamper = (bytes) => {
    // NEWKEYS and EXT_INFO leave in one write.
    const { sealed } = splitter.take(bytes);
    if (sealedBytes === 0) sealedBytes = sealed.length;
    return bytes;
  };
  await logIn(pair);
  return sealedBytes;
}

async function outcomeOf(pair: Pair): Promise<(string | undefined)[]> {
  const outcomes = Promise.allSettled([pair.client.handshake(), pair.server.handshake()]);
  for (let turn = 0; turn < 60; turn++) await settle(1);
  // Whoever waits for bytes that were cut off gives up at the deadline.
  pair.clock.advance(120_000);
  await outcomes;
  return [pair.client.ended?.code, pair.server.ended?.code];
}

for (const lists of attackable) {
  const options = (role: { requireStrictKex?: boolean } = {}) => {
    const algorithms = { kex: ['curve25519-sha256'], ...lists };
    return { client: { algorithms, ...role }, server: { algorithms, ...role } };
  };
  for (const victim of ['client', 'server'] as const) {
    for (const [name, payload] of Object.entries(injected)) {
      for (const before of [20, 31, 30, 21]) {
        // 30 goes to servers, 31 to clients.
        if (before === (victim === 'client' ? 30 : 31)) continue;
        test(`${lists.cipher}: ${name} put in before message ${before} on the way to the ${victim} ends the connection`, async () => {
          const pair = await createPair(options());
          const sink = victim === 'client' ? pair.serverSink : pair.clientSink;
          attack(sink, { payload, before, cutBytes: 1_000_000 });
          await outcomeOf(pair);
          const transport = victim === 'client' ? pair.client : pair.server;
          assert.equal(transport.ended?.code, 'protocol-error', transport.ended?.message);
          assert.match(
            transport.ended?.message ?? '',
            before === 20
              ? /under strict key exchange the first packet must be KEXINIT/
              : /\(message [234]\) may not come during the first key exchange/,
          );
        });
      }
    }

    test(`${lists.cipher}: the first sealed packet to the ${victim} cut off, without anything put in, is noticed`, async () => {
      const pair = await createPair(options());
      const sender = victim === 'client' ? 'server' : 'client';
      const cutBytes = await extInfoBytes(sender, options());
      assert.ok(cutBytes > 16);
      attack(sender === 'server' ? pair.serverSink : pair.clientSink, {
        payload: Buffer.from([2]),
        before: 0,
        cutBytes,
      });
      await outcomeOf(pair);
      const transport = victim === 'client' ? pair.client : pair.server;
      assert.notEqual(transport.ended, undefined);
    });
  }
}

test('the attack is real: without strict key exchange it takes EXT_INFO away unseen, with it the first step ends the connection', async () => {
  for (const strict of [false, true]) {
    const raw = await RawPeer.create({ tested: 'client', strict, cipher: 'chacha20-poly1305@openssh.com' });
    await raw.identify();
    raw.sendKexInit();
    await raw.readKexInit();
    // Not moving the scripted server's sequence number: it is the man in the middle who says this.
    raw.sendBytes(plainPacket(injected.IGNORE));
    if (strict) {
      await raw.disconnect();
      assert.match(raw.end.message, /IGNORE \(message 2\) may not come during the first key exchange/);
      continue;
    }
    await raw.agree();
    raw.sendNewKeys();
    await raw.readNewKeys();
    raw.seal([7, 0, 0, 0, 1, 0, 0, 0, 1, 97, 0, 0, 0, 0]);
    raw.send(serviceAccept.encode({ service: 'ssh-userauth' }));
    assert.equal(await raw.handshake, 'done');
    assert.equal(raw.transport.peerExtensions.size, 0);
  }
});

test('sequence numbers begin at 0 after every NEWKEYS under strict key exchange, and go on without it', async () => {
  for (const tested of ['client', 'server'] as const) {
    for (const strict of [true, false]) {
      const raw = await (await RawPeer.create({ tested, strict, cipher: 'chacha20-poly1305@openssh.com' })).reach(
        'connection',
      );
      assert.equal(raw.strict, strict);
      // chacha20-poly1305 takes the sequence number as nonce, so that each packet proves what it was.
      for (let round = 0; round < 3; round++) {
        const [sent, received] = [raw.writer.sequence, raw.reader.sequence];
        await raw.exchangeKeys();
        raw.send([94, round]);
        await settle(1);
        raw.transport.send(Buffer.from([94, round]));
        assert.deepEqual([...(await raw.next())], [94, round]);
        assert.deepEqual(raw.ends, []);
        if (strict) assert.deepEqual([raw.writer.sequence, raw.reader.sequence], [1, 1]);
        // KEXINIT, the method's message, NEWKEYS, data.
        else assert.deepEqual([raw.writer.sequence, raw.reader.sequence], [sent + 4, received + 4]);
      }
      assert.equal(raw.connection.payloads.length, 3);
    }
  }
});

test('with strict key exchange missing on one side the connection works as it always did', async () => {
  for (const tested of ['client', 'server'] as const) {
    const raw = await RawPeer.create({ tested, strict: false });
    await raw.identify();
    // All that may stand around KEXINIT there.
    raw.send(...Object.values(injected));
    raw.sendKexInit();
    await raw.readKexInit();
    raw.send(...Object.values(injected));
    await raw.agree();
    raw.send(...Object.values(injected));
    raw.sendNewKeys();
    await raw.readNewKeys();
    await settle(2);
    assert.equal(raw.transport.phase, 'service');
    assert.deepEqual(raw.ends, []);
  }
});

test('the other side of strict key exchange alone announces nothing', async () => {
  // A client that sends the server's name, and a server that sends the client's.
  for (const tested of ['client', 'server'] as const) {
    const raw = await RawPeer.create({ tested, strict: false });
    await raw.identify();
    raw.send([2, 0, 0, 0, 0]);
    raw.sendKexInit({ kex: ['curve25519-sha256', `kex-strict-${tested === 'client' ? 'c' : 's'}-v00@openssh.com`] });
    await raw.readKexInit();
    await raw.agree();
    raw.sendNewKeys();
    await raw.readNewKeys();
    assert.deepEqual(raw.ends, []);
  }
});

test('requireStrictKex refuses a peer without it, and takes one with it', async () => {
  for (const tested of ['client', 'server'] as const) {
    const role: Partial<ClientTransportOptions> & Partial<ServerTransportOptions> = { requireStrictKex: true };
    const options = { tested, [tested]: role };
    const refused = await (await RawPeer.create({ ...options, strict: false })).reach('first-kexinit');
    refused.sendKexInit();
    const told = await refused.disconnect();
    assert.equal(refused.end.code, 'no-common-algorithm');
    assert.match(refused.end.remedy ?? '', /CVE-2023-48795/);
    assert.equal(told?.reason, 3);
    const taken = await (await RawPeer.create(options)).reach('connection');
    assert.deepEqual(taken.ends, []);
  }
});

test('the announcements stand in the first KEXINIT only, and are never chosen as a method', async () => {
  for (const tested of ['client', 'server'] as const) {
    const raw = await RawPeer.create({ tested });
    await raw.identify();
    raw.sendKexInit();
    const first = await raw.readKexInit();
    const letter = tested === 'client' ? 'c' : 's';
    assert.deepEqual(first.kex, ['curve25519-sha256', `ext-info-${letter}`, `kex-strict-${letter}-v00@openssh.com`]);
    const again = await (await RawPeer.create({ tested })).reach('connection');
    again.sendKexInit();
    assert.deepEqual((await again.readKexInit()).kex, ['curve25519-sha256']);

    const pseudo = await (await RawPeer.create({ tested })).reach('first-kexinit');
    pseudo.sendKexInit({
      kex: ['ext-info-c', 'ext-info-s', 'kex-strict-c-v00@openssh.com', 'kex-strict-s-v00@openssh.com'],
    });
    await pseudo.disconnect();
    assert.equal(pseudo.end.code, 'no-common-algorithm');
  }
});

test('strict key exchange announced only in a rekey changes nothing', async () => {
  for (const tested of ['client', 'server'] as const) {
    const raw = await (await RawPeer.create({ tested, strict: false })).reach('connection');
    const letter = raw.role === 'client' ? 'c' : 's';
    const before = raw.writer.sequence;
    raw.sendKexInit({ kex: ['curve25519-sha256', `kex-strict-${letter}-v00@openssh.com`] });
    await raw.readKexInit();
    await raw.agree();
    raw.sendNewKeys();
    await raw.readNewKeys();
    raw.send([94, 1]);
    await settle(2);
    assert.equal(raw.connection.payloads.length, 1);
    assert.ok(raw.writer.sequence > before);
  }
});
