/** ssh-keygen -F, -R and -H on known_hosts, ours beside OpenSSH's: the same words, exit codes and files. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  hostKey,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  requireProgram,
  requireSuccess,
  runProgram,
  type TestKeyType,
} from '../harness/index.ts';

const skip = missing('nacre:ssh-keygen', 'openssh-10');
const ours = nacreProgram('ssh-keygen');
const folder = makeFolder('known-hosts-edit');
let count = 0;
/** Keys without comments, by their type. */
const keys: Record<string, string> = {};

before(async () => {
  if (skip !== false) return;
  for (const type of ['ed25519', 'ecdsa-256', 'rsa'] satisfies TestKeyType[]) {
    keys[type] = (await hostKey(type)).publicLine.split(' ').slice(0, 2).join(' ');
  }
});

interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
  files: Record<string, string>;
}

/** Runs a program in a folder of its own that holds the file; what it said, and what the folder holds then. */
async function runIn(
  program: string,
  args: readonly string[],
  content: string | Buffer,
  mode = 0o600,
): Promise<Outcome> {
  const cwd = join(folder, String(++count));
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'hosts'), content);
  chmodSync(join(cwd, 'hosts'), mode);
  symlinkSync('hosts', join(cwd, 'link'));
  const { status, stdout, stderr } = await runProgram([program, ...args], { cwd });
  return { status, stdout: stdout.toString('latin1'), stderr: stderr.replaceAll('\r\n', '\n'), files: filesIn(cwd) };
}

function filesIn(cwd: string): Record<string, string> {
  const describe = (name: string): string => {
    const stats = lstatSync(join(cwd, name));
    if (stats.isSymbolicLink()) return `-> ${readlinkSync(join(cwd, name))}`;
    return `${(stats.mode & 0o777).toString(8)} ${readFileSync(join(cwd, name), 'latin1')}`;
  };
  return Object.fromEntries(readdirSync(cwd).map((name) => [name, describe(name)]));
}

/** Salts are random: a hashed name counts as hashed and no more. */
function withoutSalts<Value>(value: Value): Value {
  return JSON.parse(
    JSON.stringify(value).replace(/\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=/g, '|1|salt|hash'),
  ) as Value;
}

async function assertSame(args: readonly string[], content: string | Buffer, mode?: number): Promise<Outcome> {
  const [theirs, own] = await Promise.all([
    runIn(openSshProgram('ssh-keygen', '10.0'), args, content, mode),
    runIn(ours, args, content, mode),
  ]);
  assert.deepEqual(withoutSalts(own), withoutSalts(theirs), `ssh-keygen ${args.join(' ')}: ours is the first`);
  return own;
}

/** Everything that may stand in a good file; the hashed names are OpenSSH's. */
async function sample(): Promise<string> {
  const file = join(folder, `sample-${++count}`);
  writeFileSync(file, `hidden.example,[hidden.example]:2222 ${keys.ed25519}\n`);
  await requireSuccess([requireProgram('ssh-keygen'), '-H', '-f', file]);
  return [
    '# a comment',
    '',
    `a.example,b.example,192.0.2.1 ${keys.ed25519} with a comment`,
    readFileSync(file, 'utf8').trim(),
    `  A.example\t${keys.rsa}  two  blanks `,
    `[a.example]:2222 ${keys['ecdsa-256']}`,
    `*.example,!bad.example ${keys.ed25519}`,
    `@cert-authority *.example ${keys['ecdsa-256']} the CA`,
    `@revoked a.example ${keys.rsa}`,
    `2001:db8::1,c.example ${keys.ed25519}`,
    '\t# another comment  ',
    `hidden.example ${keys.rsa}`,
    `d.example ${keys.ed25519} caf\u00e9`,
    '',
    `192.0.2.? ${keys.ed25519}`,
    `last.example ${keys.ed25519}\n`,
  ].join('\n');
}

const hosts = [
  'a.example',
  'A.EXAMPLE',
  'b.example',
  'bad.example',
  'hidden.example',
  'Hidden.example',
  '[hidden.example]:2222',
  '[a.example]:2222',
  '192.0.2.1',
  '192.0.2.9',
  '2001:db8::1',
  'last.example',
  'nobody',
  'a',
  '*.example',
  '',
  'd.example',
];

test('-F finds the same lines, with -l, -v, -B, -E, -H and -q', { skip }, async () => {
  const content = await sample();
  for (const host of hosts) await assertSame(['-F', host, '-f', 'hosts'], content);
  for (const flags of [['-l'], ['-lv'], ['-lB'], ['-l', '-E', 'md5'], ['-H'], ['-q'], ['-ql'], ['-v'], ['-B']]) {
    const quiet = flags[0] === '-v' || flags[0] === '-lv';
    for (const host of ['a.example', 'hidden.example', 'd.example', 'nobody']) {
      const args = [...flags, '-F', host, '-f', 'hosts'];
      if (!quiet) await assertSame(args, content);
      else
        assert.equal(
          (await runIn(ours, args, content)).stdout,
          (await runIn(openSshProgram('ssh-keygen', '10.0'), args, content)).stdout,
        );
    }
  }
});

test('-R takes the same lines away and keeps the old file', { skip }, async () => {
  const content = await sample();
  for (const host of hosts) await assertSame(['-R', host, '-f', 'hosts'], content);
  for (const mode of [0o644, 0o640, 0o666, 0o600, 0o400, 0o755])
    await assertSame(['-R', 'a.example', '-f', 'hosts'], content, mode);
  await assertSame(['-q', '-R', 'a.example', '-f', 'hosts'], content);
  await assertSame(['-R', 'a.example', '-f', 'link'], content);
});

test('-H hides the same names and keeps the old file', { skip }, async () => {
  const content = await sample();
  const hidden = await assertSame(['-H', '-f', 'hosts'], content);
  assert.equal(hidden.status, 0);
  await assertSame(['-H', '-f', 'hosts'], content, 0o644);
  await assertSame(['-H', '-f', 'link'], content);
  await assertSame(['-H', '-R', 'a.example', '-f', 'hosts'], content);
  // Once more: nothing is left to hide but what has wildcards or a marker.
  await assertSame(['-H', '-f', 'hosts'], hidden.files.hosts?.replace(/^\d+ /, '') ?? '');
});

test('what one tool hides the other finds, and removes', { skip }, async () => {
  const content = await sample();
  const theirs = openSshProgram('ssh-keygen', '10.0');
  for (const [hider, finder] of [[ours, theirs] as const, [theirs, ours] as const]) {
    const file = join(folder, `hidden-${++count}`);
    writeFileSync(file, content);
    await requireSuccess([hider, '-H', '-f', file]);
    for (const host of ['b.example', '192.0.2.1', 'c.example', 'last.example']) {
      const [found, same] = [
        await runProgram([finder, '-F', host, '-f', file]),
        await runProgram([hider, '-F', host, '-f', file]),
      ];
      assert.equal(found.status, 0, host);
      assert.match(found.stdout.toString('utf8'), /^\|1\|/m, host);
      assert.deepEqual(found.stdout, same.stdout, host);
    }
    await requireSuccess([finder, '-R', '2001:db8::1', '-f', file]);
    assert.equal((await runProgram([hider, '-F', '2001:db8::1', '-f', file])).status, 1);
  }
});

test('line ends, empty files, files that are no text', { skip }, async () => {
  const line = `a.example ${keys.ed25519}`;
  const contents = [
    '',
    '\n',
    '# only a comment',
    line,
    `${line}\n\n\n`,
    `b.example ${keys.rsa}\n${line}`,
    `${line} comment\r\nb.example ${keys.rsa} other\r\n`,
    Buffer.from(`${line} caf\xe9\nb.example ${keys.rsa} \xff\n`, 'latin1'),
    `${line}\n${line}\n`,
  ];
  for (const content of contents) {
    for (const mode of ['-F', '-R']) await assertSame([mode, 'a.example', '-f', 'hosts'], content);
    await assertSame(['-H', '-f', 'hosts'], content);
  }
});

test('a file with a line that nobody understands is left alone', { skip }, async () => {
  const blob = keys.ed25519?.split(' ')[1];
  const lines = [
    'word',
    'a.example',
    'a.example ssh-ed25519',
    'a.example ssh-ed25519 ',
    'a.example ssh-ed25519 # comment',
    'a.example # ssh-ed25519',
    `a.example ssh-dss ${blob}`,
    `a.example ED25519 ${blob}`,
    `a.example unknown ${blob}`,
    'a.example 1024 35 12345678901234567890',
    `@unknown a.example ${keys.rsa}`,
    `@revoked @revoked a.example ${keys.rsa}`,
    `@revoked\ta.example ${keys.rsa}`,
    '@revoked',
    '@revoked ',
    `|1|abc|def ${keys.rsa}`,
    `|2|abc ${keys.rsa}`,
    '\r',
    `a.example ${keys.rsa?.slice(0, 40)}`,
    `a.example ssh-ed25519 not-base64`,
    `a.example null ${blob}`,
    `a.example rsa-sha2-512 ${blob}`,
    `a.example webauthn-sk-ecdsa-sha2-nistp256@openssh.com ${blob}`,
    `a.example sk-ssh-ed25519-cert-v01@openssh.com ${blob}`,
  ];
  for (const bad of lines) {
    const content = `b.example ${keys.ed25519}\n${bad}\na.example ${keys.ed25519}\n`;
    await assertSame(['-F', 'a.example', '-f', 'hosts'], content);
    await assertSame(['-R', 'b.example', '-f', 'hosts'], content);
    await assertSame(['-H', '-f', 'hosts'], content);
  }
});

test('no file', { skip }, async () => {
  for (const mode of [['-F', 'a'], ['-R', 'a'], ['-H']]) await assertSame([...mode, '-f', 'nothing'], '');
});

test('an edit leaves the file and the one before, and nothing else', { skip }, async () => {
  const { files } = await runIn(ours, ['-R', 'a.example', '-f', 'hosts'], `a.example ${keys.rsa}\n`);
  assert.deepEqual(Object.keys(files).sort(), ['hosts', 'hosts.old', 'link']);
});
