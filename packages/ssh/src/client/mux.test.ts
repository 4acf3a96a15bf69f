import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lchownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SshError } from '../errors.ts';
import type { MuxForward } from '../mux/index.ts';
import { inMemory, isError, until } from './live.test.kit.ts';
import { connectMux, connectThroughMaster } from './mux-client.ts';
import { type MuxPolicy, serveMux } from './mux-master.ts';
import { persistWhileUsed } from './mux-persist.ts';

const skip = process.platform === 'win32' && 'Unix sockets';
const notRoot = process.getuid?.() !== 0 && 'root gives files away';

test('a master and its clients: commands, information, the end', { skip }, async (t) => {
  const { path, master, client } = await startMaster(t);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  await using through = await connectThroughMaster(path, { target: { host: 'memory' } });
  const { stdout } = await through.exec('echo');
  assert.equal(stdout, 'ran echo');
  assert.equal(through.target.host, 'memory');
  assert.throws(() => through.hostKey, isError('unsupported'));
  const rekey = t.mock.method(client, 'rekey');
  await through.rekey();
  assert.equal(rekey.mock.callCount(), 1);

  const control = await connectMux(path);
  assert.equal(await control.aliveCheck(), process.pid);
  assert.match(
    await control.describe('connection'),
    /Connection information for memory pid \d+\r\n {2}duration 0s\r\n/,
  );
  assert.match(await control.describe('channels'), /^The following connections are open:\r\n/);
  assert.equal(master.clientCount, 2);
  await control.terminate();
  assert.equal(await client.closed, undefined);
  assert.ok(!existsSync(path));
  await control.closed;
  assert.ok((await through.closed) instanceof SshError);
  await until('nobody is connected', () => master.clientCount === 0);
});

test('a conversation asks first, and becomes a connection then', { skip }, async (t) => {
  const { path } = await startMaster(t);
  const control = await connectMux(path);
  assert.equal(await control.aliveCheck(), process.pid);
  await using through = await control.share({ target: { host: 'memory', user: 'ada' } });
  assert.equal((await through.exec('echo')).stdout, 'ran echo');
  assert.deepEqual([through.target.host, through.target.user], ['memory', 'ada']);
  await assert.rejects(control.aliveCheck(), isError('misuse'));
  await through.close();
  assert.equal(await control.closed, undefined);
});

test('another user’s socket, and another user’s link to ours, are not connected to', {
  skip: skip || notRoot,
}, async (t) => {
  const { path } = await startMaster(t);
  const link = `${path}-link`;
  symlinkSync(path, link);
  await connectMux(link).then((control) => control.close());
  lchownSync(link, 12_345, 12_345);
  await assert.rejects(connectMux(link), /belongs to another user \(uid 12345\)/);
  chownSync(path, 12_345, 12_345);
  await assert.rejects(connectThroughMaster(path), isError('connect-failed', 'config'));
});

test('forwards: opened once, cancelled once, those that stood before can be cancelled', { skip }, async (t) => {
  let closed = 0;
  const standing: MuxForward = {
    kind: 'local',
    listen: { kind: 'tcp', host: undefined, port: 1234 },
    target: { kind: 'tcp', host: 'web', port: 80 },
  };
  const close = async () => void closed++;
  const active = { listen: standing.listen, close, [Symbol.asyncDispose]: close };
  const { path } = await startMaster(t, { standing: [{ forward: standing, active }] });
  await using control = await connectMux(path);
  assert.equal(await control.openForward(standing), undefined, 'it is there already');
  await control.closeForward(standing);
  assert.equal(closed, 1);
  await assert.rejects(control.closeForward(standing), /port not forwarded/);

  const listen = { kind: 'unix', path: join(makeFolder(t), 's') } as const;
  const local: MuxForward = { ...standing, listen };
  await control.openForward(local);
  await control.openForward(local);
  assert.ok(existsSync(listen.path));
  await assert.rejects(
    control.openForward({ ...local, target: { kind: 'unix', path: '/x' } }),
    /Port forwarding failed/,
  );
  await assert.rejects(
    control.openForward({ ...standing, kind: 'remote' }),
    /remote port forwarding failed for listen port 1234/,
  );
});

test('stopped listening: clients stay, the socket is gone', { skip }, async (t) => {
  const { path, master } = await startMaster(t);
  await using control = await connectMux(path);
  await control.stopListening();
  assert.ok(!existsSync(path));
  assert.equal(master.isListening, false);
  assert.equal(await control.aliveCheck(), process.pid);
  await assert.rejects(connectMux(path), isError('connect-failed', 'tcp'));
});

test('two masters never share a place, and neither removes the other', { skip }, async (t) => {
  const { path, master, client } = await startMaster(t);
  await assert.rejects(serveMux(client, path), (error: SshError) => {
    assert.equal(error.message, `ControlSocket ${path} already exists, disabling multiplexing`);
    return true;
  });
  assert.equal((await connectMux(path).then((control) => control.close())) ?? true, true);
  // Removed by somebody, and taken by another master.
  rmSync(path);
  await using second = await serveMux(client, path);
  master.stopListening();
  assert.ok(existsSync(second.path));
});

test('a stale socket is removed, another file is not', { skip }, async (t) => {
  const { client } = await inMemory(t);
  const folder = makeFolder(t);
  const stale = join(folder, 'stale');
  const left = createServer();
  await new Promise<void>((resolve) => left.listen(join(folder, 'temporary'), resolve));
  // The name that stays when the process behind it has gone.
  linkSync(join(folder, 'temporary'), stale);
  await new Promise((resolve) => left.close(resolve));
  assert.ok(existsSync(stale));
  await using master = await serveMux(client, stale);
  assert.ok(master.isListening);
  const file = join(folder, 'file');
  writeFileSync(file, 'data');
  await assert.rejects(serveMux(client, file), /already exists/);
  assert.ok(existsSync(file));
});

test('places that are none: too long, in a folder of everybody, nowhere', { skip }, async (t) => {
  const { client } = await inMemory(t);
  const folder = makeFolder(t);
  await assert.rejects(serveMux(client, join(folder, 'x'.repeat(100))), /ControlPath too long/);
  await assert.rejects(serveMux(client, join(folder, 'nowhere', 'c')), isError('connect-failed', 'config'));
  const shared = join(folder, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o777);
  await assert.rejects(serveMux(client, join(shared, 'c')), /others may put files into/);
  chmodSync(shared, 0o1777);
  await using sticky = await serveMux(client, join(shared, 'c'));
  assert.ok(sticky.isListening);
});

test('other users are turned away, root and the own are not', { skip }, async (t) => {
  const own = process.getuid?.() ?? 0;
  for (const [user, isServed] of [
    [own, true],
    [0, true],
    [undefined, true],
    [own + 4321, false],
  ] as const) {
    const seen: number[] = [];
    const { path } = await startMaster(t, {
      peerUserId: (fd) => {
        seen.push(fd);
        return user;
      },
    });
    const attempt = connectMux(path).then((control) => control.close());
    if (isServed) await attempt;
    else await assert.rejects(attempt, isError('connection-lost'));
    assert.ok((seen[0] ?? -1) >= 0);
  }
});

test('a master that says nothing is given up, and so is one that another gave up on', { skip }, async (t) => {
  const path = join(makeFolder(t), 'c');
  const silent = createServer();
  await new Promise<void>((resolve) => silent.listen(path, resolve));
  t.after(() => silent.close());
  await assert.rejects(connectMux(path, { timeoutMs: 50 }), isError('timeout'));
  const abort = new AbortController();
  const attempt = connectThroughMaster(path, { signal: abort.signal });
  setTimeout(() => abort.abort(), 20);
  await assert.rejects(attempt, isError('aborted'));
  await assert.rejects(connectMux(path, { signal: AbortSignal.abort() }), isError('aborted'));
  await assert.rejects(connectMux(join(path, 'x')), isError('connect-failed'));
});

test('a master that does not share: the refusal is told', { skip }, async (t) => {
  const { path } = await startMaster(t, { confirm: ({ action }) => action !== 'proxy' });
  await assert.rejects(connectThroughMaster(path), isError('request-refused'));
});

test('ControlPersist: a time longer than a timer takes is waited for', { skip }, async (t) => {
  const { master, client } = await startMaster(t);
  let idle = 0;
  const persistence = persistWhileUsed(client, master, 365 * 24 * 3600 * 1000, () => idle++);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(idle, 0);
  persistence.stop();
});

test('ControlPersist: over when nobody has used it for a while', { skip }, async (t) => {
  let check = () => {};
  const { path, master, client } = await startMaster(t, { onChange: () => check() });
  let idle = 0;
  const persistence = persistWhileUsed(client, master, 60, () => idle++);
  check = persistence.check;
  const control = await connectMux(path);
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.equal(idle, 0, 'somebody is there');
  await control.close();
  await until('it is over', () => idle === 1);
  persistence.stop();
});

async function startMaster(t: TestContext, policy: MuxPolicy = {}) {
  const { client } = await inMemory(t);
  const path = join(makeFolder(t), 'c');
  const master = await serveMux(client, path, policy);
  t.after(() => master.close());
  return { path, master, client };
}

function makeFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-mux-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
