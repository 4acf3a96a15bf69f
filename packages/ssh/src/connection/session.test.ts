import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { test } from 'node:test';
import { SshError, type SshErrorCode } from '../errors.ts';
import { linkedPair, type Pair, pattern } from './linked-pair.test.kit.ts';
import * as messages from './messages.ts';
import { exitStatus } from './requests/exit-status.ts';
import { terminalModeOpcodes } from './requests/terminal-modes.ts';
import { type ClientSession, openSession } from './session-client.ts';
import { ServerSession, type SessionHandler, type SessionStart } from './session-server.ts';

const nothing = Buffer.alloc(0);
const isError = (code: SshErrorCode) => (error: unknown) => error instanceof SshError && error.code === code;

interface Sessions extends Pair {
  client_: ClientSession;
  server_: ServerSession;
}

async function sessions(handler: Partial<SessionHandler> = {}, windowBytes?: number): Promise<Sessions> {
  const made: ServerSession[] = [];
  const pair = linkedPair({
    server: {
      channelHandlers: new Map([
        ['session', (open) => void made.push(new ServerSession(open.accept(), { onStart: () => true, ...handler }))],
      ]),
    },
  });
  const opening = openSession(pair.client, { windowBytes });
  pair.deliver();
  return { ...pair, client_: await opening, server_: made[0] as ServerSession };
}

async function collect(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  return text;
}

async function during<T>(pair: Pair, promise: Promise<T>): Promise<T> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  promise.then(mark, mark);
  for (let round = 0; round < 1000 && !settled; round++) await pair.settle();
  return promise;
}

test('exec: output, stderr and exit status, in that order on the wire', async () => {
  const starts: SessionStart[] = [];
  const pair = await sessions({
    onStart(start, session) {
      starts.push(start);
      queueMicrotask(() => {
        session.stream.write('out');
        session.stderr.write('err');
        void session.exit(7);
      });
      return true;
    },
  });
  const { client_ } = pair;
  const numbers: (number | undefined)[] = [];
  pair.serverLink.onSend = () => numbers.push(pair.serverLink.numbers.at(-1));
  const all = Promise.all([client_.exec('ls -l'), collect(client_.stdout), collect(client_.stderr), client_.exit]);
  const [, out, err, exit] = await during(pair, all);
  assert.deepEqual([out, err, exit], ['out', 'err', { status: 7 }]);
  assert.equal(starts[0]?.kind === 'exec' && starts[0].command, 'ls -l');
  assert.deepEqual(numbers.slice(-6), [99, 94, 95, 98, 96, 97]);
  assert.equal(pair.client.channelCount + pair.server.channelCount, 0);
});

test('exit waits for all output, however slow the reader is, and no byte is lost', async () => {
  const output = pattern(500_000);
  const pair = await sessions({}, 10_000);
  await during(pair, pair.client_.shell());
  for (let at = 0; at < output.length; at += 50_000) pair.server_.stream.write(output.subarray(at, at + 50_000));
  pair.server_.stderr.write(pattern(100_000, 3));
  let exited = false;
  const exit = pair.server_.exit(0);
  void exit.then(() => {
    exited = true;
  });
  await pair.settle();
  assert.equal(exited, false, 'the reader has not read, so the window is shut');
  let known = false;
  void pair.client_.exit.then(() => {
    known = true;
  });
  assert.equal(known, false);
  pair.client_.stderr.resume();
  const chunks: Buffer[] = [];
  const reading = (async () => {
    for await (const chunk of pair.client_.stdout) {
      chunks.push(chunk as Buffer);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await during(pair, Promise.all([reading, exit]));
  assert.deepEqual(Buffer.concat(chunks), output);
  assert.deepEqual(await pair.client_.exit, { status: 0 });
});

test('everything at once: data, exit-status, EOF and CLOSE in one batch, read afterwards', async () => {
  const pair = await sessions();
  const { client, client_ } = pair;
  const id = client_.channel.id;
  for (const payload of [
    messages.channelData.encode({ recipient: id, data: Buffer.from('the output') }),
    messages.channelRequest.encode({
      recipient: id,
      type: 'exit-status',
      wantReply: false,
      data: exitStatus.data.encode({ status: 3 }),
    }),
    messages.channelClose.encode({ recipient: id }),
  ]) {
    client.receive(payload);
  }
  assert.deepEqual(await client_.exit, { status: 3 });
  assert.equal(await collect(client_.stdout), 'the output');
  assert.equal(await collect(client_.stderr), '');
});

test('EOF first, exit status later: neither end closes the channel in between', async () => {
  const pair = await sessions({ onStart: () => true });
  const { client_, server_ } = pair;
  await during(pair, client_.exec('x'));
  client_.stdin.end();
  server_.stream.resume();
  server_.stream.end('output');
  server_.stderr.end();
  assert.equal(await during(pair, collect(client_.stdout)), 'output');
  client_.stderr.resume();
  await pair.settle();
  assert.deepEqual([client_.channel.state, server_.channel.state], ['eof-both', 'eof-both']);
  await during(pair, server_.exit(4));
  await pair.settle();
  assert.deepEqual(await client_.exit, { status: 4 });
  assert.equal(pair.client.channelCount + pair.server.channelCount, 0);
});

test('stderr that comes after stdout was read to its end is not lost', async () => {
  const pair = await sessions({ onStart: () => true });
  const { client_, server_ } = pair;
  client_.stdin.end();
  server_.stream.end('out');
  server_.stderr.write('err');
  await pair.settle();
  const texts = during(pair, Promise.all([collect(client_.stdout), collect(client_.stderr)]));
  const exit = server_.exit(0);
  assert.deepEqual(await texts, ['out', 'err']);
  await exit;
});

test('the three ways a program ends, and a connection that breaks off', async () => {
  const first = await sessions();
  await during(first, first.server_.exitSignal('SEGV', { coreDumped: true, message: 'bad \u001b[31mpointer' }));
  await first.settle();
  assert.deepEqual(await first.client_.exit, {
    signal: 'SEGV',
    coreDumped: true,
    message: 'bad \\033[31mpointer',
  });
  const second = await sessions();
  second.server_.stream.destroy();
  await second.settle();
  assert.deepEqual(await second.client_.exit, { neither: true });
  const third = await sessions();
  const gone = new SshError('gone', { code: 'connection-lost', stage: 'transport' });
  third.client.end(gone);
  await assert.rejects(third.client_.exit, gone);
  const fourth = await sessions();
  fourth.server_.channel.notify('exit-status', exitStatus.data.encode({ status: 2 ** 32 - 1 }));
  await fourth.settle();
  fourth.client.end(gone);
  assert.deepEqual(await fourth.client_.exit, { status: 2 ** 32 - 1 });
});

test('only one program per session, whatever is asked after it', async () => {
  const starts: string[] = [];
  const pair = await sessions({
    onStart(start) {
      starts.push(start.kind);
      return start.kind !== 'subsystem';
    },
    onPty: () => true,
    onEnvironment: () => true,
  });
  const { client_ } = pair;
  const results = await during(
    pair,
    Promise.allSettled([
      client_.subsystem('sftp'),
      client_.exec('true'),
      client_.shell(),
      client_.exec('false'),
      client_.pty({ term: 'xterm', columns: 80, rows: 24 }),
    ]),
  );
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'fulfilled', 'rejected', 'rejected', 'rejected'],
  );
  assert.deepEqual(starts, ['subsystem', 'exec']);
  client_.env('LATE', 'x');
  await pair.settle();
  assert.equal(pair.server_.environment.size, 0);
  assert.ok(results.every((result) => result.status === 'fulfilled' || isError('request-refused')(result.reason)));
});

test('a handler without policy refuses everything but the start', async () => {
  const pair = await sessions();
  const { client_ } = pair;
  client_.env('A', 'b');
  const asked = [
    client_.pty({ term: 'xterm', columns: 80, rows: 24 }),
    client_.channel.request('x11-req', nothing).then((granted) => assert.equal(granted, false)),
    client_.sendBreak().then((granted) => assert.equal(granted, false)),
  ];
  const results = await during(pair, Promise.allSettled(asked));
  assert.deepEqual(
    results.map((result) => result.status),
    ['rejected', 'fulfilled', 'fulfilled'],
  );
  assert.equal(pair.server_.environment.size, 0);
});

test('pty, environment, resize, signals, break', async () => {
  const seen: unknown[] = [];
  const pair = await sessions({
    onPty: (pty) => seen.push(['pty', pty.term, pty.columns, pty.modes.get(terminalModeOpcodes.IUTF8)]) > 0,
    onEnvironment: (name) => name.startsWith('LC_'),
    onWindowChange: (pty) => void seen.push(['size', pty.columns, pty.rows, pty.widthPixels, pty.heightPixels]),
    onSignal: (name) => seen.push(['signal', name]) > 0,
    onBreak: (lengthMs) => seen.push(['break', lengthMs]) > 0,
  });
  const { client_, server_ } = pair;
  const modes = new Map([[terminalModeOpcodes.IUTF8, 1]]);
  client_.windowChange({ columns: 1, rows: 1 });
  const ready = client_.pty({ term: 'xterm-256color', columns: 80, rows: 24, modes });
  client_.env('LC_ALL', 'C.UTF-8');
  client_.env('LD_PRELOAD', '/tmp/x.so');
  client_.env('LC_=', 'x');
  client_.env('LC_NUL', 'a\0b');
  client_.windowChange({ columns: 100, rows: 50, widthPixels: 800, heightPixels: 600 });
  client_.signal('INT');
  const broke = client_.sendBreak(1000);
  await during(pair, Promise.all([ready, broke]));
  assert.deepEqual(seen, [
    ['pty', 'xterm-256color', 80, 1],
    ['size', 100, 50, 800, 600],
    ['signal', 'INT'],
    ['break', 1000],
  ]);
  assert.deepEqual([...server_.environment], [['LC_ALL', 'C.UTF-8']]);
  assert.equal(server_.pty?.columns, 100);
  assert.equal(server_.pty?.term, 'xterm-256color');
  assert.equal(client_.channel.interactive && server_.channel.interactive, true);
});

test('the environment is bounded in number and size', async () => {
  const pair = await sessions({ onEnvironment: () => true });
  for (let index = 0; index < 300; index++) pair.client_.env(`V${index}`, 'x');
  await pair.settle();
  assert.equal(pair.server_.environment.size, 128);
  const big = await sessions({ onEnvironment: () => true });
  for (let index = 0; index < 10; index++) big.client_.env(`V${index}`, 'x'.repeat(30_000));
  await big.settle();
  assert.equal(big.server_.environment.size, 4);
});

test('malformed request data ends the connection, not the process', async () => {
  for (const type of ['pty-req', 'exec', 'env', 'window-change', 'signal', 'break', 'subsystem']) {
    const pair = await sessions({ onPty: () => true, onEnvironment: () => true });
    const asked = pair.client_.channel.request(type, Buffer.from([0, 0, 0, 99, 1]));
    const failed = assert.rejects(asked, isError('connection-lost'));
    await pair.settle();
    await failed;
    assert.equal(pair.serverLink.failure?.code, 'bad-message', type);
  }
});

test('requests that wait while a start is slow come in order', async () => {
  const log: string[] = [];
  const pair = await sessions({
    async onStart() {
      log.push('start');
      await new Promise((resolve) => setImmediate(resolve));
      log.push('started');
      return true;
    },
    onSignal: (name) => log.push(name) > 0,
  });
  const started = pair.client_.exec('x');
  pair.client_.signal('HUP');
  await during(pair, started);
  await pair.settle();
  assert.deepEqual(log, ['start', 'started', 'HUP']);
});

test('eow stops the client’s input quietly, and only peers that take it are told', async () => {
  const pair = await sessions();
  pair.client_.stdin.write(Buffer.alloc(2 ** 22));
  await pair.settle();
  assert.ok(pair.client_.channel.queuedBytes > 0);
  pair.server_.stopReading('SSH-2.0-Other_1.0');
  assert.deepEqual(pair.serverLink.outbox, []);
  pair.server_.stopReading('SSH-2.0-OpenSSH_9.2p1');
  await pair.settle();
  assert.equal(pair.client_.channel.queuedBytes, 0);
  assert.equal(pair.client_.channel.state, 'eof-sent');
  assert.equal(pair.client_.stdin.destroyed, false);
});

test('a session is disposed of with await using', async () => {
  const pair = await sessions();
  const closing = pair.client_[Symbol.asyncDispose]();
  await during(pair, closing);
  assert.equal(pair.client.channelCount + pair.server.channelCount, 0);
});

test('a program that reads by readline outlives a client that hangs up, and learns that its input was cut short', async () => {
  const uncaught: unknown[] = [];
  const catching = (error: unknown) => void uncaught.push(error);
  process.on('uncaughtException', catching);
  try {
    const pair = await sessions();
    const starting = pair.client_.exec('read');
    await during(pair, starting);
    // Node's readline passes the errors of its input on, to where nobody listens.
    const lines = createInterface({ input: pair.server_.stream as Readable });
    const reading = collect(pair.server_.stream.iterator({ destroyOnReturn: false }) as unknown as Readable);
    pair.client_.stdin.write('half a li');
    await pair.settle();
    pair.server.end(new SshError('the connection was lost', { code: 'connection-lost', stage: 'transport' }));
    await assert.rejects(reading, { code: 'ERR_STREAM_PREMATURE_CLOSE' });
    await new Promise((resolve) => setTimeout(resolve, 20));
    lines.close();
  } finally {
    process.off('uncaughtException', catching);
  }
  assert.deepEqual(uncaught, []);
});
