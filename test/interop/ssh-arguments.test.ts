/** bin/ssh's command line and files: flags, their order, ssh://, -F, -E, -o, -Q, -V, -v, and what it says of mistakes. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  freePort,
  hostLines,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd');
const ssh = nacreProgram('ssh');
const env = { SSH_AUTH_SOCK: undefined, SSH_ASKPASS_REQUIRE: 'never' };
let server: TestServer;

before(async () => {
  if (!skip) server = await startOpenSshServer();
});

/** A configuration file that leads to the test server under the name `box`. */
function configFile(...lines: readonly string[]): string {
  const file = join(makeFolder('config'), 'config');
  const own = [...hostLines('box', server), 'Host *', '  BatchMode = "yes"'];
  writeFileSync(file, `${[...lines, ...own].join('\n')}\n`);
  return file;
}

const run = (...args: readonly string[]) => runProgram([ssh, ...args], { env });

/** The plain way there, without a file. */
function way(): string[] {
  const options = [`UserKnownHostsFile=${server.knownHostsFile}`, 'GlobalKnownHostsFile=/dev/null', 'BatchMode=yes'];
  return ['-F', 'none', ...options.flatMap((option) => ['-o', option]), '-i', server.identity.file];
}

test('-V is one line on stderr, and quick', { skip }, async () => {
  const started = performance.now();
  const result = await run('-V');
  assert.match(result.stderr, /^nacre_\d+\.\d+\.\d+, OpenSSL \d+\.\d+\.\d+\S*\n$/);
  assert.deepEqual([result.status, result.stdout.length], [0, 0]);
  assert.ok(performance.now() - started < 5000);
});

test('-Q lists what OpenSSH’s tools would recognise', { skip: skip || missing('ssh') }, async () => {
  const theirs = openSshProgram('ssh');
  for (const kind of ['cipher', 'cipher-auth', 'mac', 'kex', 'key', 'key-plain', 'key-cert', 'key-sig', 'sig']) {
    const known = (await requireSuccess([theirs, '-Q', kind])).trim().split('\n');
    const own = (await requireSuccess([ssh, '-Q', kind])).trim().split('\n');
    assert.ok(own.length > 1, kind);
    // What is newer than Debian's OpenSSH may be missing there.
    const foreign = own.filter((name) => !known.includes(name) && !/^mlkem|^webauthn.*-cert-/.test(name));
    assert.deepEqual(foreign, [], kind);
  }
  assert.equal(await requireSuccess([ssh, '-Q', 'protocol-version']), '2\n');
  assert.equal(await requireSuccess([ssh, '-Q', 'compression']), 'none\nzlib@openssh.com\n');
  assert.equal(await requireSuccess([ssh, '-Q', 'Ciphers']), await requireSuccess([ssh, '-Q', 'cipher']));
  assert.ok((await requireSuccess([ssh, '-Q', 'help'])).split('\n').includes('key-sig'));
  const wrong = await run('-Q', 'nonsense');
  assert.deepEqual([wrong.status, wrong.stderr], [255, 'Unsupported query "nonsense"\n']);
});

test('-l, -p, -i and options after the host; the command is what follows them', { skip }, async () => {
  const port = String(server.port);
  const plain = await run(...way(), '-l', server.user, '-p', port, '127.0.0.1', 'echo', 'a', '  b');
  assert.equal(plain.stdout.toString(), 'a b\n', plain.stderr);
  const after = await run(...way(), `${server.user}@127.0.0.1`, '-p', port, '-T', 'echo', '-n', '-p');
  assert.equal(after.stdout.toString(), '-p', after.stderr);
  const dashes = await run(...way(), '-p', port, '-l', server.user, '127.0.0.1', '--', 'echo -x');
  assert.equal(dashes.stdout.toString(), '-x\n');
  const uri = await run(...way(), `ssh://${server.user}@127.0.0.1:${port}`, 'echo uri');
  assert.equal(uri.stdout.toString(), 'uri\n');
  const uriOnly = await run(...way(), '-o', `User=${server.user}`, `ssh://127.0.0.1:${port}/`, 'echo uri');
  assert.equal(uriOnly.stdout.toString(), 'uri\n');
});

test('the first value counts: -o before -p before the file', { skip }, async () => {
  const file = configFile('Port 1');
  const port = String(server.port);
  const good = await run('-F', file, '-o', `Port=${port}`, '-p', '2', 'box', 'echo in');
  assert.equal(good.stdout.toString(), 'in\n', good.stderr);
  const bad = await run('-F', file, 'box', 'true');
  assert.match(bad.stderr, /^ssh: connect to host 127\.0\.0\.1 port 1: Connection refused\r\n$/);
  const user = await run('-F', configFile(), '-v', '-l', 'first', 'second@box', 'true');
  assert.match(user.stderr, /Authenticating to 127\.0\.0\.1:\d+ as 'first'/);
});

test('-F: Host, Match, Include, quotes; a broken line is named', { skip }, async () => {
  const file = configFile();
  assert.equal((await run('-F', file, 'box', 'echo in')).stdout.toString(), 'in\n');
  const folder = makeFolder('include');
  mkdirSync(join(folder, 'conf.d'));
  writeFileSync(
    join(folder, 'conf.d', '1.conf'),
    'Match originalhost box user someone\n  SetEnv X=1\nMatch all\n  RemoteCommand echo included\n',
  );
  const including = configFile(`Include ${folder}/conf.d/*.conf`);
  assert.equal((await run('-F', including, 'box')).stdout.toString(), 'included\n');
  const negated = configFile('Host !box *', '  Port 1');
  assert.equal((await run('-F', negated, 'box', 'echo in')).stdout.toString(), 'in\n');
  const matched = configFile('Match host 127.* user nobody', '  Port 1', 'Match exec "false"', '  Port 1', 'Host *');
  const skipped = await run('-F', matched, 'box', 'echo in');
  assert.equal(skipped.stdout.toString(), 'in\n', skipped.stderr);

  const wrong = configFile('Nonsense 1', 'Port abc', 'IgnoreUnknown Fancy*', 'FancyThing 1', 'Compression maybe');
  const told = await run('-F', wrong, 'box', 'true');
  const words = [
    `${wrong}: line 1: Bad configuration option: nonsense`,
    `${wrong} line 2: Bad port 'abc'.`,
    `${wrong} line 5: unsupported option "maybe".`,
    `${wrong}: terminating, 3 bad configuration options`,
  ];
  assert.deepEqual([told.status, told.stderr], [255, `${words.join('\r\n')}\r\n`]);
  const none = await run('-F', '/does/not/exist', 'box');
  assert.equal(none.stderr, "Can't open user config file /does/not/exist: No such file or directory\r\n");
});

test('keywords that have no effect here are passed over, and told', { skip }, async () => {
  const later = await run('-F', configFile('PKCS11Provider /lib/token.so'), '-v', 'box', 'echo in');
  assert.equal(later.stdout.toString(), 'in\n');
  assert.match(later.stderr, /debug1: .* line 1: .*PKCS11Provider.*PKCS#11 libraries are not loaded here/i);
  assert.equal((await run('-F', configFile('ProxyCommand none'), 'box', 'echo in')).status, 0);
});

test('flags that cannot be served say why', { skip }, async () => {
  const result = await run('-I', 'library.so', 'box');
  assert.equal(result.status, 255);
  assert.match(result.stderr, /^ssh: -I: PKCS#11 libraries are not loaded here; .*\n$/);
});

test('mistakes on the command line', { skip }, async () => {
  const words: [string[], RegExp][] = [
    [[], /^usage: ssh /],
    [['-Z', 'x'], /^unknown option -- Z\r?\nusage: ssh /],
    [['-p'], /^option requires an argument -- p\r?\nusage: ssh /],
    [['-p', '99999', 'x'], /^Bad port '99999'\n$/],
    [['-o', 'Nonsense=1', 'x'], /^command-line: line 0: Bad configuration option: nonsense\r\n$/],
    [['-e', 'ab', 'x'], /^Bad escape character 'ab'\.\n$/],
    [['-W', 'x', 'y'], /^Bad stdio forwarding specification 'x'\n$/],
    [['-oProxyCommand=x', '-F', 'none', '-oHostName=-oX', 'x'], /^hostname contains invalid characters\n$/],
    [['-F', 'none', '-oHostName=$(id)', 'x'], /^hostname contains invalid characters\n$/],
    [['a;b'], /^hostname contains invalid characters\n$/],
    [['-f', '-F', 'none', 'x'], /^Cannot fork into background without a command to execute\.\n$/],
    [['-s', 'x'], /^You must specify a subsystem to invoke\.\nusage: ssh /],
  ];
  for (const [args, pattern] of words) {
    const result = await run(...args);
    assert.equal(result.status, 255, args.join(' '));
    assert.match(result.stderr, pattern);
  }
});

test('names that cannot be resolved, ports where nothing listens, time limits', { skip }, async () => {
  const name = await run('-F', 'none', '-T', 'no-such-name.invalid');
  assert.match(
    name.stderr,
    /^ssh: Could not resolve hostname no-such-name\.invalid: (?:Name or service not known|Temporary failure in name resolution)\r\n$/,
  );
  const port = await freePort();
  const refused = await run('-F', 'none', '-T', '-p', String(port), '127.0.0.1');
  assert.equal(refused.stderr, `ssh: connect to host 127.0.0.1 port ${port}: Connection refused\r\n`);
  const started = performance.now();
  await run('-F', 'none', '-T', '-o', 'ConnectionAttempts=2', '-p', String(port), '127.0.0.1');
  assert.ok(performance.now() - started > 1000, 'the second attempt comes a second later');
});

test('servers that hang up, that are silent and that are something else', { skip }, async () => {
  const against = async (serve: Parameters<typeof createServer>[1], ...flags: string[]) => {
    const fake: Server = createServer(serve);
    await new Promise<void>((resolve) => fake.listen(0, '127.0.0.1', resolve));
    const { port } = fake.address() as { port: number };
    const result = await run('-F', 'none', '-T', ...flags, '-p', String(port), '127.0.0.1');
    fake.close();
    assert.equal(result.status, 255);
    return result.stderr.replaceAll(String(port), 'PORT').split('\r\n').slice(0, -1);
  };
  assert.deepEqual(await against((socket) => socket.end()), [
    'kex_exchange_identification: Connection closed by remote host',
    'Connection closed by 127.0.0.1 port PORT',
  ]);
  assert.deepEqual(await against((socket) => void socket.once('data', () => socket.resetAndDestroy())), [
    'kex_exchange_identification: read: Connection reset by peer',
    'Connection reset by 127.0.0.1 port PORT',
  ]);
  assert.deepEqual(await against((socket) => socket.end('SSH-2.0-x\r\n')), [
    'Connection closed by 127.0.0.1 port PORT',
  ]);
  const silent = await against(() => {}, '-o', 'ConnectTimeout=1');
  assert.deepEqual(silent, [
    'Connection timed out during banner exchange',
    'Connection to 127.0.0.1 port PORT timed out',
  ]);
  const old = await against((socket) => socket.end('SSH-1.5-old\r\n'));
  assert.match(old[0] ?? '', /only SSH protocol 2\.0/);
});

test('-v, -vv and -vvv say what OpenSSH says; -E takes it, -q takes all', { skip }, async () => {
  const file = configFile();
  const verbose = await run('-F', file, '-v', 'box', 'exit 3');
  for (const pattern of [
    /^debug1: nacre_/m,
    /^debug1: Reading configuration data /m,
    /^debug1: \S+ line \d+: Applying options for box\r$/m,
    /^debug1: Connecting to 127\.0\.0\.1 \[127\.0\.0\.1\] port \d+\.\r$/m,
    /^debug1: Connection established\.\r$/m,
    /^debug1: Remote protocol version 2\.0, remote software version OpenSSH_/m,
    /^debug1: Authenticating to 127\.0\.0\.1:\d+ as '\w+'\r$/m,
    /^debug1: kex: algorithm: \S+\r$/m,
    /^debug1: kex: host key algorithm: ssh-ed25519\r$/m,
    /^debug1: kex: server->client cipher: \S+ MAC: \S+ compression: none\r$/m,
    /^debug1: Server host key: ssh-ed25519 SHA256:\S+\r$/m,
    /^debug1: Host '\[127\.0\.0\.1\]:\d+' is known and matches the ED25519 host key\.\r$/m,
    /^debug1: Found key in \S+:\d+\r$/m,
    /^debug1: Authentications that can continue: publickey/m,
    /^debug1: Next authentication method: publickey\r$/m,
    /^debug1: Offering public key: \S+ ED25519 SHA256:\S+ explicit\r$/m,
    /^debug1: Server accepts key: \S+ ED25519 SHA256:\S+ explicit\r$/m,
    /^Authenticated to 127\.0\.0\.1 \(\[127\.0\.0\.1\]:\d+\) using "publickey"\.\r$/m,
    /^debug1: Sending command: exit 3\r$/m,
    /^Transferred: sent \d{4,}, received \d{4,} bytes, in \d+\.\d seconds\r$/m,
    /^debug1: Exit status 3\r$/m,
  ]) {
    assert.match(verbose.stderr, pattern);
  }
  const log = join(makeFolder('log'), 'log');
  const logged = await run('-F', file, '-vv', '-E', log, 'box', 'echo err >&2');
  assert.equal(logged.stderr, 'err\n');
  assert.match(readFileSync(log, 'utf8'), /debug1: Exit status 0/);
  const quiet = await run('-F', file, '-q', '-o', 'UserKnownHostsFile=/dev/null', 'box');
  assert.deepEqual([quiet.status, quiet.stderr], [255, '']);
  const viaOption = await run('-F', file, '-o', 'LogLevel=DEBUG', 'box', 'true');
  assert.match(viaOption.stderr, /debug1: Connecting/);
});
