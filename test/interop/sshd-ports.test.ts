/** Where bin/sshd listens: routing domains beside OpenSSH's, and sockets of a supervisor that is told how the server is. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  debianPython,
  freePort,
  hostKey,
  missing,
  nacreProgram,
  openSshProgram,
  root,
  runProgram,
  runSsh,
  startNacreServer,
  startOpenSshServer,
} from '../harness/index.ts';

const supervisor = [debianPython, join(root, 'test/harness/supervisor.py')];
const onLinux = {
  skip: missing('ssh', 'sshd', 'nacre:sshd') || (process.platform !== 'linux' && 'needs Linux'),
};

test('ListenAddress rdomain and Match RDomain, as under OpenSSH', onLinux, async (t) => {
  for (const [name, start] of [
    ['openssh', startOpenSshServer],
    ['nacre', startNacreServer],
  ] as const) {
    await t.test(name, async () => {
      const inside = await freePort();
      const server = await start({
        hostKeyTypes: ['ed25519'],
        config: [
          `ListenAddress 127.0.0.1:${inside} rdomain lo`,
          'LogLevel VERBOSE',
          'Match RDomain lo',
          'ForceCommand echo from the domain',
        ],
      });
      await server.waitForLog(new RegExp(`Server listening on 127\\.0\\.0\\.1 port ${inside} rdomain lo\\.`));
      const options = { options: ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'] };
      const there = await runSsh({ ...server, port: inside }, ['echo from elsewhere'], options);
      assert.equal(there.stdout.toString(), 'from the domain\n', there.stderr);
      const here = await runSsh(server, ['echo from elsewhere']);
      assert.equal(here.stdout.toString(), 'from elsewhere\n', here.stderr);
      await server.waitForLog(
        new RegExp(`Connection from 127\\.0\\.0\\.1 port \\d+ on 127\\.0\\.0\\.1 port ${inside} rdomain "lo"`),
      );
      await server.waitForLog(/Connection from 127\.0\.0\.1 port \d+ on 127\.0\.0\.1 port \d+ rdomain ""/);
    });
  }
});

test('a routing domain that is none', onLinux, async () => {
  const { file } = await hostKey('ed25519');
  for (const sshd of [openSshProgram('sshd'), nacreProgram('sshd')]) {
    for (const domain of ['no-such-domain', 'a/b', 'more-than-fifteen-characters']) {
      const words = ['-t', '-f', '/dev/null', '-h', file, '-o', `ListenAddress=127.0.0.1 rdomain ${domain}`];
      const result = await runProgram([sshd, ...words]);
      assert.equal(result.status, 255, `${sshd} ${domain}`);
      assert.match(result.stderr, /bad routing domain/);
    }
  }
});

test('a supervisor’s socket is served, through reloads, and the supervisor hears of it', onLinux, async () => {
  for (const name of [undefined, `@nacre-notify-${process.pid}`]) {
    const server = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      prefix: supervisor,
      env: { ...process.env, TEST_NOTIFY: name },
      // The supervisor holds the port: binding it would fail.
      config: ['ListenAddress 127.0.0.9:1'],
    });
    await server.waitForLog(/NOTIFIED READY=1/);
    assert.doesNotMatch(server.log(), /127\.0\.0\.9|Bind to port/);
    const log = async (command: string) => {
      const { stdout, stderr } = await runSsh(server, [command]);
      return stderr === '' ? stdout.toString() : stderr;
    };
    assert.equal(await log('env | grep -c -e ^LISTEN_ -e ^NOTIFY_'), '0\n');
    process.kill(server.pid as number, 'SIGHUP');
    await server.waitForLog(/NOTIFIED RELOADING=1 MONOTONIC_USEC=\d+[\s\S]*NOTIFIED READY=1/);
    assert.equal(await log('echo served'), 'served\n');
    process.kill(server.pid as number, 'SIGTERM');
    await server.waitForLog(/NOTIFIED STOPPING=1/);
    await server.stop();
  }
});

test('what is handed over is no listening socket', onLinux, async () => {
  const { file } = await hostKey('ed25519');
  const argv = [nacreProgram('sshd'), '-D', '-e', '-f', '/dev/null', '-h', file, '-p', String(await freePort())];
  const run = (environment: Record<string, string>, prefix: readonly string[] = []) =>
    runProgram([...prefix, ...argv], { env: { ...process.env, ...environment }, timeoutMs: 20_000 });
  const idle = await run({ TEST_NO_LISTEN: '1' }, supervisor);
  assert.deepEqual([idle.status, /descriptor 3 is no listening socket/.test(idle.stderr)], [255, true], idle.stderr);
  const many = await run({ LISTEN_FDS: 'many' }, ['sh', '-c', 'LISTEN_PID=$$ exec "$@"', 'sh']);
  assert.deepEqual([many.status, /LISTEN_FDS is "many"/.test(many.stderr)], [255, true], many.stderr);
});

test('sockets for another process are none of ours', onLinux, async () => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    env: { ...process.env, LISTEN_PID: '1', LISTEN_FDS: '1' },
  });
  assert.equal((await runSsh(server, ['true'])).status, 0);
});
