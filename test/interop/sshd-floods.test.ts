/** Floods of bin/sshd: half-open, silent, slow and garbage connections keep nobody out; dead logs stop no login. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import {
  freePort,
  makeKey,
  nacreProgram,
  runSsh,
  startNacreServer,
  startProgram,
  type TestServer,
  waitForPort,
} from '../harness/index.ts';
import { askpassEnvironment, quote, withSsh } from './_sshd.ts';

/** Kinds of bad clients: what each sends when it is connected. */
const kinds: readonly ((socket: Socket) => void)[] = [
  () => {},
  (socket) => void socket.write('SSH-2.0-slow'),
  (socket) => void socket.write(`SSH-2.0-x\r\n${'\0'.repeat(4)}`),
  (socket) => void socket.write(Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), randomBytes(3000)])),
  (socket) => void socket.write(randomBytes(5000)),
  (socket) => void socket.end('GET / HTTP/1.1\r\n\r\n'),
  (socket) => void socket.end(),
  (socket) => void socket.resetAndDestroy(),
];

/** Opens so many bad connections, each of which stays as long as the server lets it. */
async function flood(t: TestContext, server: TestServer, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, (_, i) => {
    const socket = connect(server.port, server.host);
    socket.on('error', () => {});
    socket.once('connect', () => kinds[i % kinds.length]?.(socket));
    socket.resume();
    t.after(() => socket.destroy());
    return socket;
  });
  // All at once, so that none connects unseen.
  await Promise.all(sockets.map((socket) => once(socket, 'connect').catch(() => {})));
  return sockets;
}

test('some hundred bad connections: a good login comes in while they stand', withSsh, async (t) => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['MaxStartups 1000', 'LoginGraceTime 600'],
  });
  const sockets = await flood(t, server, 400);
  const standing = () => sockets.filter((socket) => !socket.destroyed).length;
  assert.ok(standing() >= 100, `${standing()} stand`);
  const result = await runSsh(server, ['echo in']);
  assert.equal(result.stdout.toString(), 'in\n', result.stderr);
  // The silent, the slow and those in the middle of a packet are still there: the login waited for none of them.
  assert.ok(standing() >= 100, `${standing()} stand`);
  assert.doesNotMatch(server.log(), /internal error|Timeout before/);
});

test('beyond MaxStartups a flood is turned away, and when it is over logins work', withSsh, async (t) => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['MaxStartups 20:100:20', 'LoginGraceTime 600'],
  });
  const sockets = await flood(t, server, 200);
  await server.waitForLog(/drop connection #\d+ from \S+ on \S+ Maxstartups/);
  for (const socket of sockets) socket.destroy();
  await untilLogin(server);
  // The log did not grow with the flood.
  assert.ok((server.log().match(/drop connection #/g) ?? []).length < 20);
});

test('one address that floods does not keep another one out', withSsh, async (t) => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['MaxStartups 100', 'PerSourceMaxStartups 5', 'LoginGraceTime 600'],
  });
  await flood(t, server, 100);
  await server.waitForLog(/Maxstartups/);
  const result = await runSsh(server, ['echo in'], { options: ['BindAddress=127.0.0.2'] });
  assert.equal(result.stdout.toString(), 'in\n', result.stderr);
});

test('floods that come and go leave no memory behind', { skip: withSsh.skip || !existsSync('/proc') }, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['MaxStartups 1000'] });
  const cycle = async () => {
    for (const socket of await flood(t, server, 200)) socket.destroy();
    await untilLogin(server);
  };
  for (let i = 0; i < 3; i++) await cycle();
  const before = residentBytes(server);
  for (let i = 0; i < 8; i++) await cycle();
  const grown = residentBytes(server) - before;
  // 1,600 connections: one that left 64 KiB each would be beyond it.
  assert.ok(grown < 64 * 1024 * 1024, `${grown} bytes more`);
  assert.doesNotMatch(server.log(), /internal error/);
});

test('existing and missing users fail alike: to the client, and at one level of the log', withSsh, async () => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['PasswordAuthentication yes', 'KbdInteractiveAuthentication no', 'LogLevel INFO'],
  });
  const attempt = async (user: string) => {
    const { stderr, status } = await runSsh({ ...server, user, identity: await makeKey() }, ['true'], {
      options: ['BatchMode=no', 'NumberOfPasswordPrompts=2', 'PreferredAuthentications=password'],
      env: askpassEnvironment('wrong'),
    });
    return [stderr.replaceAll(user, 'USER'), status];
  };
  const [real, missingUser] = [await attempt(server.user), await attempt('no-such-user')];
  assert.deepEqual(real, missingUser);
  assert.equal(real?.[1], 255);
  for (const who of [server.user, 'invalid user no-such-user']) {
    const lines = server
      .log()
      .match(new RegExp(`^Failed password for ${who} from 127\\.0\\.0\\.1 port \\d+ ssh2$`, 'gm'));
    assert.equal(lines?.length, 2, who);
  }
});

test('logs that are full, gone or not read stop no login', {
  skip: withSsh.skip || !existsSync('/dev/full'),
}, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  const sshd = (port: number, ...flags: string[]) => {
    const options = ['StrictModes=no', 'PermitRootLogin=yes', 'PidFile=none', 'LogLevel=DEBUG3', 'SetEnv=SHLVL=5'];
    return quote([
      nacreProgram('sshd'),
      ...['-D', '-f', 'none', '-p', String(port), '-h', server.hostKeys[0]?.file ?? ''],
      ...[...options, 'ListenAddress=127.0.0.1', `AuthorizedKeysFile=${server.identity.file}.pub`].flatMap((one) => [
        '-o',
        one,
      ]),
      ...flags,
    ]);
  };
  const logs: Record<string, (port: number) => string> = {
    'a full disk': (port) => `exec ${sshd(port, '-E', '/dev/full')}`,
    'a full device behind stderr': (port) => `exec ${sshd(port, '-e')} 2>/dev/full`,
    'a closed stderr': (port) => `exec ${sshd(port, '-e')} 2>&-`,
    'a reader that has gone': (port) => `exec ${sshd(port, '-e')} 2> >(exec true)`,
    // A pipe holds 64 KiB, and DEBUG3 is more than that.
    'a reader that hangs': (port) => `exec ${sshd(port, '-e')} 2> >(exec sleep 20 >/dev/null)`,
  };
  for (const [name, command] of Object.entries(logs)) {
    await t.test(name, async () => {
      const port = await freePort();
      const program = startProgram(['bash', '-c', command(port)]);
      await waitForPort(port);
      for (let i = 0; i < (name === 'a reader that hangs' ? 25 : 3); i++) {
        const result = await runSsh({ ...server, port }, ['echo in'], {
          options: ['HostKeyAlias=x', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'],
        });
        assert.equal(result.stdout.toString(), 'in\n', result.stderr);
      }
      await program.stop();
    });
  }
});

/** Logs in as soon as the server has noticed that others are gone. */
async function untilLogin(server: TestServer): Promise<void> {
  for (let i = 0; i < 50; i++) if ((await runSsh(server, ['true'])).status === 0) return;
  assert.fail('nobody is let in any more');
}

function residentBytes(server: TestServer): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8')) ?? [];
  return Number(kilobytes) * 1024;
}
