/** bin/ssh-add beside OpenSSH's, each with an ssh-agent of OpenSSH's: the same words, and the same keys in the agent. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  createSystemUser,
  findProgram,
  type KeyPair,
  keyTypes,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  type ProgramResult,
  requireSuccess,
  runProgram,
  runSsh,
  startOpenSshServer,
  startProgram,
  startTerminal,
} from '../harness/index.ts';

const skip = missing('nacre:ssh-add', 'ssh-add', 'ssh-agent', 'ssh-keygen', 'setsid');
const ours = nacreProgram('ssh-add');
const theirs = findProgram('ssh-add') ?? 'ssh-add';
const folder = makeFolder('ssh-add');
let made = 0;

interface Agent {
  readonly socket: string;
  readonly stop: () => Promise<void>;
}

/** OpenSSH's agent on a socket of its own. */
async function startAgent(env: Record<string, string | undefined> = {}): Promise<Agent> {
  const socket = join(folder, `agent-${++made}`);
  const program = startProgram([findProgram('ssh-agent') ?? 'ssh-agent', '-D', '-a', socket], { env });
  await program.waitForLog(/Agent pid/);
  return { socket, stop: program.stop };
}

interface RunOptions {
  input?: string | undefined;
  env?: Record<string, string | undefined>;
}

/** Runs without a terminal, so that passphrases come from stdin or from the askpass program. */
function run(program: string, agent: Agent, args: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
  const { input, env } = options;
  return runProgram([findProgram('setsid') ?? 'setsid', '-w', program, ...args], {
    cwd: folder,
    env: {
      SSH_AUTH_SOCK: agent.socket,
      DISPLAY: undefined,
      WAYLAND_DISPLAY: undefined,
      SSH_ASKPASS: undefined,
      SSH_ASKPASS_REQUIRE: undefined,
      ...env,
    },
    ...(input !== undefined && { input }),
  });
}

function outcome({ status, stdout, stderr }: ProgramResult) {
  return { status, stdout: stdout.toString('utf8'), stderr };
}

/** Two agents of OpenSSH's: ours is asked by our ssh-add, theirs by theirs; both must say and hold the same. */
async function startPair(env: Record<string, string | undefined> = {}) {
  const mine = await startAgent(env);
  const other = await startAgent(env);
  const both = async (args: readonly string[], options: RunOptions = {}): Promise<ReturnType<typeof outcome>> => {
    const [actual, expected] = await Promise.all([run(ours, mine, args, options), run(theirs, other, args, options)]);
    assert.deepEqual(outcome(actual), outcome(expected), `ssh-add ${args.join(' ')}`);
    if (args.some((arg) => /^-[lLTE]/.test(arg))) return outcome(actual);
    const [held, expectedHeld] = await Promise.all([run(theirs, mine, ['-L']), run(theirs, other, ['-L'])]);
    assert.deepEqual(outcome(held), outcome(expectedHeld), `what the agent holds after ssh-add ${args.join(' ')}`);
    return outcome(actual);
  };
  return { mine, other, both };
}

/** A certificate beside the key's file. */
async function certify(pair: KeyPair, ...flags: readonly string[]): Promise<void> {
  const ca = await makeKey({ comment: 'ca' });
  const keygen = findProgram('ssh-keygen') ?? 'ssh-keygen';
  await requireSuccess([keygen, '-q', '-s', ca.file, '-I', 'the id', '-n', 'root', ...flags, `${pair.file}.pub`]);
}

function writeAskpass(answer: string, status = 0): string {
  const path = join(folder, `askpass-${++made}`);
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' '${answer}'\nexit ${status}\n`, { mode: 0o700 });
  return path;
}

test('adds, lists and removes keys of every type, with and without comments', { skip }, async () => {
  const { both } = await startPair();
  await both(['-l']);
  await both(['-L']);
  for (const type of keyTypes) {
    const { file } = await makeKey({ type, comment: type === 'ed25519' ? '' : `comment of ${type} \u00e9` });
    const { stderr } = await both([file]);
    assert.match(stderr, /^Identity added: /);
    if (type === 'ecdsa-384') await both(['-d', file]);
  }
  for (const hash of ['md5', 'sha1', 'SHA256', 'sha384', 'sha512']) await both(['-l', '-E', hash]);
  const { stdout } = await both(['-L']);
  assert.equal(stdout.split('\n').length, keyTypes.length);
  await both(['-q', '-D']);
  await both(['-D']);
  await both(['-l']);
});

test('reads every private key format that ssh-keygen writes', { skip }, async () => {
  const { both } = await startPair();
  for (const type of ['rsa', 'ecdsa-256'] as const) {
    for (const format of ['PEM', 'PKCS8']) {
      const { file } = await makeKey({ type });
      const keygen = findProgram('ssh-keygen') ?? 'ssh-keygen';
      await requireSuccess([keygen, '-q', '-p', '-P', '', '-N', 'long enough', '-m', format, '-f', file]);
      await both([file], { input: 'long enough\n' });
    }
  }
  assert.equal((await both(['-l'])).stdout.split('\n').length, 5);
});

test('adds a key from standard input', { skip }, async () => {
  const { both } = await startPair();
  const { file } = await makeKey();
  await both(['-'], { input: readFileSync(file, 'utf8') });
  await both(['-q', '-t', '1h', '-c', '-'], { input: readFileSync(file, 'utf8') });
  const encrypted = await makeKey({ passphrase: 'first', comment: 'from stdin' });
  const askpass = writeAskpass('first');
  await both(['-'], {
    input: readFileSync(encrypted.file, 'utf8'),
    env: { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' },
  });
  assert.equal((await both(['-l'])).stdout.split('\n').length, 3);
});

test('asks for passphrases on stdin, and tries the last one on the files that follow', { skip }, async () => {
  const { both } = await startPair();
  const one = await makeKey({ passphrase: 'first' });
  const two = await makeKey({ passphrase: 'first', type: 'ecdsa-256' });
  const three = await makeKey({ passphrase: 'second', type: 'rsa' });
  const { stderr } = await both([one.file, two.file, three.file], { input: 'wrong\nfirst\nsecond\n' });
  assert.equal(stderr.split('passphrase').length - 1, 3);
  await both(['-D']);
  await both(['-c', one.file], { input: 'wrong\nfirst\n' });
  await both([three.file, one.file], { input: '\nfirst\n' });
  await both([three.file], { input: '' });
  await both([three.file]);
  await both(['-v', three.file], { input: 'second\n' });
});

test('asks by SSH_ASKPASS where the environment says so', { skip }, async () => {
  const { both } = await startPair();
  const { file } = await makeKey({ passphrase: 'first' });
  const right = writeAskpass('first');
  const refusing = writeAskpass('first', 1);
  await both([file], { env: { SSH_ASKPASS: right, SSH_ASKPASS_REQUIRE: 'force' } });
  await both(['-D']);
  await both([file], { env: { SSH_ASKPASS: right, DISPLAY: ':0' } });
  await both(['-D']);
  await both(['-v', file], { env: { SSH_ASKPASS: right, SSH_ASKPASS_REQUIRE: 'prefer', DISPLAY: ':0' } });
  await both(['-D']);
  await both([file], { env: { SSH_ASKPASS: refusing, SSH_ASKPASS_REQUIRE: 'force' } });
  await both([file], { env: { SSH_ASKPASS: right, SSH_ASKPASS_REQUIRE: 'never', DISPLAY: ':0' }, input: 'first\n' });
  assert.equal((await both(['-l'])).status, 0);
});

test('asks on the terminal', { skip: skip || missing('python3') }, async () => {
  const agent = await startAgent();
  const { file } = await makeKey({ passphrase: 'typed in', comment: 'typed' });
  const terminal = startTerminal([ours, file], { env: { SSH_AUTH_SOCK: agent.socket, DISPLAY: undefined } });
  await terminal.expect(/Enter passphrase for .*: /);
  terminal.send('wrong\r');
  await terminal.expect(/Bad passphrase, try again for .*: /);
  terminal.send('typed in\r');
  await terminal.expect(/Identity added: .* \(typed\)/);
  assert.equal((await terminal.ended()).status, 0);
  assert.ok(!terminal.output().includes('typed in'));
});

test('adds and removes certificates with their keys', { skip }, async () => {
  const { mine, both } = await startPair();
  const pair = await makeKey({ comment: 'certified' });
  await certify(pair);
  const { stderr } = await both([pair.file]);
  assert.match(stderr, /^Certificate added: .*-cert\.pub \(the id\)$/m);
  await both(['-l']);
  await both(['-t', '2h', '-c', pair.file]);
  await both(['-k', '-d', pair.file]);
  await both(['-D']);
  await both(['-k', pair.file]);
  await both(['-D']);
  await both([pair.file]);
  await both(['-d', pair.file]);
  await both(['-d', pair.file]);
  const other = await makeKey();
  copyFileSync(`${pair.file}-cert.pub`, `${other.file}-cert.pub`);
  await both([other.file]);
  await both(['-d', other.file]);
  // Debian's 9.2 has no -C, and 10.0 calls the key that it left out an error.
  const only = await run(ours, mine, ['-C', pair.file]);
  assert.deepEqual(outcome(only), {
    status: 0,
    stdout: '',
    stderr: `Certificate added: ${pair.file}-cert.pub (the id)\n`,
  });
  assert.match((await run(theirs, mine, ['-l'])).stdout.toString(), /^\S+ \S+ certified \(ED25519-CERT\)\n$/);
  assert.equal((await run(ours, mine, ['-C', '-d', pair.file])).status, 0);
  assert.equal((await run(theirs, mine, ['-l'])).status, 1);
});

test('has the agent forget a certificate with its validity, unless -N says no', { skip }, async () => {
  const agent = await startAgent();
  const pair = await makeKey();
  await certify(pair, '-V', '-1h:+1h');
  const added = await run(ours, agent, [pair.file]);
  const [, seconds] = /^Certificate added: .*\nLifetime set to (\d+) seconds\n$/m.exec(added.stderr) ?? [];
  // Five minutes are added, for clocks that differ.
  assert.ok(Math.abs(Number(seconds) - 3900) <= 10, added.stderr);
  assert.match((await run(ours, agent, ['-t', '60', pair.file])).stderr, /added: .*-cert\.pub.*\nLifetime set to 60 /);
  assert.doesNotMatch((await run(ours, agent, ['-N', pair.file])).stderr, /Lifetime/);
  await run(ours, agent, ['-D']);
  const expired = await makeKey();
  await certify(expired, '-V', '20200101:20200201');
  const refused = await run(ours, agent, [expired.file]);
  assert.equal(refused.status, 0);
  assert.match(refused.stderr, /^Certificate .*-cert\.pub \(the id\) add failed: Certificate invalid: expired\r$/m);
  assert.equal((await run(theirs, agent, ['-l'])).stdout.toString().split('\n').length, 2);
});

test('the agent forgets a key after its lifetime', { skip }, async () => {
  const { mine, both } = await startPair();
  const { file } = await makeKey();
  for (const life of ['3600', '1h30m', '2w', '1D12H', '0']) await both(['-t', life, file]);
  for (const life of ['x', '-1', '', '5000000000', '1h-', '1y']) await both(['-t', life, file]);
  await both(['-D']);
  assert.equal((await run(ours, mine, ['-t', '1', file])).status, 0);
  await delay(2200);
  assert.equal((await both(['-l'])).stdout, 'The agent has no identities.\n');
});

test('has each use confirmed', { skip }, async () => {
  const { file } = await makeKey();
  for (const status of [0, 1]) {
    const { mine, both } = await startPair({ SSH_ASKPASS: writeAskpass('', status), DISPLAY: ':0' });
    await both(['-c', file]);
    assert.equal((await both(['-T', file])).status, status);
    assert.equal((await run(ours, mine, ['-T', `${file}.pub`])).status, status);
  }
});

test('removes keys by file and by the lines on standard input', { skip }, async () => {
  const { both } = await startPair();
  const pairs = await Promise.all([makeKey(), makeKey({ comment: 'two words' }), makeKey({ type: 'rsa' })]);
  const files = pairs.map(({ file }) => file);
  await both(files);
  const lines = ['# a list', '', `  ${pairs[1]?.publicLine}`, 'no key at all', `${pairs[2]?.publicLine}`];
  await both(['-d', '-'], { input: `${lines.join('\n')}\n` });
  await both(['-d', '-'], { input: `${lines.join('\n')}\n` });
  await both(['-d', '-'], { input: '' });
  await both(['-d', ...files]);
  await both(files);
  await both(['-q', '-d', `${files[0]}.pub`, `${files[1]}`]);
  await both(['-d', join(folder, 'missing'), `${files[2]}`]);
});

test('locks and unlocks', { skip }, async () => {
  const { both } = await startPair();
  const { file } = await makeKey();
  await both([file]);
  await both(['-x'], { input: 'one\ntwo\n' });
  await both(['-x'], { input: 'one\none\n' });
  await both(['-l']);
  await both([file]);
  await both(['-T', file]);
  await both(['-D']);
  await both(['-x'], { input: 'one\none\n' });
  await both(['-X'], { input: 'two\n' });
  await both(['-X'], { input: 'one\n' });
  await both(['-X'], { input: 'one\n' });
  assert.equal((await both(['-l'])).status, 0);
});

test('tests keys', { skip }, async () => {
  const { mine, both } = await startPair();
  const pair = await makeKey({ type: 'ecdsa-521' });
  await certify(pair);
  const [rsa, absent] = [await makeKey({ type: 'rsa' }), await makeKey()];
  await both([pair.file, rsa.file]);
  await both(['-T', pair.file, `${pair.file}-cert.pub`, rsa.file]);
  await both(['-T', absent.file, `${pair.file}.pub`, join(folder, 'missing')]);
  await both(['-T']);
  // An agent that signs with another key than the one asked for is found out.
  const liar = await startLiar(mine.socket, absent);
  const fooled = await run(ours, liar, ['-T', pair.file]);
  assert.equal(fooled.status, 1);
  assert.match(fooled.stderr, /Agent signature failed|Signature verification failed/);
});

/** An agent that answers whatever is asked with one canned signature. */
async function startLiar(_socket: string, pair: KeyPair): Promise<Agent> {
  const socket = join(folder, `liar-${++made}`);
  const name = Buffer.from('ecdsa-sha2-nistp521');
  const text = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const number = text(Buffer.from(pair.fingerprint.slice(7, 39)));
  const signature = Buffer.concat([text(name), text(Buffer.concat([number, number]))]);
  const body = Buffer.concat([Buffer.from([14]), text(signature)]);
  const server = createServer((client) => {
    client.on('error', () => {});
    client.once('data', () => client.write(Buffer.concat([Buffer.from([0, 0, 0, body.length]), body])));
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  server.unref();
  return { socket, stop: async () => void server.close() };
}

test('refuses what others can read, and files that are no keys', { skip }, async () => {
  const { mine, both } = await startPair();
  const { file } = await makeKey();
  for (const mode of [0o640, 0o604, 0o777, 0o601]) {
    chmodSync(file, mode);
    await both([file]);
  }
  chmodSync(file, 0o400);
  await both([file]);
  await both([join(folder, 'missing')]);
  const secret = join(folder, 'private-folder');
  mkdirSync(secret, { mode: 0o700 });
  await both([secret]);
  const cut = join(folder, 'cut');
  writeFileSync(cut, readFileSync(file, 'utf8').slice(0, 200), { mode: 0o600 });
  const junk = join(folder, 'junk');
  writeFileSync(junk, 'no key at all\n', { mode: 0o600 });
  for (const path of [cut, junk]) {
    // Ours says more than the "error in libcrypto" or "invalid format" of OpenSSH.
    const [actual, expected] = [await run(ours, mine, [path]), await run(theirs, mine, [path])];
    assert.equal(actual.status, expected.status);
    assert.match(actual.stderr, /^Error loading key ".*": invalid format \(.+\)\n$/);
  }
});

test('adds and removes the usual keys of an account', { skip: skip || missing('root', 'setpriv') }, async (t) => {
  const user = await createSystemUser();
  await user.authorize('');
  const ssh = join(user.home, '.ssh');
  const keygen = findProgram('ssh-keygen') ?? 'ssh-keygen';
  const { both } = await startPair();
  // Root may ask any agent; the home is looked up by the user id, so the program has to run as that user.
  const setpriv = ['--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  const asUser = async (program: string, args: readonly string[]) => {
    const socket = join(user.home, `agent-${++made}`);
    const agent = startProgram(['setpriv', ...setpriv, findProgram('ssh-agent') ?? '', '-D', '-a', socket]);
    await agent.waitForLog(/Agent pid/);
    const results = [];
    for (const list of [args, ['-l'], ['-d', ...args], ['-l']]) {
      results.push(
        outcome(await runProgram(['setpriv', ...setpriv, program, ...list], { env: { SSH_AUTH_SOCK: socket } })),
      );
    }
    await agent.stop();
    return results;
  };
  // Other users have to reach the program.
  const reachable = await runProgram(['setpriv', ...setpriv, ours], { env: { SSH_AUTH_SOCK: '' } });
  if (reachable.status !== 2) return t.skip(`other users cannot run ${ours}`);
  assert.deepEqual(await asUser(ours, []), await asUser(theirs, []));
  for (const [name, ...flags] of [
    ['id_rsa', '-t', 'rsa'],
    ['id_ed25519', '-t', 'ed25519'],
    ['id_ecdsa', '-t', 'ecdsa'],
  ] as const) {
    await requireSuccess([keygen, '-q', ...flags, '-N', '', '-C', name, '-f', join(ssh, name)]);
  }
  await requireSuccess(['chown', '-R', `${user.name}:`, ssh]);
  const [mine, expected] = [await asUser(ours, []), await asUser(theirs, [])];
  assert.deepEqual(mine, expected);
  assert.equal(mine[0]?.stderr.match(/Identity added/g)?.length, 3);
  await both(['-l']);
});

test('says what is wrong with the flags, and that no agent runs, with OpenSSH\u2019s statuses', { skip }, async () => {
  const { both } = await startPair();
  const { file } = await makeKey();
  for (const args of [['-lL'], ['-L', '-l'], ['-l', '-l'], ['-xX'], ['-l', '-D'], ['-D', '-x'], ['-E', 'nope', '-l']]) {
    assert.equal((await both(args)).status, 255);
  }
  await both(['-M', '1', '-m', '1', '-l']);
  for (const args of [['-Z'], ['-t'], ['-M', '0'], ['--help']]) {
    const [actual, expected] = [await run(ours, noAgent, args), await run(theirs, noAgent, args)];
    assert.deepEqual(outcome(actual), outcome(expected), args.join(' '));
  }
  const { mine, other } = await startPair();
  for (const args of [['-Z'], ['-t'], ['-M', '0', file], ['--help']]) {
    const [actual, expected] = [await run(ours, mine, args), await run(theirs, other, args)];
    assert.equal(actual.status, 1);
    assert.equal(expected.status, 1);
    const [said, wanted] = [actual, expected].map(({ stderr }) => stderr.split('usage:')[0]?.replace('\r', ''));
    assert.equal(said, wanted);
    assert.match(actual.stderr, /^usage: ssh-add \[-/m);
  }
});

const noAgent: Agent = { socket: '', stop: async () => {} };

test('says why an agent cannot be reached', { skip }, async () => {
  const stale = join(folder, 'stale');
  const server = createServer().listen(stale);
  await new Promise((resolve) => server.once('listening', resolve));
  const plain = join(folder, 'plain-file');
  writeFileSync(plain, '');
  await new Promise((resolve) => server.close(resolve));
  writeFileSync(stale, '');
  for (const socket of ['', join(folder, 'nowhere'), stale, plain, `${plain}/below`]) {
    const agent = { ...noAgent, socket };
    for (const args of socket === '' ? [['-l'], ['-Z'], ['-D'], []] : [['-l']]) {
      const [actual, expected] = [await run(ours, agent, args), await run(theirs, agent, args)];
      assert.equal(actual.status, 2);
      assert.deepEqual(outcome(actual), outcome(expected), `${socket} ${args.join(' ')}`);
    }
  }
});

test('passes tokens on to the agent, which does not have them', { skip }, async () => {
  const { mine, both } = await startPair();
  await both(['-s', '/usr/lib/no-such-library.so'], { input: '1234\n' });
  await both(['-t', '60', '-c', '-s', '/usr/lib/no-such-library.so'], { input: '1234\n' });
  await both(['-e', '/usr/lib/no-such-library.so']);
  const resident = await run(ours, mine, ['-K']);
  assert.equal(resident.status, 1);
  assert.match(resident.stderr, /^Unable to load resident keys: device not found/);
});

test('says the same of destinations, and of hosts that are not known', { skip }, async () => {
  const { mine, both } = await startPair();
  const { file } = await makeKey();
  const [host, ca] = [await makeKey(), await makeKey({ type: 'rsa' })];
  const bare = ({ publicLine }: KeyPair) => publicLine.split(' ').slice(0, 2).join(' ');
  const known = join(folder, 'known-hosts');
  writeFileSync(
    known,
    [
      `one.example,[two.example]:2222 ${bare(host)}`,
      `@cert-authority *.example ${bare(ca)}`,
      `@revoked bad.test ${bare(host)}`,
      `plain.test ${bare(host)}`,
      '',
    ].join('\n'),
  );
  await both(['-vvv', '-H', known, '-h', 'one.example', file]);
  await both(['-vvv', '-H', known, '-h', 'me@one.example', '-h', 'one.example>you@[two.example]:2222', file]);
  await both(['-vv', '-H', known, '-H', join(folder, 'missing'), '-h', 'plain.test', file]);
  // OpenSSH means to take the brackets off, and takes one.
  const bracketed = await run(ours, mine, ['-H', known, '-h', '[plain.test]', file]);
  assert.equal(bracketed.status, 0);
  await both(['-v', '-h', 'plain.test', '-H', known, file]);
  for (const rule of ['bad.test', 'nobody.test', '', '>one.example', 'u@one.example>plain.test', 'one.example>']) {
    const { status } = await both(['-H', known, '-h', rule, file]);
    assert.equal(status, 255, rule);
  }
  // A user at any host: no agent takes it, and ours says why.
  const anywhere = await run(ours, mine, ['-H', known, '-h', 'me@', file]);
  assert.equal(anywhere.status, (await run(theirs, mine, ['-H', known, '-h', 'me@', file])).status);
  assert.match(anywhere.stderr, /^Could not add identity ".*": agent refused operation \(.+\)\n$/);
});

test('a key that is for one destination opens that one alone', { skip: skip || missing('sshd') }, async () => {
  const identity = await makeKey({ comment: 'limited' });
  const server = await startOpenSshServer({ identity });
  const elsewhere = join(folder, 'elsewhere');
  const [stranger] = [await makeKey()];
  writeFileSync(elsewhere, `elsewhere ${stranger.publicLine}\n`);
  const agent = await startAgent();
  const publicOnly = join(folder, 'limited.pub');
  writeFileSync(publicOnly, `${identity.publicLine}\n`);
  const login = async (): Promise<number | null> => {
    const only = { ...identity, file: publicOnly };
    const result = await runSsh({ ...server, identity: only }, ['true'], { env: { SSH_AUTH_SOCK: agent.socket } });
    return result.status;
  };
  const add = async (...args: string[]) => {
    await run(ours, agent, ['-D']);
    assert.equal((await run(ours, agent, [...args, identity.file])).status, 0);
  };
  const name = `[${server.host}]:${server.port}`;
  await add('-H', server.knownHostsFile, '-h', name);
  assert.equal(await login(), 0);
  await add('-H', server.knownHostsFile, '-h', `${server.user}@${name}`);
  assert.equal(await login(), 0);
  await add('-H', server.knownHostsFile, '-h', `somebody-else@${name}`);
  assert.equal(await login(), 255);
  await add('-H', elsewhere, '-h', 'elsewhere');
  assert.equal(await login(), 255);
  // Only from there on, and not from here.
  await add('-H', server.knownHostsFile, '-H', elsewhere, '-h', `elsewhere>${name}`);
  assert.equal(await login(), 255);
  await add();
  assert.equal(await login(), 0);
});

test('comments that a terminal would obey are shown escaped', { skip }, async () => {
  const agent = await startAgent();
  const { file } = await makeKey({ comment: 'a\u001b[31mred' });
  const { stderr } = await run(ours, agent, [file]);
  assert.match(stderr, /\(a\\033\[31mred\)/);
  assert.match((await run(ours, agent, ['-l'])).stdout.toString(), / a\\033\[31mred \(ED25519\)$/m);
});

test('works with OpenSSH 10 as well', { skip: skip || missing('openssh-10') }, async () => {
  const agent = await startAgent();
  const newer = openSshProgram('ssh-add', '10.0');
  const pair = await makeKey();
  await certify(pair);
  await run(ours, agent, [pair.file]);
  for (const args of [['-l'], ['-L'], ['-d', pair.file], ['-l']]) {
    if (args[0] === '-d') await run(ours, agent, args);
    else assert.deepEqual(outcome(await run(ours, agent, args)), outcome(await run(newer, agent, args)));
  }
});
