import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { Collector, createPair, logIn } from './memory-pair.test.ts';
import type { Phase } from './phase.ts';
import { RawPeer, settle } from './raw-peer.test.ts';
import { Transport } from './transport.ts';

const roles = ['client', 'server'] as const;
const phases: Phase[] = ['first-kexinit', 'first-kex', 'service', 'auth', 'connection', 'rekey'];

const ways: Record<string, (raw: RawPeer) => string> = {
  'the peer closes': (raw) => {
    raw.transport.receiveEnd();
    return 'connection-lost';
  },
  'the socket fails': (raw) => {
    raw.transport.receiveEnd(new Error('ECONNRESET'));
    return 'connection-lost';
  },
  'we end it': (raw) => {
    raw.transport.fail(new SshError('enough', { code: 'closed', stage: 'transport' }));
    return 'closed';
  },
  'the peer disconnects': (raw) => {
    raw.send([1, 0, 0, 0, 11, 0, 0, 0, 0, 0, 0, 0, 0]);
    return 'disconnected';
  },
};

for (const [way, end] of Object.entries(ways)) {
  test(`${way}: in every phase all that waits settles, once, and nothing is sent or set afterwards`, async () => {
    for (const tested of roles) {
      for (const phase of phases) {
        const raw = await (await RawPeer.create({ tested })).reach(phase);
        const waiting: Promise<unknown>[] = [raw.handshake];
        const caught = (promise: Promise<unknown>) => promise.catch((error: unknown) => error);
        if (phase === 'connection' || phase === 'rekey') waiting.push(caught(raw.transport.rekey()));
        const code = end(raw);
        await settle(4);
        assert.equal(raw.end.code, code, `${tested} ${phase}`);
        assert.equal(raw.transport.ended, raw.end);
        for (const outcome of await Promise.all(waiting)) assert.ok(outcome === raw.end || outcome === 'done');
        assert.equal(await caught(raw.transport.next()), raw.end);
        assert.equal(raw.clock.timerCount, 0, `${tested} ${phase}: timers`);
        assert.equal(raw.sink.isEnded, true);
        if (phase === 'connection' || phase === 'rekey') assert.equal(raw.connection.ended, raw.end);

        // Whatever is called now does nothing, or rejects with the same error.
        const bytes = raw.sink.bytes.length;
        raw.transport.send(Buffer.from([94, 1]));
        raw.transport.receive(Buffer.from('more'));
        raw.transport.receiveEnd();
        raw.transport.fail(new SshError('again', { code: 'closed', stage: 'transport' }));
        raw.transport.onDrain();
        assert.equal(
          raw.transport.ping(() => {}),
          false,
        );
        assert.equal(raw.transport.ready, false);
        const late = new Collector();
        raw.transport.attach(late);
        assert.equal(late.ended, raw.end);
        assert.throws(() => raw.transport.exportState(), { code: 'misuse' });
        assert.equal(await caught(raw.transport.handshake()), raw.end);
        await caught(raw.transport.rekey());
        raw.clock.advance(10_000_000);
        await settle(4);
        assert.equal(raw.sink.bytes.length, bytes);
        assert.equal(raw.sink.writesAfterEnd, 0, `${tested} ${phase}: writes after the end`);
        assert.equal(raw.ends.length, 1);
        assert.equal(raw.clock.timerCount, 0);
      }
    }
  });
}

test('an end before the beginning: the handshake rejects and says nothing', async () => {
  for (const tested of roles) {
    const raw = await RawPeer.create({ tested });
    raw.transport.receiveEnd();
    raw.start();
    assert.equal(await raw.handshake, raw.end);
    await settle(2);
    assert.deepEqual(raw.sink.bytes, []);
    assert.equal(raw.clock.timerCount, 0);
  }
});

test('our own reason reaches the peer as a number; our own words do not', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  raw.transport.fail(new SshError('disk full on /srv/secret', { code: 'closed', stage: 'transport', disconnect: 11 }));
  const told = await raw.disconnect();
  assert.equal(told?.reason, 11);
  assert.doesNotMatch(told?.description.toString() ?? '', /secret/);
});

test("a peer's DISCONNECT text is shown without control characters", async () => {
  const raw = await (await RawPeer.create({ tested: 'client' })).reach('auth');
  const text = Buffer.from('\u001b]0;x\u0007bye\u202e');
  raw.send(Buffer.concat([Buffer.from([1, 0, 0, 0, 2, 0, 0, 0, text.length]), text, Buffer.from([0, 0, 0, 0])]));
  assert.match(raw.end.message, /^Received disconnect: 2: /);
  assert.doesNotMatch(raw.end.message, /[\u0000-\u001f\u202e]/);
});

test('a handler that throws ends its own connection only', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  raw.transport.attach({
    receive: () => {
      throw new TypeError('a fault in the layer above');
    },
    onLinkReady: () => {},
    end: () => {},
  });
  raw.send([94, 1]);
  assert.equal(raw.ends.length, 1);
  assert.ok(raw.end instanceof SshError);
  assert.ok(raw.end.cause instanceof TypeError);
  assert.equal(raw.sink.isEnded, true);
});

test('the state is handed over in one situation only', async () => {
  for (const tested of roles) {
    for (const phase of phases) {
      const raw = await (await RawPeer.create({ tested })).reach(phase);
      assert.throws(() => raw.transport.exportState(), { code: 'misuse' }, `${tested} ${phase}`);
      // Refused, and so nothing has changed.
      if (phase === 'connection') {
        raw.send([94, 1]);
        assert.equal(raw.connection.payloads.length, 1);
      }
    }
  }
  const pair = await createPair();
  await logIn(pair);
  pair.server.rekey().catch(() => {});
  assert.throws(() => pair.server.exportState(), { code: 'misuse', message: /outside of a key exchange/ });
  const second = await createPair();
  await logIn(second);
  second.server.exportState();
  assert.throws(() => second.server.exportState(), { code: 'misuse', message: /once/ });
});

test('after the hand-over the first owner sends, reads and ends nothing', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('auth');
  raw.transport.send(Buffer.from([52]));
  await raw.next();
  raw.send([94, 1]);
  const state = raw.transport.exportState();
  assert.ok(state.buffered.length > 0, 'what waited goes along');
  assert.equal(raw.clock.timerCount, 0);
  const bytes = raw.sink.bytes.length;
  raw.transport.send(Buffer.from([94]));
  raw.transport.receive(Buffer.alloc(100, 1));
  raw.transport.receiveEnd();
  raw.transport.fail(new SshError('late', { code: 'closed', stage: 'transport' }));
  await assert.rejects(raw.transport.rekey(), { code: 'misuse' });
  assert.equal(
    raw.transport.ping(() => {}),
    false,
  );
  raw.clock.advance(10_000_000);
  await settle(3);
  assert.equal(raw.sink.bytes.length, bytes);
  assert.equal(raw.sink.isEnded, false);
  assert.deepEqual(raw.ends, []);
});

test('a rekey that is due at the hand-over is left to the new owner', async () => {
  const raw = await (await RawPeer.create({ tested: 'server', server: { rekey: { packets: 3 } } })).reach('auth');
  for (let count = 0; count < 5; count++) raw.send([2, 0, 0, 0, 0]);
  raw.transport.send(Buffer.from([52]));
  const state = raw.transport.exportState();
  assert.deepEqual([...(await raw.next())], [52]);
  assert.deepEqual(await raw.drain(), [], 'no KEXINIT under the state that was given away');
  const restored = Transport.restore(
    {
      role: 'server',
      sink: raw.sink,
      clock: raw.clock,
      version: 'test',
      hostKeys: [{ signer: raw.hostKey }],
      signatureAlgorithms: [],
      rekey: { packets: 3 },
    },
    structuredClone(state),
  );
  restored.attach(raw.connection);
  restored.receive(raw.seal([94, 1]));
  assert.equal((await raw.next())[0], 20);
  assert.equal(raw.connection.payloads.length, 1);
});

test('a compression context that has begun cannot be handed over, one that has not can', async () => {
  const raw = await (await RawPeer.create({ tested: 'server', compression: 'zlib@openssh.com' })).reach('auth');
  raw.transport.send(Buffer.from([52]));
  raw.transport.send(Buffer.from([94, 1]));
  assert.throws(() => raw.transport.exportState(), { code: 'misuse', message: /compression has begun/ });
  const early = await (await RawPeer.create({ tested: 'server', compression: 'zlib@openssh.com' })).reach('auth');
  early.transport.send(Buffer.from([52]));
  assert.equal(early.transport.exportState().negotiated.serverToClient.compression, 'zlib@openssh.com');
});

test('a thousand random streams into each role, in every phase: each ends by an SshError, none throws', async () => {
  const unhandled: unknown[] = [];
  const watch = (error: unknown) => void unhandled.push(error);
  process.on('unhandledRejection', watch);
  let state = 0x2545f491;
  const random = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => random(256)));
  try {
    for (const tested of roles) {
      for (let round = 0; round < 500; round++) {
        const phase = phases[random(phases.length)] as Phase;
        const raw = await RawPeer.create({ tested });
        if (round % 3 === 0) {
          // From the first byte on.
          raw.start();
          raw.sendBytes(round % 2 === 0 ? bytes(random(400)) : Buffer.concat([Buffer.from('SSH-2.0-x\n'), bytes(400)]));
        } else {
          await raw.reach(phase);
          if (round % 3 === 1) raw.sendBytes(bytes(1 + random(400)));
          else for (let count = 0; count < 5; count++) raw.send([random(256), ...bytes(random(60))]);
        }
        await settle(1);
        raw.transport.receiveEnd();
        assert.ok(raw.end instanceof SshError);
        assert.ok(['done', raw.end].includes((await raw.handshake) as string));
        assert.equal(raw.clock.timerCount, 0);
        assert.equal(raw.sink.writesAfterEnd, 0);
      }
    }
    // With nobody listening at all.
    for (let round = 0; round < 50; round++) {
      const { client, server } = await createPair();
      for (const transport of [client, server]) {
        transport.handshake().catch(() => {});
        transport.receive(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), bytes(300)]));
        transport.receiveEnd();
      }
    }
    await settle(4);
  } finally {
    process.off('unhandledRejection', watch);
  }
  assert.deepEqual(unhandled, []);
});
