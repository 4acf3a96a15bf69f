import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError, type SshErrorCode } from '../errors.ts';
import { WireWriter } from '../wire/index.ts';
import type { Channel } from './channel.ts';
import type { ChannelOpenHandler, IncomingOpen } from './incoming-open.ts';
import { linkedPair, type Pair, receive } from './linked-pair.test.kit.ts';
import * as messages from './messages.ts';
import type { Answer } from './request-queue.ts';

const nothing = Buffer.alloc(0);

function isError(code: SshErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof SshError && error.code === code;
}

/** A pair whose server accepts `echo` channels and remembers them. */
function echoPair(): Pair & { accepted: Channel[] } {
  const accepted: Channel[] = [];
  const accept = (open: IncomingOpen) => void accepted.push(open.accept());
  const pair = linkedPair({ server: { channelHandlers: new Map<string, ChannelOpenHandler>([['echo', accept]]) } });
  return { ...pair, accepted };
}

async function openEcho(pair: Pair): Promise<Channel> {
  const opening = pair.client.openChannel('echo', nothing);
  pair.deliver();
  return opening;
}

test('a channel opens and both ends know each other', async () => {
  const pair = echoPair();
  const channel = await openEcho(pair);
  assert.equal(channel.state, 'open');
  assert.equal(pair.accepted[0]?.state, 'open');
  assert.equal(pair.client.channelCount, 1);
  channel.close();
  pair.deliver();
  pair.deliver();
  assert.equal(channel.state, 'closed');
  assert.equal(await channel.closed, undefined);
  assert.equal(pair.client.channelCount + pair.server.channelCount, 0);
  assert.equal(pair.client.windowBytes + pair.server.windowBytes, 0);
});

test('opens are refused with the right reason where there is no policy', async () => {
  const pair = linkedPair();
  for (const [type, reason] of [
    ['session', 1],
    ['direct-tcpip', 1],
    ['tun@openssh.com', 1],
    ['constructor', 3],
    ['nonsense@example.com', 3],
  ] as const) {
    const opening = pair.client.openChannel(type, nothing);
    pair.deliver();
    await assert.rejects(opening, (error: unknown) => {
      assert.ok(error instanceof SshError && error.code === 'channel-open-refused' && error.side === 'peer');
      assert.equal((error.cause as { reason: number }).reason, reason, type);
      return true;
    });
  }
});

test('a handler that throws, decides nothing, or decides later', async () => {
  const faults: unknown[] = [];
  let late: IncomingOpen | undefined;
  const pair = linkedPair({
    server: {
      onHandlerError: (error) => faults.push(error),
      channelHandlers: new Map<string, ChannelOpenHandler>([
        [
          'throws',
          () => {
            throw new Error('bug');
          },
        ],
        [
          'rejects',
          async () => {
            throw new Error('bug');
          },
        ],
        ['undecided', () => {}],
        [
          'late',
          (open) =>
            new Promise<void>((resolve) => {
              late = open;
              setImmediate(() => {
                open.accept();
                resolve();
              });
            }),
        ],
      ]),
    },
  });
  for (const type of ['throws', 'rejects', 'undecided']) {
    const opening = pair.client.openChannel(type, nothing);
    const refused = assert.rejects(opening, isError('channel-open-refused'));
    await pair.settle();
    await refused;
  }
  assert.equal(faults.length, 2);
  const opening = pair.client.openChannel('late', nothing);
  await pair.settle();
  assert.equal((await opening).state, 'open');
  assert.throws(() => late?.accept(), isError('misuse'));
  late?.refuse();
  assert.deepEqual(pair.serverLink.outbox, []);
});

test('100,000 refused opens leave nothing behind', async () => {
  const pair = linkedPair();
  const open = messages.channelOpen.encode({
    type: 'nonsense',
    sender: 1,
    windowBytes: 1,
    maxPacketBytes: 32768,
    data: nothing,
  });
  for (let round = 0; round < 100_000; round++) {
    pair.server.receive(Buffer.from(open));
    if (pair.serverLink.outbox.length > 1000) pair.serverLink.outbox.length = 0;
  }
  assert.equal(pair.server.channelCount, 0);
  assert.equal(pair.server.windowBytes, 0);
  // And the other way round: refused opens of ours.
  pair.serverLink.outbox.length = 0;
  for (let round = 0; round < 1000; round++) {
    const opening = pair.client.openChannel('nonsense', nothing);
    pair.deliver();
    await assert.rejects(opening, isError('channel-open-refused'));
  }
  assert.equal(pair.client.channelCount, 0);
  assert.equal(pair.client.windowBytes, 0);
});

test('too many channels are refused, by either side', async () => {
  const pair = echoPair();
  const small = linkedPair({
    client: { limits: { maxChannels: 3 } },
    server: { limits: { maxChannels: 2 }, channelHandlers: new Map([['echo', (open) => void open.accept()]]) },
  });
  await openEcho(small);
  await openEcho(small);
  await assert.rejects(openEcho(small), /resource shortage/);
  await openEcho(pair);
  const few = linkedPair({ client: { limits: { maxChannels: 0 } } });
  await assert.rejects(few.client.openChannel('echo', nothing), isError('limit-exceeded'));
});

test('opens the application has not decided about count as channels', async () => {
  const pair = linkedPair({
    server: { limits: { maxChannels: 2 }, channelHandlers: new Map([['slow', () => new Promise<void>(() => {})]]) },
  });
  for (let round = 0; round < 2; round++) pair.client.openChannel('slow', nothing).catch(() => {});
  pair.deliver();
  assert.equal(pair.server.channelCount, 2);
  const third = pair.client.openChannel('slow', nothing);
  pair.deliver();
  await assert.rejects(third, /resource shortage/);
});

test('a peer with a tiny maximum packet is refused on open and on confirmation', async () => {
  const pair = echoPair();
  for (const maxPacketBytes of [0, 1, 255]) {
    const open = { type: 'echo', sender: 1, windowBytes: 100, maxPacketBytes, data: nothing };
    assert.throws(() => pair.server.receive(messages.channelOpen.encode(open)), isError('protocol-error'));
  }
  const opening = pair.client.openChannel('echo', nothing);
  const confirmation = { recipient: 0, sender: 0, windowBytes: 1, maxPacketBytes: 10, data: nothing };
  receive(pair.client, pair.clientLink, messages.channelOpenConfirmation.encode(confirmation));
  await assert.rejects(opening, isError('protocol-error'));
});

test('messages nobody may send: unknown channels, unasked replies, unknown numbers, empty ones', async () => {
  const recipient = 77;
  const unasked = [
    messages.requestSuccess.encode({ data: nothing }),
    messages.requestFailure.encode({}),
    messages.channelOpenConfirmation.encode({
      recipient,
      sender: 1,
      windowBytes: 1,
      maxPacketBytes: 32768,
      data: nothing,
    }),
    messages.channelOpenFailure.encode({ recipient, reason: 1, description: nothing, language: nothing }),
    messages.channelWindowAdjust.encode({ recipient, bytes: 1 }),
    messages.channelData.encode({ recipient, data: nothing }),
    messages.channelExtendedData.encode({ recipient, dataType: 1, data: nothing }),
    messages.channelEof.encode({ recipient }),
    messages.channelClose.encode({ recipient }),
    messages.channelRequest.encode({ recipient, type: 'env', wantReply: true, data: nothing }),
    messages.channelSuccess.encode({ recipient }),
    messages.channelFailure.encode({ recipient }),
  ];
  for (const payload of unasked) {
    const { client } = linkedPair();
    assert.throws(() => client.receive(payload), isError('protocol-error'), `message ${payload[0]}`);
  }
  const known = new Set<number>(messages.connectionMessages.map((message) => message.number));
  for (let number = 0; number < 256; number++) {
    if (known.has(number)) continue;
    const { client } = linkedPair();
    assert.throws(() => client.receive(Buffer.from([number, 0, 0, 0, 0])), isError('protocol-error'), `${number}`);
  }
  assert.throws(() => linkedPair().client.receive(nothing), isError('bad-message'));
});

test('messages for a channel that is still opening, and unasked replies on an open one', async () => {
  const pair = echoPair();
  const opening = pair.client.openChannel('echo', nothing);
  const data = messages.channelData.encode({ recipient: 0, data: nothing });
  assert.throws(() => pair.client.receive(data), isError('protocol-error'));
  pair.deliver();
  await opening;
  for (const message of [messages.channelSuccess, messages.channelFailure]) {
    assert.throws(() => pair.client.receive(message.encode({ recipient: 0 })), isError('protocol-error'));
  }
  // A confirmation for a channel that is open already.
  const again = { recipient: 0, sender: 1, windowBytes: 1, maxPacketBytes: 32768, data: nothing };
  assert.throws(() => pair.client.receive(messages.channelOpenConfirmation.encode(again)), isError('protocol-error'));
});

test('any bytes after a valid number give a value or an SshError', async () => {
  for (let number = 80; number <= 100; number++) {
    for (const length of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
      const pair = echoPair();
      await openEcho(pair);
      for (let size = 1; size < 24; size++) {
        const payload = Buffer.alloc(size);
        payload[0] = number;
        if (size >= 9) payload.writeUInt32BE(length, 5);
        if (size >= 5) payload.writeUInt32BE(number === 90 || number === 80 ? length : 0, 1);
        try {
          pair.client.receive(payload);
        } catch (error) {
          assert.ok(error instanceof SshError, `${number} ${size} ${error}`);
        }
      }
    }
  }
});

test('global requests are answered in order, however late each answer is', async () => {
  const resolvers: ((answer: Answer) => void)[] = [];
  const started: string[] = [];
  const slow = (request: { data: Buffer }) => {
    started.push(request.data.toString());
    return new Promise<Answer>((resolve) => resolvers.push(resolve));
  };
  const pair = linkedPair({
    server: {
      globalRequestHandlers: new Map<string, (request: { data: Buffer }) => Answer | Promise<Answer>>([
        ['slow', slow],
        ['fast', () => true],
      ]),
    },
  });
  const answers: unknown[] = [];
  const note = (name: string) => (answer: Buffer | undefined) => answers.push([name, answer?.toString()]);
  const all = [
    pair.client.globalRequest('slow', Buffer.from('a')).then(note('a')),
    pair.client.globalRequest('fast').then(note('b')),
    pair.client.globalRequest('slow', Buffer.from('c')).then(note('c')),
    pair.client.globalRequest('unknown').then(note('d')),
  ];
  await pair.settle();
  assert.deepEqual(answers, []);
  assert.deepEqual(started, ['a']);
  resolvers[0]?.(Buffer.from('port'));
  await pair.settle();
  assert.deepEqual(answers, [
    ['a', 'port'],
    ['b', ''],
  ]);
  resolvers[1]?.(false);
  await pair.settle();
  await Promise.all(all);
  assert.deepEqual(answers.slice(2), [
    ['c', undefined],
    ['d', undefined],
  ]);
});

test('a flood of requests while the application thinks: refused beyond the limit, then cut off', async () => {
  const pair = linkedPair({
    server: {
      limits: { maxPendingRequests: 4 },
      globalRequestHandlers: new Map([['slow', () => new Promise<Answer>(() => {})]]),
    },
  });
  const request = messages.globalRequest.encode({ request: 'slow', wantReply: true, data: Buffer.alloc(100) });
  let sent = 0;
  assert.throws(() => {
    for (; sent < 1000; sent++) pair.server.receive(request);
  }, isError('limit-exceeded'));
  assert.ok(sent > 4 && sent <= 4 * 16 + 1, `${sent}`);
});

test('a client that waits for its first channel answers news with a nudge, once, and only while it waits', async () => {
  const news = messages.globalRequest.encode({ request: 'hostkeys-00@openssh.com', wantReply: false, data: nothing });
  const pair = echoPair();
  pair.client.receive(news);
  await Promise.resolve();
  assert.equal(pair.clientLink.nudgeCount, 0, 'nothing is awaited');
  const opening = pair.client.openChannel('echo', nothing);
  pair.client.receive(news);
  pair.client.receive(news);
  await Promise.resolve();
  assert.equal(pair.clientLink.nudgeCount, 1);
  await pair.settle();
  await opening;
  // The answer comes with the news.
  const other = echoPair();
  const answered = other.client.openChannel('echo', nothing);
  other.deliver();
  const [confirmation] = other.serverLink.outbox.splice(0);
  if (confirmation !== undefined) other.client.receive(confirmation);
  else await other.settle();
  other.client.receive(news);
  await answered;
  assert.equal(other.clientLink.nudgeCount, 0);
  // Nor does a server.
  const third = linkedPair();
  const refused = third.server.openChannel('x', nothing);
  third.server.receive(news);
  await assert.rejects(Promise.all([refused, third.settle()]));
  assert.equal(third.serverLink.nudgeCount, 0);
});

test('a peer that asks and never reads is cut off', () => {
  const pair = linkedPair({ server: { limits: { maxQueuedReplyBytes: 10_000 } } });
  pair.serverLink.ready = false;
  const request = messages.globalRequest.encode({ request: 'keepalive@openssh.com', wantReply: true, data: nothing });
  for (let round = 0; round < 1000; round++) pair.server.receive(request);
  assert.equal(pair.serverLink.failure?.code, 'limit-exceeded');
  assert.ok(pair.serverLink.outbox.length < 200);
  // One that reads is not, however much it asks.
  const patient = linkedPair({ server: { limits: { maxQueuedReplyBytes: 10_000 } } });
  for (let round = 0; round < 1000; round++) patient.server.receive(request);
  assert.equal(patient.serverLink.failure, undefined);
});

test('an aborted open rejects at once; the late confirmation is closed', async () => {
  const pair = echoPair();
  const abort = new AbortController();
  const opening = pair.client.openChannel('echo', nothing, { signal: abort.signal });
  abort.abort();
  await assert.rejects(opening, isError('aborted'));
  assert.equal(pair.client.channelCount, 1);
  await pair.settle();
  assert.equal(pair.client.channelCount, 0);
  assert.equal(pair.server.channelCount, 0);
  assert.equal(pair.accepted[0]?.state, 'closed');
  await assert.rejects(pair.client.openChannel('echo', nothing, { signal: AbortSignal.abort() }), isError('aborted'));
  // Refused late instead: nothing stays either.
  const other = linkedPair();
  const second = new AbortController();
  const refused = other.client.openChannel('x', nothing, { signal: second.signal });
  second.abort();
  await assert.rejects(refused, isError('aborted'));
  await other.settle();
  assert.equal(other.client.channelCount, 0);
});

test('an aborted request leaves its place in the line of replies', async () => {
  const pair = linkedPair({ server: { globalRequestHandlers: new Map([['second', () => Buffer.from('2')]]) } });
  const abort = new AbortController();
  const first = pair.client.globalRequest('first', nothing, { signal: abort.signal });
  const second = pair.client.globalRequest('second');
  abort.abort();
  await assert.rejects(first, isError('aborted'));
  await pair.settle();
  assert.equal((await second)?.toString(), '2');
});

test('the end of the connection settles every call', async () => {
  const pair = echoPair();
  const channel = await openEcho(pair);
  const end = new SshError('gone', { code: 'connection-lost', stage: 'transport' });
  const undecided = pair.client.signal;
  pair.client.keepalive({ intervalMs: 1000, countMax: 3 });
  const calls = [
    pair.client.openChannel('echo', nothing),
    pair.client.globalRequest('x'),
    channel.request('x', nothing),
    new Promise((resolve, reject) => {
      channel.receiveWindow.consume(0);
      channel.write(Buffer.alloc(2 ** 22), 'data', (error) => (error ? reject(error) : resolve(undefined)));
    }),
  ];
  pair.client.end(end);
  for (const result of await Promise.allSettled(calls)) {
    assert.equal(result.status === 'rejected' && result.reason, end);
  }
  assert.equal(await channel.closed, end);
  assert.equal(undecided.aborted, true);
  assert.equal(pair.client.signal.aborted, true);
  assert.equal(pair.clock.timerCount, 0);
  assert.equal(pair.client.channelCount, 0);
  await assert.rejects(pair.client.openChannel('echo', nothing), end);
  await assert.rejects(pair.client.globalRequest('x'), end);
  await assert.rejects(channel.request('x', nothing), isError('closed'));
  pair.client.receive(Buffer.from([1, 2, 3]));
});

test('an open that is decided after the end is an error of the handler, not of the process', async () => {
  let open: IncomingOpen | undefined;
  const handler = (incoming: IncomingOpen) => {
    open = incoming;
    return new Promise<void>(() => {});
  };
  const pair = linkedPair({ server: { channelHandlers: new Map([['slow', handler]]) } });
  pair.client.openChannel('slow', nothing).catch(() => {});
  pair.deliver();
  pair.server.end(new SshError('gone', { code: 'closed', stage: 'transport' }));
  assert.throws(() => open?.accept(), isError('closed'));
  assert.doesNotThrow(() => open?.refuse());
  assert.deepEqual(pair.serverLink.outbox, []);
});

test('no more sessions: the server ends the connection, the client does not even ask', async () => {
  const pair = linkedPair({ server: { channelHandlers: new Map([['session', (open) => void open.accept()]]) } });
  const first = pair.client.openChannel('session', nothing);
  pair.deliver();
  await first;
  pair.client.sendNoMoreSessions();
  pair.deliver();
  await assert.rejects(pair.client.openChannel('session', nothing), isError('misuse'));
  const open = { type: 'session', sender: 9, windowBytes: 1, maxPacketBytes: 32768, data: nothing };
  assert.throws(() => pair.server.receive(messages.channelOpen.encode(open)), isError('protocol-error'));
  // A server cannot forbid the client its sessions this way.
  const other = linkedPair({ server: { channelHandlers: new Map([['session', (open) => void open.accept()]]) } });
  other.server.sendGlobalNoReply('no-more-sessions@openssh.com');
  other.deliver();
  const still = other.client.openChannel('session', nothing);
  other.deliver();
  assert.equal((await still).state, 'open');
});

test('keepalive asks a silent peer and gives up on a dead one', async () => {
  const pair = linkedPair();
  pair.client.keepalive({ intervalMs: 15_000, countMax: 3 });
  pair.clock.advance(15_000);
  assert.equal(pair.clientLink.outbox.length, 1);
  await pair.settle(); // the peer answers REQUEST_FAILURE, which shows that it lives
  for (let round = 0; round < 10; round++) {
    pair.clock.advance(15_000);
    await pair.settle();
  }
  assert.equal(pair.client.ended, undefined);
  for (let round = 0; round < 5; round++) {
    pair.clock.advance(15_000);
    pair.clientLink.outbox.length = 0;
  }
  assert.equal(pair.clientLink.failure?.code, 'timeout');
  assert.equal(pair.clock.timerCount, 0);
});

test('requests on a channel are handled one after the other and answered in order', async () => {
  const pair = echoPair();
  const channel = await openEcho(pair);
  const server = pair.accepted[0] as Channel;
  const log: string[] = [];
  server.attach({
    data() {},
    eof() {},
    closed() {},
    async request(request) {
      log.push(`start ${request.type}`);
      if (request.type === 'slow') await new Promise((resolve) => setImmediate(resolve));
      log.push(`end ${request.type}`);
      if (request.type === 'bad') throw new Error('bug');
      return request.type !== 'fast';
    },
  });
  const answers = Promise.all(['slow', 'fast', 'bad', 'last'].map((type) => channel.request(type, nothing)));
  await pair.settle();
  assert.deepEqual(await answers, [true, false, false, true]);
  assert.deepEqual(
    log,
    ['slow', 'fast', 'bad', 'last'].flatMap((type) => [`start ${type}`, `end ${type}`]),
  );
});

test('a description with terminal escapes is made harmless', async () => {
  const { client } = linkedPair();
  const opening = client.openChannel('x', nothing);
  const description = Buffer.from('\u001b[2J\u202efake prompt\r\n\xff', 'latin1');
  client.receive(messages.channelOpenFailure.encode({ recipient: 0, reason: 99, description, language: nothing }));
  await assert.rejects(opening, (error: unknown) => {
    assert.ok(error instanceof SshError);
    assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}]/u);
    assert.match(error.message, /reason 99/);
    return true;
  });
});

test('property: no sequence of messages throws anything but an SshError, or outgrows the limits', async () => {
  const number = fc.constantFrom(80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100);
  const field = fc.constantFrom(0, 1, 2, 3, 255, 32768, 2 ** 31, 2 ** 32 - 1);
  const name = fc.constantFrom('echo', 'session', 'keepalive@openssh.com', '', 'no-more-sessions@openssh.com', 'a b');
  const message = fc
    .tuple(number, fc.array(field, { maxLength: 4 }), name, fc.boolean(), fc.uint8Array({ maxLength: 8 }))
    .map(([first, fields, text, textFirst, tail]) => {
      const writer = new WireWriter().uint8(first);
      if (textFirst) writer.string(text);
      for (const value of fields) writer.uint32(value);
      if (!textFirst) writer.string(text);
      return writer.fixed(tail).finish();
    });
  await fc.assert(
    fc.asyncProperty(fc.array(message, { maxLength: 60 }), async (payloads) => {
      const pair = echoPair();
      await openEcho(pair);
      for (const payload of payloads) receive(pair.server, pair.serverLink, Buffer.from(payload));
      await pair.settle();
      assert.ok(pair.server.channelCount <= 1 + payloads.length);
      const end = new SshError('over', { code: 'closed', stage: 'transport' });
      pair.client.end(end);
      pair.server.end(end);
      assert.equal(pair.server.channelCount + pair.server.windowBytes, 0);
    }),
    { numRuns: 300 },
  );
});
