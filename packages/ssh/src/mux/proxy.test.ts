import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChannelStream, type Connection, type IncomingOpen, openSession, x11Req } from '../connection/index.ts';
import * as connectionMessages from '../connection/messages.ts';
import { SshError } from '../errors.ts';
import { type MuxPair, type SharedWorld, sharedWorld } from './mux.test.kit.ts';
import { answerForMaster } from './unrouted-requests.ts';

/** A server that gives back what it gets on any channel, and says what it was asked. */
function echoServer() {
  const asked: string[] = [];
  const opens: IncomingOpen[] = [];
  const accept = (open: IncomingOpen): void => {
    opens.push(open);
    const stream = new ChannelStream(open.accept());
    stream.on('error', () => {});
    stream.pipe(stream);
  };
  const ask = (grant: boolean | Buffer) => (request: { type: string; data: Buffer }) => {
    asked.push(request.type);
    return grant;
  };
  return {
    asked,
    opens,
    options: {
      channelHandlers: new Map([
        ['session', accept],
        ['direct-tcpip', accept],
      ]),
      globalRequestHandlers: new Map([
        ['tcpip-forward', ask(Buffer.from('000010e1', 'hex'))],
        ['cancel-tcpip-forward', ask(true)],
        ['no-more-sessions@openssh.com', ask(true)],
        ['other@example.com', ask(true)],
      ]),
    },
  };
}

test('two clients with the same channel numbers: each has its own answers', async (t) => {
  const world = sharedWorld(t, echoServer().options);
  const [one, two] = [await world.through(), await world.through()];
  const heard = await Promise.all([
    echo(world, one.connection, Buffer.alloc(500_000, 1)),
    echo(world, two.connection, Buffer.alloc(400_000, 2)),
    echo(world, one.connection, Buffer.from('three')),
    echo(world, world.pair.client, Buffer.from('of the master itself')),
  ]);
  assert.deepEqual(
    heard.map((bytes) => [bytes.length, bytes[0]]),
    [
      [500_000, 1],
      [400_000, 2],
      [5, 't'.charCodeAt(0)],
      [20, 'o'.charCodeAt(0)],
    ],
  );
  await world.settle();
  assert.equal(world.pair.client.channelCount, 0, 'every number is free again');
});

test('a client that vanishes closes its channels and cancels its forwards; the others go on', async (t) => {
  const server = echoServer();
  const world = sharedWorld(t, server.options);
  const [leaving, staying] = [await world.through(), await world.through()];
  const open = [leaving.connection.openChannel('session', Buffer.alloc(0)), opened(world, staying.connection)] as const;
  await world.settle();
  await Promise.all(open);
  const granted = leaving.connection.globalRequest('tcpip-forward', forwardData('localhost', 8080));
  // Not answered when it goes: closed as soon as it is.
  const late = leaving.connection.openChannel('session', Buffer.alloc(0));
  late.catch(() => {});
  await world.settle();
  assert.ok(await granted);
  leaving.mux.client.close();
  await world.settle();
  assert.equal(world.pair.client.channelCount, 1);
  assert.deepEqual(server.asked, ['tcpip-forward', 'cancel-tcpip-forward']);
  assert.equal(String(await echo(world, staying.connection, Buffer.from('still'))), 'still');
  assert.deepEqual(leaving.mux.endings, [undefined]);
});

test('a channel that is confirmed after its client has gone is closed', async (t) => {
  const world = sharedWorld(t, echoServer().options);
  const { connection, mux } = await world.through();
  connection.openChannel('session', Buffer.alloc(0)).catch(() => {});
  await turns();
  mux.toMaster.deliver();
  assert.equal(world.pair.client.channelCount, 1);
  mux.client.close();
  mux.toMaster.deliver();
  await world.settle();
  assert.equal(world.pair.client.channelCount, 0);
});

test('what the server opens goes to the client that asked for it, and to nobody else', async (t) => {
  const world = sharedWorld(t, echoServer().options);
  const [asking, other] = [await world.through(), await world.through()];
  const granted = asking.connection.globalRequest('tcpip-forward', forwardData('localhost', 0));
  await world.settle();
  assert.equal((await granted)?.readUInt32BE(0), 0x10e1);
  const taken: number[] = [];
  const watch = (mux: MuxPair, index: number): void => {
    const { other: client } = mux.toClient;
    mux.toClient.other = {
      receive: (chunk) => {
        if (chunk.includes('forwarded-tcpip')) taken.push(index);
        client?.receive(chunk);
      },
      receiveEnd: () => client?.receiveEnd(),
    };
  };
  watch(asking.mux, 0);
  watch(other.mux, 1);
  const open = (port: number) =>
    world.pair.server.openChannel('forwarded-tcpip', forwardedData('localhost', port)).catch((error: unknown) => error);
  const [mine, nobodys] = [open(0x10e1), open(0x10e2)];
  await world.settle();
  // The client at this end takes no channels, and says so itself; the other one was not asked by anybody.
  assert.match(String(await mine), /refused|not allowed|prohibited/i);
  assert.match(String(await nobodys), /refused|not allowed|prohibited/i);
  assert.deepEqual(taken, [0]);
});

test('a display goes to the client that asked for one, and to nobody after it has gone', async (t) => {
  const world = sharedWorld(t, echoServer().options);
  const [first, second, third] = [await world.through(), await world.through(), await world.through()];
  const offered = () => [first, second, third].map(({ mux }) => countOffers(mux));
  const counts = offered();
  const open = async (): Promise<string> => {
    const answer = world.pair.server.openChannel('x11', Buffer.alloc(8)).catch((error: unknown) => error);
    await world.settle();
    return String(await answer);
  };
  assert.match(await open(), /refused|not allowed|prohibited/i);
  assert.deepEqual(
    counts.map((count) => count()),
    [0, 0, 0],
  );
  const { remoteId: recipient } = await opened(world, second.connection);
  const data = x11Req.data.encode({
    singleConnection: false,
    authProtocol: 'MIT-MAGIC-COOKIE-1',
    authCookie: 'aa',
    screen: 0,
  });
  second.connection.link.send(
    connectionMessages.channelRequest.encode({ recipient, type: 'x11-req', wantReply: false, data }),
  );
  await world.settle();
  await open();
  assert.deepEqual(
    counts.map((count) => count()),
    [0, 1, 0],
  );
  second.mux.client.close();
  await world.settle();
  await open();
  assert.deepEqual(
    counts.map((count) => count()),
    [0, 1, 0],
  );
});

/** How many channels of the server's were handed to a client so far. */
function countOffers({ toClient }: MuxPair): () => number {
  let count = 0;
  const { other: client } = toClient;
  toClient.other = {
    receive: (chunk) => {
      if (chunk.includes('x11')) count++;
      client?.receive(chunk);
    },
    receiveEnd: () => client?.receiveEnd(),
  };
  return () => count;
}

test("a client's requests: its own forwards, and nothing that concerns the others", async (t) => {
  const server = echoServer();
  const world = sharedWorld(t, server.options);
  const [one, two] = [await world.through(), await world.through()];
  const answers = Promise.all([
    one.connection.globalRequest('tcpip-forward', forwardData('localhost', 8080)),
    one.connection.globalRequest('no-more-sessions@openssh.com'),
    one.connection.globalRequest('other@example.com'),
    two.connection.globalRequest('cancel-tcpip-forward', forwardData('localhost', 8080)),
    one.connection.globalRequest('cancel-tcpip-forward', forwardData('localhost', 8080)),
  ]);
  await world.settle();
  const granted = (await answers).map((answer) => answer !== undefined);
  assert.deepEqual(granted, [true, false, false, false, true]);
  assert.deepEqual(server.asked, ['tcpip-forward', 'cancel-tcpip-forward']);
});

const attacks: readonly [string, (serverId: number) => Buffer][] = [
  ['data for a channel of somebody else', () => data(77, 'x')],
  ['data beyond the window', (id) => data(id, 'x'.repeat(30_000))],
  ['data longer than the server takes', (id) => data(id, 'x'.repeat(100_000))],
  [
    'a window beyond 32 bits',
    (recipient) => connectionMessages.channelWindowAdjust.encode({ recipient, bytes: 2 ** 32 - 1 }),
  ],
  ['a channel that takes packets of no bytes', () => openRequest(0)],
  ['an answer that nobody asked for', (recipient) => connectionMessages.channelSuccess.encode({ recipient })],
  ['a channel confirmed that nobody opens', () => confirmation(5)],
  ['a transport message', () => Buffer.of(20, 1, 2, 3, 4)],
  ['an answer to a global request', () => connectionMessages.requestSuccess.encode({ data: Buffer.alloc(4) })],
  ['a message cut short', () => Buffer.of(94, 0)],
  ['data whose length is a lie', (id) => Buffer.concat([data(id, 'abc'), Buffer.of(1)])],
];
for (const [name, attack] of attacks) {
  test(`a client is cut off, and harms nobody: ${name}`, async (t) => {
    const world = sharedWorld(t, {
      ...echoServer().options,
      limits: { initialWindowBytes: 20_000, maxWindowBytes: 20_000 },
    });
    const [bad, good] = [await world.through(), await world.through()];
    const { remoteId } = await opened(world, bad.connection);
    await opened(world, good.connection);
    bad.connection.link.send(attack(remoteId));
    await world.settle();
    assert.equal(bad.mux.endings.length, 1, 'it was not cut off');
    assert.ok(bad.mux.endings[0] instanceof SshError);
    assert.equal(world.pair.client.ended, undefined, 'the shared connection ended');
    assert.equal(world.pair.server.ended, undefined, 'the server was annoyed');
    assert.equal(String(await echo(world, good.connection, Buffer.from('still here'))), 'still here');
  });
}

test('a message behind CLOSE, and data behind EOF', async (t) => {
  for (const first of [connectionMessages.channelClose, connectionMessages.channelEof]) {
    const world = sharedWorld(t, echoServer().options);
    const { connection, mux } = await world.through();
    const { remoteId } = await opened(world, connection);
    connection.link.send(first.encode({ recipient: remoteId }));
    connection.link.send(data(remoteId, 'more'));
    await world.settle();
    assert.ok(mux.endings[0] instanceof SshError, first.name);
    assert.equal(world.pair.server.ended, undefined);
  }
});

test('while the connection is full, clients are not read', async (t) => {
  const world = sharedWorld(t, echoServer().options);
  const { connection, mux } = await world.through();
  const { remoteId } = await opened(world, connection);
  world.pair.clientLink.ready = false;
  connection.link.send(data(remoteId, 'x'));
  await world.settle();
  assert.equal(mux.toClient.isReading, false);
  world.pair.clientLink.ready = true;
  world.pair.client.onLinkReady();
  assert.equal(mux.toClient.isReading, true);
});

test('too many channels: the client is told, as by a server', async (t) => {
  const world = sharedWorld(t, echoServer().options);
  const { connection } = await world.through();
  const limit = world.pair.client.limits.maxChannels;
  const all = Array.from({ length: limit }, () => connection.openChannel('session', Buffer.alloc(0)));
  await world.settle();
  await Promise.all(all);
  const other = await world.through();
  const more = other.connection.openChannel('session', Buffer.alloc(0));
  more.catch(() => {});
  await world.settle();
  await assert.rejects(more, /resource shortage|too many/);
});

test('the end of the connection ends the clients', async (t) => {
  const world = sharedWorld(t, echoServer().options);
  const { connection, mux } = await world.through();
  const session = openSession(connection);
  await world.settle();
  const { exit } = await session;
  exit.catch(() => {});
  world.pair.client.end(new SshError('the cable was cut', { code: 'connection-lost', stage: 'transport' }));
  await world.settle();
  assert.equal(connection.ended?.code, 'connection-lost');
  assert.equal(mux.endings.length, 1);
  await assert.rejects(exit);
});

test("requests over a master that hands on no answers: OpenSSH's", () => {
  const request = (name: string, requestData: Buffer, wantReply = true) =>
    answerForMaster(connectionMessages.globalRequest.encode({ request: name, wantReply, data: requestData }));
  const forward = request('tcpip-forward', forwardData('localhost', 80));
  assert.equal(connectionMessages.globalRequest.decode(forward.message as Buffer).wantReply, false);
  assert.equal(forward.reply?.[0], 81);
  assert.deepEqual(
    [request('tcpip-forward', forwardData('', 0)).reply?.[0], request('x', noBytes).reply?.[0]],
    [82, 82],
  );
  assert.deepEqual(request('keepalive@openssh.com', noBytes, false), {});
  const cancel = request('cancel-tcpip-forward', forwardData('localhost', 80));
  assert.deepEqual([cancel.message, cancel.reply?.[0]], [undefined, 81]);
});

const noBytes = Buffer.alloc(0);

async function opened(world: SharedWorld, connection: Connection) {
  const channel = connection.openChannel('session', noBytes);
  await world.settle();
  return channel;
}

async function echo(world: SharedWorld, connection: Connection, bytes: Buffer): Promise<Buffer> {
  const opening = connection.openChannel('session', noBytes);
  let channel: ChannelStream | undefined;
  opening.then(
    (found) => {
      channel = new ChannelStream(found);
      channel.on('data', (chunk: Buffer) => heard.push(chunk));
      channel.end(bytes);
    },
    () => {},
  );
  const heard: Buffer[] = [];
  for (let round = 0; round < 500 && channel?.readableEnded !== true; round++) await world.settle();
  return Buffer.concat(heard);
}

function data(recipient: number, text: string): Buffer {
  return connectionMessages.channelData.encode({ recipient, data: Buffer.from(text) });
}

function openRequest(maxPacketBytes: number): Buffer {
  const fields = { type: 'session', sender: 9, windowBytes: 1000, maxPacketBytes, data: noBytes };
  return connectionMessages.channelOpen.encode(fields);
}

function confirmation(recipient: number): Buffer {
  const fields = { recipient, sender: 0, windowBytes: 1, maxPacketBytes: 1000, data: noBytes };
  return connectionMessages.channelOpenConfirmation.encode(fields);
}

function forwardData(address: string, port: number): Buffer {
  const bytes = Buffer.from(address);
  const numbers = Buffer.alloc(8);
  numbers.writeUInt32BE(bytes.length, 0);
  numbers.writeUInt32BE(port, 4);
  return Buffer.concat([numbers.subarray(0, 4), bytes, numbers.subarray(4)]);
}

function forwardedData(address: string, port: number): Buffer {
  return Buffer.concat([forwardData(address, port), forwardData('10.0.0.1', 1234)]);
}

async function turns(): Promise<void> {
  for (let round = 0; round < 3; round++) await new Promise((resolve) => setImmediate(resolve));
}
