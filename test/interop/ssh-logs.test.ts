/** What bin/ssh tells at -v, -vv and -vvv: the lines that people and scripts look for, in OpenSSH's words and order. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect as connectSocket, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  runSsh,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'ssh', 'sshd');
const program = nacreProgram('ssh');
let server: TestServer;
let relay: Server;
let relayPort = 0;
/** What the relay does to what the server sends, once it is set. */
let spoil: ((chunk: Buffer) => void) | undefined;

before(async () => {
  if (skip) return;
  server = await startOpenSshServer({ config: ['AcceptEnv FOO BAR'] });
  relay = createServer((near) => {
    const far = connectSocket(server.port, '127.0.0.1');
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      spoil?.(chunk);
      near.write(chunk);
    });
    for (const stream of [near, far]) stream.on('error', () => {});
    near.on('close', () => far.destroy());
    far.on('end', () => near.end());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  relayPort = (relay.address() as { port: number }).port;
});

after(() => relay?.close());

/** Lines of -v, in their order. */
const ordered: readonly RegExp[] = [
  /^debug1: Reading configuration data \/dev\/null$/,
  /^debug1: Connecting to 127\.0\.0\.1 \[127\.0\.0\.1\] port \d+\.$/,
  /^debug1: Connection established\.$/,
  /^debug1: identity file \S+ type 3$/,
  /^debug1: identity file \S+-cert type -1$/,
  /^debug1: Local version string SSH-2\.0-\S+/,
  /^debug1: Remote protocol version 2\.0, remote software version OpenSSH_\S+/,
  /^debug1: compat_banner: match: OpenSSH_.* pat OpenSSH\* compat 0x[0-9a-f]{8}$/,
  /^debug1: Authenticating to 127\.0\.0\.1:\d+ as '\S+'$/,
  /^debug1: SSH2_MSG_KEXINIT sent$/,
  /^debug1: SSH2_MSG_KEXINIT received$/,
  /^debug1: kex: algorithm: curve25519-sha256$/,
  /^debug1: kex: host key algorithm: ssh-ed25519$/,
  /^debug1: kex: server->client cipher: aes128-gcm@openssh\.com MAC: <implicit> compression: none$/,
  /^debug1: kex: client->server cipher: aes128-gcm@openssh\.com MAC: <implicit> compression: none$/,
  /^debug1: expecting SSH2_MSG_KEX_ECDH_REPLY$/,
  /^debug1: SSH2_MSG_KEX_ECDH_REPLY received$/,
  /^debug1: Server host key: ssh-ed25519 SHA256:\S{43}$/,
  /^debug1: Host '\[127\.0\.0\.1\]:\d+' is known and matches the ED25519 host key\.$/,
  /^debug1: Found key in \S+:1$/,
  /^debug1: rekey out after 4294967296 blocks$/,
  /^debug1: SSH2_MSG_NEWKEYS sent$/,
  /^debug1: expecting SSH2_MSG_NEWKEYS$/,
  /^debug1: SSH2_MSG_NEWKEYS received$/,
  /^debug1: rekey in after 4294967296 blocks$/,
  /^debug1: SSH2_MSG_EXT_INFO received$/,
  /^debug1: SSH2_MSG_SERVICE_ACCEPT received$/,
  /^debug1: Authentications that can continue: publickey/,
  /^debug1: Next authentication method: publickey$/,
  /^debug1: Offering public key: \S+ ED25519 SHA256:\S{43} explicit$/,
  /^debug1: Server accepts key: \S+ ED25519 SHA256:\S{43} explicit$/,
  /^Authenticated to 127\.0\.0\.1 \(\[127\.0\.0\.1\]:\d+\) using "publickey"\.$/,
  /^debug1: channel 0: new session \[client-session\] \(inactive timeout: 0\)$/,
  /^debug1: Requesting no-more-sessions@openssh\.com$/,
  /^debug1: Entering interactive session\.$/,
  /^debug1: Sending environment\.$/,
  /^debug1: channel 0: setting env FOO = "1"$/,
  /^debug1: channel 0: setting env BAR = "2"$/,
  /^debug1: Sending command: exit 3$/,
  /^debug1: client_input_channel_req: channel 0 rtype exit-status reply 0$/,
  /^debug1: channel 0: free: client-session, nchannels 1$/,
  /^Transferred: sent \d+, received \d+ bytes, in \d+\.\d seconds$/,
  /^Bytes per second: sent \d+\.\d, received \d+\.\d$/,
  /^debug1: Exit status 3$/,
];
/** Lines whose place differs from one release of OpenSSH to the next. */
const anywhere: readonly RegExp[] = [
  /^debug1: Will attempt key: \S+ ED25519 SHA256:\S{43} explicit$/,
  /^debug1: client_input_global_request: rtype hostkeys-00@openssh\.com want_reply 0$/,
  /^debug1: Remote: .* key options: /,
];
const verbose: readonly RegExp[] = [
  /^debug2: local client KEXINIT proposal$/,
  /^debug2: KEX algorithms: curve25519-sha256,ext-info-c,kex-strict-c-v00@openssh\.com$/,
  /^debug2: host key algorithms: \S+$/,
  /^debug2: ciphers ctos: aes128-gcm@openssh\.com$/,
  /^debug2: MACs stoc: \S+$/,
  /^debug2: compression ctos: none/,
  /^debug2: first_kex_follows 0 $/,
  /^debug2: reserved 0 $/,
  /^debug2: peer server KEXINIT proposal$/,
  /^debug2: service_accept: ssh-userauth$/,
];
const packets: readonly RegExp[] = [
  /^debug3: send packet: type 20$/,
  /^debug3: receive packet: type 31$/,
  /^debug3: receive packet: type 52$/,
  /^debug3: send packet: type 90$/,
  /^debug3: receive packet: type 98$/,
];
/** What each flag adds. */
const more: Readonly<Record<string, readonly RegExp[]>> = {
  '-v': [],
  '-vv': verbose,
  '-vvv': [...verbose, ...packets],
};

const clients = () => [
  ['OpenSSH 9.2', openSshProgram('ssh')] as const,
  ...(missing('openssh-10') === false ? [['OpenSSH 10', openSshProgram('ssh', '10.0')] as const] : []),
  ['ours', program] as const,
];
const options = [
  'Ciphers=aes128-gcm@openssh.com',
  'KexAlgorithms=curve25519-sha256',
  'SetEnv=BAR=2',
  'SendEnv=FOO',
  'Compression=no',
];

for (const flag of ['-v', '-vv', '-vvv']) {
  test(`${flag}: the lines that OpenSSH's versions print for the same login, in their order`, { skip }, async () => {
    for (const [name, path] of clients()) {
      const own = { program: path, flags: [flag], options, env: { FOO: '1' } };
      const { status, stderr } = await runSsh(server, ['exit 3'], own);
      assert.equal(status, 3, stderr);
      const lines = stderr.split(/\r?\n/);
      let at = 0;
      for (const pattern of ordered) {
        const found = lines.findIndex((line, index) => index >= at && pattern.test(line));
        assert.ok(found >= 0, `${name} has no ${pattern} behind "${lines[at - 1]}":\n${stderr}`);
        at = found + 1;
      }
      for (const pattern of [...anywhere, ...(more[flag] ?? [])]) {
        assert.ok(
          lines.some((line) => pattern.test(line)),
          `${name} has no ${pattern}:\n${stderr}`,
        );
      }
    }
  });
}

test('a finite-field exchange has names of its own', { skip }, async () => {
  for (const [name, path] of clients()) {
    const own = { program: path, flags: ['-v'], options: ['KexAlgorithms=diffie-hellman-group14-sha256'] };
    const { stderr } = await runSsh(server, ['true'], own);
    assert.match(stderr, /SSH2_MSG_KEX(?:DH|_ECDH)_REPLY received/, name);
  }
});

test('without -v only what is an error is told, with -q not even that, with -E nothing on stderr', {
  skip,
}, async () => {
  const file = join(makeFolder('log'), 'log');
  const plain = await runSsh(server, ['exit 4'], { program });
  assert.deepEqual([plain.status, plain.stderr], [4, '']);
  const refusal = (...flags: string[]) =>
    runSsh(server, ['true'], { program, flags, options: ['PubkeyAuthentication=no'] });
  assert.match((await refusal()).stderr, /: Permission denied \(publickey[^)]*\)\.\r\n$/);
  const quiet = await refusal('-q');
  assert.deepEqual([quiet.status, quiet.stderr], [255, '']);
  const logged = await refusal('-E', file, '-v');
  assert.deepEqual([logged.status, logged.stderr], [255, '']);
  const lines = readFileSync(file, 'utf8');
  assert.match(lines, /^debug1: /);
  assert.match(lines, /Permission denied \(publickey/);
  // A second run writes behind it.
  await refusal('-E', file);
  assert.ok(readFileSync(file, 'utf8').startsWith(lines));
});

test('LogLevel and LogVerbose', { skip }, async () => {
  const at = async (...given: string[]) => (await runSsh(server, ['true'], { program, options: given })).stderr;
  assert.match(await at('LogLevel=DEBUG2'), /^debug2: /m);
  assert.doesNotMatch(await at('LogLevel=VERBOSE'), /^debug/m);
  assert.match(await at('LogLevel=VERBOSE'), /^Authenticated to /m);
  assert.match(await at('LogVerbose=*:*:*'), /^debug2: sshconnect2\.c:\S+\(\) \(pid=\d+\): service_accept/m);
  assert.equal(await at('LogVerbose=none'), '');
});

/** Patterns with a text that both print, and whether they print nothing but what the pattern names. */
const patterns: readonly (readonly [pattern: string, file: RegExp, text: RegExp])[] = [
  ['kex.c:*:*', /^kex\.c$/, /kex: algorithm: curve25519-sha256$/],
  ['*:choose_*', /^kex\.c$/, /kex: host key algorithm: ssh-ed25519$/],
  ['sshconnect*:*,!sshconnect.c:*', /^sshconnect2\.c$/, /Server accepts key: \S+ ED25519/],
  ['packet.c:*', /^packet\.c$/, /send packet: type 20$/],
  ['clientloop.c:*', /^clientloop\.c$/, /Sending command: true$/],
  ['channels.c:channel_free*', /^channels\.c$/, /channel 0: free: client-session, nchannels 1$/],
  ['compat.c:*', /^compat\.c$/, /: match: OpenSSH_\S+ .*pat OpenSSH\* compat 0x04000000$/],
  ['kexgen.c:*', /^kexgen\.c$/, /SSH2_MSG_KEX_ECDH_REPLY received$/],
  ['ssh.c:load_*', /^ssh\.c$/, /identity file \S+ type 3$/],
];

test('LogVerbose: the patterns choose the lines that they choose in OpenSSH, with file and function', {
  skip,
}, async () => {
  for (const [pattern, file, text] of patterns) {
    for (const [name, path] of clients()) {
      const given = [`LogVerbose=${pattern}`, 'KexAlgorithms=curve25519-sha256'];
      const { stderr } = await runSsh(server, ['true'], { program: path, options: given });
      const sources = new Map<string, string>();
      // What OpenSSH tells before it has read its settings is told by -v alone.
      for (const line of stderr.trimEnd().split(/\r?\n/)) {
        const [, source, , rest] = /^(?:debug\d: )?(\S+?):(\S+)\(\)(?::\d+)? \([^)]*pid=\d+\)(: .*)$/.exec(line) ?? [];
        if (source !== undefined && rest !== undefined) sources.set(rest, source);
        else assert.match(line, /^ {2}#\d+ |^$/, `${name}: ${line}`);
      }
      for (const [rest, source] of sources) assert.match(source, file, `${name}: ${rest}`);
      assert.ok(
        [...sources.keys()].some((rest) => text.test(rest)),
        `${name} ${pattern}: ${stderr}`,
      );
    }
  }
});

test('LogVerbose: what both print comes from the same place', { skip }, async () => {
  const place = /^(?:debug\d: )?(\S+?):(\S+)\(\)(?::\d+)? \([^)]*pid=\d+\): (.*)$/;
  const placesOf = async (path: string): Promise<Map<string, string>> => {
    const given = { program: path, options: [...options, 'LogVerbose=*:*:*'], env: { FOO: '1' } };
    const { stderr } = await runSsh(server, ['exit 3'], given);
    const found = stderr.split(/\r?\n/).flatMap((line) => {
      const [, file, name, text] = place.exec(line) ?? [];
      return text === undefined ? [] : [[text.replace(/\d+/g, '#'), `${file}:${name}`] as const];
    });
    return new Map(found);
  };
  const [ours, theirs] = [await placesOf(program), await placesOf(openSshProgram('ssh'))];
  // Where an extension is told of differs from one version to the next; ours is the later one's.
  const common = [...ours].filter(([text, from]) => theirs.has(text) && !from.includes('kex_ext_info'));
  assert.ok(common.length > 40, `${common.length}`);
  for (const [text, from] of common) assert.equal(from, theirs.get(text), text);
});

test('-y: the system’s log gets it, by way of logger', { skip }, async () => {
  const folder = makeFolder('syslog');
  const [got, args] = [join(folder, 'lines'), join(folder, 'args')];
  writeFileSync(
    join(folder, 'logger'),
    `#!/bin/sh\necho "$*" >'${args}'\ncat >'${got}.part'\nmv '${got}.part' '${got}'\n`,
    {
      mode: 0o755,
    },
  );
  const result = await runSsh(server, ['exit 5'], {
    program,
    flags: ['-y', '-v'],
    options: ['SyslogFacility=LOCAL3'],
    env: { PATH: `${folder}:${process.env.PATH}` },
  });
  assert.deepEqual([result.status, result.stderr], [5, '']);
  for (let round = 0; round < 200 && !existsSync(got); round++) await delay(50);
  const lines = readFileSync(got, 'utf8');
  // local3 is 19: info 158, debug 159.
  assert.match(lines, /^<159>debug1: Connection established\.$/m);
  assert.match(lines, /^<158>Authenticated to /m);
  assert.match(readFileSync(args, 'utf8'), /^-t ssh --id=\d+ --prio-prefix\n$/);
});

const flip = (chunk: Buffer, at: number, bits: number): void => void chunk.writeUInt8(chunk.readUInt8(at) ^ bits, at);

for (const [what, change, words] of [
  [
    'a changed packet',
    (chunk: Buffer) => flip(chunk, chunk.length - 1, 1),
    /^Corrupted MAC on input\.\r\nssh_dispatch_run_fatal: Connection to 127\.0\.0\.1 port \d+: message authentication code incorrect\r\n$/,
  ],
  [
    'a changed length',
    (chunk: Buffer) => flip(chunk, 0, 0x40),
    /^Bad packet length \d+\.\r\nssh_dispatch_run_fatal: Connection to 127\.0\.0\.1 port \d+: Connection corrupted\r\n$/,
  ],
] as const) {
  test(`${what} ends the connection in OpenSSH's words`, { skip }, async () => {
    spoil = undefined;
    const folder = makeFolder('spoilt');
    const [begun, go] = [join(folder, 'begun'), join(folder, 'go')];
    const running = runSsh(server, [`touch ${begun}; until [ -e ${go} ]; do sleep 0.1; done; echo out; sleep 60`], {
      program,
      options: [
        `Port=${relayPort}`,
        `UserKnownHostsFile=${join(folder, 'known_hosts')}`,
        'StrictHostKeyChecking=no',
        'Ciphers=aes128-gcm@openssh.com',
        'LogLevel=ERROR',
      ],
    });
    for (let round = 0; round < 200 && !existsSync(begun); round++) await delay(50);
    spoil = (chunk) => {
      spoil = undefined;
      change(chunk);
    };
    writeFileSync(go, '');
    const { status, stderr } = await running;
    assert.equal(status, 255);
    assert.match(stderr, words);
  });
}
