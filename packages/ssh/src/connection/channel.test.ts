import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import type { Channel } from './channel.ts';
import type { ChannelSink } from './channel-sink.ts';
import { carry, linkedPair, type Pair, pattern, receive } from './linked-pair.test.kit.ts';
import * as messages from './messages.ts';

const nothing = Buffer.alloc(0);
const isProtocolError = (error: unknown) => error instanceof SshError && error.code === 'protocol-error';

interface Ends extends Pair {
  local: Channel;
  remote: Channel;
}

async function openPair(windowBytes = 2 ** 21, options: Parameters<typeof linkedPair>[0] = {}): Promise<Ends> {
  const accepted: Channel[] = [];
  const pair = linkedPair({
    client: { ...options.client },
    server: {
      channelHandlers: new Map([['test', (open) => void accepted.push(open.accept({ windowBytes }))]]),
      ...options.server,
    },
  });
  const opening = pair.client.openChannel('test', nothing, { windowBytes });
  pair.deliver();
  return { ...pair, local: await opening, remote: accepted[0] as Channel };
}

/** A sink that notes every event, and consumes at once or not at all. */
function noteSink(channel: Channel, consume = true): ChannelSink & { events: string[]; bytes: number } {
  const sink = {
    events: [] as string[],
    bytes: 0,
    data(chunk: Buffer) {
      sink.events.push(`data ${chunk.length}`);
      sink.bytes += chunk.length;
      if (consume) channel.consumed(chunk.length);
    },
    stderr(chunk: Buffer) {
      sink.events.push(`stderr ${chunk.length}`);
      if (consume) channel.consumed(chunk.length);
    },
    eof: () => void sink.events.push('eof'),
    closed: (error: SshError | undefined) => void sink.events.push(`closed ${error?.code ?? 'clean'}`),
  };
  channel.attach(sink);
  return sink;
}

test('a reader that stops stops the sender at the window, to the byte', async () => {
  const { local, remote, clientLink, ...pair } = await openPair(100_000);
  const sink = noteSink(remote, false);
  let sent = false;
  local.write(pattern(300_000), 'data', () => {
    sent = true;
  });
  for (let round = 0; round < 5; round++) pair.deliver();
  assert.equal(sink.bytes, 100_000);
  assert.equal(local.queuedBytes, 200_000);
  assert.equal(local.sendCredit, 0);
  assert.equal(sent, false);
  remote.consumed(100_000);
  pair.deliver();
  pair.deliver();
  assert.equal(sink.bytes, 200_000);
  assert.equal(clientLink.outbox.length, 0);
  remote.consumed(100_000);
  pair.deliver();
  assert.equal(sent, true);
});

test('a packet is never larger than the peer’s maximum', async () => {
  const pair = linkedPair();
  const opening = pair.client.openChannel('test', nothing);
  const confirmation = { recipient: 0, sender: 5, windowBytes: 10_000, maxPacketBytes: 300, data: nothing };
  pair.client.receive(messages.channelOpenConfirmation.encode(confirmation));
  const channel = await opening;
  pair.clientLink.outbox.length = 0;
  channel.write(pattern(1000));
  const sizes = pair.clientLink.outbox.map((payload) => messages.readData(payload).length);
  assert.deepEqual(sizes, [300, 300, 300, 100]);
  assert.deepEqual(Buffer.concat(pair.clientLink.outbox.map(messages.readData)), pattern(1000));
});

test('a peer that promises more than we send in one packet gets our own maximum', async () => {
  const pair = linkedPair();
  const opening = pair.client.openChannel('test', nothing);
  const huge = { recipient: 0, sender: 5, windowBytes: 2 ** 32 - 1, maxPacketBytes: 2 ** 32 - 1, data: nothing };
  pair.client.receive(messages.channelOpenConfirmation.encode(huge));
  const channel = await opening;
  pair.clientLink.outbox.length = 0;
  channel.write(Buffer.alloc(200_000));
  assert.ok(pair.clientLink.outbox.every((payload) => payload.length <= 64 * 1024 + 9));
});

test('a write across 4 GiB keeps count (nothing of that size is allocated)', async () => {
  const pair = linkedPair();
  const opening = pair.client.openChannel('test', nothing);
  const open = { recipient: 0, sender: 5, windowBytes: 2 ** 32 - 1, maxPacketBytes: 65536, data: nothing };
  pair.client.receive(messages.channelOpenConfirmation.encode(open));
  const channel = await opening;
  let sentBytes = 0;
  let packets = 0;
  pair.clientLink.send = (head, body) => {
    const length = Buffer.from(head).readUInt32BE(5);
    assert.equal(length, body?.length);
    assert.ok(length <= 65536);
    sentBytes += length;
    packets++;
  };
  const total = 2 ** 32 + 12_345;
  const piece = { length: 0 };
  const source = {
    length: total,
    subarray: (from: number, to: number) => Object.assign({ ...piece }, { length: to - from }),
  };
  let done = 0;
  channel.write(source as unknown as Buffer, 'data', () => done++);
  assert.equal(sentBytes, 2 ** 32 - 1);
  assert.equal(channel.queuedBytes, 12_346);
  assert.equal(done, 0);
  pair.client.receive(messages.channelWindowAdjust.encode({ recipient: 0, bytes: 2 ** 32 - 1 }));
  assert.equal(sentBytes, total);
  assert.equal(done, 1);
  assert.equal(channel.sendCredit, 2 ** 32 - 1 - 12_346);
  assert.ok(packets > 65_536);
});

test('windows: an adjust past 2^32-1 and data past the window end the connection', async () => {
  const { client, server, local } = await openPair(1000);
  assert.throws(
    () => client.receive(messages.channelWindowAdjust.encode({ recipient: local.id, bytes: 2 ** 32 - 1 })),
    isProtocolError,
  );
  server.receive(messages.channelData.encode({ recipient: 0, data: Buffer.alloc(600) }));
  server.receive(messages.channelExtendedData.encode({ recipient: 0, dataType: 1, data: Buffer.alloc(400) }));
  assert.throws(
    () => server.receive(messages.channelData.encode({ recipient: 0, data: Buffer.alloc(1) })),
    isProtocolError,
  );
});

test('every byte counts against the window: unwanted stderr, unknown types, data after EOF or our CLOSE', async () => {
  for (const dataType of [1, 2, 0, 2 ** 32 - 1]) {
    const { server, remote } = await openPair(1000);
    remote.attach({ data() {}, eof() {}, closed() {} });
    const message = messages.channelExtendedData.encode({ recipient: 0, dataType, data: Buffer.alloc(600) });
    server.receive(message);
    assert.equal(remote.receiveWindow.credit, dataType === 1 || remote.receiveWindow.credit === 1000 ? 1000 : 400);
    assert.throws(
      () => server.receive(messages.channelExtendedData.encode({ recipient: 0, dataType, data: Buffer.alloc(1001) })),
      isProtocolError,
    );
  }
  const { server, remote, serverLink } = await openPair(1000);
  const sink = noteSink(remote);
  server.receive(messages.channelEof.encode({ recipient: 0 }));
  server.receive(messages.channelEof.encode({ recipient: 0 }));
  server.receive(messages.channelData.encode({ recipient: 0, data: Buffer.alloc(900) }));
  assert.deepEqual(sink.events, ['eof']);
  assert.deepEqual(serverLink.numbers, [], 'no window is given after EOF');
  remote.abort();
  server.receive(messages.channelData.encode({ recipient: 0, data: Buffer.alloc(100) }));
  assert.throws(
    () => server.receive(messages.channelData.encode({ recipient: 0, data: Buffer.alloc(1001) })),
    isProtocolError,
  );
});

test('EOF goes after all data, CLOSE after EOF, and nothing after CLOSE', async () => {
  const pair = await openPair(1000);
  const { local, remote, clientLink } = pair;
  const sink = noteSink(remote);
  local.write(pattern(2500));
  local.notifyInOrder('exit-status', Buffer.alloc(4));
  local.end();
  local.close();
  local.close();
  let failed: SshError | undefined;
  local.write(Buffer.from('late'), 'data', (error) => {
    failed = error;
  });
  assert.equal(failed?.code, 'closed');
  const order: (number | undefined)[] = [];
  for (let round = 0; round < 10; round++) {
    order.push(...clientLink.numbers);
    pair.deliver();
  }
  assert.deepEqual(order, [94, 94, 94, 98, 96, 97]);
  assert.equal(sink.bytes, 2500);
  assert.deepEqual(sink.events.slice(-2), ['eof', 'closed clean']);
  assert.equal(local.state, 'closed');
  assert.equal(remote.state, 'closed');
  local.notify('signal', nothing);
  local.close();
  local.abort();
  assert.deepEqual(clientLink.outbox, []);
});

test('half-close: each side ends alone, in every order', async () => {
  for (const order of ['local', 'remote', 'crossed'] as const) {
    const pair = await openPair();
    const { local, remote } = pair;
    const localSink = noteSink(local);
    const remoteSink = noteSink(remote);
    if (order !== 'remote') local.end();
    if (order !== 'local') remote.end();
    pair.deliver();
    pair.deliver();
    if (order === 'local') {
      assert.deepEqual([local.state, remote.state], ['eof-sent', 'eof-received']);
      remote.write(Buffer.from('still'));
      pair.deliver();
      assert.deepEqual(localSink.events, ['data 5']);
      remote.end();
    } else if (order === 'remote') {
      assert.deepEqual([local.state, remote.state], ['eof-received', 'eof-sent']);
      local.write(Buffer.from('still'));
      local.end();
    }
    pair.deliver();
    pair.deliver();
    assert.deepEqual([local.state, remote.state], ['eof-both', 'eof-both']);
    local.close();
    remote.close();
    pair.deliver();
    assert.deepEqual([local.state, remote.state], ['closed', 'closed']);
    assert.equal(localSink.events.at(-1), 'closed clean');
    assert.equal(remoteSink.events.at(-1), 'closed clean');
    assert.equal(pair.clientLink.outbox.length + pair.serverLink.outbox.length, 0);
  }
});

test('CLOSE without EOF is answered at once; what waited to be sent fails, replies are told', async () => {
  const { local, client, clientLink } = await openPair(10);
  const sink = noteSink(local);
  let failed: SshError | undefined;
  local.write(Buffer.alloc(100), 'data', (error) => {
    failed = error;
  });
  const request = local.request('x', nothing);
  clientLink.outbox.length = 0;
  client.receive(messages.channelClose.encode({ recipient: local.id }));
  assert.deepEqual(clientLink.numbers, [97]);
  assert.deepEqual(sink.events, ['closed clean']);
  assert.equal(failed?.code, 'closed');
  await assert.rejects(request, (error: unknown) => error instanceof SshError && error.code === 'closed');
  assert.throws(() => client.receive(messages.channelClose.encode({ recipient: local.id })), isProtocolError);
});

test('after our CLOSE requests of the peer stay unanswered and replies are still matched', async () => {
  const { local, client, clientLink } = await openPair();
  noteSink(local);
  const request = local.request('x', nothing);
  local.abort();
  clientLink.outbox.length = 0;
  client.receive(messages.channelRequest.encode({ recipient: 0, type: 'x', wantReply: true, data: nothing }));
  client.receive(messages.channelWindowAdjust.encode({ recipient: 0, bytes: 5 }));
  client.receive(messages.channelSuccess.encode({ recipient: 0 }));
  assert.equal(await request, true);
  assert.deepEqual(clientLink.outbox, []);
});

test('what arrives before anybody is attached is kept, in order', async () => {
  const pair = await openPair();
  const { local, remote } = pair;
  remote.write(Buffer.from('one'));
  remote.write(Buffer.from('errr'), 'stderr');
  remote.write(Buffer.from('three'));
  remote.notifyInOrder('exit-status', Buffer.alloc(4));
  remote.close();
  pair.deliver();
  pair.deliver();
  const sink = noteSink(local);
  assert.deepEqual(sink.events, ['data 3', 'stderr 4', 'data 5', 'eof', 'closed clean']);
});

test('data and stderr keep their order, small chunks of a kind share a packet', async () => {
  const pair = await openPair();
  const { local, remote, clientLink } = pair;
  const sink = noteSink(remote);
  clientLink.ready = false;
  for (const [size, kind] of [
    [1, 'data'],
    [2, 'data'],
    [4, 'stderr'],
    [8, 'data'],
    [16, 'stderr'],
    [32, 'stderr'],
    [64, 'stderr'],
  ] as const) {
    local.write(pattern(size, size), kind);
  }
  assert.deepEqual(clientLink.outbox, []);
  clientLink.ready = true;
  pair.client.onLinkReady();
  assert.deepEqual(clientLink.outbox.slice(0, 1).map(messages.readData), [
    Buffer.concat([pattern(1, 1), pattern(2, 2)]),
  ]);
  pair.deliver();
  assert.deepEqual(sink.events, ['data 3', 'stderr 4', 'data 8', 'stderr 112']);
});

test('while the link is not ready nothing is sent, and callbacks wait', async () => {
  const { local, client, clientLink } = await openPair();
  clientLink.ready = false;
  const done: string[] = [];
  local.write(Buffer.alloc(10), 'data', () => done.push('first'));
  local.write(Buffer.alloc(0), 'data', () => done.push('empty'));
  local.end(() => done.push('end'));
  assert.deepEqual([clientLink.outbox, done], [[], []]);
  clientLink.ready = true;
  client.onLinkReady();
  assert.deepEqual(done, ['first', 'empty', 'end']);
  assert.deepEqual(clientLink.numbers, [94, 96]);
});

test('writing from a callback that runs inside a turn neither nests nor starves others', async () => {
  const { local, clientLink, ...pair } = await openPair();
  let rounds = 0;
  let depth = 0;
  let deepest = 0;
  const again = () => {
    depth++;
    deepest = Math.max(deepest, depth);
    if (rounds++ < 10_000) local.write(Buffer.alloc(1), 'data', again);
    depth--;
  };
  again();
  for (let round = 0; round < 3; round++) pair.deliver();
  assert.equal(rounds, 10_001);
  assert.ok(deepest <= 2, `${deepest}`);
  assert.equal(clientLink.outbox.length, 0);
});

test('eow: queued data is dropped without an error, EOF follows', async () => {
  const { local, clientLink } = await openPair(10);
  const sent: (SshError | undefined)[] = [];
  local.write(Buffer.alloc(100), 'data', (error) => sent.push(error));
  clientLink.outbox.length = 0;
  local.dropOutput();
  assert.deepEqual(sent, [undefined]);
  assert.deepEqual(clientLink.numbers, [96]);
  assert.equal(local.queuedBytes, 0);
});

test('a consumer that throws does not disturb the connection', async () => {
  const pair = await openPair();
  const { remote, local } = pair;
  const uncaught: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.once('uncaughtException', (error) => uncaught.push(error));
  remote.attach({
    data() {
      throw new Error('listener bug');
    },
    eof() {},
    closed() {},
  });
  local.write(Buffer.from('x'));
  pair.deliver();
  await new Promise((resolve) => setImmediate(resolve));
  for (const listener of listeners) process.on('uncaughtException', listener);
  assert.equal((uncaught[0] as Error).message, 'listener bug');
  assert.equal(pair.server.ended, undefined);
});

test('a keystroke’s echo stands behind one packet of bulk at most', async () => {
  const pair = await openPair();
  const bulkOpen = pair.client.openChannel('test', nothing);
  const second = pair.client.openChannel('test', nothing);
  pair.deliver();
  const bulk = await bulkOpen;
  const otherBulk = await second;
  pair.local.beginTyping();
  const { clientLink, client } = pair;
  clientLink.ready = false;
  bulk.write(Buffer.alloc(2 ** 20));
  otherBulk.write(Buffer.alloc(2 ** 20));
  const turns: number[] = [];
  const send = clientLink.send.bind(clientLink);
  clientLink.send = (head, body) => {
    const recipient = Buffer.from(head).readUInt32BE(1);
    turns.push(recipient);
    send(head, body);
    clientLink.ready = false;
  };
  const turn = () => {
    clientLink.ready = true;
    client.onLinkReady();
  };
  for (let round = 0; round < 6; round++) turn();
  assert.deepEqual(
    turns,
    [bulk, otherBulk, bulk, otherBulk, bulk, otherBulk].map((channel) => channel.remoteId),
  );
  pair.local.write(Buffer.from('k'));
  turn();
  assert.equal(turns.at(-1), pair.local.remoteId);
  // A flood on the terminal is no keystroke: it takes turns with the others, and so do they with it.
  pair.local.write(Buffer.alloc(2 ** 20));
  turns.length = 0;
  for (let round = 0; round < 6; round++) turn();
  assert.deepEqual(new Set(turns).size, 3);
});

test('a request whose data is malformed ends the connection, one that the program fails does not', async () => {
  const pair = await openPair();
  pair.remote.attach({
    data() {},
    eof() {},
    closed() {},
    request(request) {
      if (request.type === 'malformed') messages.channelEof.decode(request.data);
      throw new Error('bug');
    },
  });
  const fails = pair.local.request('fails', nothing);
  pair.deliver();
  assert.equal(await fails, false);
  receive(
    pair.server,
    pair.serverLink,
    messages.channelRequest.encode({ recipient: 0, type: 'malformed', wantReply: true, data: nothing }),
  );
  assert.equal(pair.serverLink.failure?.code, 'bad-message');
  carry(pair.clientLink, pair.server, pair.serverLink);
});
