/** Match blocks at real logins: Debian's ssh at our sshd and at OpenSSH's with the same file, and the same comes of it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createSystemUser,
  freePort,
  makeFolder,
  makeKey,
  missing,
  type OpenSshClientOptions,
  type OpenSshVersion,
  runSsh,
  type SystemUser,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { askpassEnvironment, until, withSsh } from './_sshd.ts';

/** OpenSSH 9.2 forgets UnusedConnectionTimeout in Match. */
const asRootWith10 = { skip: missing('ssh', 'openssh-10', 'nacre:sshd', 'root', 'useradd') };
const asRoot = { skip: missing('ssh', 'sshd', 'nacre:sshd', 'root', 'useradd') };

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  /** Without port numbers, and without the words in which a channel is refused. */
  readonly stderr: string;
}

interface Pair {
  readonly ours: TestServer;
  readonly theirs: TestServer;
}

/** Both servers with the same lines; a port of its own each. */
async function startBoth(config: readonly string[], version: OpenSshVersion = '9.2'): Promise<Pair> {
  // Without PAM OpenSSH has no keyboard-interactive passwords, and we do.
  const lines = ['AuthorizedKeysFile .ssh/authorized_keys', 'KbdInteractiveAuthentication no', ...config];
  const [ours, theirs] = await Promise.all([
    startNacreServer({ hostKeyTypes: ['ed25519'], config: lines }),
    startOpenSshServer({ hostKeyTypes: ['ed25519'], config: lines, version }),
  ]);
  return { ours, theirs };
}

/** Runs ssh at both and wants the same of them. */
async function same(
  { ours, theirs }: Pair,
  user: string,
  args: readonly string[],
  options: OpenSshClientOptions = {},
): Promise<Outcome> {
  const [own, other] = await Promise.all(
    [ours, theirs].map(async (server): Promise<Outcome> => {
      const result = await runSsh({ ...server, user }, args, options);
      return {
        status: result.status,
        stdout: result.stdout.toString(),
        stderr: result.stderr
          .replaceAll(String(server.port), 'PORT')
          .replaceAll(/\r/g, '')
          .replaceAll(/(administratively prohibited): .*/g, '$1'),
      };
    }),
  );
  assert.deepEqual(own, other, `${user}: ${args.join(' ')}`);
  return own as Outcome;
}

/** A server that says hello to whoever connects. */
async function greeter(t: { after(callback: () => void): void }): Promise<number> {
  const server = createServer((socket) => socket.end('hello\n'));
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as { port: number }).port;
}

test('what a block says holds for whom it means', asRoot, async (t) => {
  const folder = makeFolder('match');
  const banner = join(folder, 'banner');
  writeFileSync(banner, 'for some eyes only\n');
  const target = await greeter(t);
  const { publicLine } = await userKey();
  const [games, plain, twice] = (await Promise.all([
    createSystemUser({ groups: ['games'] }),
    createSystemUser(),
    createSystemUser(),
  ])) as [SystemUser, SystemUser, SystemUser];
  for (const user of [games, plain, twice]) await user.authorize(publicLine);
  const other = await makeKey();
  const servers = await startBoth([
    'AcceptEnv NONE',
    'SetEnv WHERE=outside',
    // First of all: a block that comes later adds only what is not said yet.
    'Match Group !root,games',
    '  ForceCommand echo "forced: $SSH_ORIGINAL_COMMAND $WHERE $WHAT"; tty',
    '  SetEnv WHERE=inside',
    '  PermitTTY no',
    '  AllowTcpForwarding no',
    `Match User ${plain.name} Address 127.0.0.0/8,!127.0.0.2 Host 127.0.0.*`,
    '  AcceptEnv WHAT',
    `  PermitOpen 127.0.0.1:${target}`,
    '  AllowTcpForwarding local',
    `  Banner ${banner}`,
    `Match User ${plain.name},${games.name} Address 10.0.0.0/8`,
    '  ForceCommand echo never',
    `Match User ${twice.name}`,
    '  PasswordAuthentication yes',
    '  AuthenticationMethods publickey,password',
    '  MaxAuthTries 2',
    'Match User root LocalAddress 127.0.0.1',
    '  PermitRootLogin no',
    `Match User nosuch*,${games.name}`,
    `  Banner ${banner}`,
    '  ForceCommand echo the second block',
    'Match LocalPort 1',
    '  DenyUsers *',
    'Match all',
    '  MaxSessions 1',
  ]);

  await t.test('by group: the command, the environment, no terminal, no forwarding', async () => {
    const forced = await same(servers, games.name, ['asked']);
    assert.equal(forced.stdout, 'forced: asked inside \nnot a tty\n');
    assert.match(forced.stderr, /for some eyes only/);
    const terminal = await same(servers, games.name, ['x'], { flags: ['-tt'] });
    assert.match(terminal.stderr, /PTY allocation request failed/);
    const refused = await same(servers, games.name, [], { flags: ['-W', `127.0.0.1:${target}`] });
    assert.match(refused.stderr, /administratively prohibited/);
  });
  await t.test('by user, address and name: what may be opened and set, and a banner', async () => {
    const env = { WHAT: 'this', NONE: 'that' };
    const result = await same(servers, plain.name, ['echo $WHAT $NONE $WHERE'], {
      env,
      flags: ['-o', 'SendEnv=WHAT', '-o', 'SendEnv=NONE'],
    });
    // AcceptEnv of a block takes the place of the one outside.
    assert.equal(result.stdout, 'this outside\n');
    assert.match(result.stderr, /^for some eyes only$/m);
    assert.equal((await same(servers, plain.name, [], { flags: ['-W', `127.0.0.1:${target}`] })).stdout, 'hello\n');
    const shut = await same(servers, plain.name, [], { flags: ['-W', `127.0.0.1:${target + 1}`] });
    assert.match(shut.stderr, /administratively prohibited/);
    const remote = await same(servers, plain.name, ['true'], {
      flags: ['-R', `${await freePort()}:127.0.0.1:${target}`, '-o', 'ExitOnForwardFailure=yes'],
    });
    assert.equal(remote.status, 255);
  });
  await t.test('which methods, in which order, and how often', async () => {
    const keyAlone = await same(servers, twice.name, ['true']);
    assert.match(keyAlone.stderr, /Permission denied \(password\)/);
    const askpass = askpassEnvironment(twice.password);
    const both = await same(servers, twice.name, ['echo in'], { env: askpass, options: ['BatchMode=no'] });
    assert.deepEqual([both.stdout, both.status], ['in\n', 0], both.stderr);
    // For everybody else there are no passwords.
    const shut = await same(servers, plain.name, ['true'], {
      env: askpassEnvironment(plain.password),
      options: ['BatchMode=no', 'PubkeyAuthentication=no'],
    });
    assert.match(shut.stderr, /Permission denied \(publickey\)/);
    const wrong = [await makeKey(), await makeKey()];
    const tooMany = await same(
      { ours: { ...servers.ours, identity: other }, theirs: { ...servers.theirs, identity: other } },
      twice.name,
      ['true'],
      { flags: wrong.flatMap(({ file }) => ['-i', file]) },
    );
    assert.match(tooMany.stderr, /Too many authentication failures/);
  });
  await t.test('root stays out, and who is nobody sees the banner that is meant for the name', async () => {
    assert.match((await same(servers, 'root', ['true'])).stderr, /Permission denied \(publickey\)/);
    const nobody = await same(servers, 'nosuchuser', ['true']);
    assert.match(nobody.stderr, /^for some eyes only\n[\s\S]*Permission denied \(publickey\)/);
    assert.doesNotMatch((await same(servers, 'nobodyelse', ['true'])).stderr, /some eyes/);
  });
});

test('lists of names, key files and log levels of a block', asRoot, async (t) => {
  const { publicLine } = await userKey();
  const [first, second] = [await createSystemUser(), await createSystemUser()];
  for (const user of [first, second]) await user.authorize(publicLine);
  const keys = join(makeFolder('keys'), 'keys');
  writeFileSync(keys, `${(await makeKey()).publicLine}\n`, { mode: 0o644 });
  const servers = await startBoth([
    `AllowUsers ${first.name} ${second.name}`,
    `Match User ${second.name}`,
    '  LogLevel QUIET',
    'Match Address 127.0.0.2',
    `  DenyUsers ${first.name}`,
    'Match Address 127.0.0.3',
    `  AllowUsers *@127.0.0.3 x@*`,
    `  AuthorizedKeysFile ${keys}`,
    'Match Address 127.0.0.4',
    '  AllowGroups games',
    'Match Address 127.0.0.5',
    '  PubkeyAuthentication no',
  ]);
  const from = (address: string) => ({ flags: ['-b', address] });
  await t.test('by where they come from', async () => {
    assert.equal((await same(servers, first.name, ['echo in'], from('127.0.0.1'))).stdout, 'in\n');
    assert.match((await same(servers, first.name, ['true'], from('127.0.0.2'))).stderr, /Permission denied/);
    assert.equal((await same(servers, second.name, ['echo in'], from('127.0.0.2'))).stdout, 'in\n');
    assert.match(
      (await same(servers, first.name, ['true'], from('127.0.0.3'))).stderr,
      /Permission denied \(publickey\)/,
    );
    assert.match((await same(servers, first.name, ['true'], from('127.0.0.4'))).stderr, /Permission denied/);
    assert.match((await same(servers, first.name, ['true'], from('127.0.0.5'))).stderr, /Permission denied/);
  });
  await t.test('their logins are logged as the block says', async () => {
    for (const server of [servers.ours, servers.theirs]) {
      await server.waitForLog(new RegExp(`Accepted publickey for ${first.name} from 127\\.0\\.0\\.1`));
      assert.doesNotMatch(server.log(), new RegExp(`Accepted publickey for ${second.name}`));
    }
  });
});

test('idle channels and connections of those who are meant are closed', asRootWith10, async (t) => {
  const { publicLine } = await userKey();
  const [idle, patient] = [await createSystemUser(), await createSystemUser()];
  for (const user of [idle, patient]) await user.authorize(publicLine);
  const blocks = [`Match User ${idle.name}`, '  ChannelTimeout session:*=1', '  UnusedConnectionTimeout 2'];
  const servers = await startBoth(blocks, '10.0');
  await t.test('ChannelTimeout', async () => {
    // OpenSSH takes it in a block for one user, and heeds what stands outside.
    const closed = await runSsh({ ...servers.ours, user: idle.name }, ['sleep 4; echo done']);
    assert.deepEqual([closed.stdout.toString(), closed.status], ['', 255]);
    assert.equal((await same(servers, patient.name, ['sleep 4; echo done'])).stdout, 'done\n');
  });
  await t.test('UnusedConnectionTimeout', async () => {
    const startMs = Date.now();
    // We say goodbye, OpenSSH does not.
    const ends = [servers.ours, servers.theirs].map(async (server) => {
      const result = await runSsh({ ...server, user: idle.name }, [], { flags: ['-N'], timeoutMs: 10_000 });
      return result.status;
    });
    assert.deepEqual(await Promise.all(ends), [255, 255]);
    assert.ok(Date.now() - startMs < 9000);
  });
});

test('RefuseConnection ends the connection, of those that it means', withSsh, async () => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['Match Invalid-User', '  RefuseConnection yes'],
  });
  assert.equal((await runSsh(server, ['echo in'])).stdout.toString(), 'in\n');
  const result = await runSsh({ ...server, user: 'nosuchuser' }, ['true']);
  assert.equal(result.status, 255);
  assert.doesNotMatch(result.stderr, /Permission denied/);
  await server.waitForLog(
    /administratively prohibited connection for invalid user nosuchuser from 127\.0\.0\.1 port \d+/,
  );
});

/** The listening socket of a port, as the kernel numbers them. */
function listenerOf(port: number): string | undefined {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((text) => text.includes(`:${hex} 00000000:0000 0A `));
  return line?.trim().split(/\s+/)[9];
}

test('SIGHUP: blocks are read again, a broken file keeps the old one, ports and sessions stay', {
  skip: withSsh.skip || (process.platform !== 'linux' && 'looks into /proc'),
}, async () => {
  const include = join(makeFolder('include'), 'more.conf');
  writeFileSync(include, '');
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: [`Include ${include}`] });
  const socket = listenerOf(server.port);
  assert.ok(socket !== undefined);
  const running = runSsh(server, ['sleep 3; echo still here']);
  await server.waitForLog(/Starting session/);
  const reload = async (text: string, sign: RegExp) => {
    const before = server.log().length;
    writeFileSync(include, text);
    process.kill(server.pid as number, 'SIGHUP');
    await until(() => sign.test(server.log().slice(before)), String(sign));
    return server.log().slice(before);
  };
  await reload(`Match User ${server.user}\n  ForceCommand echo one\n`, /Server listening/);
  assert.equal((await runSsh(server, ['x'])).stdout.toString(), 'one\n');
  const told = await reload('Match Shape round\n  ForceCommand echo two\nUsePAM x\n', /was not read again/);
  assert.match(told, /Unsupported Match attribute Shape/);
  assert.ok(told.includes(`error: ${include} line 1: Bad Match condition`), told);
  assert.match(told, /line 3: unsupported option "x"\./);
  assert.equal((await runSsh(server, ['x'])).stdout.toString(), 'one\n');
  assert.equal((await running).stdout.toString(), 'still here\n');
  assert.equal(listenerOf(server.port), socket);
});
