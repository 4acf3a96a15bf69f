import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fingerprint, formatPublicKey, generateKey, signCertificate } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { addHost } from '../trust/index.ts';
import type { KnownHostsOptions, UnknownHostQuestion } from './known-hosts-options.ts';
import { knownHosts } from './known-hosts-policy.ts';
import { hostKey, isError, listening, otherKey } from './live.test.kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-known-hosts-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let made = 0;
const key = hostKey.publicKey;
const ecdsaKey = (await generateKey('ecdsa-sha2-nistp256')).publicKey;

/** A file of its own; with content if some is given. */
function file(text?: string): string {
  const path = join(folder, `known_hosts-${++made}`);
  if (text !== undefined) writeFileSync(path, text);
  return path;
}

function policy(userFile: string, options: KnownHostsOptions = {}) {
  return knownHosts({ userFiles: [userFile], globalFiles: [], ...options });
}

function verify(
  text: string,
  shown: PublicKey = key,
  host = 'example.com',
  port = 22,
  options: KnownHostsOptions = {},
) {
  return policy(file(text), options).verify({ host, port, address: undefined, key: shown });
}

const line = (hosts: string, which: PublicKey = key) => `${hosts} ${formatPublicKey(which)}\n`;

test('a known key is trusted under each form of its name', async () => {
  await verify(line('example.com'));
  await verify(line('example.com'), key, 'EXAMPLE.com');
  await verify(line('first,example.com,10.0.0.1'));
  await verify(line('*.com'));
  await verify(`# comment\n\n${line('example.com', ecdsaKey)}${line('example.com')}`);
  await verify(line('[example.com]:2222'), key, 'example.com', 2222);
  await verify(addHost('', { host: 'example.com', port: 22, key, hashed: true }));
  await verify(addHost('', { host: 'example.com', port: 2222, key, hashed: true }), key, 'example.com', 2222);
  await verify(line('example.com').trimEnd());
});

test('an unknown host is refused unless something else was said', async () => {
  const unknown = isError('host-key-unknown', 'host-key');
  for (const text of ['', '\n', '# example.com\n', line('other.com'), line('*.org'), line('example.com.evil')]) {
    await assert.rejects(verify(text), unknown, text);
  }
  await assert.rejects(verify(line('*,!example.com')), unknown);
  await assert.rejects(
    policy(join(folder, 'missing')).verify({ host: 'h', port: 22, address: undefined, key }),
    unknown,
  );
});

test('a changed key is always refused, also by accept-new and by a person who says yes', async () => {
  for (const onUnknown of ['refuse', 'accept-new', async () => true] as const) {
    for (const text of [
      line('example.com', otherKey.publicKey),
      addHost('', { host: 'example.com', port: 22, key: otherKey.publicKey, hashed: true }),
      line('example.com', otherKey.publicKey) + line('other.com'),
    ]) {
      const path = file(text);
      const verifying = policy(path, { onUnknown }).verify({ host: 'example.com', port: 22, address: undefined, key });
      await assert.rejects(verifying, (error: unknown) => {
        assert.match(String(error), new RegExp(`${path}:1`), 'the line is named');
        return isError('host-key-changed', 'host-key')(error);
      });
      assert.equal(readFileSync(path, 'utf8'), text);
    }
  }
  // One of several keys is enough.
  await verify(line('example.com', otherKey.publicKey) + line('example.com'));
});

test('a revoked key is refused, wherever the mark stands and however well the key is known', async () => {
  const revoked = `@revoked ${line('example.com')}`;
  for (const text of [
    revoked,
    revoked + line('example.com'),
    line('example.com') + revoked,
    `${line('example.com')}@revoked ${line('*')}`,
  ]) {
    for (const onUnknown of ['refuse', 'accept-new'] as const) {
      await assert.rejects(
        verify(text, key, 'example.com', 22, { onUnknown }),
        isError('host-key-revoked', 'host-key'),
      );
    }
  }
  // In another file too.
  const files = { userFiles: [file(line('example.com'))], globalFiles: [file(revoked)] };
  await assert.rejects(
    knownHosts(files).verify({ host: 'example.com', port: 22, address: undefined, key }),
    isError('host-key-revoked'),
  );
});

test('a mark that is not known, and a type that is not the key’s, trust nobody', async () => {
  const base64 = key.blob.toString('base64');
  for (const text of [
    `@trusted ${line('example.com')}`,
    `@revoked @cert-authority ${line('example.com')}`,
    `example.com ssh-rsa ${base64}\n`,
    `example.com ssh-ed25519 ${base64.slice(0, -8)}\n`,
    `example.com ssh-ed25519\n`,
    `@cert-authority ${line('example.com')}`,
  ]) {
    // A blob that is cut counts as another key.
    const isCut = text.includes(`${base64.slice(0, -8)}\n`);
    await assert.rejects(verify(text), isError(isCut ? 'host-key-changed' : 'host-key-unknown'), text);
  }
});

test('authorities vouch for certificates, and revoked ones do not', async () => {
  const now = BigInt(Math.floor(Date.now() / 1000));
  const certify = (principals: string[], validBefore = now + 3600n) =>
    signCertificate({ subject: key, kind: 'host', keyId: 'h', principals, validAfter: 0n, validBefore }, otherKey);
  const authority = `@cert-authority ${line('*.com', otherKey.publicKey)}`;
  await verify(authority, await certify(['example.com']));
  await assert.rejects(verify(authority, await certify(['other.com'])), isError('bad-certificate'));
  await assert.rejects(verify(authority, await certify(['example.com'], now - 1n)), isError('bad-certificate'));
  await assert.rejects(verify(authority, await certify(['example.org']), 'example.org'), isError('host-key-unknown'));
  await assert.rejects(
    verify(`${authority}@revoked ${line('*', otherKey.publicKey)}`, await certify(['example.com'])),
    isError('host-key-revoked'),
  );
  await assert.rejects(
    verify(`${authority}@revoked ${line('*')}`, await certify(['example.com'])),
    isError('host-key-revoked'),
  );
});

test('a file that cannot be read refuses, and is not taken for an empty one', async (t) => {
  const refuses = async (path: string, why: string) => {
    for (const onUnknown of ['refuse', 'accept-new', async () => true] as const) {
      const files = [
        { userFiles: [path], globalFiles: [] },
        { userFiles: [file(line('example.com'))], globalFiles: [path] },
      ];
      for (const each of files) {
        const verifying = knownHosts({ ...each, onUnknown }).verify({
          host: 'example.com',
          port: 22,
          address: undefined,
          key,
        });
        await assert.rejects(verifying, isError('bad-file', 'trust'), why);
      }
    }
    await assert.rejects(
      policy(path).preferredAlgorithms?.('example.com', 22) as Promise<unknown>,
      isError('bad-file'),
    );
  };
  const directory = file();
  mkdirSync(directory);
  await refuses(directory, 'a directory');
  const fifo = file();
  execFileSync('mkfifo', [fifo]);
  await refuses(fifo, 'a FIFO');
  const loop = file();
  symlinkSync(loop, loop);
  await refuses(loop, 'a link to itself');
  if (process.getuid?.() === 0) t.diagnostic('as root every file can be read, so that is not tried');
  else {
    const closed = file('');
    chmodSync(closed, 0o000);
    await refuses(closed, 'a file without permissions');
  }
  // Nothing at all is no file at all.
  await assert.rejects(
    policy('/dev/null').verify({ host: 'h', port: 22, address: undefined, key }),
    isError('host-key-unknown'),
  );
});

test('accept-new remembers, and the next time the key is known', async () => {
  for (const hashNames of [false, true]) {
    const path = join(folder, `new-${hashNames}`, 'known_hosts');
    const notices: string[] = [];
    const options: KnownHostsOptions = { onUnknown: 'accept-new', hashNames, onNotice: (text) => notices.push(text) };
    const question = { host: 'example.com', port: 2222, address: undefined, key };
    await policy(path, options).verify(question);
    await policy(path, options).verify(question);
    await policy(path).verify(question);
    const text = readFileSync(path, 'utf8');
    assert.equal(text.split('\n').length, 2);
    assert.equal(text.includes('example.com'), !hashNames);
    assert.equal(statSync(path).mode & 0o077, 0);
    assert.equal(statSync(join(path, '..')).mode & 0o077, 0);
    assert.equal(notices.length, 1);
    await assert.rejects(
      policy(path, options).verify({ ...question, key: otherKey.publicKey }),
      isError('host-key-changed'),
    );
  }
});

test('lines that are there stay byte for byte, also where the last one has no end', async () => {
  const before = `# mine\r\n${line('other.com', ecdsaKey)}odd line`;
  const path = file(before);
  await policy(path, { onUnknown: 'accept-new' }).verify({ host: 'example.com', port: 22, address: undefined, key });
  assert.equal(readFileSync(path, 'utf8'), `${before}\n${line('example.com')}`);
});

test('twenty hosts that are added at once are all there', async () => {
  const path = file();
  const names = Array.from({ length: 20 }, (_, i) => `host${i}.example.com`);
  const options: KnownHostsOptions = { onUnknown: 'accept-new' };
  await Promise.all(names.map((host) => policy(path, options).verify({ host, port: 22, address: undefined, key })));
  for (const host of names) await policy(path).verify({ host, port: 22, address: undefined, key });
});

test('a person is asked with what they need, and only yes is yes', async () => {
  const path = file(line('example.com', ecdsaKey));
  const questions: UnknownHostQuestion[] = [];
  for (const answer of [false, undefined, null, 'yes', 1, {}]) {
    const onUnknown = async (question: UnknownHostQuestion) => {
      questions.push(question);
      return answer as boolean;
    };
    await assert.rejects(
      policy(path, { onUnknown }).verify({ host: 'new.com', port: 22, address: '10.0.0.1', key }),
      isError('host-key-unknown'),
    );
  }
  assert.equal(readFileSync(path, 'utf8'), line('example.com', ecdsaKey));
  assert.deepEqual([questions[0]?.host, questions[0]?.address], ['new.com', '10.0.0.1']);
  assert.equal(questions[0]?.fingerprint, fingerprint(key));
  for (const error of [new Error('the window was closed'), undefined]) {
    const onUnknown = () => Promise.reject(error);
    const verifying = policy(path, { onUnknown }).verify({ host: 'new.com', port: 22, address: undefined, key });
    await assert.rejects(verifying, (thrown: unknown) => thrown === error);
  }
  assert.equal(existsSync(path) && readFileSync(path, 'utf8').includes('new.com'), false);
});

test('a host that was accepted and cannot be written down is told', async () => {
  const path = join(folder, 'in-the-way', 'known_hosts');
  writeFileSync(join(folder, 'in-the-way'), '');
  const notices: string[] = [];
  const options: KnownHostsOptions = { onUnknown: 'accept-new', onNotice: (text) => notices.push(text) };
  await policy(path, options).verify({ host: 'example.com', port: 22, address: undefined, key });
  assert.equal(notices.length, 1);
  assert.match(notices[0] ?? '', /^Failed to add the host/);
});

test('known key types are offered first, and an unknown host learns nothing of what we know', async () => {
  const path = file(line('example.com', ecdsaKey) + line('other.com'));
  const order = await policy(path).preferredAlgorithms?.('example.com', 22);
  assert.equal(order?.[0], 'ecdsa-sha2-nistp256');
  assert.ok(order?.includes('ssh-ed25519'));
  assert.equal(await policy(path).preferredAlgorithms?.('new.com', 22), undefined);
});

test('over a real connection: remembered, known, changed, revoked', async (t) => {
  const { port, connect } = await listening(t);
  const path = file();
  const hostKeys = policy(path, { onUnknown: 'accept-new' });
  await (await connect({ hostKeys })).close();
  await (await connect({ hostKeys: policy(path) })).close();
  assert.match(readFileSync(path, 'utf8'), new RegExp(`^\\[127\\.0\\.0\\.1\\]:${port} ssh-ed25519 `));
  appendFileSync(path, `@revoked ${line('*')}`);
  await assert.rejects(connect({ hostKeys }), isError('host-key-revoked', 'host-key'));
  writeFileSync(path, line(`[127.0.0.1]:${port}`, otherKey.publicKey));
  await assert.rejects(connect({ hostKeys }), isError('host-key-changed', 'host-key'));
});
