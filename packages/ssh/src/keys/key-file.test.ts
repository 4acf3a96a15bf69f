/** Key files made by ssh-keygen, puttygen and openssl, and round trips through our own. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { argon2 } from '../crypto/kdf/argon2.ts';
import { SshError } from '../errors.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import {
  formatPrivateKey,
  formatPublicKey,
  generateKey,
  isEncrypted,
  type PrivateKey,
  parsePrivateKey,
  parsePublicKey,
  peekPublicKey,
} from './index.ts';

const folder = fileURLToPath(new URL('../../../../test/vectors/keys/', import.meta.url));
const load = (name: string): Buffer => readFileSync(folder + name);
const publicOf = (name: string) => parsePublicKey(load(`${name}.pub`).toString());

const hasArgon2 = await argon2('argon2id', Buffer.from('p'), Buffer.alloc(16), {
  memoryKib: 8,
  passes: 1,
  lanes: 1,
  keyBytes: 32,
}).then(
  () => true,
  (error: SshError) => error.code !== 'unsupported',
);

const notPrivate = /\.(pub|cert|lines|rfc4716|spki|pkcs1-pub)$/;
const files = readdirSync(folder).filter((name) => !notPrivate.test(name));

for (const file of files) {
  const base = file.split('.')[0] as string;
  const skip = /ppk3-(enc|argon2)/.test(file) && !hasArgon2 ? 'no Argon2 in this Node' : false;
  test(`reads ${file}`, { skip }, async () => {
    const bytes = load(file);
    const encrypted = /enc|des3|argon2|-(ctr|cbc|gcm|poly1305)$/.test(file);
    assert.equal(isEncrypted(bytes), encrypted);
    const asked: string[] = [];
    const key = await parsePrivateKey(bytes, {
      name: file,
      passphrase: async (hint) => {
        asked.push(hint);
        return 'nacre';
      },
    });
    assert.deepEqual(asked, encrypted ? [file] : []);
    assert.equal(key.label, file);
    const expected = publicOf(base);
    assert.ok(key.publicKey.equals(expected.key));
    if (!/\.(pem|pkcs8)/.test(file)) {
      assert.equal(key.comment, expected.comment);
      // ssh.com's files say nothing of the key outside of what may be encrypted.
      if (!/sshcom/.test(file)) assert.ok(peekPublicKey(bytes)?.equals(expected.key));
    }
    const signature = await key.sign(Buffer.from('message'), key.publicKey.signatureAlgorithms[0] as string);
    assert.ok(expected.key.verify(Buffer.from('message'), signature, key.publicKey.signatureAlgorithms[0] as string));
    if (encrypted) {
      await assert.rejects(parsePrivateKey(bytes), { code: 'bad-passphrase', message: /no passphrase was given/ });
      // Each try costs a run of bcrypt: one file of each way to notice is enough.
      if (/^(rsa|ecdsa\d+)\.enc$|-(ctr|cbc)$|aes128-gcm/.test(file)) return;
      await assert.rejects(parsePrivateKey(bytes, { passphrase: 'Nacre' }), {
        code: 'bad-passphrase',
        message: /wrong passphrase/,
      });
    }
  });
}

test('reads key files with CR LF line ends and a passphrase of bytes', async () => {
  for (const file of ['ed25519.enc', 'rsa.pem-enc', 'ecdsa256.ppk2-enc', 'rsa.pkcs8-enc']) {
    const text = load(file).toString('latin1').replaceAll('\n', '\r\n');
    const key = await parsePrivateKey(Buffer.from(text, 'latin1'), { passphrase: Buffer.from('nacre') });
    assert.ok(key.publicKey.equals(publicOf(file.split('.')[0] as string).key), file);
  }
});

const names = ['ed25519', 'rsa', 'ecdsa256', 'ecdsa384', 'ecdsa521'];

test('writes every format it reads, plain and encrypted', async () => {
  for (const name of names) {
    const key = await parsePrivateKey(load(name));
    const own = name === 'rsa' ? ['pkcs1'] : name === 'ed25519' ? [] : ['sec1'];
    for (const format of ['openssh', 'ppk', 'pkcs8', ...own] as ('openssh' | 'ppk' | 'pkcs8' | 'pkcs1' | 'sec1')[]) {
      for (const passphrase of [undefined, 'perle']) {
        if (format === 'ppk' && passphrase !== undefined && !hasArgon2) continue;
        // The key derivations are slow and know nothing of key types.
        if (/openssh|ppk/.test(format) && passphrase !== undefined && name !== 'ed25519') continue;
        const text = await formatPrivateKey(key, format, {
          rounds: 1,
          comment: 'zwölf words',
          ...(passphrase === undefined ? {} : { passphrase }),
        });
        const bytes = Buffer.from(text);
        assert.equal(isEncrypted(bytes), passphrase !== undefined);
        const again = await parsePrivateKey(bytes, passphrase === undefined ? {} : { passphrase });
        assert.ok(again.publicKey.equals(key.publicKey));
        if (format === 'openssh' || format === 'ppk') assert.equal(again.comment, 'zwölf words');
      }
    }
  }
});

test('writes the openssh format under every cipher', async () => {
  const key = await parsePrivateKey(load('ed25519'));
  for (const cipher of ['aes256-cbc', 'aes256-gcm@openssh.com', 'chacha20-poly1305@openssh.com']) {
    const text = await formatPrivateKey(key, 'openssh', { passphrase: 'p', rounds: 1, cipher });
    const again = await parsePrivateKey(Buffer.from(text), { passphrase: 'p' });
    assert.ok(again.publicKey.equals(key.publicKey), cipher);
  }
  await assert.rejects(formatPrivateKey(key, 'openssh', { passphrase: 'p', cipher: 'rot13' }), { code: 'bad-key' });
});

test('refuses formats that cannot hold a key', async () => {
  const ed25519 = await parsePrivateKey(load('ed25519'));
  const rsa = await parsePrivateKey(load('rsa'));
  await assert.rejects(formatPrivateKey(ed25519, 'pkcs1'), { code: 'unsupported' });
  await assert.rejects(formatPrivateKey(ed25519, 'sec1'), { code: 'unsupported' });
  await assert.rejects(formatPrivateKey(rsa, 'sec1'), { code: 'unsupported' });
  await assert.rejects(formatPrivateKey(ed25519, 'openssh', { rounds: 0 }), { code: 'misuse' });
  await assert.rejects(formatPrivateKey(ed25519, 'ppk', { comment: 'a\nb' }), { code: 'misuse' });
});

test('tells a public key, a DSA key and garbage from a private key', async () => {
  await assert.rejects(parsePrivateKey(load('ed25519.pub')), { code: 'bad-key', remedy: /without \.pub/ });
  const dsa = Buffer.from('-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----\n');
  await assert.rejects(parsePrivateKey(dsa), { code: 'bad-key', remedy: /DSA/ });
  await assert.rejects(parsePrivateKey(Buffer.alloc(0)), { code: 'bad-key' });
  await assert.rejects(parsePrivateKey(Buffer.alloc(2 ** 21)), { code: 'bad-key' });
  assert.equal(peekPublicKey(Buffer.from('nonsense')), undefined);
});

test('reads and writes public key files', () => {
  for (const name of names) {
    const { key, comment } = publicOf(name);
    assert.equal(`${formatPublicKey(key, comment)}\n`, load(`${name}.pub`).toString());
    assert.ok(parsePublicKey(load(`${name}.rfc4716`).toString()).key.equals(key));
    const converted = parsePublicKey(load(`${name}.rfc4716`).toString()).comment;
    assert.equal(formatPublicKey(key, converted, 'rfc4716'), load(`${name}.rfc4716`).toString());
    assert.ok(parsePublicKey(formatPublicKey(key, '', 'spki')).key.equals(key));
    assert.ok(parsePublicKey(formatPublicKey(key, 'ä'.repeat(200), 'rfc4716')).comment === 'ä'.repeat(200));
  }
  const rsa = publicOf('rsa').key;
  assert.equal(formatPublicKey(rsa, '', 'spki'), load('rsa.spki').toString());
  assert.equal(formatPublicKey(rsa, '', 'pkcs1'), load('rsa.pkcs1-pub').toString());
  assert.ok(parsePublicKey(load('rsa.pkcs1-pub').toString()).key.equals(rsa));
});

test('refuses public lines whose words and blob disagree', () => {
  const line = load('ed25519.pub').toString();
  const refused = [
    line.replace('ssh-ed25519', 'ssh-rsa'),
    line.replace('AAAA', 'AAA'),
    line.replace('AAAA', 'A*AA'),
    `${line}${line}`,
    'ssh-ed25519',
    '',
  ];
  for (const text of refused) assert.throws(() => parsePublicKey(text), { code: 'bad-key' }, JSON.stringify(text));
  assert.throws(() => formatPublicKey(publicOf('rsa').key, 'a\nb'), { code: 'misuse' });
});

async function refusesOnly(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return false;
  } catch (error) {
    if (!(error instanceof SshError)) throw error;
    return true;
  }
}

test('every cut of every private key file gives an SshError', async () => {
  for (const file of files) {
    const bytes = load(file);
    // The newline at the end is the one byte that may be missing.
    for (let length = 0; length < bytes.length - 4; length += bytes.length > 700 ? 3 : 1) {
      const cut = bytes.subarray(0, length);
      if (/ppk/.test(file) && length > bytes.indexOf('Private-MAC')) break;
      assert.ok(await refusesOnly(() => parsePrivateKey(cut, { passphrase: 'nacre' })), `${file} at ${length}`);
    }
  }
});

function armored(bytes: Uint8Array): Buffer {
  const base64 = Buffer.from(bytes).toString('base64');
  return Buffer.from(`-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`);
}

function opened(file: string): Buffer {
  return Buffer.from(
    load(file)
      .toString('latin1')
      .replace(/-----[^-]*-----/g, ''),
    'base64',
  );
}

test('every cut and every changed byte inside an openssh file gives a key or an SshError', async () => {
  for (const name of names) {
    const bytes = opened(name);
    for (let at = 0; at < bytes.length; at++) {
      assert.ok(await refusesOnly(() => parsePrivateKey(armored(bytes.subarray(0, at)))), `${name} cut at ${at}`);
      if (name === 'rsa' && at % 7 !== 0) continue;
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x41;
      let key: PrivateKey | undefined;
      await refusesOnly(async () => {
        key = await parsePrivateKey(armored(changed));
      });
      // Only the comment may change without harm.
      if (key !== undefined) {
        assert.ok(key.publicKey.equals(publicOf(name).key), `${name} changed at ${at}`);
        assert.notEqual(key.comment, publicOf(name).comment);
      }
    }
  }
});

test('every changed byte of a PPK file is found by its MAC', async () => {
  for (const file of ['ed25519.ppk2', 'ed25519.ppk3', 'ecdsa256.ppk3', 'ed25519.ppk2-enc']) {
    const bytes = load(file);
    for (let at = 0; at < bytes.length - 1; at++) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] as number) ^ 0x01;
      let key: PrivateKey | undefined;
      await refusesOnly(async () => {
        key = await parsePrivateKey(changed, { passphrase: 'nacre' });
      });
      if (key !== undefined) assert.fail(`${file} was read with byte ${at} changed`);
    }
  }
});

test('every changed byte of an OpenSSL container gives a key or an SshError', async () => {
  for (const file of ['ecdsa256.pem', 'ecdsa521.pkcs8', 'pkcs8-only-ed25519.pkcs8', 'rsa.pem', 'rsa.pkcs8']) {
    const text = load(file).toString('latin1');
    const label = /-----BEGIN ([A-Z ]+)-----/.exec(text)?.[1] as string;
    const der = Buffer.from(text.replace(/-----[^-]*-----/g, ''), 'base64');
    for (let at = 0; at < der.length; at += file.startsWith('rsa') ? 5 : 1) {
      const changed = Buffer.from(der);
      changed[at] = (changed[at] as number) ^ (1 << (at % 8));
      const pem = `-----BEGIN ${label}-----\n${changed.toString('base64')}\n-----END ${label}-----\n`;
      await refusesOnly(() => parsePrivateKey(Buffer.from(pem)));
    }
  }
});

/** The parts of an unencrypted openssh file, put together anew with changes. */
async function rebuilt(changes: {
  cipher?: string;
  kdf?: string;
  options?: Buffer;
  count?: number;
  outer?: Buffer;
  body?: (body: Buffer) => Buffer;
  tail?: Buffer;
}): Promise<Buffer> {
  const reader = new WireReader(opened('ed25519'));
  const magic = reader.fixed(15);
  reader.string();
  reader.string();
  reader.string();
  reader.uint32();
  const outer = reader.string();
  const body = reader.string();
  const writer = new WireWriter()
    .fixed(magic)
    .string(changes.cipher ?? 'none')
    .string(changes.kdf ?? 'none')
    .string(changes.options ?? '')
    .uint32(changes.count ?? 1)
    .string(changes.outer ?? outer)
    .string(changes.body?.(body) ?? body)
    .fixed(changes.tail ?? Buffer.alloc(0));
  return armored(writer.finish());
}

test('refuses openssh files that are whole and wrong', async () => {
  const bcrypt = (rounds: number, salt = Buffer.alloc(16, 1)) => new WireWriter().string(salt).uint32(rounds).finish();
  const encrypted = { cipher: 'aes256-ctr', kdf: 'bcrypt' };
  const other = publicOf('rsa').key.blob;
  const stranger = (await generateKey('ssh-ed25519')).publicKey.blob;
  const grow = (body: Buffer): Buffer => Buffer.concat([body, Buffer.alloc(8, 0xff)]);
  const refused: [RegExp, Parameters<typeof rebuilt>[0]][] = [
    [/holds 2 keys/, { count: 2 }],
    [/holds 0 keys/, { count: 0 }],
    [/holds 4294967295 keys/, { count: 0xffff_ffff }],
    [/unknown cipher/, { ...encrypted, cipher: 'blowfish-cbc' }],
    [/cipher none/, { kdf: 'bcrypt' }],
    [/derives its key with "none"/, { cipher: 'aes256-ctr' }],
    [/4294967295 bcrypt rounds/, { ...encrypted, options: bcrypt(0xffff_ffff) }],
    [/0 bcrypt rounds/, { ...encrypted, options: bcrypt(0) }],
    [/empty salt/, { ...encrypted, options: bcrypt(1, Buffer.alloc(0)) }],
    [/multiple of 8/, { body: (body) => body.subarray(0, body.length - 1) }],
    [/multiple of 8/, { body: () => Buffer.alloc(0) }],
    [/padding/, { body: grow }],
    [/left over/, { tail: Buffer.of(0) }],
    [/not that of its private key/, { outer: other }],
    [/not that of its private key/, { outer: stranger }],
  ];
  for (const [message, changes] of refused) {
    await assert.rejects(parsePrivateKey(await rebuilt(changes), { passphrase: 'x' }), { code: 'bad-key', message });
  }
  await parsePrivateKey(await rebuilt({}));
  // A comment that is not UTF-8 is no reason to refuse a key.
  const latin1 = (body: Buffer): Buffer => {
    const changed = Buffer.from(body);
    changed[body.indexOf('nacre')] = 0xe9;
    return changed;
  };
  assert.equal((await parsePrivateKey(await rebuilt({ body: latin1 }))).comment, 'ed25519@\ufffdacre');
});

test('refuses PPK files that ask for too much', async () => {
  const text = load('ed25519.ppk3-enc').toString();
  const refused: [string, string][] = [
    ['Argon2-Memory: 64', 'Argon2-Memory: 4294967295'],
    ['Argon2-Memory: 64', 'Argon2-Memory: 1'],
    ['Argon2-Passes: 2', 'Argon2-Passes: 4294967295'],
    ['Argon2-Passes: 2', 'Argon2-Passes: 0'],
    ['Argon2-Parallelism: 1', 'Argon2-Parallelism: 65'],
    ['Argon2-Parallelism: 1', 'Argon2-Parallelism: -1'],
    ['Argon2id', 'Scrypt'],
    ['Public-Lines: 2', 'Public-Lines: 999999999'],
    ['File-3', 'File-1'],
    ['aes256-cbc', 'aes128-cbc'],
  ];
  for (const [from, to] of refused) {
    assert.ok(text.includes(from));
    const changed = Buffer.from(text.replace(from, to));
    const code = to === 'File-1' ? 'unsupported' : 'bad-key';
    await assert.rejects(parsePrivateKey(changed, { passphrase: 'nacre' }), { code }, to);
  }
});

test('refuses PKCS#8 files whose key derivation would hang the program', async () => {
  const text = load('rsa.pkcs8-enc').toString();
  const der = Buffer.from(text.replace(/-----[^-]*-----/g, ''), 'base64');
  const at = der.indexOf(Buffer.from('02020800', 'hex'));
  assert.ok(at > 0, 'the file has 2048 rounds');
  // The same INTEGER, two bytes longer: the enclosing lengths grow with it.
  const grown = Buffer.concat([der.subarray(0, at), Buffer.from('02047fffffff', 'hex'), der.subarray(at + 4)]);
  for (let start = 0; start < at; start++) {
    const long = grown[start] === 0x30 && grown[start + 1] === 0x82;
    if (long) grown.writeUInt16BE(grown.readUInt16BE(start + 2) + 2, start + 2);
    else if (grown[start] === 0x30) grown[start + 1] = (grown[start + 1] as number) + 2;
  }
  const pem = `-----BEGIN ENCRYPTED PRIVATE KEY-----\n${grown.toString('base64')}\n-----END ENCRYPTED PRIVATE KEY-----\n`;
  await assert.rejects(parsePrivateKey(Buffer.from(pem), { passphrase: 'nacre' }), {
    code: 'bad-key',
    message: /2147483647 rounds/,
  });
});
