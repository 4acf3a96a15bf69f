/** What bin/ssh says of a login: why it was refused, what is weak, and nothing that a server could make a terminal obey. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { messages } from '@nacre/ssh/auth';
import { acceptAnyHostKeyWithoutVerification, connect } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import type { Transport } from '@nacre/ssh/transport';
import { WireWriter } from '@nacre/ssh/wire';
import {
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  runProgram,
  startOpenSshServer,
  startTerminal,
  type TestServer,
} from '../harness/index.ts';
import { startHostileServer } from './_hostile-server.ts';

const skip = missing('nacre:ssh', 'sshd');
const quiet = { SSH_AUTH_SOCK: undefined, SSH_ASKPASS_REQUIRE: 'never' };
let server: TestServer;
let stranger: KeyPair;

before(async () => {
  if (skip) return;
  stranger = await makeKey();
  server = await startOpenSshServer({
    config: ['PasswordAuthentication yes', 'KbdInteractiveAuthentication no', 'LogLevel DEBUG1'],
  });
});

function command(options: readonly string[], flags: readonly string[] = [], to = server): string[] {
  const all = [
    ...options,
    `UserKnownHostsFile=${to.knownHostsFile}`,
    ...['GlobalKnownHostsFile=/dev/null', `Port=${to.port}`, `User=${to.user}`],
  ];
  const given = all.flatMap((option) => ['-o', option]);
  return [nacreProgram('ssh'), '-F', '/dev/null', ...flags, ...given, '127.0.0.1', 'true'];
}

const denied = () => `${server.user}@127.0.0.1: Permission denied (publickey,password).`;

test('a refused login tells a person why, in front of the line that programs read', { skip }, async () => {
  const exposed = join(makeFolder('refused'), 'exposed');
  writeFileSync(exposed, readFileSync(server.identity.file));
  chmodSync(exposed, 0o644);
  const argv = command([
    'BatchMode=yes',
    `IdentityFile=${stranger.file}`,
    'IdentityFile=/nowhere/id',
    `IdentityFile=${exposed}`,
  ]);
  const terminal = startTerminal(argv, { env: quiet });
  assert.equal((await terminal.ended()).status, 255);
  const lines = terminal.output().replaceAll('\r', '').trimEnd().split('\n');
  const said = lines.join('\n');
  assert.equal(lines.at(-1), denied());
  for (const words of [
    `${server.user}@127.0.0.1 did not let us in:`,
    `key ${stranger.file} ${stranger.fingerprint}: offered, and the server does not take it`,
    'key file /nowhere/id: there is no such file',
    `key ${exposed} ${server.identity.fingerprint}: the server would take it, and it cannot sign: Permissions 0644`,
    'password: the server would take it, and it was not tried: BatchMode asks nobody (command-line)',
    `ssh-copy-id -p ${server.port} -i ${stranger.file} ${server.user}@127.0.0.1`,
    `chmod 600 ${exposed}`,
  ]) {
    assert.ok(said.includes(words), `${words}\n${said}`);
  }
});

test('so does a hop on the way, by its own name', { skip }, async () => {
  const config = join(makeFolder('hop'), 'config');
  const lines = [
    `Host hop\nHostName 127.0.0.1\nUser ${server.user}\nPort ${server.port}`,
    `BatchMode yes\nIdentitiesOnly yes\nIdentityFile ${stranger.file}`,
    `Host *\nUserKnownHostsFile ${server.knownHostsFile}\nGlobalKnownHostsFile /dev/null\n`,
  ];
  writeFileSync(config, lines.join('\n'));
  const terminal = startTerminal([nacreProgram('ssh'), '-F', config, '-J', 'hop', 'behind.example', 'true'], {
    env: quiet,
  });
  assert.equal((await terminal.ended()).status, 255);
  const said = terminal.output().replaceAll('\r', '').trimEnd().split('\n');
  assert.equal(said[0], `${server.user}@hop did not let us in:`);
  assert.equal(
    said[1],
    `  key ${stranger.file} ${stranger.fingerprint}: offered, and the server does not take it`,
    said.join('\n'),
  );
  const command = `ssh-copy-id -p ${server.port} -i ${stranger.file} ${server.user}@hop`;
  assert.ok(
    said.some((line) => line.endsWith(command)),
    said.join('\n'),
  );
  assert.deepEqual(said.slice(-2), [
    `${server.user}@hop: Permission denied (publickey,password).`,
    'Connection closed by UNKNOWN port 65535',
  ]);
  assert.doesNotMatch(said.join('\n'), /behind\.example/);
});

test('a pipe gets the one line; -v tells the rest there too; -q nothing', { skip }, async () => {
  const options = ['BatchMode=yes', `IdentityFile=${stranger.file}`];
  const plain = await runProgram(command(options), { env: quiet });
  assert.deepEqual([plain.status, plain.stderr], [255, `${denied()}\r\n`]);
  const verbose = await runProgram(command(options, ['-v']), { env: quiet });
  assert.match(verbose.stderr, /debug1: {3}key .* offered, and the server does not take it\r\n/);
  assert.ok(verbose.stderr.endsWith(`${denied()}\r\n`));
  assert.equal((await runProgram(command(options, ['-q']), { env: quiet })).stderr, '');
});

test('too many keys: the server ends it, and ssh tells which they were', { skip }, async () => {
  const strict = await startOpenSshServer({ config: ['MaxAuthTries 2'] });
  const keys = await Promise.all([makeKey(), makeKey(), makeKey()]);
  const options = ['BatchMode=yes', ...keys.map(({ file }) => `IdentityFile=${file}`)];
  const result = await runProgram(command(options, ['-v'], strict), { env: quiet });
  assert.equal(result.status, 255);
  assert.match(result.stderr, /Received disconnect from 127\.0\.0\.1 port \d+:2: Too many authentication failures/);
  assert.ok(result.stderr.includes(`key ${keys[0]?.file} ${keys[0]?.fingerprint}: offered`), result.stderr);
});

test('the library’s error carries the same', { skip }, async () => {
  const attempt = connect(`${server.user}@127.0.0.1:${server.port}`, {
    hostKeys: acceptAnyHostKeyWithoutVerification(),
    identities: [stranger.file, '/nowhere/id'],
    agent: false,
    skipUnusableKeys: true,
    auth: { preferredMethods: ['publickey'] },
  });
  const error = await attempt.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SshError);
  const { user, keys, unusable, methods } = error.authFailure ?? assert.fail('no facts');
  assert.equal(user, server.user);
  assert.deepEqual(keys, [
    {
      ...{ type: 'ssh-ed25519', fingerprint: stranger.fingerprint, outcome: 'refused' },
      ...{ name: stranger.file, file: stranger.file, source: 'file' },
    },
  ]);
  assert.deepEqual(
    unusable.map(({ path, kind, isMissingDefault }) => ({ path, kind, isMissingDefault })),
    [{ path: '/nowhere/id', kind: 'key', isMissingDefault: false }],
  );
  assert.deepEqual(methods, [
    { name: 'publickey', outcome: 'refused' },
    { name: 'password', outcome: 'off' },
  ]);
});

test('a key exchange that is not post-quantum is told, unless somebody chose it', { skip }, async () => {
  const old = await startOpenSshServer({ config: ['KexAlgorithms curve25519-sha256'] });
  const warning =
    '** WARNING: connection is not using a post-quantum key exchange algorithm.\r\n' +
    '** This session may be vulnerable to "store now, decrypt later" attacks.\r\n' +
    '** The server may need to be upgraded. See https://openssh.com/pq.html\r\n';
  for (const [option, words] of [
    ['BatchMode=yes', warning],
    ['WarnWeakCrypto=yes', warning],
    ['WarnWeakCrypto=no', ''],
    ['WarnWeakCrypto=no-pq-kex', ''],
    ['KexAlgorithms=curve25519-sha256', ''],
  ] as const) {
    const result = await runProgram(command([option, `IdentityFile=${old.identity.file}`], [], old), { env: quiet });
    assert.deepEqual([result.status, result.stderr], [0, words], option);
  }
  const result = await runProgram(command([`IdentityFile=${server.identity.file}`]), { env: quiet });
  assert.equal(result.status, 0);
  assert.doesNotMatch(result.stderr, /post-quantum/);
});

test('VersionAddendum stands behind our version', { skip }, async () => {
  const options = [`IdentityFile=${server.identity.file}`, 'VersionAddendum=ada was here'];
  assert.equal((await runProgram(command(options), { env: quiet })).status, 0);
  await server.waitForLog(/remote software version nacre_\S+ ada was here/);
  const bad = await runProgram(command(['VersionAddendum=\x1b[31m']), { env: quiet });
  assert.equal(bad.status, 255);
  assert.ok(!bad.stderr.includes('\x1b'));
  assert.equal((await runProgram(command([...options.slice(0, 1), 'VersionAddendum=none']), { env: quiet })).status, 0);
});

const nasty = 'a\x1b[31mb\x07c\x9bd\x00e\u202ef';
const isClean = (text: string) => !/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]/.test(text);

const failure = (methods: string) => new WireWriter().uint8(51).string(methods).boolean(false).finish();
const banner = () => messages.userauthBanner.encode({ text: Buffer.from(`${nasty}\n`), language: nasty });

/** Answers every request with a refusal that names these methods. */
async function refuse(transport: Transport, methods: string): Promise<void> {
  for (let tries = 0; tries < 4; tries++) {
    await transport.next();
    transport.send(failure(methods));
  }
}

for (const [what, converse, words] of [
  [
    'a banner',
    async (transport: Transport) => {
      await transport.next();
      transport.send(banner());
      transport.send(failure('publickey'));
    },
    /a\\033\[31mb\\007c/,
  ],
  [
    'names of methods',
    (transport: Transport) => refuse(transport, `x${nasty},publickey`),
    /Permission denied|USERAUTH_FAILURE/,
  ],
  [
    'the words of a disconnect',
    async (transport: Transport) => {
      await transport.next();
      const text = `${nasty}\r\nWarning: Permanently added 'bank' (ED25519) to the list of known hosts.`;
      transport.send(new WireWriter().uint8(1).uint32(2).string(text).string('').finish());
    },
    /^Received disconnect from .*a\\033\[31mb/m,
  ],
  [
    'a message to be shown',
    async (transport: Transport) => {
      await transport.next();
      transport.send(
        new WireWriter().uint8(4).boolean(true).string(`${nasty}\nWarning: all is well`).string('').finish(),
      );
      transport.send(failure('publickey'));
    },
    /^Connection closed by/m,
  ],
  [
    'questions',
    async (transport: Transport) => {
      await transport.next();
      transport.send(failure('keyboard-interactive'));
      await transport.next();
      const request = { name: Buffer.from(nasty), instruction: Buffer.from(`${nasty}\n`), language: Buffer.from('') };
      transport.send(
        messages.userauthInfoRequest.encode({ ...request, prompts: [{ text: `${nasty}: `, echo: false }] }),
      );
      await transport.next();
      transport.send(failure('publickey'));
    },
    /a\\033\[31mb/,
  ],
  [
    'the wish for a new password',
    async (transport: Transport) => {
      await transport.next();
      transport.send(failure('password'));
      await transport.next();
      transport.send(messages.userauthPasswdChangereq.encode({ prompt: Buffer.from(nasty), language: '' }));
      await transport.next();
      transport.send(failure('publickey'));
    },
    /a\\033\[31mb/,
  ],
] as const) {
  test(`${what} of a hostile server cannot steer the terminal`, { skip }, async () => {
    for (const level of [[], ['-vvv']]) {
      const { stderr, status, asked } = await visit(converse, level);
      assert.equal(status, 255, stderr);
      assert.ok(isClean(stderr), JSON.stringify(stderr));
      assert.ok(isClean(asked), JSON.stringify(asked));
      assert.match(`${stderr}${asked}`, words);
      // A line of the server's own must not look like one of ours.
      assert.doesNotMatch(stderr, /^Warning: /m);
    }
  });
}

test('lines before the identification are for the log', { skip }, async () => {
  const before = `${nasty.replace('\0', '')}\r\nWarning: all is well\r\n`;
  const converse = (transport: Transport) => refuse(transport, 'publickey');
  const plain = await visit(converse, [], before);
  assert.match(plain.stderr, /^\S+: Permission denied \(publickey\)\.\r\n$/);
  const verbose = await visit(converse, ['-v'], before);
  assert.match(verbose.stderr, /debug1: kex_exchange_identification: banner line: Warning: all is well/);
  assert.ok(isClean(verbose.stderr), JSON.stringify(verbose.stderr));
});

/** One connection to a server that says these things; questions go to a program that notes them. */
async function visit(converse: (transport: Transport) => Promise<void>, flags: readonly string[], before = '') {
  const hostile = await startHostileServer(converse, before);
  const folder = makeFolder('hostile');
  const [known, askpass, notes] = [join(folder, 'known'), join(folder, 'askpass'), join(folder, 'notes')];
  writeFileSync(known, hostile.known);
  writeFileSync(notes, '');
  writeFileSync(askpass, `#!/bin/sh\nprintf '%s' "$1" >> ${notes}\necho secret\n`, { mode: 0o755 });
  const options = [
    ...[`UserKnownHostsFile=${known}`, 'GlobalKnownHostsFile=/dev/null', `Port=${hostile.port}`],
    ...[`IdentityFile=${stranger.file}`, 'NumberOfPasswordPrompts=1'],
  ];
  const given = options.flatMap((option) => ['-o', option]);
  const argv = [nacreProgram('ssh'), '-F', '/dev/null', ...flags, ...given, '127.0.0.1', 'true'];
  const env = { SSH_AUTH_SOCK: undefined, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
  const { status, stderr } = await runProgram(argv, { env });
  return { status, stderr, asked: readFileSync(notes, 'utf8') };
}
