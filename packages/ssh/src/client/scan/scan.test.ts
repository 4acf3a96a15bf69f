/** Scans of servers that have keys, and of such that have none or say nothing. */
import assert from 'node:assert/strict';
import { createServer as createNetServer, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { SshError } from '../../errors.ts';
import { generateKey } from '../../keys/index.ts';
import type { Signer } from '../../keys/types.ts';
import { createServer, type ServerOptions } from '../../server/index.ts';
import { ResultQueue } from './result-queue.ts';
import { type ScanOptions, type ScanResult, type ScanTarget, scanHostKeys } from './scan.ts';
import { Slots } from './slots.ts';

const ed25519 = await generateKey('ssh-ed25519');
const ecdsa = await generateKey('ecdsa-sha2-nistp384');
const rsa = await generateKey('ssh-rsa', { bits: 2048 });

/** A server's port. */
async function serve(t: TestContext, hostKeys: readonly Signer[], more: Partial<ServerOptions> = {}): Promise<number> {
  const server = createServer({ hostKeys, authenticate: { publicKey: async () => false }, ...more });
  t.after(() => server.close());
  return (await server.listen(0)).port;
}

/** The port of something that does this with every connection, and the connections it has. */
async function pretend(t: TestContext, act: (socket: Socket) => void): Promise<{ port: number; open: Set<Socket> }> {
  const open = new Set<Socket>();
  const server = createNetServer((socket) => {
    open.add(
      socket
        .on('error', () => {})
        .on('close', () => open.delete(socket))
        .resume(),
    );
    act(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return { port: (server.address() as { port: number }).port, open };
}

const at = (port: number, ...hosts: string[]): ScanTarget => ({
  hosts: hosts.length > 0 ? hosts : ['127.0.0.1'],
  port,
});

async function scan(
  targets: Iterable<ScanTarget> | AsyncIterable<ScanTarget>,
  options: ScanOptions = {},
): Promise<ScanResult[]> {
  const results: ScanResult[] = [];
  for await (const result of scanHostKeys(targets, { timeoutMs: 2000, ...options })) results.push(result);
  return results;
}

const brief = (results: readonly ScanResult[]): string[] =>
  results
    .map((result) => {
      if (result.status === 'failed') return `failed ${result.error.code} ${result.kinds.join()}`;
      return `${result.status} ${result.kind}`;
    })
    .sort();

test('every kind that a server has, and word of those that it has not', async (t) => {
  let connections = 0;
  const port = await serve(t, [ed25519, ecdsa, rsa], { onConnection: () => void connections++ });
  const results = await scan([at(port)]);
  assert.deepEqual(brief(results), ['absent ecdsa-sk', 'absent ed25519-sk', 'key ecdsa', 'key ed25519', 'key rsa']);
  for (const result of results) {
    assert.ok(result.status !== 'failed' && /^SSH-2\.0-nacre_/.test(result.identification));
    if (result.status !== 'key') continue;
    const expected = { ed25519, ecdsa, rsa }[result.kind as 'rsa'];
    assert.ok(result.key.equals(expected.publicKey), result.kind);
    assert.equal(result.address, '127.0.0.1');
  }
  // One for each key, and none to find out what there is.
  assert.equal(connections, 3);
});

test('only what was asked for', async (t) => {
  const port = await serve(t, [ed25519, rsa]);
  assert.deepEqual(brief(await scan([at(port)], { kinds: ['rsa'] })), ['key rsa']);
  assert.deepEqual(brief(await scan([at(port)], { kinds: ['ecdsa'] })), ['absent ecdsa']);
  assert.deepEqual(brief(await scan([at(port)], { certificates: true, kinds: ['rsa'] })), ['absent rsa']);
  await assert.rejects(scan([at(port)], { kinds: [] }), SshError);
});

test('a key that the server cannot prove does not come out', async (t) => {
  const impostor: Signer = {
    publicKey: ed25519.publicKey,
    label: 'impostor',
    sign: async (data, algorithm) => (await generateKey('ssh-ed25519')).sign(data, algorithm),
  };
  const port = await serve(t, [impostor]);
  const results = await scan([at(port)], { kinds: ['ed25519'] });
  assert.deepEqual(brief(results), ['failed bad-signature ed25519']);
});

test('the next name counts where one does not answer', async (t) => {
  const port = await serve(t, [ed25519]);
  const results = await scan([at(port, 'no.such.name.invalid', '127.0.0.3', '127.0.0.1')], { kinds: ['ed25519'] });
  assert.deepEqual(
    results.map(({ host, status }) => [host, status]),
    [
      ['no.such.name.invalid', 'failed'],
      ['127.0.0.3', 'failed'],
      ['127.0.0.1', 'key'],
    ],
  );
});

test('silence, drips and babble end in time, and nothing is left open', async (t) => {
  const timers: NodeJS.Timeout[] = [];
  t.after(() => timers.forEach(clearInterval));
  const silent = await pretend(t, () => {});
  const drip = await pretend(t, (socket) => void timers.push(setInterval(() => socket.write('S'), 20)));
  const babble = await pretend(t, (socket) => void socket.write('x'.repeat(20_000)));
  const greet = await pretend(t, (socket) => void socket.write('SSH-2.0-x\r\n'));
  const garbage = await pretend(t, (socket) => void socket.write(`SSH-2.0-x\r\n${'\xff'.repeat(100)}`));
  const old = await pretend(t, (socket) => void socket.write('SSH-1.5-x\r\n'));
  const good = await serve(t, [ed25519]);
  const all = [silent, drip, babble, greet, garbage, old];
  const start = performance.now();
  const results = await scan([...all.map(({ port }) => at(port)), at(good)], {
    kinds: ['ed25519', 'rsa'],
    timeoutMs: 300,
  });
  assert.ok(performance.now() - start < 2500);
  const outcome = (port: number) =>
    results.filter((result) => result.port === port).map((result) => brief([result])[0]);
  assert.deepEqual(outcome(silent.port), ['failed timeout ed25519,rsa']);
  assert.deepEqual(outcome(drip.port), ['failed timeout ed25519,rsa']);
  assert.deepEqual(outcome(babble.port), ['failed protocol-error ed25519,rsa']);
  assert.deepEqual(outcome(greet.port), ['failed timeout ed25519,rsa']);
  assert.match(outcome(garbage.port)[0] ?? '', /^failed \S+ ed25519,rsa$/);
  assert.deepEqual(outcome(old.port), ['failed protocol-error ed25519,rsa']);
  assert.deepEqual(new Set(outcome(good)), new Set(['absent rsa', 'key ed25519']));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(
    all.map(({ open }) => open.size),
    [0, 0, 0, 0, 0, 0],
  );
});

test('no more connections at a time than allowed; the targets are read as they are needed', async (t) => {
  let now = 0;
  let most = 0;
  const { port } = await pretend(t, (socket) => {
    most = Math.max(most, ++now);
    setTimeout(() => {
      now--;
      socket.destroy();
    }, 10);
  });
  let read = 0;
  async function* endless(): AsyncGenerator<ScanTarget> {
    for (; ; read++) yield at(port);
  }
  let results = 0;
  for await (const _ of scanHostKeys(endless(), { concurrency: 3 })) if (++results === 12) break;
  assert.ok(most <= 3, `${most} at a time`);
  assert.ok(read < 30, `${read} targets read`);
});

test('a signal ends it, and whatever the targets throw', async (t) => {
  const { port, open } = await pretend(t, () => {});
  const signal = AbortSignal.timeout(50);
  await assert.rejects(scan([at(port)], { signal }), (error) => error instanceof SshError && error.code === 'aborted');
  await assert.rejects(scan([at(port)], { signal: AbortSignal.abort() }), SshError);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(open.size, 0);
  const broken: Iterable<ScanTarget> = {
    [Symbol.iterator]() {
      throw new RangeError('mine');
    },
  };
  await assert.rejects(scan(broken), RangeError);
});

test('slots: the urgent come first', async () => {
  const slots = new Slots(1);
  await slots.take();
  const order: string[] = [];
  const waiting = [slots.take().then(() => order.push('late')), slots.take('first').then(() => order.push('urgent'))];
  slots.give();
  slots.give();
  await Promise.all(waiting);
  assert.deepEqual(order, ['urgent', 'late']);
});

test('results: a slow reader holds the producers back, and an error comes after what was there', async () => {
  const queue = new ResultQueue<number>();
  for (let i = 0; i < 1024; i++) queue.push(i);
  let hasRoom = false;
  const room = queue.room().then(() => {
    hasRoom = true;
  });
  await Promise.resolve();
  assert.equal(hasRoom, false);
  const seen: number[] = [];
  queue.fail(new RangeError('mine'));
  await assert.rejects(async () => {
    for await (const result of queue) seen.push(result);
  }, RangeError);
  await room;
  assert.equal(seen.length, 1024);
});
