/** nacre sshd status, kick and health against a running bin/sshd, with OpenSSH's ssh as the client. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  freePort,
  makeFolder,
  nacreProgram,
  runProgram,
  runSsh,
  sshCommand,
  startNacreServer,
  startProgram,
  startTerminal,
  type TestServer,
} from '../harness/index.ts';
import { until, withSsh } from './_sshd.ts';

interface Status {
  readonly server: { readonly listeners: readonly { port: number }[]; readonly totals: { connections: number } };
  readonly connections: readonly {
    readonly id: number;
    readonly port: number;
    readonly phase: string;
    readonly login?: { user: string; methods: string[]; keys: { fingerprint: string }[] };
    readonly channels: readonly {
      type: string;
      bytesReceived: number;
      bytesSent: number;
      subject: { kind: string; start?: string; command?: string; destination?: string; terminal?: { name: string } };
    }[];
  }[];
}

/** In a folder of the home: /tmp is one that others may write to. */
const socketPath = () => join(makeFolder('control', process.env.HOME), 'socket');

const ask = (socket: string, ...words: string[]) =>
  runProgram([nacreProgram('nacre'), 'sshd', words[0] as string, '--socket', socket, ...words.slice(1)]);

async function statusOf(socket: string): Promise<Status> {
  const { stdout, stderr, status } = await ask(socket, 'status', '--json');
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout.toString()) as Status;
}

async function start(config: readonly string[] = []): Promise<{ server: TestServer; socket: string }> {
  const socket = socketPath();
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: [`ControlSocket ${socket}`, ...config] });
  await until(() => existsSync(socket), 'the control socket is there');
  return { server, socket };
}

test(
  'status tells who is on and what they do; kick ends it with words for the client and a line in the log',
  withSsh,
  async () => {
    const { server, socket } = await start();
    assert.equal(statSync(socket).mode & 0o777, 0o600);
    const port = await freePort();
    const terminal = startTerminal(
      sshCommand(server, [], { flags: ['-tt', '-L', `${port}:127.0.0.1:${server.port}`] }),
    );
    await terminal.expect(/[$#] /);
    const command = startProgram(sshCommand(server, ['echo ready; exec sleep 60']));
    await command.waitForLog(/ready/);
    // Through the tunnel the server's own greeting comes back.
    const through = connect(port, '127.0.0.1');
    await new Promise((resolve) => through.once('data', resolve));
    const { server: facts, connections } = await statusOf(socket);
    assert.deepEqual(
      facts.listeners.map((each) => each.port),
      [server.port],
    );
    assert.ok(facts.totals.connections >= 3);
    const mine = connections.filter(({ login }) => login !== undefined);
    assert.deepEqual(
      mine.map(({ login }) => [login?.user, login?.methods.join(), /^SHA256:/.test(login?.keys[0]?.fingerprint ?? '')]),
      mine.map(() => [server.user, 'publickey', true]),
    );
    const channels = mine.flatMap((connection) => connection.channels);
    const shell = channels.find(({ subject }) => subject.start === 'shell');
    assert.match(shell?.subject.terminal?.name ?? '', /^\/dev\/pts\/\d+$/);
    const exec = channels.find(({ subject }) => subject.start === 'exec');
    assert.deepEqual([exec?.subject.command, exec?.bytesSent], ['echo ready; exec sleep 60', 6]);
    const tunnel = channels.find(({ type }) => type === 'direct-tcpip');
    assert.equal(tunnel?.subject.destination, `127.0.0.1:${server.port}`);
    assert.ok((tunnel?.bytesSent ?? 0) > 10);
    const waiting = connections.find(({ login }) => login === undefined);
    assert.equal(waiting?.phase, 'first-kexinit');
    const text = (await ask(socket, 'status')).stdout.toString();
    assert.match(text, new RegExp(`\\d+ +${server.user} +127\\.0\\.0\\.1:\\d+ .* publickey +SHA256:`));
    assert.match(text, /shell on pts\/\d+, .*\n[\s\S]*direct-tcpip to 127\.0\.0\.1:\d+ from /);
    assert.match(text, /Not logged in:/);

    const id = mine.find((connection) => connection.channels.includes(exec as never))?.id;
    assert.equal((await ask(socket, 'kick', String(id), '-m', 'moved to another host')).status, 0);
    await command.waitForLog(/Received disconnect from .*: moved to another host/);
    await server.waitForLog(
      new RegExp(`kick: connection ${id} of user ${server.user} .* ended by .*\\(uid \\d+\\): moved`),
    );
    assert.equal((await ask(socket, 'kick', server.user)).status, 0);
    assert.equal((await terminal.ended()).status, 255);
    assert.match((await ask(socket, 'kick', 'nobody-here')).stdout.toString(), /nobody was there/);
    assert.equal((await ask(socket, 'kick', 'nobody-here')).status, 1);
    through.destroy();
    await server.stop();
    assert.equal(existsSync(socket), false);
    assert.match((await ask(socket, 'status')).stderr, /there is no such socket/);
  },
);

test('health: 0 while it serves, without a penalty for asking; 1 when it does not', withSsh, async () => {
  const { server, socket } = await start(['PerSourcePenalties noauth:60s']);
  const flags = ['-o', 'ListenAddress=127.0.0.1', '-p', String(server.port), '-f', 'none'];
  for (let at = 0; at < 3; at++) {
    const { stdout, status } = await ask(socket, 'health', ...flags);
    assert.deepEqual([status, /^ok: SSH-2\.0-nacre/.test(stdout.toString())], [0, true], stdout.toString());
  }
  assert.equal((await runSsh(server, ['echo in'])).stdout.toString(), 'in\n');
  await server.stop();
  const { stdout, status } = await ask(socket, 'health', ...flags);
  assert.deepEqual([status, /^not well: /.test(stdout.toString())], [1, true]);
});

test('the socket takes one short question, and the server goes on whatever is sent', withSsh, async () => {
  const { server, socket } = await start();
  const say = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const client = connect(socket);
      let answer = '';
      client.on('error', () => {});
      client.on('data', (chunk) => {
        answer += chunk.toString();
      });
      client.on('close', () => resolve(answer));
      client.write(text);
    });
  assert.match(await say('{"ask":"everything"}\n'), /"ok":false/);
  assert.match(await say('nonsense\n'), /is no JSON/);
  assert.equal(await say('x'.repeat(100_000)), '');
  assert.equal((await statusOf(socket)).connections.length, 0);
  assert.equal((await runSsh(server, ['echo in'])).stdout.toString(), 'in\n');
});

test('in a folder that others may write to there is no socket, and the server serves', withSsh, async () => {
  const folder = makeFolder('control', process.env.HOME);
  chmodSync(folder, 0o777);
  const socket = join(folder, 'socket');
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: [`ControlSocket ${socket}`] });
  await server.waitForLog(/no control socket at .*: bad ownership or modes/);
  assert.equal((await runSsh(server, ['echo in'])).stdout.toString(), 'in\n');
  assert.equal(existsSync(socket), false);
});
