import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeystrokePacer } from './keystroke-pacer.ts';
import { FakeClock, linkedPair } from './linked-pair.test.kit.ts';
import { openSession } from './session-client.ts';
import { ServerSession } from './session-server.ts';

interface Sent {
  readonly atMs: number;
  readonly what: 'key' | 'chaff';
}

/** A pacer whose keys and fake keys are written down. */
function setUp(random = () => 0.5) {
  const clock = new FakeClock();
  const startMs = clock.now();
  const sent: Sent[] = [];
  let isReady = true;
  const note = (what: Sent['what']) => void sent.push({ atMs: clock.now() - startMs, what });
  const pacer = new KeystrokePacer(
    { clock, random, isReady: () => isReady, sendChaff: () => note('chaff'), release: () => note('key') === undefined },
    20,
  );
  return {
    clock,
    sent,
    pacer,
    setReady: (ready: boolean) => {
      isReady = ready;
    },
    press: (queuedBytes = 1) => {
      if (!pacer.hold(queuedBytes)) note('key');
    },
  };
}

test('the first key goes at once, the next ones at a fixed pace, one packet a tick', () => {
  const { clock, sent, press } = setUp();
  press();
  clock.advance(7);
  press();
  clock.advance(5);
  press();
  clock.advance(30);
  assert.deepEqual(sent, [
    { atMs: 0, what: 'key' },
    { atMs: 20, what: 'key' },
    { atMs: 40, what: 'chaff' },
  ]);
});

test('fake keys go on for a random time after the last one, then nothing is sent', () => {
  for (const [random, lastMs] of [
    [0, 1024],
    [0.999, 1024 + 2048],
  ] as const) {
    const { clock, sent, press } = setUp(() => random);
    press();
    clock.advance(10_000);
    const chaff = sent.filter(({ what }) => what === 'chaff');
    const last = chaff.at(-1)?.atMs ?? 0;
    assert.ok(last > lastMs - 45 && last < lastMs, `${last} of ${lastMs}`);
    assert.equal(clock.timerCount, 0);
    // The next burst begins as the first did.
    press();
    assert.equal(sent.at(-1)?.what, 'key');
  }
});

test('a tick sends a key or a fake one, never both (CVE-2024-39894)', () => {
  const { clock, sent, press } = setUp(() => Math.random());
  for (let round = 0; round < 400; round++) {
    press();
    clock.advance(1 + Math.random() * 90);
  }
  clock.advance(5000);
  const times = sent.map(({ atMs }) => atMs);
  assert.equal(new Set(times).size, times.length);
  for (let at = 1; at < times.length; at++) {
    const gap = (times[at] as number) - (times[at - 1] as number);
    assert.ok(gap >= 17.9 && gap <= 22.1, `${gap} ms`);
  }
});

test('a paste, a full link and a key exchange end the pacing, and nothing is kept back', () => {
  const paste = setUp();
  paste.press();
  paste.clock.advance(3);
  paste.press();
  paste.press(5000);
  assert.deepEqual(paste.sent, [
    { atMs: 0, what: 'key' },
    { atMs: 3, what: 'key' },
  ]);
  assert.equal(paste.clock.timerCount, 0);

  const rekey = setUp();
  rekey.press();
  rekey.press();
  rekey.setReady(false);
  rekey.clock.advance(100);
  assert.deepEqual(
    rekey.sent.map(({ what }) => what),
    ['key', 'key'],
  );
  assert.equal(rekey.clock.timerCount, 0);
});

test('in a session keys wait for their tick, and fake ones have the size of one key', async () => {
  const received: string[] = [];
  const pair = linkedPair({
    server: {
      channelHandlers: new Map([
        [
          'session',
          (open) => {
            const session = new ServerSession(open.accept(), { onStart: () => true, onPty: () => true });
            session.stream.on('data', (chunk) => received.push(String(chunk)));
          },
        ],
      ]),
    },
  });
  pair.clientLink.pings = true;
  const opening = openSession(pair.client);
  pair.deliver();
  const session = await opening;
  session.pty({ term: 'xterm', columns: 80, rows: 24 }).catch(() => {});
  session.obscureKeystrokes();
  await pair.settle();
  for (const key of 'abc') session.stdin.write(key);
  await pair.settle();
  assert.deepEqual(received, ['a']);
  pair.clock.advance(25);
  await pair.settle();
  assert.deepEqual(received, ['a', 'bc']);
  pair.clock.advance(300);
  assert.ok(pair.clientLink.pingBytes.length >= 12, `${pair.clientLink.pingBytes.length}`);
  // A PING is a byte and a string; a key's CHANNEL_DATA a byte, the channel's number and a string.
  assert.ok(pair.clientLink.pingBytes.every((length) => 1 + 4 + length === 1 + 4 + 4 + 1));
  session.stdin.write('d');
  session.stdin.end();
  await pair.settle();
  assert.deepEqual(received, ['a', 'bc', 'd']);
  pair.clock.advance(10_000);
  assert.equal(pair.clock.timerCount, 0);
});
