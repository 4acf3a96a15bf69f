/** bin/ssh --reconnect: tunnels that outlive their server, and the status lines that SIGUSR1 asks for. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  clientOptions,
  freePort,
  hostKey,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  type RunningProgram,
  runProgram,
  startOpenSshServer,
  startProgram,
  type TestServer,
  waitForPort,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd');
const limits = ['--reconnect-limits', 'first=1,most=2,hold=20'];

/** OpenSSH's sshd at a port, which can be ended with all of its sessions and started anew. */
async function startWorld(t: TestContext) {
  const first = await startOpenSshServer({ hostKeyTypes: ['ed25519'] });
  await first.stop();
  const folder = makeFolder('reconnect');
  const [key] = first.hostKeys;
  const keyFile = join(folder, 'host_key');
  copyFileSync(key?.file ?? '', keyFile);
  const authorizedKeys = join(folder, 'authorized_keys');
  writeFileSync(authorizedKeys, `${first.identity.publicLine}\n`, { mode: 0o600 });
  const config = join(folder, 'sshd_config');
  let pidFile = 0;
  let running: RunningProgram | undefined;
  const target = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  t.after(() => target.close());
  return {
    server: first,
    target: (target.address() as { port: number }).port,
    keyFile,
    authorizedKeys,
    up: async (lines: readonly string[] = []) => {
      pidFile++;
      writeFileSync(
        config,
        [
          ...lines,
          `Port ${first.port}`,
          'ListenAddress 127.0.0.1',
          `HostKey ${keyFile}`,
          `AuthorizedKeysFile ${authorizedKeys}`,
          `PidFile ${join(folder, String(pidFile))}`,
          ...['StrictModes no', 'UsePAM no', 'PermitRootLogin yes', 'PasswordAuthentication no', 'LogLevel VERBOSE'],
          '',
        ].join('\n'),
      );
      running = startProgram([openSshProgram('sshd'), '-D', '-e', '-f', config]);
      await running.waitForLog(/Server listening on 127\.0\.0\.1 port \d+/);
    },
    /** The daemon and every session of it. */
    down: async () => {
      const sessions = running === undefined ? [] : childrenOf(running.pid);
      await running?.stop();
      for (const pid of sessions) endProcess(pid);
      running = undefined;
    },
  };
}

/** The children of one process, and theirs; none where the system does not tell. */
function childrenOf(pid: number): number[] {
  try {
    const own = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
    return own.flatMap((child) => [...childrenOf(child), child]);
  } catch {
    return [];
  }
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

function startTunnel(server: TestServer, args: readonly string[], host = server.host): RunningProgram {
  return startProgram([nacreProgram('ssh'), ...clientOptions(server), '-N', ...args, host], {
    env: { SSH_AUTH_SOCK: undefined },
    timeoutMs: 30_000,
  });
}

async function echo(port: number, text: string): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.end(text);
  let answer = '';
  try {
    for await (const chunk of socket) answer += String(chunk);
  } catch {
    // Refused or reset: no answer.
  }
  return answer;
}

test('a server that is killed and started anew: both kinds of forwards go on, and status lines tell', {
  skip,
}, async (t) => {
  const world = await startWorld(t);
  t.after(world.down);
  await world.up();
  const [local, remote] = [await freePort(), await freePort()];
  const target = `127.0.0.1:${world.target}`;
  const ssh = startTunnel(world.server, [...limits, '-L', `${local}:${target}`, '-R', `${remote}:${target}`]);
  t.after(() => ssh.stop());
  await waitForPort(local);
  await waitForPort(remote);
  assert.equal(await echo(local, 'one'), 'one');
  assert.equal(await echo(remote, 'two'), 'two');
  await world.down();
  await ssh.waitForLog(/Connecting to 127\.0\.0\.1 again in [\d.]+ seconds \(attempt 1\)\./);
  ssh.child.kill('SIGUSR1');
  await ssh.waitForLog(new RegExp(`-L LOCALHOST:${local} -> ${target}: down since `));
  const waiting = echo(local, 'held until the server is back');
  await ssh.waitForLog(/connect to host 127\.0\.0\.1 port \d+: Connection refused/);
  await world.up();
  assert.equal(await waiting, 'held until the server is back');
  await ssh.waitForLog(/Connected to 127\.0\.0\.1 again\./);
  await waitForPort(remote);
  assert.equal(await echo(remote, 'again'), 'again');
  ssh.child.kill('SIGUSR1');
  await ssh.waitForLog(
    new RegExp(
      `-L LOCALHOST:${local} -> ${target}: up since \\S+Z, 0 open of \\d+, \\d+ bytes in, \\d+ bytes out, 1 reconnect`,
    ),
  );
  await ssh.waitForLog(new RegExp(`-R LOCALHOST:${remote} -> ${target}: up since .* 1 reconnect\\r`));
  const ended = once(ssh.child, 'exit');
  ssh.child.kill('SIGTERM');
  assert.equal((await ended)[0], 0, ssh.log());
});

test('a login that is refused, and a host key that changed, end it at once', { skip }, async (t) => {
  for (const [mischief, words] of [
    ['key', /Permission denied \(publickey[^)]*\)/],
    ['host', /REMOTE HOST IDENTIFICATION HAS CHANGED[\s\S]*Host key verification failed/],
  ] as const) {
    const world = await startWorld(t);
    t.after(world.down);
    await world.up();
    const local = await freePort();
    const ssh = startTunnel(world.server, [...limits, '-L', `${local}:127.0.0.1:${world.target}`]);
    t.after(() => ssh.stop());
    await waitForPort(local);
    assert.equal(await echo(local, 'one'), 'one');
    const ended = once(ssh.child, 'exit');
    await world.down();
    await ssh.waitForLog(/again in/);
    if (mischief === 'key') writeFileSync(world.authorizedKeys, '');
    else copyFileSync((await hostKey('ecdsa-256')).file, world.keyFile);
    await world.up();
    assert.equal((await ended)[0], 255, ssh.log());
    assert.match(ssh.log(), words);
    assert.equal(await echo(local, 'gone'), '');
  }
});

test('attempts have a limit, and what is typed wrongly is told', { skip }, async (t) => {
  const world = await startWorld(t);
  t.after(world.down);
  await world.up();
  const local = await freePort();
  const few = ['--reconnect', '--reconnect-limits=first=1,most=1,attempts=2'];
  const ssh = startTunnel(world.server, [...few, '-L', `${local}:127.0.0.1:9`]);
  t.after(() => ssh.stop());
  await waitForPort(local);
  const ended = once(ssh.child, 'exit');
  await world.down();
  assert.equal((await ended)[0], 255);
  assert.match(ssh.log(), /\(attempt 2\)[\s\S]*Connection refused/);
  for (const [args, words] of [
    [['-N', '--reconnect-limits', 'often=1', 'host'], /Bad --reconnect-limits 'often=1'/],
    [['--reconnect', 'host', 'true'], /use it with -N/],
    [['--reconnect', '-W', 'host:1', 'host'], /use it with -N/],
    [['-F', 'none', '-G', 'host', 'prog', '--reconnect'], /^$/],
  ] as const) {
    const wrong = await runProgram([nacreProgram('ssh'), ...args]);
    assert.equal(wrong.status, args[0] === '-F' ? 0 : 255);
    assert.match(wrong.stderr, words);
  }
});

test('the first connection is not tried again, so that mistakes are told at once', { skip }, async () => {
  const server = await startOpenSshServer({ hostKeyTypes: ['ed25519'] });
  await server.stop();
  const ssh = startTunnel(server, ['--reconnect', '-L', `${await freePort()}:127.0.0.1:9`]);
  assert.equal((await once(ssh.child, 'close'))[0], 255);
  assert.match(ssh.log(), /^ssh: connect to host 127\.0\.0\.1 port \d+: Connection refused\r?\n$/);
});

test('SIGUSR1 without --reconnect, over a jump host that goes away and comes back', { skip }, async (t) => {
  const [hop, end] = [await startWorld(t), await startOpenSshServer({ hostKeyTypes: ['ed25519'] })];
  t.after(hop.down);
  await hop.up();
  const folder = makeFolder('reconnect-jump');
  const config = join(folder, 'config');
  const host = (name: string, server: TestServer) => [
    `Host ${name}`,
    `  HostName 127.0.0.1\n  Port ${server.port}\n  UserKnownHostsFile ${server.knownHostsFile}`,
  ];
  const { user, identity } = end;
  const common = `Host *\n  User ${user}\n  IdentityFile ${identity.file}\n  IdentitiesOnly yes\n  BatchMode yes\n`;
  writeFileSync(config, `${[...host('hop', hop.server), ...host('end', end), common].join('\n')}\n`);
  const [plain, kept] = [await freePort(), await freePort()];
  const start = (...args: readonly string[]) =>
    startProgram([nacreProgram('ssh'), '-F', config, '-N', ...args], {
      env: { SSH_AUTH_SOCK: undefined },
      timeoutMs: 30_000,
    });
  const target = `127.0.0.1:${hop.target}`;
  const straight = start('-D', String(plain), 'end');
  t.after(() => straight.stop());
  await waitForPort(plain);
  straight.child.kill('SIGUSR1');
  await straight.waitForLog(new RegExp(`-D LOCALHOST:${plain} -> socks:0: up since .* 0 reconnects`));
  const ssh = start(...limits, '-J', 'hop', '-L', `${kept}:${target}`, 'end');
  t.after(() => ssh.stop());
  await waitForPort(kept);
  assert.equal(await echo(kept, 'one'), 'one');
  await hop.down();
  await ssh.waitForLog(/again in/);
  const waiting = echo(kept, 'two');
  await ssh.waitForLog(/Connection refused/);
  await hop.up();
  assert.equal(await waiting, 'two');
});
