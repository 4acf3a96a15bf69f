import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import type { MuxForward } from './forward.ts';
import { muxRefusal } from './master-session.ts';
import * as messages from './messages.ts';
import { type MemorySink, sharedWorld } from './mux.test.kit.ts';
import type { PassedDescriptors, Passenger, PassengerHandlers, PassengerSession } from './passenger.ts';

const forward: MuxForward = {
  kind: 'remote',
  listen: { kind: 'tcp', host: undefined, port: 0 },
  target: { kind: 'tcp', host: 'web', port: 80 },
};

test('every request finds its reply, in order', async (t) => {
  const world = sharedWorld(t);
  const done: string[] = [];
  const { client } = world.join({
    openForward: async ({ kind }) => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push(kind);
      return 4242;
    },
    stopListening: () => void done.push('stop'),
    terminate: () => void done.push('terminate'),
    closeForward: async () => {
      throw muxRefusal('port not forwarded');
    },
  });
  const answers = Promise.allSettled([
    client.aliveCheck(),
    client.openForward(forward),
    client.closeForward(forward),
    client.describe('channels'),
    client.stopListening(),
    client.terminate(),
  ]);
  await world.settle();
  const results = await answers;
  assert.deepEqual(
    results.map((each) => (each.status === 'fulfilled' ? each.value : (each.reason as Error).message)),
    [
      4711,
      4242,
      'the master refused the cancel forwarding request: port not forwarded',
      'about the channels',
      undefined,
      undefined,
    ],
  );
  assert.deepEqual(done, ['remote', 'stop', 'terminate']);
});

test('whoever is asked decides about everything that does something', async (t) => {
  const world = sharedWorld(t);
  const asked: string[] = [];
  const refused = () => assert.fail('it was not allowed');
  const { client } = world.join({
    confirm: async ({ action }) => {
      asked.push(action);
      return false;
    },
    openForward: refused,
    closeForward: refused,
    stopListening: refused,
    terminate: refused,
  });
  const answers = Promise.allSettled([
    client.aliveCheck(),
    client.openForward(forward),
    client.closeForward(forward),
    client.stopListening(),
    client.terminate(),
    client.startProxy(),
  ]);
  await world.settle();
  const [alive, ...others] = await answers;
  assert.equal(alive?.status, 'fulfilled');
  for (const each of others) assert.match(String(each.status === 'rejected' && each.reason), /Permission denied/);
  assert.deepEqual(asked, ['open-forward', 'close-forward', 'stop', 'terminate', 'proxy']);
});

test('a session that cannot be taken over is refused, and the bytes of its descriptors are passed over', async (t) => {
  const world = sharedWorld(t);
  const { toClient, toMaster } = world.join();
  toClient.other = undefined;
  await world.settle();
  send(toMaster, sessionRequest);
  toMaster.chunks.push(Buffer.alloc(3));
  send(toMaster, messages.aliveCheck.encode({ requestId: 9 }));
  await world.settle();
  const replies = frames(toClient);
  assert.match(String(messages.failure.decode(replies[1] as Buffer).reason), /cannot take over standard streams/);
  assert.equal(messages.alive.decode(replies[2] as Buffer).requestId, 9);
});

test('a session that is taken over: opened, its terminal refused, its exit status, the end', async (t) => {
  const world = sharedWorld(t);
  let seen: PassengerSession | undefined;
  let exit: (status: number) => void = () => {};
  const passenger: Passenger = {
    exit: new Promise((resolve) => {
      exit = resolve;
    }),
    terminalFailed: Promise.resolve(),
    close() {},
  };
  const luggage = descriptors();
  const { toMaster, toClient } = world.join({
    passengers: {
      ...nobody,
      takeDescriptors: async (count) => {
        assert.equal(count, 3);
        return luggage;
      },
      openSession: async (session, passed) => {
        assert.equal(passed, luggage);
        seen = session;
        return passenger;
      },
    },
  });
  toClient.other = undefined;
  await world.settle();
  send(toMaster, sessionRequest);
  await world.settle();
  exit(3);
  await world.settle();
  const replies = frames(toClient).slice(1);
  assert.deepEqual(
    replies.map((frame) => frame.toString('hex')),
    [
      messages.sessionOpened.encode({ requestId: 5, sessionId: 0 }),
      messages.terminalFailed.encode({ sessionId: 0 }),
      messages.exitMessage.encode({ sessionId: 0, status: 3 }),
    ].map((frame) => frame.toString('hex')),
  );
  assert.ok(toClient.isEnded);
  assert.equal(String(seen?.command), 'ls');
  assert.equal(seen?.escapeCharacter, undefined);
});

test('descriptors are closed where nobody boards with them, and none at all is the end', async (t) => {
  const world = sharedWorld(t);
  const lastPassed = [descriptors(), descriptors(), descriptors()];
  const [allowed, denied] = [descriptors(), descriptors()];
  const passenger: Passenger = { exit: new Promise(() => {}), close() {} };
  const waiting = [allowed, ...lastPassed];
  const first = world.join({
    passengers: {
      ...nobody,
      takeDescriptors: async () => waiting.shift() as PassedDescriptors,
      openSession: async () => passenger,
      openStdioForward: async () => passenger,
    },
  });
  first.toClient.other = undefined;
  await world.settle();
  send(first.toMaster, sessionRequest);
  // A second one, a port that is none, and an environment without end.
  send(first.toMaster, sessionRequest);
  const nowhere = { requestId: 6, reserved: Buffer.alloc(0), connectHost: 'h', connectPort: 70_000 };
  send(first.toMaster, messages.newStdioForward.encode(nowhere));
  await world.settle();
  assert.equal(allowed.isClosed, false);
  assert.deepEqual(
    frames(first.toClient)
      .slice(2)
      .map((frame) => String(messages.failure.decode(frame).reason)),
    ['Multiple sessions not supported', 'Multiple sessions not supported'],
  );
  assert.deepEqual(
    lastPassed.map(({ isClosed }) => isClosed),
    [true, true, false],
  );

  const second = world.join({
    confirm: () => false,
    passengers: { ...nobody, takeDescriptors: async () => denied },
  });
  second.toClient.other = undefined;
  await world.settle();
  send(second.toMaster, sessionRequest);
  await world.settle();
  assert.equal(
    String(messages.permissionDenied.decode(frames(second.toClient)[1] as Buffer).reason),
    'Permission denied',
  );
  assert.ok(denied.isClosed);

  const third = world.join({ passengers: nobody });
  third.toClient.other = undefined;
  await world.settle();
  send(third.toMaster, sessionRequest);
  send(third.toMaster, messages.aliveCheck.encode({ requestId: 9 }));
  await world.settle();
  const replies = frames(third.toClient).slice(1);
  assert.equal(String(messages.failure.decode(replies[0] as Buffer).reason), 'did not receive file descriptors');
  assert.equal(replies.length, 1);
  assert.ok(third.toClient.isEnded);
});

test('no more bytes are wanted than a message has left, and in proxy mode all there are', async (t) => {
  const world = sharedWorld(t);
  const { master, toMaster } = world.join();
  const { master: relaying, client } = world.join();
  await world.settle();
  assert.equal(master.wantedBytes, 4);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(8);
  toMaster.chunks.push(length.subarray(0, 3));
  await world.settle();
  assert.equal(master.wantedBytes, 1);
  toMaster.chunks.push(length.subarray(3), Buffer.alloc(2));
  await world.settle();
  assert.equal(master.wantedBytes, 6);
  const started = client.startProxy();
  await world.settle();
  await started;
  assert.equal(relaying.wantedBytes, Number.POSITIVE_INFINITY);
});

test('broken clients are cut off, unknown requests are refused', async (t) => {
  const world = sharedWorld(t);
  const broken = [
    messages.hello.encode({ version: 3, extensions: [] }),
    messages.aliveCheck.encode({ requestId: 1 }),
    Buffer.alloc(0),
    Buffer.of(1, 2),
  ];
  for (const bytes of broken) {
    const { toMaster, toClient, endings } = world.join();
    toClient.other = undefined;
    // In place of a HELLO.
    await new Promise((resolve) => setImmediate(resolve));
    toMaster.chunks.length = 0;
    send(toMaster, bytes);
    await world.settle();
    assert.ok(toClient.isEnded, bytes.toString('hex'));
    assert.ok(endings[0] instanceof SshError);
  }
  const { toMaster, toClient } = world.join();
  toClient.other = undefined;
  await world.settle();
  send(toMaster, Buffer.from('1000007700000005', 'hex'));
  await world.settle();
  assert.equal(String(messages.failure.decode(frames(toClient)[1] as Buffer).reason), 'unsupported request');
});

test('a broken master ends every call', async (t) => {
  const world = sharedWorld(t);
  const replies = [
    Buffer.alloc(2),
    messages.alive.encode({ requestId: 99, pid: 1 }),
    messages.remotePort.encode({ requestId: 0, port: 1 }),
    // A refusal that is cut short must not leave its call behind.
    messages.failure.encode({ requestId: 0, reason: Buffer.from('reason') }).subarray(0, 14),
  ];
  for (const reply of replies) {
    const { client, toClient } = world.join();
    await world.settle();
    const call = client.aliveCheck();
    call.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    send(toClient, reply);
    toClient.deliver();
    await assert.rejects(call, SshError);
    await assert.rejects(client.aliveCheck(), SshError);
  }
  const old = world.join();
  await new Promise((resolve) => setImmediate(resolve));
  old.toClient.chunks.length = 0;
  send(old.toClient, messages.hello.encode({ version: 5, extensions: [] }));
  old.toClient.deliver();
  await assert.rejects(old.client.greeted, (error: SshError) => error.code === 'unsupported');
});

test('the end of the socket is as good as an answer to a termination, and to nothing else', async (t) => {
  const world = sharedWorld(t);
  const { client } = world.join();
  await world.settle();
  const [alive, ended] = [client.aliveCheck(), client.terminate()];
  await new Promise((resolve) => setImmediate(resolve));
  client.receiveEnd();
  await assert.rejects(alive, (error: SshError) => error.code === 'connection-lost');
  await ended;
  assert.equal((await client.closed)?.code, 'connection-lost');
});

const sessionRequest = messages.newSession.encode({
  requestId: 5,
  reserved: Buffer.alloc(0),
  wantsTerminal: false,
  wantsX11: false,
  wantsAgent: false,
  isSubsystem: false,
  escapeCharacter: 0xffff_ffff,
  terminalType: Buffer.from('xterm'),
  command: Buffer.from('ls'),
  environment: [],
});

const nobody: PassengerHandlers = {
  takeDescriptors: async () => assert.fail('none came'),
  openSession: async () => assert.fail('no session was expected'),
  openStdioForward: async () => assert.fail('no forward was expected'),
};

function descriptors(): PassedDescriptors & { readonly isClosed: boolean } {
  let isClosed = false;
  return {
    fds: [],
    close: () => {
      isClosed = true;
    },
    get isClosed() {
      return isClosed;
    },
  };
}

function send(sink: MemorySink, message: Buffer): void {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(message.length);
  sink.chunks.push(length, message);
}

function frames(sink: MemorySink): Buffer[] {
  const bytes = Buffer.concat(sink.chunks);
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}
