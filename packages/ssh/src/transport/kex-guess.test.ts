/** first_kex_packet_follows (RFC 4253 §7): a guessed packet counts where the guess was right, and is dropped where it was wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { curve25519Sha256 } from '../crypto/agreement/curve25519.ts';
import { kexEcdhInit, kexEcdhReply } from './messages.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

/** What a wrong guess may hold: it is never looked at. */
const wrongGuesses: [string, Buffer][] = [
  ['a value of another method', kexEcdhInit.encode({ value: Buffer.alloc(1190, 4) })],
  ['a value of no length', kexEcdhInit.encode({ value: Buffer.alloc(0) })],
  ['lengths that lie', Buffer.from([30, 255, 255, 255, 255])],
  ['another number of the method', Buffer.from([49, 1, 2, 3])],
  ['a group exchange request', Buffer.from([34, 0, 0, 8, 0, 0, 0, 12, 0, 0, 0, 32, 0])],
  ['nothing but its number', Buffer.from([31])],
];

for (const tested of ['client', 'server'] as const) {
  for (const [what, guess] of wrongGuesses) {
    test(`a wrong guess sent to a ${tested} is dropped: ${what}`, async () => {
      const raw = await RawPeer.create({ tested });
      await raw.identify();
      // Preferred first is another method than the transport's first.
      raw.sendKexInit({ kex: ['guessed@example.com', ...announced(raw)], firstKexPacketFollows: true });
      raw.send(guess);
      await raw.readKexInit();
      await raw.agree();
      raw.sendNewKeys();
      await raw.readNewKeys();
      await settle(2);
      assert.equal(raw.transport.phase, 'service');
      assert.deepEqual(raw.ends, []);
    });
  }

  test(`a guess at a ${tested} that is wrong about the host key alone is dropped as well`, async () => {
    const raw = await RawPeer.create({ tested });
    await raw.identify();
    raw.sendKexInit({ hostKey: ['guessed@example.com', 'ssh-ed25519'], firstKexPacketFollows: true });
    raw.send([30, 1, 2, 3]);
    await raw.readKexInit();
    await raw.agree();
    raw.sendNewKeys();
    await raw.readNewKeys();
    assert.deepEqual(raw.ends, []);
  });

  test(`only one packet is dropped of a ${tested}'s wrongly guessing peer`, async () => {
    const raw = await RawPeer.create({ tested });
    await raw.identify();
    raw.sendKexInit({ kex: ['guessed@example.com', ...announced(raw)], firstKexPacketFollows: true });
    raw.send([30, 1, 2, 3], [tested === 'client' ? 31 : 30, 1, 2, 3]);
    await raw.disconnect();
    assert.equal(raw.end.code, 'bad-message');
  });

  test(`what may not come in a key exchange is no guess either (${tested})`, async () => {
    for (const number of [2, 5, 20, 50, 80, 90, 192]) {
      const raw = await RawPeer.create({ tested });
      await raw.identify();
      raw.sendKexInit({ kex: ['guessed@example.com', ...announced(raw)], firstKexPacketFollows: true });
      raw.send([number]);
      await raw.disconnect();
      assert.equal(raw.end.code, 'protocol-error');
      assert.match(raw.end.message, /may not come during the first key exchange/);
    }
  });

  test(`wrong and right guesses in a rekey of a ${tested}`, async () => {
    for (const wrong of [true, false]) {
      const algorithms = { kex: ['curve25519-sha256'], hostKey: ['ssh-ed25519'], cipher: ['aes128-gcm@openssh.com'] };
      const raw = await (await RawPeer.create({ tested, client: { algorithms } })).reach('connection');
      raw.sendKexInit({
        ...(wrong && { kex: ['guessed@example.com', 'curve25519-sha256'] }),
        firstKexPacketFollows: true,
      });
      if (wrong) raw.send([30, 9, 9, 9]);
      await raw.readKexInit();
      await raw.agree();
      raw.sendNewKeys();
      await raw.readNewKeys();
      raw.send([94, 1]);
      await settle(2);
      assert.equal(raw.connection.payloads.length, 1);
      assert.deepEqual(raw.ends, []);
    }
  });
}

test('a right guess of a client is used: no second value is awaited', async () => {
  const raw = await RawPeer.create({ tested: 'server' });
  raw.start();
  // KEXINIT and value go out before the server has said anything.
  const initiator = await curve25519Sha256.start();
  raw.sendBytes(Buffer.from('SSH-2.0-scripted\r\n'));
  raw.sendKexInit({ firstKexPacketFollows: true });
  raw.send(kexEcdhInit.encode({ value: initiator.value }));
  await raw.readIdentification();
  await raw.readKexInit();
  const reply = kexEcdhReply.decode(await raw.next());
  assert.equal((await initiator.finish(reply.value)).length > 0, true);
  assert.deepEqual([...(await raw.next())], [21]);
  assert.deepEqual(raw.ends, []);
});

test('an announced guess that never comes is not made up for by the next message', async () => {
  const raw = await RawPeer.create({ tested: 'server' });
  await raw.identify();
  raw.sendKexInit({ kex: ['guessed@example.com', ...announced(raw)], firstKexPacketFollows: true });
  await raw.readKexInit();
  // The client's real value is taken for the wrong guess and dropped, so the exchange waits until the deadline.
  const initiator = await curve25519Sha256.start();
  raw.send(kexEcdhInit.encode({ value: initiator.value }));
  assert.deepEqual(await raw.drain(), []);
  raw.clock.advance(120_000);
  assert.equal(raw.end.code, 'timeout');
});

function announced(raw: RawPeer): string[] {
  const letter = raw.role === 'client' ? 'c' : 's';
  return ['curve25519-sha256', `ext-info-${letter}`, `kex-strict-${letter}-v00@openssh.com`];
}
