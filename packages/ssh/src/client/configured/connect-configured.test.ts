/** connect() by files: what they settle, what the caller's own options outweigh, and what is refused. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ConfigError } from '../../config/index.ts';
import { formatPrivateKey, formatPublicKey } from '../../keys/index.ts';
import type { ServerOptions } from '../../server/index.ts';
import type { ClientConnection } from '../client-connection.ts';
import { connect } from '../connect.ts';
import { hostKey, isError, listening, otherKey, userKey } from '../live.test.kit.ts';
import type { ConfiguredConnectOptions } from './connect-configured.ts';

interface Place {
  readonly port: number;
  readonly knownHosts: string;
  /** Connects to `web` by lines of a file. */
  readonly go: (
    lines: string,
    options?: Partial<ConfiguredConnectOptions>,
    target?: string,
  ) => Promise<ClientConnection>;
}

/** A server, a home folder with its key in known_hosts, and a key to log in with. */
async function prepare(t: TestContext, server: Partial<ServerOptions> = {}, known = hostKey): Promise<Place> {
  const { port } = await listening(t, server);
  const home = mkdtempSync(join(tmpdir(), 'nacre-configured-'));
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const file = join(home, 'config');
  const knownHosts = join(home, 'known_hosts');
  writeFileSync(join(home, 'id'), await formatPrivateKey(userKey, 'openssh'), { mode: 0o600 });
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${formatPublicKey(known.publicKey)}\n`);
  const usual = `Hostname 127.0.0.1\nPort ${port}\nUser ada\nIdentityFile ${home}/id\nUserKnownHostsFile ${knownHosts}`;
  const go = async (lines: string, options: Partial<ConfiguredConnectOptions> = {}, target = 'web') => {
    writeFileSync(file, `${lines}\nHost web*\n${usual}\nGlobalKnownHostsFile none\n`);
    const { config = {}, ...rest } = options;
    const own = { files: [file], system: { home, environment: {} } };
    const connection = await connect(target, { ...rest, config: { ...own, ...(config === true ? {} : config) } });
    t.after(() => connection.close());
    return connection;
  };
  return { port, knownHosts, go };
}

const message = (pattern: RegExp) => (error: unknown) => error instanceof Error && pattern.test(error.message);

test('an alias: address, port, user, key and known hosts come from the file', async (t) => {
  const { go, port } = await prepare(t);
  const connection = await go('');
  assert.deepEqual(connection.target, { host: '127.0.0.1', port, user: 'ada' });
  assert.equal((await connection.exec('uptime')).stdout, 'ran uptime');
});

test('what the caller gives outweighs the file: user, port, keys, trust, overrides, tag', async (t) => {
  const { go, port } = await prepare(t, {}, otherKey);
  const trusting = { hostKeys: { verify: async () => {} } };
  assert.equal((await go('', { ...trusting, user: 'bob' })).target.user, 'bob');
  assert.equal((await go('', trusting, `eve@web:${port}`)).target.user, 'eve');
  await assert.rejects(go('', { ...trusting, identities: ['/nonexistent/key'] }), isError('bad-file', 'key'));
  await assert.rejects(go('IdentityFile /nonexistent/key\nPubkeyAuthentication no', trusting), isError('auth-failed'));
  const tagged = await go('Match tagged work\n User worker', { ...trusting, config: { tag: 'work' } });
  assert.equal(tagged.target.user, 'worker');
  const overridden = await go('User file', { ...trusting, config: { overrides: ['User=over'] } });
  assert.equal(overridden.target.user, 'over');
});

test('a host that no file knows: refused, unless somebody says yes or the file does', async (t) => {
  const { go, knownHosts } = await prepare(t);
  writeFileSync(knownHosts, '');
  await assert.rejects(go(''), isError('host-key-unknown', 'host-key'));
  const asked: string[] = [];
  const onUnknownHost = async ({ host }: { host: string }) => asked.push(host) > 0;
  await assert.rejects(go('StrictHostKeyChecking yes', { callbacks: { onUnknownHost } }), isError('host-key-unknown'));
  await assert.rejects(go('BatchMode yes', { callbacks: { onUnknownHost } }), isError('host-key-unknown'));
  assert.deepEqual(asked, []);
  await go('', { callbacks: { onUnknownHost } });
  assert.deepEqual(asked, ['127.0.0.1']);
  assert.match(readFileSync(knownHosts, 'utf8'), /^\[127\.0\.0\.1\]:\d+ ssh-ed25519 /);
  writeFileSync(knownHosts, '');
  await go('StrictHostKeyChecking accept-new');
  assert.match(readFileSync(knownHosts, 'utf8'), /^\[127\.0\.0\.1\]:\d+ ssh-ed25519 /);
});

test('a changed key is refused; where the file goes on all the same, no password is given away', async (t) => {
  const seen: string[] = [];
  const authenticate = { password: async ({ password }: { password: string }) => seen.push(password) > 0 };
  const { go } = await prepare(t, { authenticate }, otherKey);
  await assert.rejects(go('', { password: 'secret' }), isError('host-key-changed', 'host-key'));
  const careless = 'StrictHostKeyChecking no';
  await assert.rejects(go(careless, { password: 'secret' }), isError('auth-failed'));
  await assert.rejects(go(careless, { password: async () => 'secret' }), isError('auth-failed'));
  await assert.rejects(go(careless, { callbacks: { password: async () => 'secret' } }), isError('auth-failed'));
  assert.deepEqual(seen, []);
});

test('a password of the caller needs nobody who is asked: also in batch mode', async (t) => {
  const authenticate = { password: async ({ password }: { password: string }) => password === 'secret' };
  const { go } = await prepare(t, { authenticate });
  for (const lines of ['', 'BatchMode yes', 'PasswordAuthentication no', 'PreferredAuthentications publickey']) {
    assert.deepEqual((await go(lines, { password: 'secret' })).login.methods, ['password'], lines);
  }
  await assert.rejects(go('BatchMode yes', { callbacks: { password: async () => 'secret' } }), isError('auth-failed'));
});

test('files that are wrong name file, line and keyword', async (t) => {
  const { go } = await prepare(t);
  await assert.rejects(go('User a\nPort x'), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, /config line 2: Bad port 'x'\.$/);
    assert.deepEqual(
      error.mistakes.map(({ line, keyword }) => [line, keyword]),
      [[2, 'port']],
    );
    return true;
  });
  await assert.rejects(
    go('Nonsense 1\nUser "a'),
    message(/line 1: Bad configuration option: nonsense; .* line 2: invalid quotes$/),
  );
  await assert.rejects(go('\nIdentityFile /k/%z'), message(/config line 2: IdentityFile: unknown key %z$/));
  await assert.rejects(go('Ciphers nonsense'), message(/config line 1: Bad SSH2 cipher spec 'nonsense'\.$/));
  await assert.rejects(go('ProxyJump a;b'), message(/config line 1: ProxyJump: "a;b" is no host name$/));
  const missing = connect('web', { config: { files: ['/nonexistent/config'] } });
  await assert.rejects(missing, message(/Can't open user config file \/nonexistent\/config/));
});

test('names out of a file are checked as those of callers are, and RefuseConnection refuses', async (t) => {
  const { go } = await prepare(t);
  await assert.rejects(go('Hostname "a;id"'), isError('misuse', 'usage'));
  await assert.rejects(go('User "a b"'), isError('misuse', 'usage'));
  await assert.rejects(go('RefuseConnection "not today"'), isError('misuse', 'config'));
  await assert.rejects(go('', {}, '-oProxyCommand=id'), isError('misuse', 'usage'));
});

test('a proxy command carries the connection, and ends with it', async (t) => {
  const { go, port } = await prepare(t);
  const script = `const s=require("net").connect(${port},"127.0.0.1");process.stdin.pipe(s).pipe(process.stdout)`;
  const connection = await go(`ProxyCommand "${process.execPath}" -e '${script}' %h`);
  assert.equal(connection.address, undefined);
  assert.equal((await connection.exec('uptime')).stdout, 'ran uptime');
});

test('an aborted signal ends the attempt', async (t) => {
  const { go } = await prepare(t);
  await assert.rejects(go('', { signal: AbortSignal.abort() }), isError('aborted'));
});

test('a jump host is not asked for secrets that are meant for the host behind it', async (t) => {
  const seen: string[] = [];
  const authenticate = { password: async ({ password }: { password: string }) => seen.push(password) > 0 };
  const { port } = await listening(t, { authenticate });
  const { go, knownHosts } = await prepare(t);
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${formatPublicKey(hostKey.publicKey)}\n`);
  const lines = `Host gate\n Hostname 127.0.0.1\n Port ${port}\n UserKnownHostsFile ${knownHosts}\nHost web\n ProxyJump gate`;
  const password = async () => 'secret';
  await assert.rejects(go(lines, { password: 'secret' }), isError('auth-failed'));
  await assert.rejects(go(lines, { callbacks: { password } }), isError('auth-failed'));
  assert.deepEqual(seen, []);
  const asking: boolean[] = [];
  // It lets us in now, and forwards nothing.
  const callbacks = ({ isJumpHost }: { isJumpHost: boolean }) => {
    asking.push(isJumpHost);
    return { password };
  };
  await assert.rejects(go(lines, { callbacks }), isError('channel-open-refused'));
  assert.deepEqual([seen, asking.includes(true)], [['secret'], true]);
});
