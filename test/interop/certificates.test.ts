/** Certificates beside OpenSSH's: every type of key and of CA, issued on either side, shown and accepted on the other. */
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  buildCertificateOptions,
  checkCertificate,
  describeCertificate,
  formatCertificate,
  formatPublicKey,
  generateKey,
  parsePrivateKey,
  parsePublicKey,
  signCertificate,
} from '@nacre/ssh/keys';
import { WireReader, WireWriter } from '@nacre/ssh/wire';
import {
  currentUser,
  findProgram,
  hostKey,
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
  startNacreServer,
  startOpenSshServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh-keygen', 'ssh-keygen');
const skip10 = skip || missing('openssh-10');
const ours = nacreProgram('ssh-keygen');
const theirs = findProgram('ssh-keygen') ?? 'ssh-keygen';
const folder = makeFolder('certificates');
let made = 0;

function freshFolder(): string {
  const path = join(folder, `case-${++made}`);
  mkdirSync(path);
  return path;
}

/** Without a terminal, so that passphrases come from stdin. */
function run(program: string, args: readonly string[], cwd: string, input?: string): Promise<ProgramResult> {
  const setsid = findProgram('setsid');
  const argv = setsid === undefined ? [program, ...args] : [setsid, '-w', program, ...args];
  return runProgram(argv, {
    cwd,
    env: { DISPLAY: undefined, WAYLAND_DISPLAY: undefined, SSH_ASKPASS_REQUIRE: undefined, SSH_AUTH_SOCK: undefined },
    ...(input !== undefined && { input }),
  });
}

/** What must be equal: status, output, complaints, of which ours may say more in parentheses and warn of what is amiss. */
function outcome({ status, stdout, stderr }: ProgramResult) {
  const words = stderr
    .replaceAll('\r\n', '\n')
    .replace(/^Warning: .* names no principals .*\n/gm, '')
    .replace(/ \((?!-I\))[^\n]*\)$/gm, '')
    .replace(/^usage:[\s\S]*/m, '');
  return { status, stdout: stdout.toString('utf8'), stderr: words };
}

/** A public key of a security key: only a token has the private one, and nobody needs it to be certified. */
async function securityKeyLine(type: 'ed25519' | 'ecdsa'): Promise<string> {
  const { publicKey } = await generateKey(type === 'ed25519' ? 'ssh-ed25519' : 'ecdsa-sha2-nistp256');
  const reader = new WireReader(publicKey.blob);
  reader.string();
  const name = type === 'ed25519' ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
  const blob = new WireWriter().string(name).fixed(reader.rest()).string('ssh:').finish();
  return `${name} ${blob.toString('base64')} token\n`;
}

const subjects: string[] = [];
const authorities: string[] = [];
if (skip === false) {
  for (const type of keyTypes) {
    const { file } = await makeKey({ type, comment: `comment of ${type}` });
    copyFileSync(file, join(folder, `ca-${type}`));
    copyFileSync(`${file}.pub`, join(folder, `ca-${type}.pub`));
    copyFileSync(`${(await makeKey({ type, comment: `comment of ${type}` })).file}.pub`, join(folder, `${type}.pub`));
    authorities.push(`ca-${type}`);
    subjects.push(`${type}.pub`);
  }
  for (const type of ['ed25519', 'ecdsa'] as const) {
    writeFileSync(join(folder, `sk-${type}.pub`), await securityKeyLine(type));
    subjects.push(`sk-${type}.pub`);
  }
}

/** A folder with copies of the keys, so that both programs find the same names in two of them. */
function keyFolder(): string {
  const path = freshFolder();
  for (const name of subjects) copyFileSync(join(folder, name), join(path, name));
  return path;
}

const certificateOf = (name: string): string => name.replace(/\.pub$/, '-cert.pub');

test('every type of key by every type of CA: ours and theirs say the same of ours and of theirs', {
  skip,
}, async () => {
  for (const authority of authorities) {
    const args = ['-s', join(folder, authority), '-I', 'an id', '-n', 'ada,grace', '-z', '+41', '-V', '-1d:20401231Z'];
    const folders = { ours: keyFolder(), theirs: keyFolder() };
    const [mine, other] = await Promise.all([
      run(ours, [...args, ...subjects], folders.ours),
      run(theirs, [...args, ...subjects], folders.theirs),
    ]);
    const seconds = /T\d\d:\d\d:\d\d/g;
    assert.equal(mine.stderr.replace(seconds, ''), other.stderr.replaceAll('\r\n', '\n').replace(seconds, ''));
    assert.deepEqual([mine.status, other.status], [0, 0]);
    for (const from of Object.values(folders)) {
      const all = subjects.map((name) => readFileSync(join(from, certificateOf(name)), 'utf8'));
      writeFileSync(join(from, 'all'), all.join(''));
      const [expected, actual] = await Promise.all([
        run(theirs, ['-L', '-f', 'all'], from),
        run(ours, ['-L', '-f', 'all'], from),
      ]);
      assert.equal(actual.stdout.toString(), expected.stdout.toString());
      assert.equal(actual.stdout.toString().match(/certificate$/gm)?.length, subjects.length);
      assert.deepEqual([actual.status, actual.stderr], [0, '']);
      const prints = await Promise.all([theirs, ours].map((program) => run(program, ['-l', '-f', 'all'], from)));
      assert.equal(prints[1]?.stdout.toString(), prints[0]?.stdout.toString());
      for (const [index, line] of all.entries()) {
        const { key, comment } = parsePublicKey(line);
        assert.ok(key.certificate);
        assert.equal(key.certificate.serial, 41n + BigInt(index));
        assert.equal(
          comment,
          readFileSync(join(folder, subjects[index] as string), 'utf8')
            .trim()
            .split(' ')
            .slice(2)
            .join(' '),
        );
        checkCertificate(key.certificate, {
          kind: 'user',
          principal: 'grace',
          now: BigInt(Math.floor(Date.now() / 1000)),
          caSignatureAlgorithms: key.certificate.signatureKey.signatureAlgorithms.filter((name) => name !== 'ssh-rsa'),
        });
      }
    }
    assert.equal(statSync(join(folders.ours, certificateOf('rsa.pub'))).mode & 0o777, 0o644);
  }
});

/** Command lines without the CA; both programs are to make certificates of which -L says the same. */
const commandLines: readonly (readonly string[])[] = [
  ['-I', 'all that is usual'],
  ['-I', 'a host', '-h', '-n', 'host.example,*.example'],
  ['-I', 'nothing', '-O', 'clear', '-n', 'a'],
  ['-I', 'pty alone', '-O', 'clear', '-O', 'permit-pty', '-n', 'a'],
  ['-I', 'less', '-O', 'no-x11-forwarding', '-O', 'No-Agent-Forwarding', '-O', 'no-port-forwarding', '-n', 'a'],
  ['-I', 'less', '-O', 'no-pty', '-O', 'no-user-rc', '-n', 'a'],
  ['-I', 'on and off', '-O', 'no-pty', '-O', 'permit-pty', '-O', 'permit-X11-forwarding', '-O', 'no-X11-forwarding'],
  ['-I', 'tokens', '-O', 'no-touch-required', '-O', 'verify-required', '-n', 'a'],
  [
    '-I',
    'tokens',
    '-O',
    'no-touch-required',
    '-O',
    'touch-required',
    '-O',
    'verify-required',
    '-O',
    'no-verify-required',
  ],
  ['-I', 'forced', '-O', 'force-command=echo "a b" $HOME', '-O', 'source-address=10.0.0.0/8,::1/128,192.0.2.7'],
  ['-I', 'odd', '-O', 'critical:a@example=b=c', '-O', 'critical:flag@example', '-O', 'extension:x@example=', '-n', 'a'],
  ['-I', 'odd', '-O', 'extension:permit-pty@example', '-O', 'extension:Zebra=1', '-O', 'extension:ant=2', '-n', 'a'],
  ['-I', 'in the wrong section', '-O', 'extension:force-command=x', '-O', 'critical:permit-pty', '-n', 'a'],
  ['-I', 'host options', '-h', '-O', 'permit-pty', '-O', 'source-address=192.0.2.1', '-n', 'a'],
  ['-I', '', '-n', ' blank , and more', '-z', '18446744073709551615'],
  ['-I', 'größer "quoted"', '-n', 'ä'],
  ['-I', 'many', '-n', Array.from({ length: 256 }, (_, index) => index).join(',')],
  ['-I', 'always', '-V', 'always:forever', '-n', 'a'],
  ['-I', 'until', '-V', 'always:20300101', '-n', 'a'],
  ['-I', 'from', '-V', '20300101123456:forever', '-n', 'a'],
  ['-I', 'dates', '-V', '20200229Z:203012312359Z', '-n', 'a'],
];

test('the same command line makes the same certificate, but for nonce and signature', { skip }, async () => {
  const [authority] = authorities as [string];
  const folders = { ours: freshFolder(), theirs: freshFolder() };
  for (const [index] of commandLines.entries()) {
    for (const path of Object.values(folders)) copyFileSync(join(folder, 'ed25519.pub'), join(path, `${index}.pub`));
  }
  for (const [index, words] of commandLines.entries()) {
    const args = ['-s', join(folder, authority), ...words, `${index}.pub`];
    const [actual, expected] = await Promise.all([run(ours, args, folders.ours), run(theirs, args, folders.theirs)]);
    // OpenSSH's log writes bytes above 127 as octal.
    const said = outcome(actual);
    if (!/[^\0-\x7f]/.test(words.join(''))) assert.deepEqual(said, outcome(expected), words.join(' '));
    assert.deepEqual([actual.status, expected.status], [0, 0], words.join(' '));
    assert.equal(/Warning: .* names no principals/.test(actual.stderr), !words.includes('-n'));
  }
  const texts: string[] = [];
  for (const path of Object.values(folders)) {
    const all = commandLines.map((_, index) => readFileSync(join(path, `${index}-cert.pub`), 'utf8'));
    writeFileSync(join(path, 'all'), all.join(''));
    for (const program of [ours, theirs]) {
      const { status, stdout } = await run(program, ['-L', '-f', 'all'], path);
      assert.equal(status, 0);
      texts.push(stdout.toString());
    }
  }
  assert.equal(texts[0]?.match(/certificate$/gm)?.length, commandLines.length);
  for (const text of texts) assert.equal(text, texts[0]);
});

test('version 10: times in hexadecimal, and those that no calendar holds', { skip: skip10 }, async () => {
  const intervals = [
    '0x10:0x20',
    '20200101Z:0x7fffffff',
    '0x0:0xffffffffffffffff',
    '0x1:0xfffffffffffffffe',
    '0x100000000:0x3afff44180',
    '0x3afff44181:0xffffffffffffffff',
    '0x7ffffffffff:0x7fffffffffff',
    '0x0:0xf0c2d8a6e9a5b7',
    '0x0:0xf0c2d8a6e9a5b7f',
    '20200101UTC:20310101z',
  ];
  const path = freshFolder();
  for (const [index, interval] of intervals.entries()) {
    copyFileSync(join(folder, 'ed25519.pub'), join(path, `${index}.pub`));
    const { status } = await run(
      ours,
      ['-q', '-s', join(folder, 'ca-ed25519'), '-I', 'x', '-n', 'a', '-V', interval, `${index}.pub`],
      path,
    );
    assert.equal(status, 0, interval);
  }
  writeFileSync(join(path, 'all'), intervals.map((_, index) => readFileSync(join(path, `${index}-cert.pub`))).join(''));
  // Zones without summer time: where the year has no number, C libraries do not know whether it is summer.
  for (const zone of ['UTC', 'America/Phoenix', 'Asia/Kolkata']) {
    const [expected, actual] = await Promise.all(
      [openSshProgram('ssh-keygen', '10.0'), ours].map((program) =>
        runProgram([program, '-L', '-f', 'all'], { cwd: path, env: { TZ: zone } }),
      ),
    );
    assert.equal(actual?.stdout.toString(), expected?.stdout.toString(), zone);
  }
});

test('version 10: the same words and status for what cannot be certified', { skip: skip10 }, async () => {
  const path = keyFolder();
  const ca = join(folder, 'ca-ed25519');
  await requireSuccess([ours, '-q', '-s', ca, '-I', 'x', '-n', 'a', join(path, 'rsa.pub')]);
  const { file: locked } = await makeKey({ passphrase: 'correct horse' });
  const base = ['-s', ca, '-I', 'id', '-n', 'a'];
  const wrong: (readonly string[])[] = [
    ['-s', ca, 'ed25519.pub'],
    ['-s', ca, '-I', 'id'],
    ['-s', ca],
    ['-s', ca, '-I', 'id', '-n', 'a,,b', 'ed25519.pub'],
    ['-s', ca, '-I', 'id', '-n', '', 'ed25519.pub'],
    ['-s', ca, '-I', 'id', '-n', Array(257).fill('a').join(','), 'ed25519.pub'],
    ['-s', 'missing', '-I', 'id', 'ed25519.pub'],
    ['-s', 'ed25519.pub', '-I', 'id', 'ed25519.pub'],
    ['-s', locked, '-P', 'wrong', '-I', 'id', 'ed25519.pub'],
    [...base, 'missing.pub'],
    [...base, 'rsa-cert.pub'],
    [...base, '-z', '18446744073709551616', 'ed25519.pub'],
    [...base, '-z', '-1', 'ed25519.pub'],
    [...base, '-z', '1x', 'ed25519.pub'],
    [...base, '-z', '+', 'ed25519.pub'],
    [...base, '-z', '', 'ed25519.pub'],
    [...base, '-t', 'rsa', 'ed25519.pub'],
    [...base, '-t', 'ed25519', 'ed25519.pub'],
    [...base, '-t', 'bogus', 'ed25519.pub'],
    [...base, '-O', 'bogus', 'ed25519.pub'],
    [...base, '-O', 'force-command', 'ed25519.pub'],
    [...base, '-O', 'force-command=', 'ed25519.pub'],
    [...base, '-O', 'force-command=a', '-O', 'force-command=b', 'ed25519.pub'],
    [...base, '-O', 'source-address=', 'ed25519.pub'],
    [...base, '-O', 'source-address=::1', '-O', 'source-address=::1', 'ed25519.pub'],
    ...['52w', '-52w', 'forever', ':', 'always:', ':forever', '+1x', '+1x:+1d', 'x:+1d', 'always:x', '+1d:+1d'].map(
      (interval) => [...base, '-V', interval, 'ed25519.pub'],
    ),
    ['-s', ca, '-V', 'x', '-z', '7'],
    ['-U', ...base, 'ed25519.pub'],
    ['-U', '-s', 'missing.pub', '-I', 'id', 'ed25519.pub'],
  ];
  const theirs10 = openSshProgram('ssh-keygen', '10.0');
  for (const args of wrong) {
    const [actual, expected] = await Promise.all([run(ours, args, path), run(theirs10, args, path)]);
    assert.deepEqual(outcome(actual), outcome(expected), args.join(' '));
    assert.notEqual(actual.status, 0);
  }
  for (const list of ['10.0.0.1/8', '!10.0.0.1', 'host', '10.*', '10.0.0.0/33', '::1%lo', '10.0.0.1,', ',::1']) {
    const results = await Promise.all(
      [ours, theirs10].map((program) => run(program, [...base, '-O', `source-address=${list}`, 'ed25519.pub'], path)),
    );
    for (const { status, stderr } of results) {
      assert.equal(status, 255);
      assert.match(stderr, /^Invalid source-address list/m);
    }
  }
  assert.throws(() => statSync(join(path, 'ed25519-cert.pub')), { code: 'ENOENT' });
  const token = await run(ours, ['-D', '/usr/lib/libpkcs11.so', ...base, 'ed25519.pub'], path);
  assert.equal(token.status, 255);
  assert.match(token.stderr, /PKCS#11 .* not supported/);
});

test('RSA authorities sign as -t says, encrypted ones ask for their passphrase', { skip }, async () => {
  const { file } = await makeKey({ type: 'rsa', passphrase: 'correct horse' });
  const path = keyFolder();
  for (const algorithm of ['rsa-sha2-256', 'rsa-sha2-512', 'ssh-rsa', undefined]) {
    const chosen = algorithm === undefined ? [] : ['-t', algorithm];
    const args = ['-s', file, '-I', 'x', '-n', 'a', ...chosen, 'ed25519.pub'];
    const { status, stderr } = await run(ours, args, path, 'correct horse\n');
    assert.equal(status, 0, stderr);
    assert.match(
      stderr,
      /^Enter passphrase for "[^"]+": Signed user key ed25519-cert\.pub: id "x" serial 0 for a valid forever\n$/,
    );
    const { stdout } = await run(theirs, ['-L', '-f', 'ed25519-cert.pub'], path);
    assert.ok(stdout.toString().includes(`(using ${algorithm ?? 'rsa-sha2-512'})`));
  }
  const wrong = await run(ours, ['-s', file, '-I', 'x', '-n', 'a', 'rsa.pub'], path, 'battery staple\n');
  assert.equal(wrong.status, 255);
  assert.match(wrong.stderr, /Load key ".*": incorrect passphrase supplied to decrypt private key\n$/);
  assert.throws(() => statSync(join(path, 'rsa-cert.pub')), { code: 'ENOENT' });
});

test('a CA in the agent', { skip: skip || missing('ssh-agent', 'ssh-add') }, async () => {
  const path = keyFolder();
  const socket = join(path, 'agent');
  const agent = startProgram([findProgram('ssh-agent') as string, '-D', '-a', socket]);
  await agent.waitForLog(/SSH_AUTH_SOCK/);
  const env = { SSH_AUTH_SOCK: socket };
  const sign = (authority: string, ...more: string[]) =>
    runProgram([ours, '-U', '-s', join(folder, authority), '-I', 'x', '-n', 'a', ...more, 'ed25519.pub'], {
      cwd: path,
      env,
    });

  const empty = await sign('ca-ed25519.pub');
  assert.deepEqual([empty.status, empty.stderr], [255, 'Retrieve agent key list: agent contains no identities\n']);
  for (const authority of authorities.filter((name) => name !== 'ca-ecdsa-521')) {
    await requireSuccess([findProgram('ssh-add') as string, '-q', join(folder, authority)], { env });
    const { status, stderr } = await sign(`${authority}.pub`);
    assert.equal(status, 0, stderr);
    const [actual, expected] = await Promise.all(
      [ours, theirs].map((program) => run(program, ['-L', '-f', 'ed25519-cert.pub'], path)),
    );
    assert.equal(actual?.stdout.toString(), expected?.stdout.toString());
    assert.match(actual?.stdout.toString() ?? '', authority === 'ca-rsa' ? /using rsa-sha2-512/ : /Signing CA/);
  }
  assert.equal((await sign('ca-rsa.pub', '-t', 'rsa-sha2-256')).status, 0);
  const { stdout } = await run(theirs, ['-L', '-f', 'ed25519-cert.pub'], path);
  assert.match(stdout.toString(), /using rsa-sha2-256/);
  const absent = await sign('ca-ecdsa-521.pub');
  assert.equal(absent.status, 255);
  assert.match(absent.stderr, /^CA key .*ca-ecdsa-521\.pub not found in agent\n$/);
  await agent.stop();
  const gone = await sign('ca-rsa.pub');
  assert.equal(gone.status, 255);
  assert.match(gone.stderr, /^Cannot use public key for CA signature: /);
});

test('-L of files that hold other things too, from a file and from stdin', { skip: skip10 }, async () => {
  const path = keyFolder();
  await requireSuccess([
    theirs,
    '-q',
    '-s',
    join(folder, 'ca-ed25519'),
    '-I',
    'x',
    '-n',
    'a',
    join(path, 'ed25519.pub'),
  ]);
  const line = readFileSync(join(path, 'ed25519-cert.pub'), 'utf8').trim();
  const [type = '', base64 = ''] = line.split(' ');
  const blob = Buffer.from(base64, 'base64');
  const changed = (at: number): string => {
    const copy = Buffer.from(blob);
    copy[at] = (copy[at] as number) ^ 1;
    return `${type} ${copy.toString('base64')}`;
  };
  const lines = [
    line,
    '',
    '# a comment',
    readFileSync(join(path, 'ed25519.pub'), 'utf8').trim(),
    `\t  ${line}`,
    'garbage',
    type,
    `${type} AAAA x`,
    `foo ${line}`,
    `ssh-rsa ${base64}`,
    `ssh-ed25519 ${base64}`,
    `${type}-x ${base64}`,
    `rsa-sha2-512-cert-v01@openssh.com ${base64}`,
    `${type}\t${base64}\r`,
    `${type}  ${base64}   two words # x`,
    `${type} ${base64.slice(0, -4)}`,
    `${type} ${base64}!!`,
    `${type} ${Buffer.concat([blob, Buffer.of(0)]).toString('base64')}`,
    changed(60),
    changed(blob.length - 5),
    '   ',
    'the last line',
  ];
  const theirs10 = openSshProgram('ssh-keygen', '10.0');
  for (const text of [lines.join('\n'), `${lines.join('\n')}\n`, `${line}`, '', '\n', '  ', `# x\n${line}\n`]) {
    writeFileSync(join(path, 'mixed'), text);
    for (const args of [
      ['-L', '-f', 'mixed'],
      ['-L', '-f', '-'],
      ['-L', '-E', 'md5', '-f', 'mixed'],
    ]) {
      const input = args.includes('-') ? text : undefined;
      const [actual, expected] = await Promise.all([run(ours, args, path, input), run(theirs10, args, path, input)]);
      assert.deepEqual(outcome(actual), outcome(expected), JSON.stringify(text.slice(0, 40)));
    }
  }
  for (const file of ['ed25519.pub', 'missing', join(folder, 'ca-ed25519')]) {
    const args = ['-L', '-f', file];
    const [actual, expected] = await Promise.all([run(ours, args, path), run(theirs10, args, path)]);
    assert.deepEqual(outcome(actual), outcome(expected), file);
  }
  assert.equal((await run(ours, ['-L', '-f', '.'], path)).status, 1);
});

test('-L of a known option with data that is not its own ends as theirs does', { skip: skip10 }, async () => {
  const path = keyFolder();
  const theirs10 = openSshProgram('ssh-keygen', '10.0');
  for (const word of ['critical:force-command', 'critical:verify-required=1', 'extension:permit-pty=1']) {
    const signing = ['-q', '-s', join(folder, 'ca-ed25519'), '-I', 'x', '-n', 'a', '-O', 'clear', '-O', word];
    await requireSuccess([theirs10, ...signing, join(path, 'ed25519.pub')]);
    const results = await Promise.all(
      [ours, theirs10].map((program) => run(program, ['-L', '-f', 'ed25519-cert.pub'], path)),
    );
    for (const { status, stdout } of results) assert.deepEqual([status, stdout.toString()], [255, ''], word);
    // And what no server would take is not signed.
    const refused = await run(ours, [...signing, 'rsa.pub'], path);
    assert.equal(refused.status, 255, word);
    assert.match(refused.stderr, /^Couldn't certify key rsa\.pub: invalid argument/);
  }
});

test('control characters of a certificate do not reach the terminal', { skip }, async () => {
  const path = keyFolder();
  const id = 'a\x1b[2Jb\x07';
  await requireSuccess([
    theirs,
    '-q',
    '-s',
    join(folder, 'ca-ed25519'),
    '-I',
    id,
    '-n',
    'a\x1b',
    join(path, 'ed25519.pub'),
  ]);
  const { stdout } = await run(ours, ['-L', '-f', 'ed25519-cert.pub'], path);
  assert.match(stdout.toString(), /Key ID: "a\\033\[2Jb\\007"\n/);
  assert.match(stdout.toString(), /\n {16}a\\033\n/);
});

const withServers = { skip: skip || missing('ssh', 'sshd', 'nacre:ssh', 'nacre:sshd') };
const start = { theirs: startOpenSshServer, ours: startNacreServer };
const clients = { theirs: undefined, ours: nacreProgram('ssh') };

/** Logs in with a user's certificate to a host that shows one, trusting nothing but the two authorities. */
async function logIn(
  server: TestServer,
  files: { knownHosts: string; identity: string; certificate: string },
  client: string | undefined,
): Promise<ProgramResult> {
  return await runSsh(server, ['echo it works'], {
    options: [
      `UserKnownHostsFile=${files.knownHosts}`,
      `IdentityFile=${files.identity}`,
      `CertificateFile=${files.certificate}`,
      'StrictHostKeyChecking=yes',
    ],
    ...(client !== undefined && { program: client }),
  });
}

for (const [authority, subject] of [
  ['ed25519', 'rsa'],
  ['rsa', 'ed25519'],
  ['ecdsa-384', 'ecdsa-256'],
] as const) {
  test(
    `${authority} certifies ${subject} keys: sshd takes the user's, ssh the host's, whoever issued them`,
    withServers,
    async () => {
      const path = freshFolder();
      const user = await makeKey({ type: subject });
      const host = await hostKey(subject);
      const ca = join(folder, `ca-${authority}`);
      for (const [issuer, program] of Object.entries({ ours, theirs })) {
        for (const [name, source] of Object.entries({ user, host })) {
          const file = join(path, `${issuer}-${name}`);
          copyFileSync(source.file, file);
          copyFileSync(`${source.file}.pub`, `${file}.pub`);
        }
        const common = [program, '-q', '-s', ca, '-V', '+1h'];
        await requireSuccess([...common, '-I', 'user', '-n', `x,${currentUser()}`, join(path, `${issuer}-user.pub`)]);
        await requireSuccess([...common, '-I', 'stranger', '-n', 'x', `${user.file}.pub`]);
        await requireSuccess([...common, '-h', '-I', 'host', '-n', '127.0.0.1', join(path, `${issuer}-host.pub`)]);
        const knownHosts = join(path, 'known_hosts');
        writeFileSync(knownHosts, `@cert-authority * ${readFileSync(`${ca}.pub`, 'utf8')}`);
        const config = [`TrustedUserCAKeys ${ca}.pub`, `HostCertificate ${join(path, `${issuer}-host-cert.pub`)}`];
        for (const side of ['theirs', 'ours'] as const) {
          const other = side === 'theirs' ? 'ours' : 'theirs';
          const server = await start[side]({ hostKeyTypes: [subject], identity: false, config });
          const identity = join(path, `${issuer}-user`);
          const files = { knownHosts, identity, certificate: `${identity}-cert.pub` };
          const good = await logIn(server, files, clients[other]);
          assert.equal(good.stdout.toString(), 'it works\n', `${issuer} to ${side}: ${good.stderr}`);
          const stranger = { knownHosts, identity: user.file, certificate: `${user.file}-cert.pub` };
          const bad = await logIn(server, stranger, clients[other]);
          assert.equal(bad.status, 255, `${issuer} to ${side}`);
          await server.stop();
        }
      }
    },
  );
}

test('the library makes and explains what ssh-keygen reads', { skip }, async () => {
  const ca = await parsePrivateKey(readFileSync(join(folder, 'ca-ecdsa-521')));
  const { key: subject } = parsePublicKey(readFileSync(join(folder, 'sk-ecdsa.pub'), 'utf8'));
  const words = ['no-pty', 'verify-required', 'force-command=/bin/true', 'extension:hue@example.com=blue'];
  const certificate = await signCertificate(
    { subject, kind: 'user', keyId: 'by the library', principals: ['ada'], ...buildCertificateOptions('user', words) },
    ca,
  );
  const path = freshFolder();
  writeFileSync(join(path, 'cert'), `${formatPublicKey(certificate)}\n`);
  const { stdout } = await run(theirs, ['-L', '-f', 'cert'], path);
  assert.equal(`cert:\n${formatCertificate(certificate)}`, stdout.toString());
  const { validity, authority, criticalOptions } = describeCertificate(certificate);
  assert.deepEqual([validity.state, validity.text], ['valid', 'forever']);
  assert.equal(authority.signatureAlgorithm, 'ecdsa-sha2-nistp521');
  assert.deepEqual(
    criticalOptions.map(({ name, kind, text }) => [name, kind, text]),
    [
      ['force-command', 'text', '/bin/true'],
      ['verify-required', 'flag', undefined],
    ],
  );
});
