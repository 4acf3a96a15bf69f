/** nacre explain: what it tells of files, blocks, the way, keys and known hosts, and each rule of what is wrong. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { formatPrivateKey, formatPublicKey, generateKey } from '@nacre/ssh/keys';
import { createPaint } from '../keys/report/columns.ts';
import { explain } from './explain.ts';
import type { Asked } from './settle.ts';
import { formatExplanation } from './text.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-explain-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const onPosix = { skip: process.platform === 'win32' && 'modes are those of POSIX' };

function write(name: string, text: string, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode });
  chmodSync(path, mode);
  return path;
}

const nothing: Omit<Asked, 'host'> = {
  user: undefined,
  port: undefined,
  configFile: undefined,
  options: [],
  command: undefined,
  mayConnect: false,
};

const mistakes: string[] = [];
const about = (text: string, host = 'web', changes: Partial<Asked> = {}) =>
  explain(
    {
      ...nothing,
      host,
      configFile: write('config', `${text}\nMatch all\nIdentityAgent none\nIdentityFile none\n`),
      ...changes,
    },
    { connect: false, all: false, onMistake: (mistake) => void mistakes.push(mistake) },
  );

test('blocks: which apply, what decided, what was run, and the second reading', async () => {
  const text =
    'Host a* web\nHost !web *\nHost other\nMatch host web exec "exit 3"\nMatch final\nMatch user nobody exec "never"';
  const { blocks } = await about(text);
  const first = blocks.filter(({ pass, line }) => pass === 1 && line < 7);
  assert.deepEqual(
    first.map(({ line, applies, because, ran }) => [line, applies, because, ...ran.map(({ status }) => status)]),
    [
      [1, true, 'web'],
      [2, false, '!web'],
      [3, false, null],
      [4, false, 'exec exit 3', 3],
      [5, false, 'final'],
      [6, false, 'user nobody'],
    ],
  );
  assert.equal(blocks.find(({ line, pass }) => line === 5 && pass === 2)?.applies, true);
});

test('what has no effect, and why', async () => {
  const { withoutEffect } = await about(
    'IgnoreUnknown Foo\nFoo 1\nPort 1\nPort 2\nProtocol 2\nGSSAPIAuthentication yes\nPort 1',
  );
  assert.deepEqual(
    withoutEffect.map(({ line, text }) => `${line} ${text.replace(folder, '')}`),
    [
      '2 Ignored unknown option "foo"',
      '4 Port has no effect: /config line 3 says it first',
      '5 Deprecated option "protocol"',
      '6 GSSAPIAuthentication has no effect: Kerberos is not used here',
      '7 Port has no effect: /config line 3 says it first',
    ],
  );
});

test('the way: jump hosts of jump hosts, each where it really is, or a program', async () => {
  const text = 'Host web\n ProxyJump b,c\nHost b\n Hostname b.example\n ProxyJump a\nHost a\n ProxyCommand nc %h %p';
  const { way } = await about(text);
  assert.deepEqual(
    way.jumpHosts.map(({ typed, name }) => `${typed} ${name}`),
    ['a a', 'b b.example', 'c c'],
  );
  assert.deepEqual([way.kind, way.command], ['jump-hosts', 'nc a 22']);
  assert.equal((await about('ProxyCommand nc %h')).way.command, 'nc web');
  assert.equal((await about('ProxyJump none')).way.kind, 'straight');
  const circle = about('Host a\n ProxyJump b\nHost b\n ProxyJump a', 'a');
  await assert.rejects(circle, (error) => error instanceof SshError && error.code === 'limit-exceeded');
});

test('keys: their order, their certificates, and what stands in the way of each', onPosix, async () => {
  const key = await generateKey('ssh-ed25519');
  const good = write('good', await formatPrivateKey(key, 'openssh'));
  const open = write('open', await formatPrivateKey(key, 'openssh'), 0o644);
  const locked = write('locked', await formatPrivateKey(key, 'openssh', { passphrase: 'secret' }));
  const broken = write('broken', 'nothing of the kind');
  const files = [good, open, locked, broken, join(folder, 'none')].map((path) => `IdentityFile ${path}`).join('\n');
  const { keys, problems } = await about(files);
  assert.deepEqual(
    keys.keys.map(({ file, state, offered, encrypted }) => [file?.slice(folder.length + 1), state, offered, encrypted]),
    [
      ['good', 'file', true, false],
      ['open', 'unusable', false, false],
      ['locked', 'file', true, true],
      ['broken', 'unusable', false, null],
      ['none', 'absent', false, null],
    ],
  );
  assert.match(keys.keys[1]?.reason ?? '', /others can read it \(mode 0644\)/);
  assert.deepEqual(
    problems
      .filter(({ code }) => code.startsWith('key-'))
      .map(({ level, code, origin }) => [level, code, origin?.line]),
    [
      ['note', 'key-unencrypted', 1],
      ['error', 'key-unusable', 2],
      ['error', 'key-unusable', 4],
      ['warning', 'key-absent', 5],
    ],
  );
  const refused = await about(`${files}\nPubkeyAcceptedAlgorithms rsa-sha2-512`);
  assert.equal(refused.keys.keys[0]?.reason, 'PubkeyAcceptedAlgorithms leaves ssh-ed25519 out');
  const off = await about(`${files}\nPubkeyAuthentication no`);
  assert.ok(off.keys.keys.every(({ offered }) => !offered));
});

test('known_hosts lines: by name and port, by the name alone, markers', async () => {
  const { publicKey } = await generateKey('ssh-ed25519');
  const line = formatPublicKey(publicKey);
  const file = write('known', `other ${line}\n[web]:23 ${line}\nweb ${line}\n@revoked * ${line}\n`);
  const text = `Port 23\nUserKnownHostsFile ${file} ${folder}/none\nGlobalKnownHostsFile none`;
  const { knownHosts } = await about(text);
  assert.deepEqual(
    knownHosts.lines.map(({ line: number, marker, isWithoutPort }) => [number, marker, isWithoutPort]),
    [
      [2, null, false],
      [4, 'revoked', false],
      [3, null, true],
      [4, 'revoked', true],
    ],
  );
  assert.deepEqual(
    knownHosts.files.map(({ state }) => state),
    ['read', 'absent'],
  );
});

/** Lines of a file, and what they are told for; what is at fault stands in the first line, unless it is nowhere. */
const weaknesses: readonly (readonly [text: string, code: string])[] = [
  ['StrictHostKeyChecking no', 'warning host-key-checking-off'],
  ['StrictHostKeyChecking accept-new', 'note host-key-accept-new'],
  ['UserKnownHostsFile /dev/null', 'warning known-hosts-discarded'],
  ['UserKnownHostsFile none', 'warning known-hosts-discarded'],
  ['NoHostAuthenticationForLocalhost yes', 'warning localhost-unchecked'],
  ['VerifyHostKeyDNS yes', 'note dns-trusted'],
  ['ForwardAgent yes', 'warning agent-forwarded'],
  ['ForwardX11 yes', 'note display-forwarded'],
  ['ForwardX11Trusted yes\nForwardX11 yes', 'warning display-forwarded-trusted'],
  ['GatewayPorts yes\nLocalForward 8080 a:80', 'warning forwards-open'],
  ['SendEnv *', 'warning environment-sent'],
  ['Ciphers +aes128-cbc', 'warning old-algorithms'],
  ['MACs +hmac-sha1', 'warning old-algorithms'],
  ['HostKeyAlgorithms +ssh-rsa', 'warning old-algorithms'],
  ['PubkeyAcceptedAlgorithms +ssh-rsa', 'warning old-algorithms'],
  ['KexAlgorithms curve25519-sha256', 'warning no-post-quantum'],
  ['RequiredRSASize 1024', 'warning short-keys'],
];

test('each rule of what weakens a connection names its line, and is silent otherwise', async () => {
  const usual = new Set(['host-unknown', 'key-unencrypted']);
  const told = async (text: string, host?: string) =>
    (await about(text, host)).problems.filter(({ code }) => !usual.has(code));
  assert.deepEqual(await told('Compression yes'), []);
  for (const [text, expected] of weaknesses) {
    const [found, ...more] = await told(text);
    assert.equal(`${found?.level} ${found?.code}`, expected, text);
    assert.deepEqual([found?.origin?.line, more.length], [1, 0], text);
  }
  const [narrow] = await told('Host web\n ForwardAgent yes');
  assert.deepEqual([narrow?.level, narrow?.code], ['note', 'agent-forwarded']);
  const [wide] = await told('Host *\n ForwardAgent yes');
  assert.deepEqual([wide?.level, wide?.code], ['warning', 'agent-forwarded']);
  const hop = await told('Host web\n ProxyJump gate\nHost gate\n StrictHostKeyChecking no\n ForwardAgent yes');
  assert.deepEqual(
    hop.map(({ message }) => message.slice(0, 42)),
    ['jump host gate: StrictHostKeyChecking no: '],
  );
});

test('a host that would be refused, and one that is only new', async () => {
  const find = async (text: string) =>
    (await about(`GlobalKnownHostsFile none\nUserKnownHostsFile ${folder}/none\n${text}`)).problems.find(
      ({ code }) => code === 'host-unknown',
    )?.level;
  assert.equal(await find(''), 'note');
  assert.equal(await find('StrictHostKeyChecking yes'), 'warning');
  assert.equal(await find('BatchMode yes'), 'warning');
  assert.equal(await find('KnownHostsCommand /bin/true'), undefined);
});

test('lines that are wrong are told, all of them, before it ends', async () => {
  mistakes.length = 0;
  await assert.rejects(about('Port x\nNonsense 1'), (error) => error instanceof SshError && error.stage === 'config');
  assert.deepEqual(
    mistakes.map((text) => text.slice(folder.length)),
    ["/config line 1: Bad port 'x'.", '/config: line 2: Bad configuration option: nonsense'],
  );
});

test('nothing from a file reaches the terminal as more than text', async () => {
  const explanation = await about('Host web\n User a\u001b[31mb\n Tag "\u009b2J"\n RemoteCommand x\u0007');
  const text = formatExplanation(explanation, createPaint(false));
  assert.match(text, /\\033\[31m/);
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
});
