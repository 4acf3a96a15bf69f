/** nacre explain beside the real thing: the order of keys in OpenSSH's log, known_hosts lines as ssh-keygen finds them, sshd's key. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { formatPublicKey, generateKey } from '@nacre/ssh';
import {
  findProgram,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  startAgent,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:nacre', 'nacre:ssh', 'sshd', 'ssh', 'ssh-keygen', 'ssh-agent', 'ssh-add');
const nacre = nacreProgram('nacre');
const folder = makeFolder('explain');
let server: TestServer;

before(async () => {
  if (!skip) server = await startOpenSshServer({ hostKeyTypes: ['ed25519', 'rsa'] });
});

interface Explained {
  version: number;
  host: { typed: string; name: string; port: number; user: string };
  files: { file: string; state: string }[];
  blocks: { line: number; applies: boolean }[];
  settings: Record<string, unknown>;
  way: { kind: string; jumpHosts: { name: string }[]; command: string | null };
  keys: {
    agent: string | null;
    keys: { file: string | null; fingerprint: string | null; offered: boolean; state: string }[];
  };
  knownHosts: { lines: { file: string; line: number; type: string; fingerprint: string; isHashed: boolean }[] };
  problems: { level: string; code: string; origin: { file: string; line: number } | null }[];
  probe: {
    address: string | null;
    identification: string;
    hostKey: { type: string; fingerprint: string };
    verdict: string;
    error: string | null;
  } | null;
}

interface Setting {
  value: string;
  origin: { file: string; line: number } | null;
}

function write(name: string, ...lines: readonly string[]): string {
  const file = join(folder, name);
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  return file;
}

async function explain(args: readonly string[], env: Record<string, string | undefined> = {}): Promise<Explained> {
  const result = await runProgram([nacre, 'explain', '--json', ...args], { env: { SSH_AUTH_SOCK: undefined, ...env } });
  assert.equal(result.status, 0, result.stderr);
  return JSON.parse(result.stdout.toString()) as Explained;
}

const keygen = findProgram('ssh-keygen') ?? 'ssh-keygen';

test('keys in the order in which OpenSSH tries them, of files and of the agent', { skip }, async (_t) => {
  const socket = await startAgent();
  const env = { SSH_AUTH_SOCK: socket };
  const paths = ['one', 'two', 'three', 'four'].map((name) => join(folder, name));
  for (const path of paths) await requireSuccess([keygen, '-q', '-t', 'ed25519', '-N', '', '-f', path]);
  // The second file's key and the fourth, which no file names.
  for (const path of [paths[3], paths[1]] as string[])
    await requireSuccess([findProgram('ssh-add') ?? 'ssh-add', '-q', path], { env });
  for (const only of ['yes', 'no']) {
    const config = write(
      'keys',
      'Host box',
      '  HostName 127.0.0.1',
      `  Port ${server.port}`,
      ...paths.slice(0, 3).map((path) => `  IdentityFile ${path}`),
      `  IdentitiesOnly ${only}`,
      `  UserKnownHostsFile ${server.knownHostsFile}`,
      '  BatchMode yes',
    );
    const theirs = await runProgram([openSshProgram('ssh'), '-v', '-F', config, 'box', 'true'], { env });
    const tried = [...theirs.stderr.matchAll(/Offering public key: .* (SHA256:\S+)/g)].map((match) => match[1]);
    const { keys } = await explain(['-F', config, 'box'], env);
    assert.deepEqual(
      keys.keys.filter(({ offered }) => offered).map(({ fingerprint }) => fingerprint),
      tried,
      theirs.stderr,
    );
    assert.equal(tried.length, only === 'yes' ? 3 : 4);
    assert.equal(keys.agent, socket);
  }
});

test('known_hosts lines: those that ssh-keygen -F finds, hashed or not', { skip }, async () => {
  const known = join(folder, 'known');
  writeFileSync(known, readFileSync(server.knownHostsFile));
  const name = `[127.0.0.1]:${server.port}`;
  const config = write(
    'hosts',
    'Host box',
    '  HostName 127.0.0.1',
    `  Port ${server.port}`,
    `  UserKnownHostsFile ${known}`,
  );
  for (const hashed of [false, true]) {
    if (hashed) await requireSuccess([keygen, '-q', '-H', '-f', known]);
    const found = await requireSuccess([keygen, '-l', '-F', name, '-f', known]);
    const theirs = [...found.matchAll(/SHA256:\S+/g)].map(([text]) => text);
    const { knownHosts } = await explain(['-F', config, 'box']);
    const own = knownHosts.lines.filter(({ file }) => file === known);
    assert.deepEqual([own.map(({ fingerprint }) => fingerprint), own.length], [theirs, 2]);
    assert.ok(own.every(({ isHashed }) => isHashed === hashed));
  }
});

test('settings are those of ssh -G, each with its file and line', { skip }, async () => {
  const more = write('more', 'Compression yes');
  const config = write(
    'settings',
    `Include ${more}`,
    'Host box',
    '  Port 2200',
    '  User ann',
    'Host *',
    '  Port 1',
    '  SendEnv A B',
  );
  const { settings, host } = await explain(['-F', config, '--all', '-o', 'BatchMode yes', 'box']);
  const printed = await requireSuccess([
    nacreProgram('ssh'),
    '-G',
    '--json',
    '-F',
    config,
    '-o',
    'BatchMode yes',
    'box',
  ]);
  assert.deepEqual(settings, (JSON.parse(printed) as Explained).settings);
  const theirs = await requireSuccess([openSshProgram('ssh'), '-G', '-F', config, '-o', 'BatchMode yes', 'box']);
  for (const name of ['port', 'user', 'hostname', 'compression', 'batchmode', 'hashknownhosts', 'escapechar']) {
    assert.match(theirs, new RegExp(`^${name} ${(settings[name] as Setting).value}$`, 'm'));
  }
  assert.deepEqual((settings.port as Setting).origin, { file: config, line: 3 });
  assert.deepEqual((settings.compression as Setting).origin, { file: more, line: 1 });
  assert.deepEqual((settings.batchmode as Setting).origin, { file: 'command-line', line: 0 });
  assert.equal((settings.escapechar as Setting).origin, null);
  assert.deepEqual(settings.sendenv, [
    { value: 'A', origin: { file: config, line: 7 } },
    { value: 'B', origin: { file: config, line: 7 } },
  ]);
  assert.deepEqual(host, { typed: 'box', name: 'box', port: 2200, user: 'ann' });
  const set = await explain(['-F', config, 'box']);
  assert.deepEqual(Object.keys(set.settings), ['user', 'port', 'compression', 'sendenv']);
});

test('without --connect nothing is connected to; with it, as far as the key', { skip }, async (t) => {
  let count = 0;
  const listener = createServer((socket) => {
    count++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  const { port } = listener.address() as { port: number };
  const silent = write('silent', 'Host box', '  HostName 127.0.0.1', `  Port ${port}`, '  CanonicalizeHostname always');
  assert.equal((await explain(['-F', silent, 'box'])).probe, null);
  assert.equal(count, 0);
  const { probe, problems } = await explain(['-F', silent, '--connect', 'box']);
  assert.equal(count, 1);
  assert.ok(probe?.error);
  assert.ok(problems.some(({ level, code }) => level === 'error' && code === 'unreachable'));
});

test('--connect: what the server says, its key, and what known_hosts says of it; nobody logs in', {
  skip,
}, async () => {
  const { publicKey } = await generateKey('ssh-ed25519');
  const other = write('other', `[127.0.0.1]:${server.port} ${formatPublicKey(publicKey)}`);
  const logged = server.log().length;
  const usual = ['Host box gate', '  HostName 127.0.0.1', `  Port ${server.port}`, '  GlobalKnownHostsFile none'];
  const cases: readonly (readonly [known: string, verdict: string, level: string | undefined])[] = [
    [server.knownHostsFile, 'trusted', undefined],
    [other, 'changed', 'error'],
    [join(folder, 'nothing'), 'unknown', undefined],
  ];
  for (const [known, verdict, level] of cases) {
    const config = write('probe', ...usual, `  UserKnownHostsFile ${known}`);
    const { probe, problems } = await explain(['-F', config, '--connect', 'box']);
    assert.deepEqual([probe?.verdict, probe?.error, probe?.address], [verdict, null, '127.0.0.1']);
    assert.match(probe?.identification ?? '', /^SSH-2\.0-OpenSSH_/);
    assert.equal(problems.find(({ code }) => code === `host-key-${verdict}`)?.level, level);
    const ours = (await requireSuccess([keygen, '-l', '-f', `${server.hostKeys[0]?.file}.pub`])).split(' ')[1];
    assert.equal(probe?.hostKey.fingerprint, ours);
  }
  const behind = write(
    'behind',
    'Host far',
    '  ProxyJump gate',
    ...usual,
    `  UserKnownHostsFile ${server.knownHostsFile}`,
  );
  const { probe, way } = await explain(['-F', behind, '--connect', 'far']);
  assert.deepEqual([way.kind, way.jumpHosts[0]?.name, probe?.verdict], ['jump-hosts', '127.0.0.1', 'trusted']);
  assert.doesNotMatch(server.log().slice(logged), /Accepted|Failed|authenticating/);
});

test('text, statuses, and what is wrong with the arguments', { skip }, async () => {
  const good = write('good', 'Host box', '  UserKnownHostsFile /k', '  IdentityFile none');
  const run = (...args: readonly string[]) =>
    runProgram([nacre, 'explain', ...args], { env: { SSH_AUTH_SOCK: undefined } });
  const fine = await run('-F', good, '--problems', 'box');
  assert.deepEqual([fine.status, fine.stdout.toString(), fine.stderr], [0, '', '']);
  const weak = write('weak', 'Host box', '  StrictHostKeyChecking no', '  IdentityFile none');
  const told = await run('-F', weak, '--problems', 'box');
  assert.deepEqual([told.status, told.stderr], [1, '']);
  assert.match(told.stdout.toString(), /^warning: StrictHostKeyChecking no: .* \(.*weak:2\)\n$/);
  const whole = await run('-F', weak, 'box');
  assert.equal(whole.status, 0);
  assert.match(
    whole.stdout.toString(),
    /^box is \S+@box port 22\n\nFiles\n[\s\S]*\nBlocks\n[\s\S]*\nSettings\n[\s\S]*\nProblems\n/,
  );
  for (const args of [[], ['a b'], ['-z', 'box'], ['-p', '0', 'box'], ['-F', '/nonexistent', 'box']]) {
    assert.equal((await run(...args)).status, 2, args.join(' '));
  }
  const bad = await run('-F', write('bad', 'Port x'), 'box');
  assert.equal(bad.status, 2);
  assert.match(bad.stderr, /bad line 1: Bad port 'x'\./);
});
