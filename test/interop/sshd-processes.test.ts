/** bin/sshd as root is several processes: those that speak with strangers have no rights, sessions are the user's, and one that dies takes only its own with it. */
import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createSystemUser,
  makeFolder,
  missing,
  requireSuccess,
  runSsh,
  sshCommand,
  startNacreServer,
  startProgram,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { asRoot, until } from './_sshd.ts';

const asRootWithSetpriv = { skip: asRoot.skip || missing('setpriv') };

interface Child {
  readonly pid: number;
  readonly uid: number;
  readonly words: string;
  readonly status: string;
}

/** The server's processes but for the first. */
function childrenOf(server: TestServer): Child[] {
  return pids().flatMap((pid) => {
    try {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      if (field(status, 'PPid') !== String(server.pid)) return [];
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return [{ pid, uid: Number(field(status, 'Uid').split('\t')[0]), words, status }];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}

const pids = () =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
const field = (status: string, name: string) => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1] ?? '';
const workersOf = (server: TestServer) => childrenOf(server).filter(({ words }) => words.includes('--network-worker'));
const hostsOf = (server: TestServer, uid: number) =>
  childrenOf(server).filter((child) => child.words.includes('--session-host') && child.uid === uid);

/** A client that has said its name, and says no more. */
async function halfOpen(server: TestServer): Promise<Socket> {
  const socket = connect(server.port, '127.0.0.1').on('error', () => {});
  await new Promise<void>((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('SSH-2.0-nacre')) resolve();
    });
    socket.write('SSH-2.0-half-open\r\n');
  });
  return socket;
}

/** The processes that have a socket of this server's connections open. */
function holders(server: TestServer, client: Socket): number[] {
  const port = (client.localPort ?? 0).toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((entry) =>
      new RegExp(`:${server.port.toString(16).toUpperCase().padStart(4, '0')} \\w+:${port} 01 `).test(entry),
    );
  const inode = line?.trim().split(/\s+/)[9];
  return pids().filter((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`);
    } catch {
      return false;
    }
  });
}

/** A session that goes on until it is told to end, or the test is over: one whose host was killed has nobody to end it. */
async function openSession(server: TestServer, word: string) {
  const folder = makeFolder('session');
  chmodSync(folder, 0o755);
  const file = join(folder, 'go');
  const wait = `while [ -d ${folder} ] && ! [ -e ${file} ]; do sleep 0.1; done`;
  const program = startProgram(sshCommand(server, [`echo ${word} is here; ${wait}; echo ${word} went on`]));
  const ended = new Promise((resolve) => program.child.once('close', resolve));
  await program.waitForLog(new RegExp(`${word} is here`));
  const goOn = async (): Promise<void> => {
    writeFileSync(file, '');
    await program.waitForLog(new RegExp(`${word} went on`));
  };
  return { ended, goOn };
}

test('who speaks with a client before login has no rights', asRootWithSetpriv, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  const client = await halfOpen(server);
  // As many as there are cores; those that come after the first are on their way yet.
  await until(
    () => workersOf(server).length >= 1 && workersOf(server).every(({ uid }) => uid !== 0),
    'no worker is root',
  );
  const workers = workersOf(server);
  const speaking = workers.filter(({ pid }) => holders(server, client).includes(pid));
  assert.equal(speaking.length, 1, 'one of them speaks with the client');
  for (const { status } of workers) {
    const ids = [...field(status, 'Uid').split('\t'), ...field(status, 'Gid').split('\t')];
    assert.ok(
      ids.every((id) => id !== '0'),
      ids.join(),
    );
    assert.equal(field(status, 'Groups').trim().split(' ').length, 1);
    assert.match(field(status, 'CapEff'), /^0+$/);
    assert.match(field(status, 'CapPrm'), /^0+$/);
    assert.equal(field(status, 'NoNewPrivs'), '1');
  }
  const shown = await requireSuccess(['ps', '-o', 'uid=', '-p', String(speaking[0]?.pid)]);
  assert.notEqual(shown.trim(), '0');
  client.destroy();
  await server.stop();
});

test('a worker that dies takes its own connections with it and nothing else', asRootWithSetpriv, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  const session = await openSession(server, 'one');
  const client = await halfOpen(server);
  const closed = new Promise((resolve) => client.once('close', resolve));
  const before = workersOf(server).map(({ pid }) => pid);
  for (const pid of before) process.kill(pid, 'SIGSEGV');
  await closed;
  await server.waitForLog(/network worker \d+ ended with signal SIGSEGV/);
  await until(() => workersOf(server).some(({ pid, uid }) => !before.includes(pid) && uid !== 0), 'another worker');
  const next = await runSsh(server, ['echo', 'still here']);
  assert.deepEqual([next.stdout.toString(), next.status], ['still here\n', 0], next.stderr + server.log());
  await session.goOn();
  await server.stop();
});

test(
  'sessions are the user’s own, one process for each user, and one that dies takes no other with it',
  asRootWithSetpriv,
  async () => {
    const users = [await createSystemUser({ shell: '/bin/bash' }), await createSystemUser()] as const;
    for (const user of users) await user.authorize((await userKey()).publicLine);
    const server = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      config: ['AuthorizedKeysFile .ssh/authorized_keys', 'MaxStartups 100'],
    });
    const [ada, bob] = users.map((user) => ({ ...server, user: user.name })) as [TestServer, TestServer];
    const first = await openSession(ada, 'first');
    const second = await openSession(ada, 'second');
    const other = await openSession(bob, 'other');
    const hosts = users.map(({ uid }) => hostsOf(server, uid));
    assert.deepEqual(
      hosts.map(({ length }) => length),
      [1, 1],
    );
    const [adas] = hosts[0] as [Child];
    assert.equal(field(adas.status, 'Gid').split('\t')[0], String(users[0].gid));
    assert.match(field(adas.status, 'CapEff'), /^0+$/);
    // Of root's there is only the one that waits for whoever comes next.
    assert.ok(hostsOf(server, 0).length <= 1);
    const peek = await runSsh(ada, [
      `cat /proc/${adas.pid}/environ; ls /proc/${adas.pid}/fd; kill -USR1 ${adas.pid}; echo $?`,
    ]);
    assert.match(peek.stderr, /environ: Permission denied/);
    assert.match(peek.stderr, /fd'?: Permission denied/);
    assert.equal(peek.stdout.toString(), '0\n');

    process.kill(adas.pid, 'SIGKILL');
    await Promise.all([first.ended, second.ended]);
    await server.waitForLog(
      new RegExp(`session host ${adas.pid} of ${users[0].name} ended with signal SIGKILL, and \\d+ connections`),
    );
    await other.goOn();
    assert.equal((await runSsh(ada, ['id -u'])).stdout.toString(), `${users[0].uid}\n`);
    await server.stop();
  },
);

test('another group needs another process', { skip: asRootWithSetpriv.skip || missing('usermod') }, async () => {
  const user = await createSystemUser();
  await user.authorize((await userKey()).publicLine);
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['AuthorizedKeysFile .ssh/authorized_keys'],
  });
  const groups = async () => (await runSsh({ ...server, user: user.name }, ['id -Gn'])).stdout.toString();
  assert.doesNotMatch(await groups(), /games/);
  await requireSuccess(['usermod', '-aG', 'games', user.name]);
  assert.match(await groups(), /games/);
  await server.stop();
});

test('a client that is logged in changes its keys, and is shown every host key', asRootWithSetpriv, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519', 'rsa'] });
  const rekeyed = await runSsh(server, ['head -c 30000000 /dev/zero'], { options: ['RekeyLimit=1M'] });
  assert.deepEqual([rekeyed.stdout.length, rekeyed.status], [30_000_000, 0], rekeyed.stderr);
  const shown = await runSsh(server, ['sleep 1'], { flags: ['-vvv'], options: ['UpdateHostKeys=yes'] });
  assert.match(shown.stderr, /client_input_hostkeys: received RSA key/);
  assert.doesNotMatch(shown.stderr, /failed to prove|incorrect signature/i);
  await server.stop();
});

test('a program that outlives its client is told of all the same', asRootWithSetpriv, async () => {
  const user = await createSystemUser();
  await user.authorize((await userKey()).publicLine);
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['AuthorizedKeysFile .ssh/authorized_keys'],
  });
  const client = startProgram(
    sshCommand({ ...server, user: user.name }, ['echo begun; exec >/dev/null 2>&1; sleep 1']),
  );
  await client.waitForLog(/begun/);
  client.child.kill('SIGKILL');
  const ended = await server.waitForLog(/Connection (?:closed|reset) by user/);
  const closed = await server.waitForLog(/Close session: user \S+ from \S+ port \d+ id 0/);
  assert.ok(closed.index > ended.index, server.log());
  await server.stop();
});
