/** nacre keys list over folders that OpenSSH's ssh-keygen filled: facts as it tells them, and what is wrong. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createSystemUser,
  findProgram,
  makeFolder,
  missing,
  nacreProgram,
  type ProgramResult,
  requireSuccess,
  runProgram,
} from '../harness/index.ts';

const skip = missing('nacre:nacre', 'ssh-keygen');
const nacre = nacreProgram('nacre');
const keygenProgram = findProgram('ssh-keygen') ?? 'ssh-keygen';
const keygen = (...args: string[]): Promise<string> => requireSuccess([keygenProgram, ...args]);

interface Listed {
  kind: string;
  file: string;
  line?: number;
  type: string | null;
  bits: number | null;
  fingerprint: string | null;
  comment: string;
  mode: string;
  encrypted?: boolean | null;
  names?: string;
  marker?: string;
  options?: string;
  expires: string | null;
  certificate?: { kind: string; keyId: string; serial: string; principals: string[] };
  trustedIn: { kind: string; file: string; line: number }[];
  problems: { level: string; code: string; message: string }[];
}

async function list(...args: string[]): Promise<{ status: number | null; items: Listed[] }> {
  const { status, stdout, stderr } = await runProgram([nacre, 'keys', 'list', '--json', ...args]);
  assert.equal(stderr, '');
  return { status, items: (JSON.parse(stdout.toString('utf8')) as { items: Listed[] }).items };
}

const codes = (item: Listed | undefined): string[] =>
  (item?.problems ?? []).map(({ level, code }) => `${level} ${code}`).filter((code) => code !== 'note never-used');

function emptyFolder(): string {
  const folder = join(makeFolder('inventory'), 'keys');
  mkdirSync(folder, { mode: 0o700 });
  return folder;
}

test('tells type, size and fingerprint as ssh-keygen -l does', { skip }, async () => {
  const folder = emptyFolder();
  const sorts: [string, string[]][] = [
    ['ed25519', ['-t', 'ed25519']],
    ['ecdsa256', ['-t', 'ecdsa', '-b', '256']],
    ['ecdsa384', ['-t', 'ecdsa', '-b', '384']],
    ['ecdsa521', ['-t', 'ecdsa', '-b', '521']],
    ['rsa1024', ['-t', 'rsa', '-b', '1024']],
    ['rsa2048', ['-t', 'rsa', '-b', '2048']],
    ['rsa3072', ['-t', 'rsa', '-b', '3072']],
    ['pem', ['-t', 'rsa', '-b', '3072', '-m', 'PEM']],
    ['pkcs8', ['-t', 'ecdsa', '-m', 'PKCS8']],
  ];
  for (const [name, flags] of sorts) {
    await keygen('-q', ...flags, '-a', '1', '-N', 'a passphrase', '-C', `comment of ${name}`, '-f', join(folder, name));
  }
  await keygen('-q', '-t', 'ed25519', '-N', '', '-C', 'not protected', '-f', join(folder, 'open'));
  const { status, items } = await list(folder);
  assert.equal(status, 1);
  for (const [name] of [...sorts, ['open']] as [string][]) {
    const path = join(folder, name);
    const [, bits, print] = /^(\d+) (\S+) /.exec(await keygen('-l', '-f', `${path}.pub`)) ?? [];
    const [mine, half] = [items.find(({ file }) => file === path), items.find(({ file }) => file === `${path}.pub`)];
    for (const item of [mine, half]) {
      assert.equal(item?.bits, Number(bits), name);
      assert.equal(item?.fingerprint, print, name);
    }
    assert.equal(mine?.kind, 'private-key');
    assert.equal(mine?.encrypted, name !== 'open');
    assert.equal(mine?.mode, '0600');
    assert.equal(half?.type, readFileSync(`${path}.pub`, 'utf8').split(' ')[0]);
    assert.equal(mine?.comment, name === 'open' ? 'not protected' : `comment of ${name}`);
  }
  const of = (name: string) => codes(items.find(({ file }) => file === join(folder, name)));
  assert.deepEqual(of('ed25519'), []);
  assert.deepEqual(of('rsa1024'), ['error weak']);
  assert.deepEqual(of('rsa2048'), ['warning weak']);
  assert.deepEqual(of('rsa3072'), []);
  assert.deepEqual(of('pem'), ['warning weak-encryption']);
  assert.deepEqual(of('pkcs8'), []);
  assert.deepEqual(of('open'), ['warning unencrypted']);
});

test('tells DSA keys, where ssh-keygen still makes them', { skip }, async (t) => {
  const folder = emptyFolder();
  for (const format of ['RFC4716', 'PEM']) {
    const made = await runProgram([
      ...[keygenProgram, '-q', '-t', 'dsa', '-m', format, '-N', '', '-f', join(folder, format)],
    ]);
    if (made.status !== 0) return t.skip('ssh-keygen makes no DSA keys');
  }
  const { items } = await list(folder);
  assert.equal(items.length, 4);
  for (const item of items) {
    assert.equal(item.type, 'ssh-dss', item.file);
    assert.ok(codes(item).includes('error weak'), item.file);
    assert.ok(!codes(item).includes('error damaged'), item.file);
  }
});

test('tells certificates as ssh-keygen -L does, and where their authority is trusted', { skip }, async () => {
  const folder = emptyFolder();
  const [ca, id] = [join(folder, 'ca'), join(folder, 'id')];
  for (const path of [ca, id]) await keygen('-q', '-t', 'ed25519', '-a', '1', '-N', 'passphrase', '-f', path);
  const sign = async (name: string, ...flags: string[]) => {
    copyFileSync(`${id}.pub`, join(folder, `${name}.pub`));
    await keygen('-q', '-P', 'passphrase', '-s', ca, ...flags, join(folder, `${name}.pub`));
  };
  await sign('valid', '-I', 'my id', '-n', 'me,you', '-z', '42', '-V', '-1d:+52w');
  await sign('expired', '-I', 'old', '-n', 'me', '-V', '20200101:20210101');
  await sign('later', '-I', 'later', '-n', 'me', '-V', '20990101:21000101');
  const rsa = join(folder, 'rsa-ca');
  await keygen('-q', '-t', 'rsa', '-a', '1', '-N', 'passphrase', '-f', rsa);
  copyFileSync(`${id}.pub`, join(folder, 'sha1.pub'));
  await keygen('-q', '-P', 'passphrase', '-t', 'ssh-rsa', '-s', rsa, '-I', 'sha1', join(folder, 'sha1.pub'));
  await sign('host', '-h', '-I', 'host', '-n', 'host.test');
  writeFileSync(join(folder, 'authorized_keys'), `cert-authority,principals="me" ${readFileSync(`${ca}.pub`, 'utf8')}`);
  writeFileSync(join(folder, 'known_hosts'), `@cert-authority *.test ${readFileSync(`${ca}.pub`, 'utf8')}`);
  const { status, items } = await list(folder);
  assert.equal(status, 1);
  const of = (name: string) => items.find(({ file }) => file === join(folder, `${name}-cert.pub`));
  assert.deepEqual(of('valid')?.certificate?.principals, ['me', 'you']);
  assert.equal(of('valid')?.certificate?.serial, '42');
  assert.equal(of('valid')?.certificate?.keyId, 'my id');
  assert.equal(of('host')?.certificate?.kind, 'host');
  assert.deepEqual(
    of('valid')?.trustedIn.map(({ kind }) => kind),
    ['authorized-key', 'known-host'],
  );
  assert.deepEqual(codes(of('valid')), []);
  assert.deepEqual(codes(of('sha1')), ['error weak']);
  assert.deepEqual(codes(of('expired')), ['warning expired']);
  assert.deepEqual(codes(of('later')), ['warning not-yet-valid']);
  const [, until] = /Valid: from \S+ to (\S+)/.exec(await keygen('-L', '-f', join(folder, 'valid-cert.pub'))) ?? [];
  assert.equal(of('valid')?.expires, new Date(until ?? '').toISOString());
  const line = items.find(({ kind }) => kind === 'authorized-key');
  assert.equal(line?.options, 'cert-authority,principals="me"');
  assert.equal(line?.marker, 'cert-authority');
});

test('reads known_hosts with hashed names, and tells what ssh-keygen -R left behind', { skip }, async () => {
  const folder = emptyFolder();
  const file = join(folder, 'known_hosts');
  const key = join(folder, 'host');
  await keygen('-q', '-t', 'ed25519', '-N', 'passphrase', '-a', '1', '-C', '', '-f', key);
  const bare = readFileSync(`${key}.pub`, 'utf8').trim();
  writeFileSync(file, `one.test ${bare}\ntwo.test,[three.test]:2222 ${bare}\n@revoked * ${bare}\n`);
  await keygen('-q', '-H', '-f', file);
  await keygen('-q', '-R', 'one.test', '-f', file);
  assert.ok(existsSync(`${file}.old`));
  const { items } = await list(folder);
  const lines = items.filter(({ kind }) => kind === 'known-host');
  assert.equal(lines.length, 3);
  assert.ok(lines.every((line) => line.file === file));
  assert.equal(lines.filter(({ names }) => names?.startsWith('|1|')).length, 2);
  assert.ok(codes(items.find((item) => item.file === key)).includes('error revoked'));
});

test('a pipe, a link to itself and a huge file do not hold it up', { skip: skip || missing('mkfifo') }, async () => {
  const folder = emptyFolder();
  await requireSuccess(['mkfifo', join(folder, 'id_rsa')]);
  await requireSuccess(['mkfifo', join(folder, 'known_hosts')]);
  await requireSuccess(['ln', '-s', 'self', join(folder, 'self')]);
  await requireSuccess(['ln', '-s', '/dev/random', join(folder, 'random')]);
  await requireSuccess(['truncate', '-s', '3G', join(folder, 'huge')]);
  await requireSuccess(['truncate', '-s', '3G', join(folder, 'authorized_keys')]);
  await keygen('-q', '-t', 'ed25519', '-a', '1', '-N', 'passphrase', '-f', join(folder, 'id'));
  const { status, items } = await list(folder);
  assert.equal(status, 1);
  assert.deepEqual(
    items.filter((item) => codes(item).length > 0).map((item) => [item.file, ...codes(item)]),
    [
      [join(folder, 'authorized_keys'), 'warning too-large'],
      [join(folder, 'self'), 'warning unreadable'],
    ],
  );
  assert.equal(items.filter(({ kind }) => kind === 'private-key').length, 1);
});

test('gives the statuses 0, 1 and 2, and says what it could not look into', { skip }, async () => {
  const folder = emptyFolder();
  const run = (...args: string[]): Promise<ProgramResult> => runProgram([nacre, 'keys', 'list', ...args]);
  assert.equal((await run(folder)).status, 0);
  const id = join(folder, 'id');
  await keygen('-q', '-t', 'ed25519', '-a', '1', '-N', 'passphrase', '-C', 'me', '-f', id);
  const fine = await run(folder);
  assert.equal(fine.status, 0);
  assert.match(fine.stdout.toString(), /id +ED25519 +now +yes +0600 /);
  assert.match(fine.stdout.toString(), /nothing is wrong\n$/);
  assert.doesNotMatch(fine.stdout.toString(), /\u001b/);
  chmodSync(id, 0o644);
  const wrong = await run('--problems', folder);
  assert.equal(wrong.status, 1);
  assert.match(wrong.stdout.toString(), /error: others can get at it \(mode 0644\)/);
  const absent = await run(join(folder, 'nowhere'));
  assert.deepEqual([absent.status, absent.stdout.toString()], [2, '']);
  assert.match(absent.stderr, /nowhere: No such file or directory\n$/);
  // What can be seen is shown all the same.
  const both = await run(folder, join(folder, 'nowhere'));
  assert.equal(both.status, 2);
  assert.match(both.stdout.toString(), /Private keys/);
  assert.equal((await run('-Z')).status, 2);
  assert.equal((await runProgram([nacre, 'keys'])).status, 2);
  assert.equal((await run('--help')).status, 0);
});

test('a hundred thousand lines of known_hosts are no burden', { skip }, async () => {
  const folder = emptyFolder();
  const blob = (number: number) => {
    const bytes = Buffer.alloc(51);
    bytes.write('\0\0\0\x0bssh-ed25519\0\0\0\x20', 'latin1');
    bytes.writeUInt32BE(number, 20);
    return bytes.toString('base64');
  };
  const lines = Array.from({ length: 100_000 }, (_, at) => `host${at}.test,10.0.0.${at % 256} ssh-ed25519 ${blob(at)}`);
  writeFileSync(join(folder, 'known_hosts'), `${lines.join('\n')}\nhost5.test,10.0.0.5 ssh-ed25519 ${blob(5)}\n`);
  const started = Date.now();
  const { status, stdout } = await runProgram([nacre, 'keys', 'list', folder]);
  const tookMs = Date.now() - started;
  assert.equal(status, 1);
  assert.match(stdout.toString(), /known_hosts +100001 +0 +0 +0 +2 /);
  assert.match(stdout.toString(), /warning: the same is in .*known_hosts:100001/);
  assert.ok(stdout.toString().split('\n').length < 20);
  // Two seconds on a machine with nothing else to do; this one may have.
  assert.ok(tookMs < 20_000, `${tookMs} ms`);
  assert.equal((await list(folder)).items.length, 100_001);
});

test('looks into ~/.ssh and where its config points, and reports what it may not read', {
  skip: skip || missing('root', 'setpriv'),
}, async (t) => {
  const user = await createSystemUser();
  await user.authorize('');
  const ssh = join(user.home, '.ssh');
  await keygen('-q', '-t', 'ed25519', '-a', '1', '-N', 'passphrase', '-C', 'usual', '-f', join(ssh, 'id_ed25519'));
  await keygen('-q', '-t', 'ed25519', '-a', '1', '-N', 'passphrase', '-C', 'elsewhere', '-f', join(user.home, 'work'));
  writeFileSync(join(ssh, 'config'), 'Host work\n  IdentityFile ~/work\n');
  writeFileSync(join(ssh, 'authorized_keys'), readFileSync(join(ssh, 'id_ed25519.pub')), { mode: 0o600 });
  await requireSuccess(['chown', '-R', `${user.name}:`, user.home]);
  writeFileSync(join(ssh, 'of-root'), 'secret', { mode: 0o600 });
  const asUser = ['setpriv', '--reuid', String(user.uid), '--regid', String(user.gid), '--clear-groups'];
  const { status, stdout, stderr } = await runProgram([...asUser, nacre, 'keys', 'list', '--json'], { cwd: user.home });
  if (status !== 1) return t.skip(`other users cannot run ${nacre}: ${stderr}`);
  const { items } = JSON.parse(stdout.toString('utf8')) as { items: Listed[] };
  const keys = items.filter(({ kind }) => kind === 'private-key');
  assert.deepEqual(
    keys.map(({ file, comment }) => [file, comment]),
    [
      [join(ssh, 'id_ed25519'), 'usual'],
      [join(user.home, 'work'), 'elsewhere'],
    ],
  );
  assert.deepEqual(keys[0]?.trustedIn, [
    { kind: 'authorized-key', file: join(ssh, 'authorized_keys'), line: 1, asAuthority: false },
  ]);
  const unread = items.find(({ file }) => file === join(ssh, 'of-root'));
  assert.deepEqual(codes(unread), ['warning unreadable']);
});
