/** Requests of an sftp session: numbers, order, ends, limits, calls that are given up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { SshError } from '../errors.ts';
import { maxSftpPendingRequests } from '../limits.ts';
import { startSftp } from './client.ts';
import * as messages from './messages.ts';
import { greeting, ok, type Received, ScriptedServer, startClient, status } from './scripted-server.test.kit.ts';

const rejects = (promise: Promise<unknown>, code: string, text = /./) =>
  assert.rejects(
    promise,
    (error) => error instanceof SshError && error.code === code && error.stage === 'sftp' && text.test(error.message),
  );

test('replies in any order find their requests', async () => {
  const held: Received[] = [];
  const { client, server } = await startClient((request) => {
    held.push(request);
    return 'nothing';
  });
  const sizes = [1, 2, 3, 4, 5];
  const answers = Promise.all(sizes.map((size) => client.stat(`f${size}`)));
  await turn();
  assert.equal(new Set(held.map(({ id }) => id)).size, 5);
  server.pieceBytes = 3;
  for (const at of [3, 0, 4, 2, 1]) {
    const { id } = held[at] as Received;
    server.reply(messages.attrs.encode({ id, attributes: { size: at + 1 } }));
  }
  assert.deepEqual(
    (await answers).map(({ size }) => size),
    sizes,
  );
});

test('a reply that nobody asked for, one of another kind, one cut short: the session ends, and every call with it', async () => {
  const bad: [name: string, make: (id: number) => Uint8Array][] = [
    ['unknown number', (id) => ok(id + 1)],
    ['no reply', (id) => messages.remove.encode({ id, path: Buffer.alloc(0) })],
    ['another kind', (id) => messages.data.encode({ id, data: Buffer.alloc(1) })],
    ['success without attributes', (id) => ok(id)],
    ['without a number', () => Buffer.of(101, 0, 0)],
    ['cut short', () => Buffer.from('6900000000000000', 'hex')],
    ['too long', (id) => Buffer.concat([messages.attrs.encode({ id, attributes: {} }), Buffer.of(0)])],
  ];
  for (const [name, make] of bad) {
    let first = true;
    const { client, server } = await startClient(({ id }) => {
      if (!first) return 'nothing';
      first = false;
      return make(id);
    });
    const outcomes = await Promise.allSettled([client.stat('a'), client.stat('b'), client.mkdir('c')]);
    for (const outcome of outcomes) {
      assert.equal(outcome.status, 'rejected', name);
      if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'bad-message', name);
    }
    assert.equal((await client.closed)?.code, 'bad-message', name);
    assert.ok(server.destroyed, name);
    await rejects(client.stat('later'), 'bad-message');
  }
});

test('every pending call settles when the stream ends, however it does', async () => {
  const ends: [(server: ScriptedServer) => void, string][] = [
    [(server) => server.emit('end'), 'closed'],
    [(server) => server.emit('close'), 'closed'],
    [(server) => server.emit('error', new Error('reset')), 'connection-lost'],
  ];
  for (const [end, code] of ends) {
    const { client, server } = await startClient(() => 'nothing', { explainEnd: () => 'out of memory' });
    const calls = [client.stat('a'), client.open('b'), client.readdir('c').next(), client.readFile('d')];
    const settled = Promise.allSettled(calls);
    await turn();
    end(server);
    for (const outcome of await settled) {
      assert.equal(outcome.status === 'rejected' && outcome.reason.code, code);
    }
    const error = await client.closed;
    assert.equal(error?.code, code);
    if (code === 'closed') assert.equal(error?.message, 'the server ended the sftp session: out of memory');
  }
  const { client } = await startClient(() => 'nothing');
  const call = rejects(client.stat('a'), 'closed', /closed here/);
  client.close();
  await call;
  assert.equal(await client.closed, undefined);
});

test('a call that is given up keeps its number until the reply, and its handle is closed', async () => {
  const held: Received[] = [];
  const { client, server } = await startClient((request) => {
    if (request.number === messages.close.number) return undefined;
    held.push(request);
    return 'nothing';
  });
  const controller = new AbortController();
  const opening = client.open('x', {}, { signal: controller.signal });
  const statting = client.stat('x', { signal: controller.signal });
  await turn();
  controller.abort(new Error('enough'));
  await rejects(opening, 'aborted');
  await rejects(statting, 'aborted');
  const next = client.stat('y');
  await turn();
  assert.equal(new Set(held.map(({ id }) => id)).size, 3);
  const [open, stat, other] = held as [Received, Received, Received];
  server.reply(messages.handle.encode({ id: open.id, handle: Buffer.from('late') }));
  server.reply(status(stat.id, 2));
  server.reply(messages.attrs.encode({ id: other.id, attributes: { size: 9 } }));
  assert.equal((await next).size, 9);
  await turn();
  assert.deepEqual(
    server.requests(messages.close).map(({ handle }) => handle.toString()),
    ['late'],
  );
  await rejects(client.stat('z', { signal: AbortSignal.abort() }), 'aborted');
});

test('only so many requests are under way at once; the others wait in order, and may be given up', async () => {
  const held: Received[] = [];
  const { client, server } = await startClient((request) => {
    held.push(request);
    return 'nothing';
  });
  const controller = new AbortController();
  const calls = Array.from({ length: maxSftpPendingRequests + 3 }, (_, at) =>
    client.mkdir(`d${at}`, {}, at === maxSftpPendingRequests + 1 ? { signal: controller.signal } : {}),
  );
  const outcomes = Promise.allSettled(calls);
  await turn();
  assert.equal(held.length, maxSftpPendingRequests);
  controller.abort();
  for (let at = 0; at < held.length; at++) {
    server.reply(ok((held[at] as Received).id));
    await turn();
  }
  const results = await outcomes;
  assert.equal(held.length, maxSftpPendingRequests + 2);
  assert.deepEqual(
    results.flatMap(({ status: outcome }, at) => (outcome === 'rejected' ? [at] : [])),
    [maxSftpPendingRequests + 1],
  );
});

test('a stream that is full is waited for', async () => {
  const { client, server } = await startClient();
  server.hasRoom = false;
  const calls = [client.mkdir('a')];
  await turn();
  calls.push(client.mkdir('b'), client.mkdir('c'));
  await turn();
  assert.equal(server.requests(messages.mkdir).length, 1);
  server.hasRoom = true;
  server.emit('drain');
  await Promise.all(calls);
  assert.equal(server.requests(messages.mkdir).length, 3);
});

test('the greeting: other versions, no sftp at all, a stream that ends, a call given up', async () => {
  const start = async (answer: Uint8Array | 'end' | 'nothing', signal?: AbortSignal) => {
    const server = new ScriptedServer();
    server.answer = () => {
      if (answer === 'end') setImmediate(() => server.emit('end'));
      return typeof answer === 'string' ? undefined : answer;
    };
    try {
      return await startSftp(server, { signal });
    } finally {
      assert.ok(server.destroyed);
    }
  };
  await rejects(start(greeting(2)), 'unsupported', /version 2, expected 3/);
  await rejects(start(greeting(4)), 'bad-message', /version 4/);
  await rejects(start(ok(0)), 'bad-message', /VERSION/);
  await rejects(start('end'), 'closed');
  const controller = new AbortController();
  setImmediate(() => controller.abort());
  await rejects(start('nothing', controller.signal), 'aborted');
});
