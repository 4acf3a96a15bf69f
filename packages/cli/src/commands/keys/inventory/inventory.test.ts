/** The inventory of made-up folders: what is found, what is wrong with it, and what never holds it up. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { formatPrivateKey, formatPublicKey, generateKey, type PrivateKey, signCertificate } from '@nacre/ssh/keys';
import { takeInventory } from './inventory.ts';
import type { Inventory, Item } from './items.ts';

const root = mkdtempSync(join(tmpdir(), 'nacre-inventory-'));
after(() => rmSync(root, { recursive: true, force: true }));
const nowMs = Date.UTC(2030, 5, 15);
const nowSeconds = BigInt(nowMs / 1000);
const posix = process.platform !== 'win32';
let folders = 0;

function folder(): string {
  const path = join(root, String(++folders));
  mkdirSync(path, { mode: 0o700 });
  return path;
}

function put(path: string, text: string, mode = 0o600): void {
  writeFileSync(path, text);
  chmodSync(path, mode);
}

async function makePair(path: string, passphrase = 'secret', type = 'ssh-ed25519', bits?: number): Promise<PrivateKey> {
  const key = await generateKey(type, { comment: 'me@here', ...(bits !== undefined && { bits }) });
  put(path, await formatPrivateKey(key, 'openssh', { rounds: 1, ...(passphrase !== '' && { passphrase }) }));
  put(`${path}.pub`, `${formatPublicKey(key.publicKey, 'me@here')}\n`, 0o644);
  return key;
}

const look = (path: string): Promise<Inventory> => takeInventory({ folders: [path], now: nowMs });
const codes = (item: Item | undefined): string[] => item?.problems.map(({ level, code }) => `${level} ${code}`) ?? [];
/** Whether the file system keeps times of access is not what these tests are about. */
const tidy = (list: string[]): string[] => list.filter((code) => code !== 'note never-used');
const find = ({ items }: Inventory, path: string, line?: number): Item | undefined =>
  items.find((item) => item.file === path && item.line === line && item.kind !== 'file');

test('a protected key with its public half has nothing wrong with it', async () => {
  const at = folder();
  const key = await makePair(join(at, 'id'));
  const inventory = await look(at);
  const [mine, half] = [find(inventory, join(at, 'id')), find(inventory, join(at, 'id.pub'))];
  assert.deepEqual([mine?.kind, mine?.type, mine?.bits, mine?.encrypted], ['private-key', 'ssh-ed25519', 256, true]);
  assert.equal(mine?.comment, 'me@here');
  assert.match(mine?.fingerprint ?? '', /^SHA256:[A-Za-z0-9+/]{43}$/);
  assert.equal(half?.fingerprint, mine?.fingerprint);
  assert.deepEqual(tidy(codes(mine)), []);
  assert.deepEqual(codes(half), []);
  assert.deepEqual([inventory.summary.errors, inventory.summary.warnings], [0, 0]);
  assert.equal(key.publicKey.bits, 256);
});

test('weak, open, unprotected, damaged and doubled keys are told', async () => {
  const at = folder();
  await makePair(join(at, 'plain'), '');
  await makePair(join(at, 'short'), 'secret', 'ssh-rsa', 1024);
  await makePair(join(at, 'open'));
  chmodSync(join(at, 'open'), 0o644);
  const twin = await makePair(join(at, 'one'));
  put(join(at, 'two'), await formatPrivateKey(twin, 'openssh', { passphrase: 'secret', rounds: 1 }));
  put(join(at, 'damaged'), '-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n');
  put(join(at, 'dsa'), '-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n');
  put(join(at, 'ssh_host_ed25519_key'), await formatPrivateKey(await generateKey('ssh-ed25519'), 'openssh'));
  const inventory = await look(at);
  const of = (name: string) => tidy(codes(find(inventory, join(at, name))));
  assert.deepEqual(of('plain'), ['warning unencrypted']);
  assert.deepEqual(of('short'), ['error weak']);
  if (posix) assert.deepEqual(of('open'), ['error open-permissions']);
  assert.deepEqual(of('one'), ['warning duplicate']);
  assert.deepEqual(of('two'), ['warning duplicate', 'note no-public-key']);
  assert.deepEqual(of('damaged'), ['error damaged', 'note no-public-key']);
  assert.deepEqual(of('dsa'), ['error weak', 'note no-public-key']);
  assert.deepEqual(of('ssh_host_ed25519_key'), ['note no-public-key']);
});

test('halves that do not belong together are told, and those that are alone', async () => {
  const at = folder();
  await makePair(join(at, 'a'));
  const other = await generateKey('ssh-ed25519');
  put(join(at, 'a.pub'), `${formatPublicKey(other.publicKey)}\n`, 0o644);
  put(join(at, 'alone.pub'), `# mine\n${formatPublicKey((await generateKey('ssh-ed25519')).publicKey)}\n`, 0o666);
  put(join(at, 'rubbish.pub'), 'this is none\n', 0o644);
  put(join(at, 'dsa.pub'), 'ssh-dss AAAAB3NzaC1kc3MAAAABAQAAAAEBAAAAAQEAAAABAQ== old\n', 0o644);
  const inventory = await look(at);
  const of = (name: string) => tidy(codes(find(inventory, join(at, name))));
  assert.deepEqual(of('a'), ['error public-mismatch']);
  assert.deepEqual(of('a.pub'), ['error public-mismatch']);
  const writable = posix ? ['warning writable-by-others'] : [];
  assert.deepEqual(of('alone.pub'), [...writable, 'note no-private-key']);
  assert.deepEqual(of('rubbish.pub'), ['error damaged', 'note no-private-key']);
  assert.deepEqual(of('dsa.pub'), ['error weak', 'note no-private-key']);
});

test('certificates tell their validity, their authority and their key', async () => {
  const at = folder();
  const authority = await generateKey('ssh-ed25519');
  const key = await makePair(join(at, 'id'));
  const sign = async (name: string, validAfter: bigint, validBefore: bigint, subject = key.publicKey) => {
    const certificate = await signCertificate(
      { subject, kind: 'user', keyId: `the ${name}`, principals: ['me'], validAfter, validBefore, serial: 7n },
      authority,
    );
    put(join(at, name), `${formatPublicKey(certificate)}\n`, 0o644);
  };
  const day = 86_400n;
  await sign('id-cert.pub', nowSeconds - day, nowSeconds + 100n * day);
  await sign('expired-cert.pub', nowSeconds - 100n * day, nowSeconds - day);
  await sign('early-cert.pub', nowSeconds + day, nowSeconds + 100n * day);
  await sign('soon-cert.pub', nowSeconds - 100n * day, nowSeconds + day);
  await sign('short-cert.pub', nowSeconds - 10n, nowSeconds + 3600n);
  await sign('ever-cert.pub', 0n, 0xffff_ffff_ffff_ffffn);
  await sign('far-cert.pub', 0xffff_ffff_ffff_fff0n, 0xffff_ffff_ffff_ffffn);
  put(join(at, 'stray.pub'), `${formatPublicKey((await generateKey('ssh-ed25519')).publicKey)}\n`, 0o644);
  await sign('stray-cert.pub', 0n, 0xffff_ffff_ffff_ffffn);
  const forged = readFileSync(join(at, 'ever-cert.pub'), 'latin1').split(' ');
  const blob = Buffer.from(forged[1] as string, 'base64');
  blob[blob.length - 3] = (blob.at(-3) as number) ^ 1;
  put(join(at, 'forged-cert.pub'), `${forged[0]} ${blob.toString('base64')}\n`, 0o644);
  put(join(at, 'authorized_keys'), `cert-authority ${formatPublicKey(authority.publicKey)}\n`);
  const inventory = await look(at);
  const of = (name: string) => codes(find(inventory, join(at, name)));
  assert.deepEqual(of('id-cert.pub'), []);
  assert.deepEqual(of('expired-cert.pub'), ['warning expired']);
  assert.deepEqual(of('early-cert.pub'), ['warning not-yet-valid']);
  assert.deepEqual(of('soon-cert.pub'), ['note expires-soon']);
  assert.deepEqual(of('short-cert.pub'), []);
  assert.deepEqual(of('ever-cert.pub'), []);
  assert.deepEqual(of('far-cert.pub'), ['warning not-yet-valid']);
  assert.deepEqual(of('forged-cert.pub'), ['error damaged']);
  assert.deepEqual(of('stray-cert.pub'), ['error certificate-mismatch']);
  const mine = find(inventory, join(at, 'id-cert.pub'));
  assert.deepEqual(mine?.certificate?.principals, ['me']);
  assert.equal(mine?.certificate?.serial, '7');
  assert.equal(mine?.expiresMs, nowMs + 100 * 86_400_000);
  const file = join(at, 'authorized_keys');
  assert.deepEqual(mine?.trustedIn, [{ kind: 'authorized-key', file, line: 1, asAuthority: true }]);
  // The line trusts what the authority signs, and nobody's plain key.
  assert.deepEqual(find(inventory, join(at, 'id'))?.trustedIn, []);
});

test('lines that trust are items, and keys tell where they are trusted', async () => {
  const at = folder();
  const key = await makePair(join(at, 'id'));
  const line = formatPublicKey(key.publicKey, 'me@here');
  const other = formatPublicKey((await generateKey('ssh-ed25519')).publicKey, 'other');
  const bare = formatPublicKey(key.publicKey);
  const authorized = join(at, 'authorized_keys');
  put(
    authorized,
    [
      '# mine',
      `command="echo ssh-ed25519 x",expiry-time="20290101Z" ${line}`,
      `no-such-option ${other}`,
      `expiry-time="20400101Z" ${other}`,
      other,
      '',
    ].join('\n'),
  );
  const known = join(at, 'known_hosts');
  put(known, `host.test ${bare}\n@revoked * ${other}\nhost.test ${bare}\nnonsense\n`);
  const signers = join(at, 'allowed_signers');
  put(signers, `me@here valid-before="20290101Z" ${bare}\n`);
  const inventory = await look(at);
  assert.deepEqual(
    find(inventory, join(at, 'id'))?.trustedIn.map(({ file, line: number }) => `${file}:${number}`),
    [`${signers}:1`, `${authorized}:2`, `${known}:1`, `${known}:3`],
  );
  const first = find(inventory, authorized, 2);
  assert.equal(first?.options, 'command="echo ssh-ed25519 x",expiry-time="20290101Z"');
  assert.equal(first?.expiresMs, Date.UTC(2029, 0, 1));
  assert.deepEqual(codes(first), ['warning expired']);
  assert.deepEqual(codes(find(inventory, authorized, 3)), ['warning damaged']);
  assert.deepEqual(codes(find(inventory, authorized, 4)), ['warning revoked', 'warning duplicate']);
  assert.deepEqual(codes(find(inventory, authorized, 5)), ['warning revoked', 'warning duplicate']);
  assert.deepEqual(codes(find(inventory, known, 1)), ['warning duplicate']);
  assert.deepEqual(codes(find(inventory, known, 2)), []);
  assert.equal(find(inventory, known, 2)?.marker, 'revoked');
  assert.deepEqual(codes(find(inventory, known, 4)), ['warning damaged']);
  assert.deepEqual(codes(find(inventory, signers, 1)), ['warning expired']);
});

test('folders and lists that others can write are errors', { skip: !posix }, async () => {
  const at = folder();
  chmodSync(at, 0o770);
  put(join(at, 'authorized_keys'), '', 0o664);
  const { items } = await look(at);
  assert.deepEqual(
    items.map((item) => [item.kind, ...codes(item)]),
    [
      ['folder', 'error writable-by-others'],
      ['file', 'error writable-by-others'],
    ],
  );
});

test('links, loops, other files and deep folders do no harm', { skip: !posix }, async () => {
  const at = folder();
  await makePair(join(at, 'id'));
  symlinkSync('id', join(at, 'id-link'));
  symlinkSync('.', join(at, 'loop'));
  symlinkSync('round', join(at, 'round'));
  symlinkSync('nowhere', join(at, 'broken'));
  symlinkSync('/dev/zero', join(at, 'endless'));
  put(join(at, 'picture'), '\u0000\u0001\u0002ssh-ed25519');
  put(join(at, 'config'), 'Host *\n');
  put(join(at, 'large'), 'x'.repeat(2 * 1024 * 1024));
  put(join(at, 'empty.pub'), '');
  let deep = at;
  for (let depth = 0; depth < 8; depth++) {
    deep = join(deep, 'sub');
    mkdirSync(deep, { mode: 0o700 });
    if (depth === 1 || depth === 7) await makePair(join(deep, 'key'));
  }
  const inventory = await look(at);
  assert.equal(inventory.summary.counts['private-key'], 2);
  const unread = inventory.items.filter(({ kind }) => kind === 'file').map(({ file }) => file);
  assert.deepEqual(unread.sort(), [join(at, 'broken'), join(at, 'round')]);
});

test('the config names further keys, through Include as well', async () => {
  const home = folder();
  const at = join(home, '.ssh');
  mkdirSync(at, { mode: 0o700 });
  mkdirSync(join(home, 'keys'), { mode: 0o700 });
  for (const name of ['one', 'two words', 'three', 'four']) await makePair(join(home, 'keys', name));
  put(
    join(at, 'config'),
    [
      'IdentityFile ~/keys/one',
      'Host a b',
      '  IdentityFile="%d/keys/two words"',
      '  IdentityFile none',
      '  IdentityFile ~/keys/%h',
      '  IdentityFile relative',
      '  CertificateFile ~/missing-cert.pub',
      '  IdentityFile "broken quotes',
      'Include more*',
    ].join('\n'),
  );
  put(join(at, 'more.conf'), 'Include config\nIdentityFile ~/keys/three\n');
  const inventory = await takeInventory({ folders: [], now: nowMs, home });
  const found = inventory.items.filter(({ kind }) => kind === 'private-key').map(({ file }) => file);
  assert.deepEqual(
    found.sort(),
    ['one', 'three', 'two words'].map((name) => join(home, 'keys', name)),
  );
  assert.deepEqual(inventory.failures, []);
});

test('no ~/.ssh is an answer, a folder that was named and is missing is a failure', async () => {
  const home = folder();
  assert.deepEqual((await takeInventory({ folders: [], now: nowMs, home })).failures, []);
  const { failures } = await look(join(home, 'missing'));
  assert.deepEqual(failures, [{ folder: join(home, 'missing'), reason: 'No such file or directory' }]);
});

test('times of access tell the last use, where they are kept', { skip: process.platform !== 'linux' }, async () => {
  const at = folder();
  await makePair(join(at, 'used'));
  const used = new Date(Date.now() + 5_000);
  utimesSync(join(at, 'used'), used, new Date(Date.now() - 1e6));
  await makePair(join(at, 'fresh'));
  utimesSync(join(at, 'fresh'), new Date(1e12), new Date(1e12));
  const inventory = await look(at);
  const [one, two] = [find(inventory, join(at, 'used')), find(inventory, join(at, 'fresh'))];
  if (one?.lastUse?.state === 'unknown') return;
  assert.equal(one?.lastUse?.atMs, used.getTime());
  assert.equal(two?.lastUse?.state, 'never');
  assert.deepEqual(codes(two), ['note never-used']);
  // Looking must not leave a trace that the next look takes for a use.
  assert.equal(find(await look(at), join(at, 'fresh'))?.lastUse?.state, 'never');
});
