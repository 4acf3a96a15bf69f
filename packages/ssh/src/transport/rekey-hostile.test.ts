import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  maxBytesAwaitingRekeyReply,
  maxBytesHeldInRekey,
  maxQueuedReplyBytes,
  rekeyAfterPackets,
  socketHighWaterBytes,
} from '../limits.ts';
import { Collector, createPair } from './memory-pair.test.ts';
import { kexInit, ping, pong, serviceAccept } from './messages.ts';
import { RawPeer, settle } from './raw-peer.test.ts';
import { RekeyPolicy } from './rekey.ts';

const roles = ['client', 'server'] as const;

test('a peer that goes on with data and never answers our KEXINIT is left at the limit', async () => {
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested })).reach('connection');
    const rekeyed = raw.transport.rekey().catch((error: unknown) => error);
    let received = 0;
    raw.transport.attach({ receive: () => received++, onLinkReady: () => {}, end: () => {} });
    const payload = Buffer.alloc(128 * 1024, 94);
    let sent = 0;
    while (raw.ends.length === 0 && sent < 2 * maxBytesAwaitingRekeyReply) {
      const bytes = raw.seal(payload);
      sent += bytes.length;
      raw.transport.receive(bytes);
    }
    assert.equal(raw.end.code, 'limit-exceeded');
    assert.match(raw.end.message, /no answer to a KEXINIT/);
    assert.ok(sent > maxBytesAwaitingRekeyReply && sent < maxBytesAwaitingRekeyReply + 1024 * 1024);
    assert.ok(received > 400, 'data in flight is still taken before the limit');
    assert.equal(await rekeyed, raw.end);
  }
});

test('what was counted for one rekey does not count for the next', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  const payload = Buffer.alloc(250 * 1024, 94);
  const third = Math.floor(maxBytesAwaitingRekeyReply / 3 / payload.length);
  for (let round = 0; round < 4; round++) {
    const rekeyed = raw.transport.rekey();
    await raw.readKexInit();
    for (let count = 0; count < third; count++) raw.transport.receive(raw.seal(payload));
    raw.sendKexInit();
    await raw.agree();
    raw.sendNewKeys();
    await raw.readNewKeys();
    await rekeyed;
  }
  assert.deepEqual(raw.ends, []);
});

test('a peer that sends anything of the connection after its own KEXINIT is refused (OpenSSH 10.4)', async () => {
  for (const tested of roles) {
    for (const number of [80, 90, 94, 98, 192, 193, 50, 5, 7, 20]) {
      const raw = await (await RawPeer.create({ tested })).reach('rekey');
      raw.send([number, 0, 0, 0, 0]);
      await raw.disconnect();
      assert.match(raw.end.message, new RegExp(`\\(message ${number}\\) may not come during a key exchange`));
      assert.deepEqual(raw.connection.payloads, []);
    }
    for (const payload of [
      [2, 0, 0, 0, 0],
      [3, 0, 0, 0, 0],
      [4, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]) {
      const raw = await (await RawPeer.create({ tested })).reach('rekey');
      for (let count = 0; count < 100; count++) raw.send(payload);
      await raw.agree();
      raw.sendNewKeys();
      await raw.readNewKeys();
      await settle(2);
      assert.deepEqual(raw.ends, []);
      assert.equal(raw.transport.phase, 'connection');
    }
  }
});

test('what we send in a rekey waits, in order, and goes out under the new keys', async () => {
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested })).reach('connection');
    let ready = 0;
    raw.transport.attach({ receive: () => {}, onLinkReady: () => void ready++, end: () => {} });
    assert.equal(raw.transport.ready, true);
    const rekeyed = raw.transport.rekey();
    assert.equal(raw.transport.ready, false);
    const head = Buffer.from([94, 0]);
    for (let count = 0; count < 10; count++) {
      head[1] = count;
      // Neither piece is kept after the call.
      raw.transport.send(head, Buffer.from([count]));
      head.fill(0xff);
      head[0] = 94;
    }
    raw.testedInit = Buffer.from(await raw.next());
    assert.equal(raw.testedInit[0], 20);
    assert.deepEqual(await raw.drain(), [], 'nothing but KEXINIT');
    assert.equal(ready, 0);
    raw.sendKexInit();
    await raw.agree();
    raw.sendNewKeys();
    await raw.readNewKeys();
    await rekeyed;
    const payloads = await raw.drain();
    assert.deepEqual(
      payloads.map((payload) => [...payload]),
      Array.from({ length: 10 }, (_, count) => [94, count, count]),
    );
    assert.equal(raw.transport.ready, true);
    assert.equal(ready, 1);
  }
});

test('no more than the limit is held in a rekey (Go CVE-2025-22869)', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  void raw.transport.rekey().catch(() => {});
  const piece = Buffer.alloc(64 * 1024, 94);
  let held = 0;
  while (raw.ends.length === 0 && held < 4 * maxBytesHeldInRekey) {
    raw.transport.send(piece);
    held += piece.length;
  }
  assert.equal(raw.end.code, 'limit-exceeded');
  assert.ok(held <= maxBytesHeldInRekey + piece.length);
  // Afterwards sending does nothing.
  raw.transport.send(piece);
  assert.equal(raw.ends.length, 1);
});

test('a peer that has us hold answers in a rekey is left at the limit', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  void raw.transport.rekey().catch(() => {});
  // It has not sent its KEXINIT, so it may ask; answers wait.
  const question = ping.encode({ data: Buffer.alloc(32 * 1024, 1) });
  let asked = 0;
  while (raw.ends.length === 0 && asked < 4 * maxBytesHeldInRekey) {
    raw.send(question);
    asked += question.length;
  }
  assert.equal(raw.end.code, 'limit-exceeded');
  assert.ok(asked <= maxBytesHeldInRekey + 2 * question.length);
});

test('both sides begin a rekey at once', async () => {
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested })).reach('connection');
    const rekeyed = raw.transport.rekey();
    // Crossing on the wire: ours is there before the transport's was read.
    raw.sendKexInit();
    raw.testedInit = Buffer.from(await raw.next());
    assert.equal(kexInit.decode(raw.testedInit).kex[0], 'curve25519-sha256');
    await raw.agree();
    raw.sendNewKeys();
    await raw.readNewKeys();
    await rekeyed;
    raw.send([94, 7]);
    await settle(1);
    assert.equal(raw.connection.payloads.length, 1);
    assert.deepEqual(await raw.drain(), [], 'no second KEXINIT');
  }
});

test('a call for a rekey while one runs waits for its end', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('rekey');
  let isDone = false;
  const rekeyed = raw.transport.rekey().then(() => {
    isDone = true;
  });
  await settle(4);
  assert.equal(isDone, false);
  await raw.agree();
  raw.sendNewKeys();
  await raw.readNewKeys();
  await rekeyed;
  assert.equal(raw.transport.phase, 'connection');
});

test('rekeys one after the other, begun by the peer without a pause', async () => {
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested })).reach('connection');
    const sessionId = Buffer.from(raw.transport.sessionId);
    for (let round = 0; round < 20; round++) {
      await raw.exchangeKeys();
      raw.send([94, round]);
    }
    await settle(2);
    assert.equal(raw.connection.payloads.length, 20);
    assert.deepEqual(raw.transport.sessionId, sessionId, 'the session id is that of the first exchange');
    assert.deepEqual(raw.ends, []);
  }
});

test('a rekey into no encryption is refused', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  raw.sendKexInit({ cipherClientToServer: ['none'], cipherServerToClient: ['none'] });
  await raw.disconnect();
  assert.equal(raw.end.code, 'no-common-algorithm');
});

test('sequence numbers wrap at 2^32', async () => {
  for (const cipher of ['chacha20-poly1305@openssh.com', 'aes128-ctr']) {
    // A state that stands just before the wrap, as a connection of many rekeys without strict key exchange has it.
    const fresh = await RawPeer.create({ tested: 'server', cipher, mac: 'hmac-sha2-256', strict: false });
    await fresh.reach('auth');
    fresh.transport.send(Buffer.from([52]));
    await fresh.next();
    const state = fresh.transport.exportState();
    const near = 2 ** 32 - 2;
    const { Transport } = await import('./transport.ts');
    const restored = Transport.restore(
      {
        role: 'server',
        sink: fresh.sink,
        clock: fresh.clock,
        version: 'test',
        hostKeys: [{ signer: fresh.hostKey }],
        signatureAlgorithms: [],
        algorithms: { kex: ['curve25519-sha256'], cipher: [cipher], mac: ['hmac-sha2-256'] },
      },
      {
        ...state,
        sending: { ...state.sending, sequence: near },
        receiving: { ...state.receiving, sequence: near },
      },
    );
    fresh.writer.sequence = near;
    fresh.reader.sequence = near;
    const collector = new Collector();
    restored.attach(collector);
    for (let count = 0; count < 5; count++) {
      restored.receive(fresh.seal([94, count]));
      restored.send(Buffer.from([94, count]));
    }
    await settle(2);
    assert.equal(collector.payloads.length, 5);
    assert.equal((await fresh.drain()).length, 5);
    assert.equal(fresh.writer.sequence, 3);
    restored.receive(fresh.seal([199]));
    const [answer] = await fresh.drain();
    assert.deepEqual([...(answer ?? [])], [3, 0, 0, 0, 3]);
  }
});

test('no configuration lets 2^32 packets go under one key', () => {
  for (const packets of [2 ** 32, Number.POSITIVE_INFINITY, 2 ** 40, undefined]) {
    const policy = new RekeyPolicy({ ...(packets !== undefined && { packets }) });
    policy.setCiphers('chacha20-poly1305@openssh.com');
    assert.equal(policy.isDue({ bytesSinceKeys: 0, packetsSinceKeys: rekeyAfterPackets - 1 }), false);
    assert.equal(policy.isDue({ bytesSinceKeys: 0, packetsSinceKeys: rekeyAfterPackets }), true);
  }
  const small = new RekeyPolicy();
  small.setCiphers('aes128-ctr', '3des-cbc');
  assert.equal(small.isDue({ bytesSinceKeys: 2 ** 30, packetsSinceKeys: 0 }), true, '8-byte blocks: a gigabyte');
  const large = new RekeyPolicy();
  large.setCiphers('aes128-ctr', 'aes256-gcm@openssh.com');
  assert.equal(large.isDue({ bytesSinceKeys: 2 ** 30, packetsSinceKeys: 0 }), false);
  assert.equal(large.isDue({ bytesSinceKeys: 2 ** 36, packetsSinceKeys: 0 }), true);
});

test('limits that come later hold with the ciphers that are known, and never beyond what is safe', () => {
  const policy = new RekeyPolicy({ bytes: 10, ms: 5 });
  policy.setCiphers('3des-cbc', '3des-cbc');
  policy.setLimits({});
  assert.equal(policy.isDue({ bytesSinceKeys: 2 ** 30 - 1, packetsSinceKeys: 0 }), false);
  assert.equal(policy.isDue({ bytesSinceKeys: 2 ** 30, packetsSinceKeys: 0 }), true);
  policy.setLimits({ bytes: 20, packets: 2 ** 40, ms: 7 });
  assert.equal(policy.isDue({ bytesSinceKeys: 20, packetsSinceKeys: 0 }), true);
  assert.equal(policy.isDue({ bytesSinceKeys: 19, packetsSinceKeys: rekeyAfterPackets }), true);
  assert.equal(policy.ms, 7);
});

test('a flood of questions from a peer that reads nothing ends the connection', async () => {
  const questions: [string, Buffer][] = [
    ['PING', ping.encode({ data: Buffer.alloc(16 * 1024, 1) })],
    ['unknown messages', Buffer.from([199])],
  ];
  for (const tested of roles) {
    for (const [what, question] of questions) {
      const raw = await (await RawPeer.create({ tested })).reach('connection');
      const write = raw.sink.write.bind(raw.sink);
      raw.sink.write = (chunks) => {
        write(chunks);
        for (const chunk of chunks) raw.sink.queued += chunk.length;
      };
      // Most of the room is taken already, so that small answers need not be many.
      raw.sink.queued = maxQueuedReplyBytes - 100_000;
      let asked = 0;
      while (raw.ends.length === 0 && asked < 10_000) {
        raw.send(question);
        asked++;
      }
      assert.ok(asked > 4);
      assert.equal(raw.end.code, 'limit-exceeded', what);
      assert.match(raw.end.message, /answers unread/);
      assert.ok(raw.sink.queued <= maxQueuedReplyBytes + 64 * 1024, `${what}: ${raw.sink.queued}`);
    }
    // One that reads may ask for ever.
    const reader = await (await RawPeer.create({ tested })).reach('connection');
    for (let count = 0; count < 200; count++) {
      reader.send(ping.encode({ data: Buffer.alloc(16 * 1024, count) }));
      assert.equal(pong.decode(await reader.next()).data[0], count & 255);
    }
    assert.deepEqual(reader.ends, []);
  }
});

test('PONG without PING, and one PONG too many', async () => {
  for (const tested of roles) {
    const early = await (await RawPeer.create({ tested })).reach('connection');
    early.send(pong.encode({ data: Buffer.alloc(0) }));
    await early.disconnect();
    assert.match(early.end.message, /a PONG answers no PING of ours/);
  }
  const raw = await RawPeer.create({ tested: 'client' });
  await raw.identify();
  await raw.exchangeKeys();
  raw.send(Buffer.concat([Buffer.from([7, 0, 0, 0, 1]), string('ping@openssh.com'), string('0')]));
  raw.send(serviceAccept.encode({ service: 'ssh-userauth' }));
  await raw.handshake;
  const success = raw.transport.next();
  raw.send([52]);
  await success;
  raw.transport.attach(raw.connection);
  let answered = 0;
  const count = () => void answered++;
  for (let sent = 0; sent < 3; sent++) assert.equal(raw.transport.ping(count), true);
  for (let sent = 0; sent < 3; sent++) raw.send(pong.encode({ data: Buffer.alloc(0) }));
  assert.equal(answered, 3);
  assert.deepEqual(raw.ends, []);
  raw.send(pong.encode({ data: Buffer.alloc(0) }));
  assert.equal(raw.end.code, 'protocol-error');
});

test('before login a ping is neither sent nor answered', async () => {
  const pair = await createPair();
  await Promise.all([pair.client.handshake(), pair.server.handshake()]);
  assert.equal(pair.client.peerExtensions.has('ping@openssh.com'), true);
  assert.equal(
    pair.client.ping(() => {}),
    false,
  );
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested })).reach('auth');
    raw.send(ping.encode({ data: Buffer.alloc(0) }));
    await raw.disconnect();
    assert.match(raw.end.message, /PING or PONG \(message 192\) may not come before login/);
  }
});

test('a ping that a rekey delays is answered after it', async () => {
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested })).reach('connection');
    const rekeyed = raw.transport.rekey();
    await raw.readKexInit();
    raw.send(ping.encode({ data: Buffer.from('held') }));
    assert.deepEqual(await raw.drain(), []);
    raw.sendKexInit();
    await raw.agree();
    raw.sendNewKeys();
    await raw.readNewKeys();
    await rekeyed;
    assert.equal(pong.decode(await raw.next()).data.toString(), 'held');
  }
});

test('`ready` follows the sink, and whoever was told "not ready" is told again once', async () => {
  const raw = await (await RawPeer.create({ tested: 'client' })).reach('connection');
  let told = 0;
  raw.transport.attach({ receive: () => {}, onLinkReady: () => void told++, end: () => {} });
  raw.sink.queued = socketHighWaterBytes;
  assert.equal(raw.transport.ready, false);
  raw.transport.onDrain();
  assert.equal(told, 0);
  raw.sink.queued = socketHighWaterBytes - 1;
  raw.transport.onDrain();
  raw.transport.onDrain();
  assert.equal(told, 1);
  assert.equal(raw.transport.ready, true);
});

function string(text: string): Buffer {
  const bytes = Buffer.alloc(4 + text.length);
  bytes.writeUInt32BE(text.length, 0);
  bytes.write(text, 4, 'latin1');
  return bytes;
}
