/** bin/ssh's ways to and through a host: jump hosts, proxy commands, and forwards of every kind, against OpenSSH's sshd. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import {
  freePort,
  hostLines,
  makeFolder,
  missing,
  nacreProgram,
  runProgram,
  startOpenSshServer,
  startProgram,
  type TestServer,
  waitForPort,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd');
const program = nacreProgram('ssh');
const folder = makeFolder('ways');
let servers: TestServer[] = [];
let configFile = '';

before(async () => {
  if (skip) return;
  servers = await Promise.all([1, 2, 3, 4].map(() => startOpenSshServer({ hostKeyTypes: ['ed25519'] })));
  configFile = join(folder, 'config');
  const hosts = servers.map((server, index) => hostLines(`hop${index + 1}`, server));
  const common = ['Host *', '  BatchMode yes', '  StrictHostKeyChecking yes'];
  writeFileSync(configFile, `${[...hosts.flat(), ...common].join('\n')}\n`);
});

const run = (...args: readonly string[]) =>
  runProgram([program, '-F', configFile, ...args], { env: { SSH_AUTH_SOCK: undefined } });

test('over one jump host, over three, and by what the settings say', { skip }, async () => {
  for (const jumps of [['-J', 'hop1'], ['-J', 'hop1,hop2,hop3'], ['-oProxyJump=hop2']]) {
    const result = await run(...jumps, 'hop4', 'echo in $SSH_CONNECTION');
    assert.equal(result.status, 0, result.stderr);
    assert.match(result.stdout.toString(), /^in 127\.0\.0\.1 \d+ 127\.0\.0\.1 \d+\n$/);
  }
  const ours = servers.map((server) => server.log());
  assert.ok(ours.every((log) => /Accepted publickey/.test(log)));
});

test('a jump host whose key is not known, one that is not there, and a name that is none', { skip }, async () => {
  const stranger = await run('-o', 'UserKnownHostsFile=/dev/null', '-J', 'nobody@127.0.0.1:1', 'hop1', 'true');
  assert.equal(stranger.status, 255);
  assert.match(stranger.stderr, /connect to host 127\.0\.0\.1 port 1: Connection refused/);
  const bad = await run('-J', 'a b', 'hop1', 'true');
  assert.deepEqual([bad.status, bad.stderr], [255, "Invalid -J argument 'a b'\n"]);
  const unknown = await run('-J', `127.0.0.1:${servers[0]?.port}`, 'hop2', 'true');
  assert.equal(unknown.status, 255);
  assert.match(unknown.stderr, /No ED25519 host key is known for \[127\.0\.0\.1\]:\d+ and you have requested strict/);
});

test('through a program, with tokens; one that ends at once', { skip }, async () => {
  const command = `${program} -F ${configFile} -W %h:%p hop1`;
  const result = await run('-o', `ProxyCommand=${command}`, 'hop2', 'echo through');
  assert.deepEqual([result.status, result.stdout.toString()], [0, 'through\n'], result.stderr);
  const none = await run('-o', 'ProxyCommand=exit 3', 'hop2', 'true');
  assert.equal(none.status, 255);
  assert.match(none.stderr, /^kex_exchange_identification: /m);
});

test('10 MB through a jump host, byte for byte', { skip }, async () => {
  const bytes = randomBytes(10_000_000);
  const digest = createHash('sha256').update(bytes).digest('hex');
  const result = await runProgram([program, '-F', configFile, '-J', 'hop1', 'hop2', 'tee /dev/stderr | sha256sum'], {
    input: bytes,
    env: { SSH_AUTH_SOCK: undefined },
  });
  assert.equal(result.stdout.toString().slice(0, 64), digest);
});

/** Answers a question that has ended with its SHA-256. */
async function startHasher(t: TestContext, where: number | string = 0): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    const hash = createHash('sha256');
    socket.on('data', (chunk) => hash.update(chunk));
    socket.on('end', () => socket.end(hash.digest('hex')));
    socket.on('error', () => {});
  });
  if (typeof where === 'string') server.listen(where);
  else server.listen(where, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function ask(socket: Socket, question: Buffer): Promise<string> {
  socket.end(question);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

const dial = (port: number) => connect({ port, host: '127.0.0.1', allowHalfOpen: true });
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('-L: 200 connections at once, each byte for byte', { skip }, async (t) => {
  const [target, port] = [await startHasher(t), await freePort()];
  const ssh = startProgram([program, '-F', configFile, '-N', '-L', `${port}:127.0.0.1:${target}`, 'hop1']);
  t.after(() => ssh.stop());
  await waitForPort(port);
  const questions = Array.from({ length: 200 }, (_, i) => randomBytes(20_000 + i));
  const answers = await Promise.all(questions.map((question) => ask(dial(port), question)));
  assert.deepEqual(answers, questions.map(sha256));
  const large = randomBytes(50_000_000);
  assert.equal(await ask(dial(port), large), sha256(large));
});

test('-L and -R with Unix sockets, -R with a port and one that the server chooses', { skip }, async (t) => {
  const path = join(folder, 'target');
  await startHasher(t, path);
  const [target, here, there] = [await startHasher(t), join(folder, 'here'), await freePort()];
  const remotePath = join(folder, 'there');
  const ssh = startProgram([
    ...[program, '-F', configFile, '-N', '-L', `${here}:${path}`, '-R', `${there}:127.0.0.1:${target}`],
    ...['-R', `${remotePath}:${path}`, '-R', `0:127.0.0.1:${target}`, 'hop1'],
  ]);
  t.after(() => ssh.stop());
  const [, chosen] = await ssh.waitForLog(/Allocated port (\d+) for remote forward to 127\.0\.0\.1:\d+/);
  const question = randomBytes(100_000);
  for (const socket of [
    connect({ path: here, allowHalfOpen: true }),
    dial(there),
    connect({ path: remotePath, allowHalfOpen: true }),
    dial(Number(chosen)),
  ]) {
    assert.equal(await ask(socket, question), sha256(question));
  }
});

test('-D and a remote SOCKS forward, as curl asks', { skip: skip || missing('curl') }, async (t) => {
  const web = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello'));
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  t.after(() => web.close());
  const { port: target } = web.address() as { port: number };
  const [port, remote] = [await freePort(), await freePort()];
  const ssh = startProgram([program, '-F', configFile, '-N', '-D', String(port), '-R', String(remote), 'hop1']);
  t.after(() => ssh.stop());
  await waitForPort(port);
  await waitForPort(remote);
  for (const proxy of [`socks4://127.0.0.1:${port}`, `socks4a://127.0.0.1:${port}`, `socks5://127.0.0.1:${port}`]) {
    const fetched = await runProgram(['curl', '-s', '-x', proxy, `http://127.0.0.1:${target}/`]);
    assert.equal(fetched.stdout.toString(), 'hello', proxy);
  }
  const named = ['curl', '-s', '-x', `socks5h://127.0.0.1:${remote}`, `http://localhost:${target}/`];
  assert.equal((await runProgram(named)).stdout.toString(), 'hello');
});

test('a forward that cannot be had: a warning, or the end with ExitOnForwardFailure', { skip }, async (t) => {
  const taken = createServer();
  taken.listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const { port } = taken.address() as { port: number };
  const ipv6Too = createServer();
  ipv6Too.listen(port, '::1');
  await once(ipv6Too, 'listening').catch(() => {});
  t.after(() => ipv6Too.close());
  for (const [flag, words] of [
    ['-L', `bind [127.0.0.1]:${port}: Address already in use`],
    ['-R', `Warning: remote port forwarding failed for listen port ${port}`],
  ] as const) {
    const result = await run(flag, `${port}:127.0.0.1:9`, 'hop1', 'echo on');
    assert.deepEqual([result.status, result.stdout.toString()], [0, 'on\n'], result.stderr);
    assert.ok(result.stderr.includes(words), result.stderr);
    const strict = await run('-oExitOnForwardFailure=yes', flag, `${port}:127.0.0.1:9`, 'hop1', 'echo on');
    assert.deepEqual([strict.status, strict.stdout.toString()], [255, '']);
  }
});
