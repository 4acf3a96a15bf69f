import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Forward, ForwardListen } from '../config/index.ts';
import { allocatedPort, forwardedTcpip } from '../connection/index.ts';
import { channelOpen, requestFailure, requestSuccess } from '../connection/messages.ts';
import type { SshError } from '../errors.ts';
import { connectTcp, connectUnix, listenOnLoopback } from '../server/index.ts';
import { forwardLocal, forwardRemote } from './forwards.ts';
import { inMemory, isError, listening, until } from './live.test.kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-forwards-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Answers only once the question has ended: proves that half-close comes through. */
async function startUpperCase(t: TestContext, where: number | string = 0): Promise<{ server: Server; port: number }> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('end', () => socket.end(text.toUpperCase()));
    socket.on('error', () => {});
  });
  if (typeof where === 'string') server.listen(where);
  else server.listen(where, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

async function ask(socket: Socket, question: string): Promise<string> {
  socket.on('error', () => {});
  socket.end(question);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

function dial(listen: ForwardListen): Socket {
  return listen.kind === 'unix'
    ? connectSocket({ path: listen.path, allowHalfOpen: true })
    : connectSocket({ host: '127.0.0.1', port: listen.port, allowHalfOpen: true });
}

const anyPort: ForwardListen = { kind: 'tcp', host: '127.0.0.1', port: 0 };
const serverOptions = { forwardTcp: connectTcp, forwardUnix: connectUnix, listen: listenOnLoopback };

test('a local forward carries both directions, and half-close', async (t) => {
  const target = await startUpperCase(t);
  const { connect } = await listening(t, serverOptions);
  const client = await connect();
  const seen: unknown[] = [];
  const forward: Forward = { listen: anyPort, target: { kind: 'tcp', host: '127.0.0.1', port: target.port } };
  let open = 0;
  await using active = await forwardLocal(client, forward, {
    onConnection: ({ to }) => {
      open++;
      seen.push(to);
    },
    onEnd: () => open--,
  });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => ask(dial(active.listen), `question ${i} ${'x'.repeat(100_000)}`)),
  );
  for (const [i, answer] of answers.entries()) assert.equal(answer, `QUESTION ${i} ${'X'.repeat(100_000)}`);
  assert.deepEqual(seen[0], { kind: 'tcp', host: '127.0.0.1', port: target.port });
  assert.equal(seen.length, 20);
  await until('all have ended', () => open === 0);
});

test('Unix sockets on either side; the file here is ours alone, and one that lies in the way is not taken', async (t) => {
  const path = join(folder, 'target');
  await startUpperCase(t, path);
  const { connect } = await listening(t, serverOptions);
  const client = await connect();
  const here: ForwardListen = { kind: 'unix', path: join(folder, 'here') };
  const active = await forwardLocal(client, { listen: here, target: { kind: 'unix', path } });
  assert.equal(statSync(here.path).mode & 0o777, 0o600);
  assert.equal(await ask(dial(here), 'abc'), 'ABC');
  await assert.rejects(
    forwardLocal(client, { listen: here, target: { kind: 'unix', path } }),
    isError('connect-failed'),
  );
  await active.close();

  const file = join(folder, 'file');
  writeFileSync(file, 'data');
  const inTheWay: Forward = { listen: { kind: 'unix', path: file }, target: { kind: 'unix', path } };
  await assert.rejects(forwardLocal(client, inTheWay, { unlinkFirst: true }), isError('connect-failed'));
  assert.equal(statSync(file).size, 4);
});

test('SOCKS asks where to; a refusal is told in its own words and the forward goes on', async (t) => {
  const target = await startUpperCase(t);
  const { connect } = await listening(t, serverOptions);
  const client = await connect();
  const failures: SshError[] = [];
  const active = await forwardLocal(
    client,
    { listen: anyPort, target: { kind: 'socks' } },
    { onFailure: (error) => void failures.push(error) },
  );
  const talk = (port: number) => {
    const head = Buffer.from([5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, port >> 8, port & 255]);
    const socket = dial(active.listen);
    socket.write(head);
    return ask(socket, 'abc');
  };
  assert.equal(await talk(target.port), '\x05\0\x05\0\0\x01\0\0\0\0\0\0ABC');
  target.server.close();
  assert.equal(await talk(target.port), '\x05\0\x05\x05\0\x01\0\0\0\0\0\0');
  assert.equal(await ask(dial(active.listen), 'GET / HTTP/1.1\r\n\r\n'), '');
  await until('both were reported', () => failures.length === 2);
  assert.deepEqual(failures.map(({ code }) => code).sort(), ['bad-message', 'channel-open-refused']);
});

test('a remote forward connects from here; a lone port is SOCKS, within PermitRemoteOpen', async (t) => {
  const target = await startUpperCase(t);
  const { connect } = await listening(t, serverOptions);
  const client = await connect();
  const to = { kind: 'tcp', host: '127.0.0.1', port: target.port } as const;
  const active = await forwardRemote(client, { listen: anyPort, target: to });
  assert.equal(await ask(dial(active.listen), 'abc'), 'ABC');
  await active.close();

  const permitRemoteOpen = (_host: string, port: number) => port === target.port;
  const socks = await forwardRemote(client, { listen: anyPort, target: { kind: 'socks' } }, { permitRemoteOpen });
  const talk = (port: number) => {
    const socket = dial(socks.listen);
    socket.write(Buffer.from([4, 1, port >> 8, port & 255, 127, 0, 0, 1, 0]));
    return ask(socket, 'abc');
  };
  assert.equal(await talk(target.port), '\0Z\0\0\0\0\0\0ABC');
  assert.equal(await talk(1), '\0[\0\0\0\0\0\0');
});

test('a server that does not forward refuses, and listeners end with the connection', async (t) => {
  const { connect } = await listening(t);
  const client = await connect();
  const to = { kind: 'tcp', host: '127.0.0.1', port: 9 } as const;
  await assert.rejects(forwardRemote(client, { listen: anyPort, target: to }), isError('request-refused'));
  const failures: SshError[] = [];
  const active = await forwardLocal(
    client,
    { listen: anyPort, target: to },
    { onFailure: (e) => void failures.push(e) },
  );
  assert.equal(await ask(dial(active.listen), 'abc').catch(() => ''), '');
  await until('it was reported', () => failures.length === 1);
  await client.close();
  const late = dial(active.listen);
  const [error] = (await once(late, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNREFUSED');
});

test('a connection right behind the answer is taken, whoever chose the port; after a refusal none is', async (t) => {
  const never = new Promise<undefined>(() => {});
  const opening = (port: number) => {
    const data = forwardedTcpip.data.encode({ address: 'localhost', port, originatorAddress: 'x', originatorPort: 1 });
    const facts = { type: forwardedTcpip.name, sender: 7, windowBytes: 1000, maxPacketBytes: 1000 };
    return channelOpen.encode({ ...facts, data });
  };
  for (const [asked, port, answer, taken] of [
    [0, 4711, requestSuccess.encode({ data: allocatedPort.encode({ port: 4711 }) }), 1],
    [4712, 4712, requestSuccess.encode({ data: Buffer.alloc(0) }), 1],
    [4713, 4713, requestFailure.encode({}), 0],
    [0, 4714, requestFailure.encode({}), 0],
    [0, 4716, requestSuccess.encode({ data: allocatedPort.encode({ port: 4715 }) }), 0],
  ] as const) {
    const { client } = await inMemory(t, { listen: () => never });
    let count = 0;
    const listener = client.listen('localhost', asked, () => count++).catch(() => 'refused');
    // One packet behind the other, with no turn between them.
    client.connection.receive(answer);
    client.connection.receive(opening(port));
    await listener;
    await new Promise(setImmediate);
    assert.equal(count, taken, `${asked} ${port}`);
    await client.close();
  }
});

test('names are looked up, every address of them is listened on, and failures are told in the C library’s words', async (t) => {
  const { connect } = await listening(t, serverOptions);
  const client = await connect();
  const target = { kind: 'tcp', host: '127.0.0.1', port: 9 } as const;
  const open = (listen: ForwardListen, options = {}) => forwardLocal(client, { listen, target }, options);
  const both = await open({ kind: 'tcp', host: undefined, port: 0 });
  assert.ok(both.bound.some(({ address }) => address === '127.0.0.1'));
  assert.ok(both.bound.every(({ address }) => address === '127.0.0.1' || address === '::1'));
  const four = await open({ kind: 'tcp', host: '*', port: 0 }, { family: 4 });
  assert.deepEqual(
    four.bound.map(({ address }) => address),
    ['0.0.0.0'],
  );
  const everybody = await open({ kind: 'tcp', host: undefined, port: 0 }, { gatewayPorts: true });
  assert.equal(everybody.bound[0]?.address, '0.0.0.0');
  const taken = { kind: 'tcp', host: '127.0.0.1', port: (both.listen as { port: number }).port } as const;
  for (const [listen, step, reason] of [
    [taken, 'bind', 'Address already in use'],
    [{ kind: 'tcp', host: '192.0.2.99', port: 0 }, 'bind', 'Cannot assign requested address'],
    [{ kind: 'tcp', host: 'no.such.name.invalid', port: 0 }, 'lookup', 'Name or service not known'],
    [{ kind: 'unix', path: join(folder, 'no', 'such', 'folder') }, 'bind', 'No such file or directory'],
  ] as const) {
    await assert.rejects(open(listen), (error: SshError) => {
      const cause = error.cause as { step: string; reason: string };
      assert.deepEqual([error.code, cause.step, cause.reason], ['connect-failed', step, reason]);
      return true;
    });
  }
});

test('a forward counts what it carries, in both directions', async (t) => {
  const target = await startUpperCase(t);
  const { connect } = await listening(t, serverOptions);
  const client = await connect();
  const to = { kind: 'tcp', host: '127.0.0.1', port: target.port } as const;
  const local = await forwardLocal(client, { listen: anyPort, target: to });
  const remote = await forwardRemote(client, { listen: anyPort, target: to });
  for (const forward of [local, remote]) {
    const socket = dial(forward.listen);
    socket.write('abc');
    await until('it is open', () => forward.status().openConnections === 1);
    assert.equal(await ask(socket, 'de'), 'ABCDE');
    await until('it has ended', () => forward.status().openConnections === 0);
  }
  const facts = (forward: typeof local) => {
    const { side, connections, bytesIn, bytesOut, isUp, reconnects } = forward.status();
    return { side, connections, bytesIn, bytesOut, isUp, reconnects };
  };
  const counted = { connections: 1, isUp: true, reconnects: 0, bytesIn: 5, bytesOut: 5 };
  assert.deepEqual(facts(local), { side: 'local', ...counted });
  assert.deepEqual(facts(remote), { side: 'remote', ...counted });
  await client.close();
  assert.equal(local.status().isUp, false);
});
