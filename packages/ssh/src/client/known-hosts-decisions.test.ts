import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { generateKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import type { KnownHostsOptions, UnknownHostQuestion } from './known-hosts-options.ts';
import { knownHosts } from './known-hosts-policy.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-known-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const key = (await generateKey('ssh-ed25519')).publicKey;
const other = (await generateKey('ssh-ed25519')).publicKey;
const line = (host: string, of: PublicKey) => `${host} ${of.type} ${of.blob.toString('base64')}\n`;
let made = 0;

function policy(text: string | undefined, options: KnownHostsOptions = {}) {
  const file = join(folder, `known-${++made}`);
  if (text !== undefined) writeFileSync(file, text);
  const notices: string[] = [];
  const hosts = knownHosts({
    userFiles: [file],
    globalFiles: [],
    onNotice: (notice) => notices.push(notice),
    ...options,
  });
  const verify = (given: PublicKey = key, port = 22) =>
    hosts.verify({ host: 'box', port, address: '192.0.2.1', key: given });
  return { file, notices, verify, hosts };
}

test('a known key is accepted, an unknown or changed one refused, nothing is written', async () => {
  await policy(line('box', key)).verify();
  const unknown = policy(undefined);
  await assert.rejects(unknown.verify(), { code: 'host-key-unknown' });
  assert.equal(existsSync(unknown.file), false);
  const changed = policy(line('box', other), { onUnknown: 'accept-new' });
  await assert.rejects(changed.verify(), { code: 'host-key-changed' });
  assert.equal(readFileSync(changed.file, 'utf8'), line('box', other));
});

test('accept-new remembers under [host]:port, or under the alias', async () => {
  const plain = policy(undefined, { onUnknown: 'accept-new' });
  await plain.verify(key, 2222);
  assert.equal(readFileSync(plain.file, 'utf8'), line('[box]:2222', key));
  assert.deepEqual(plain.notices, [`Warning: Permanently added '[box]:2222' (ED25519) to the list of known hosts.`]);
  const aliased = policy(line('box', other), { onUnknown: 'accept-new', alias: 'name' });
  await aliased.verify(key, 2222);
  assert.equal(readFileSync(aliased.file, 'utf8'), line('box', other) + line('name', key));
  await aliased.verify(key, 2222);
});

test('the question tells other names of the key; only true is a yes', async () => {
  let asked: UnknownHostQuestion | undefined;
  const answers: unknown[] = [false, undefined, 'yes', true];
  const asking = policy(`# comment\n${line('else.example', key)}${line('third', other)}`, {
    onUnknown: async (question) => {
      asked = question;
      return answers.shift() as boolean;
    },
  });
  for (let i = 0; i < 3; i++) await assert.rejects(asking.verify(), { code: 'host-key-unknown' });
  await asking.verify();
  assert.deepEqual(asked?.otherNames, [{ file: asking.file, line: 2, hosts: 'else.example' }]);
});

test('the verdict is told before anything is done; a mismatch passes only where that was asked for by its long name', async () => {
  const told: string[] = [];
  const options: KnownHostsOptions = { onVerdict: ({ status }) => told.push(status) };
  const strict = policy(line('box', other), options);
  await assert.rejects(strict.verify());
  const lax = policy(line('box', other), { ...options, acceptMismatchWithoutVerification: () => true });
  await lax.verify();
  assert.equal(readFileSync(lax.file, 'utf8'), line('box', other));
  const revoked = policy(`@revoked * ${line('', key).trimStart()}`, {
    ...options,
    acceptMismatchWithoutVerification: () => false,
  });
  await assert.rejects(revoked.verify(), { code: 'host-key-revoked' });
  assert.deepEqual(told, ['changed', 'changed', 'revoked']);
});

test('a file that cannot be written costs a notice, and one that cannot be read the connection', async () => {
  const path = join(folder, 'directory');
  mkdirSync(path);
  const unreadable = policy(undefined, { userFiles: [path] });
  await assert.rejects(unreadable.verify(), { code: 'bad-file' });
  writeFileSync(join(folder, 'plain'), '');
  const unwritable = policy(undefined, { userFiles: [join(folder, 'plain', 'below')], onUnknown: 'accept-new' });
  await unwritable.verify();
  assert.match(unwritable.notices[0] ?? '', /^Failed to add the host to the list of known hosts/);
});

test('known types are offered first, of the list that was given', async () => {
  const known = policy(line('box', key), { algorithms: ['rsa-sha2-512', 'ssh-ed25519'] });
  assert.deepEqual(await known.hosts.preferredAlgorithms?.('box', 22), ['ssh-ed25519', 'rsa-sha2-512']);
  assert.deepEqual(await known.hosts.preferredAlgorithms?.('new', 22), ['rsa-sha2-512', 'ssh-ed25519']);
  assert.equal(await policy(undefined).hosts.preferredAlgorithms?.('box', 22), undefined);
});
