import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Channel } from './channel.ts';
import { ChannelStream } from './channel-stream.ts';
import type { ChannelTimeout } from './channel-timeouts.ts';
import type { ConnectionOptions } from './connection-options.ts';
import { linkedPair, type Pair } from './linked-pair.test.kit.ts';
import { ClientSession } from './session-client.ts';

const nothing = Buffer.alloc(0);

/** A pair whose client closes idle channels; the server accepts every type. */
function pairWith(channelTimeouts: ChannelTimeout[], server: Partial<ConnectionOptions> = {}): Pair {
  const types = ['session', 'direct-tcpip', 'direct-streamlocal@openssh.com', 'x11', 'auth-agent@openssh.com'];
  const handlers = new Map(
    types.map((type) => [type, (open: { accept(): Channel }) => void new ChannelStream(open.accept())] as const),
  );
  return linkedPair({ client: { channelTimeouts }, server: { channelHandlers: handlers, ...server } });
}

async function open(pair: Pair, type: string): Promise<{ channel: Channel; stream: ChannelStream }> {
  const opening = pair.client.openChannel(type, nothing);
  pair.deliver();
  const channel = await opening;
  return { channel, stream: new ChannelStream(channel) };
}

/** Why the server's side ended, if it has. */
function endOf(pair: Pair): string | undefined {
  return pair.server.ended?.code;
}

test('a channel that carries nothing is closed after its time, and not before', async () => {
  const pair = pairWith([{ type: 'direct-tcpip', seconds: 30 }]);
  const { channel } = await open(pair, 'direct-tcpip');
  pair.clock.advance(29_999);
  assert.equal(channel.state, 'open');
  pair.clock.advance(1);
  assert.equal(channel.state, 'closing');
  await pair.settle();
  assert.equal(channel.state, 'closed');
  assert.equal(pair.clock.timerCount, 0);
});

test('data in either direction counts from its last byte', async () => {
  const pair = pairWith([{ type: 'direct-tcpip', seconds: 10 }], {
    channelHandlers: new Map([
      [
        'direct-tcpip',
        (opened) => {
          const stream = new ChannelStream(opened.accept());
          stream.on('data', (chunk) => stream.write(chunk));
        },
      ],
    ]),
  });
  const { channel, stream } = await open(pair, 'direct-tcpip');
  stream.resume();
  pair.clock.advance(8000);
  stream.write('x');
  await pair.settle();
  pair.clock.advance(8000);
  assert.equal(channel.state, 'open');
  pair.clock.advance(1999);
  assert.equal(channel.state, 'open');
  pair.clock.advance(1);
  assert.equal(channel.state, 'closing');
});

test('the first rule that fits counts, by the names of OpenSSH, with wildcards', async () => {
  const pair = pairWith([
    { type: 'x11-connection', seconds: 5 },
    { type: 'agent-*', seconds: 0 },
    { type: 'direct-*', seconds: 20 },
    { type: '*', seconds: 60 },
  ]);
  const types = ['x11', 'auth-agent@openssh.com', 'direct-streamlocal@openssh.com', 'session'];
  const channels: Channel[] = [];
  for (const type of types) channels.push((await open(pair, type)).channel);
  const live = () => channels.filter(({ state }) => state === 'open').map(({ type }) => type);
  pair.clock.advance(5000);
  assert.deepEqual(live(), types.slice(1));
  pair.clock.advance(15_000);
  assert.deepEqual(live(), ['auth-agent@openssh.com', 'session']);
  pair.clock.advance(40_000);
  assert.deepEqual(live(), ['auth-agent@openssh.com']);
  pair.clock.advance(10 ** 9);
  assert.deepEqual(live(), ['auth-agent@openssh.com']);
});

test('a session goes by its plain name and by what it runs', async () => {
  const rules = [
    { type: 'session:subsystem:sftp', seconds: 5 },
    { type: 'session:command', seconds: 10 },
    { type: 'session', seconds: 30 },
  ];
  const pair = pairWith(rules);
  const sessions: Channel[] = [];
  for (const start of ['subsystem', 'exec', 'shell'] as const) {
    const { channel } = await open(pair, 'session');
    const session = new ClientSession(channel);
    const started = start === 'shell' ? session.shell() : session[start]('sftp');
    started.catch(() => {});
    sessions.push(channel);
  }
  const states = () => sessions.map(({ state }) => state === 'open');
  pair.clock.advance(5000);
  assert.deepEqual(states(), [false, true, true]);
  pair.clock.advance(5000);
  assert.deepEqual(states(), [false, false, true]);
  pair.clock.advance(20_000);
  assert.deepEqual(states(), [false, false, false]);
});

test('global closes all together, once none of them was used, and no wildcard means it', async () => {
  const pair = pairWith([{ type: 'global', seconds: 10 }]);
  const one = await open(pair, 'direct-tcpip');
  const two = await open(pair, 'session');
  pair.clock.advance(9000);
  one.stream.write('x');
  await pair.settle();
  pair.clock.advance(9000);
  assert.deepEqual([one.channel.state, two.channel.state], ['open', 'open']);
  pair.clock.advance(1000);
  assert.deepEqual([one.channel.state, two.channel.state], ['closing', 'closing']);

  const other = pairWith([{ type: 'glob*', seconds: 1 }]);
  const { channel } = await open(other, 'session');
  other.clock.advance(10 ** 6);
  assert.equal(channel.state, 'open');
});

test('without rules there is no timer, and nothing is noted', async () => {
  const pair = pairWith([]);
  const { channel } = await open(pair, 'session');
  assert.equal(channel.onActivity, undefined);
  assert.equal(pair.clock.timerCount, 0);
});

test('a connection without channels is ended after its time; one with a channel is not', async () => {
  const pair = pairWith([], { unusedTimeoutMs: 5000 });
  pair.clock.advance(4000);
  const { channel } = await open(pair, 'session');
  pair.clock.advance(100_000);
  assert.equal(endOf(pair), undefined);
  channel.close();
  await pair.settle();
  pair.clock.advance(4999);
  assert.equal(endOf(pair), undefined);
  pair.clock.advance(1);
  assert.equal(endOf(pair), 'timeout');
  const silent = pairWith([], { unusedTimeoutMs: 5000 });
  silent.clock.advance(5000);
  assert.equal(endOf(silent), 'timeout');
  assert.equal(silent.clock.timerCount, 0);
});

test('a channel that nobody decides about counts as one, and a refused one no more', async () => {
  let refuse: () => void = () => {};
  const pair = pairWith([], {
    unusedTimeoutMs: 5000,
    channelHandlers: new Map([
      [
        'session',
        (opened) =>
          new Promise<void>((resolve) => {
            refuse = () => {
              opened.refuse();
              resolve();
            };
          }),
      ],
    ]),
  });
  pair.client.openChannel('session', nothing).catch(() => {});
  await pair.settle();
  pair.clock.advance(60_000);
  assert.equal(endOf(pair), undefined);
  refuse();
  await pair.settle();
  pair.clock.advance(5000);
  assert.equal(endOf(pair), 'timeout');
});
