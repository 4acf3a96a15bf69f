/** Keys against the real programs, both directions: ssh-keygen and puttygen read what we write, and we what they write. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import {
  bubbleBabble,
  checkCertificate,
  decodePublicKey,
  defaultUserExtensions,
  encodeSignature,
  fingerprint,
  formatFingerprintLine,
  formatPrivateKey,
  formatPublicKey,
  generateKey,
  type PrivateKey,
  type PublicKey,
  parsePrivateKey,
  parsePublicKey,
  randomArt,
  securityKeyData,
  signCertificate,
  withPrivateKeyDetails,
} from '@nacre/ssh/keys';
import { WireReader, WireWriter } from '@nacre/ssh/wire';

const folder = mkdtempSync(join(tmpdir(), 'nacre-keys-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const missing = (program: string): string | false =>
  spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined ? false : `${program} is not installed`;
const noKeygen = missing('ssh-keygen');
const noPuttygen = missing('puttygen');
const skip = noKeygen;

function path(name: string): string {
  return join(folder, name);
}

function save(name: string, content: string | Uint8Array): string {
  writeFileSync(path(name), content);
  chmodSync(path(name), 0o600);
  return path(name);
}

function run(program: string, ...parameters: string[]): string {
  return execFileSync(program, parameters, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const types = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];
const keys: PrivateKey[] = [];
for (const type of types)
  keys.push(await generateKey(type, { comment: `${type}@nacre`, ...(type === 'ssh-rsa' ? { bits: 2048 } : {}) }));
const keygenTypes: Record<string, string[]> = {
  'ssh-ed25519': ['-t', 'ed25519'],
  'ecdsa-sha2-nistp256': ['-t', 'ecdsa', '-b', '256'],
  'ecdsa-sha2-nistp384': ['-t', 'ecdsa', '-b', '384'],
  'ecdsa-sha2-nistp521': ['-t', 'ecdsa', '-b', '521'],
  'ssh-rsa': ['-t', 'rsa', '-b', '2048'],
};

/** A signature as `ssh-keygen -Y` exchanges them (PROTOCOL.sshsig), namespace "test". */
function sshsigData(message: Uint8Array): Buffer {
  const digest = createHash('sha512').update(message).digest();
  return new WireWriter()
    .fixed(Buffer.from('SSHSIG'))
    .string('test')
    .string('')
    .string('sha512')
    .string(digest)
    .finish();
}

function sshsigFile(key: PublicKey, signature: Uint8Array): string {
  const blob = new WireWriter().fixed(Buffer.from('SSHSIG')).uint32(1).string(key.blob);
  blob.string('test').string('').string('sha512').string(signature);
  const base64 = blob.finish().toString('base64').replace(/.{70}/g, '$&\n');
  return `-----BEGIN SSH SIGNATURE-----\n${base64}\n-----END SSH SIGNATURE-----\n`;
}

function keygenAccepts(key: PublicKey, signature: Uint8Array, message: string): boolean {
  const file = save('check.sig', sshsigFile(key, signature));
  const parameters = ['-Y', 'check-novalidate', '-n', 'test', '-s', file];
  return spawnSync('ssh-keygen', parameters, { input: message, encoding: 'utf8' }).status === 0;
}

for (const key of keys) {
  test(`${key.type}: ssh-keygen reads our files, in every format it knows`, { skip }, async () => {
    const formats = [
      'openssh',
      ...(key.type === 'ssh-ed25519' ? [] : ['pkcs8', key.type === 'ssh-rsa' ? 'pkcs1' : 'sec1']),
    ];
    const line = formatPublicKey(key.publicKey);
    for (const format of formats as ('openssh' | 'pkcs8' | 'pkcs1' | 'sec1')[]) {
      for (const passphrase of ['', 'nacre']) {
        const file = save('ours', await formatPrivateKey(key, format, { passphrase, rounds: 2 }));
        const shown = run('ssh-keygen', '-y', '-P', passphrase, '-f', file).trim();
        assert.equal(shown.split(' ').slice(0, 2).join(' '), line, `${format} "${passphrase}"`);
      }
    }
  });

  test(`${key.type}: puttygen reads our PPK files`, { skip: noPuttygen }, async () => {
    save('passphrase', 'nacre\n');
    for (const passphrase of ['', 'nacre']) {
      const file = save('ours.ppk', await formatPrivateKey(key, 'ppk', { passphrase }));
      const old = passphrase === '' ? [] : ['--old-passphrase', path('passphrase')];
      const shown = run('puttygen', file, '-O', 'public-openssh', ...old).trim();
      assert.equal(shown, formatPublicKey(key.publicKey, key.comment));
      save('empty', '');
      run(
        'puttygen',
        file,
        '-O',
        'private-openssh',
        ...old,
        '--new-passphrase',
        path('empty'),
        '-o',
        path('converted'),
      );
      const converted = await parsePrivateKey(readFileSync(path('converted')));
      assert.ok(converted.publicKey.equals(key.publicKey));
    }
  });

  test(`${key.type}: we read ssh-keygen's and puttygen's files`, { skip: noKeygen || noPuttygen }, async () => {
    rmSync(path('theirs'), { force: true });
    run(
      'ssh-keygen',
      '-q',
      ...(keygenTypes[key.type] as string[]),
      '-N',
      'nacre',
      '-C',
      'a comment',
      '-a',
      '2',
      '-f',
      path('theirs'),
    );
    const theirs = await parsePrivateKey(readFileSync(path('theirs')), { passphrase: 'nacre' });
    const expected = parsePublicKey(readFileSync(path('theirs.pub'), 'utf8'));
    assert.ok(theirs.publicKey.equals(expected.key));
    assert.equal(theirs.comment, 'a comment');
    save('passphrase', 'nacre\n');
    for (const version of ['2', '3']) {
      const parameters = ['-O', 'private', '-o', path('theirs.ppk'), '--ppk-param', `version=${version}`];
      const phrases = ['--old-passphrase', path('passphrase'), '--new-passphrase', path('passphrase')];
      run('puttygen', path('theirs'), ...parameters, ...phrases);
      const ppk = await parsePrivateKey(readFileSync(path('theirs.ppk')), { passphrase: 'nacre' });
      assert.ok(ppk.publicKey.equals(expected.key), `PPK ${version}`);
    }
  });

  test(`${key.type}: ssh-keygen verifies our signatures, and we verify its`, { skip }, async () => {
    const file = save('signer', await formatPrivateKey(key, 'openssh'));
    const algorithms = key.publicKey.signatureAlgorithms.filter((name) => name !== 'ssh-rsa');
    for (let round = 0; round < 12; round++) {
      const message = `message ${round}`;
      for (const algorithm of algorithms) {
        const signature = await key.sign(sshsigData(Buffer.from(message)), algorithm);
        assert.ok(keygenAccepts(key.publicKey, signature, message), `${algorithm} ${round}`);
        assert.equal(keygenAccepts(key.publicKey, signature, `${message}.`), false);
      }
      const output = execFileSync('ssh-keygen', ['-q', '-Y', 'sign', '-n', 'test', '-f', file], {
        input: message,
        stdio: 'pipe',
      });
      const blob = Buffer.from(output.toString().replace(/-----[^-]*-----/g, ''), 'base64');
      const reader = new WireReader(blob);
      reader.fixed(10);
      for (let field = 0; field < 4; field++) reader.string();
      const signature = reader.string();
      const algorithm = new WireReader(signature).ascii();
      assert.ok(key.publicKey.verify(sshsigData(Buffer.from(message)), signature, algorithm), `${algorithm} ${round}`);
    }
  });

  test(`${key.type}: fingerprints and public files are those of ssh-keygen`, { skip }, () => {
    const file = save('ours.pub', `${formatPublicKey(key.publicKey, 'x y')}\n`);
    assert.equal(run('ssh-keygen', '-lf', file).trim(), formatFingerprintLine(key.publicKey, 'x y'));
    assert.equal(run('ssh-keygen', '-l', '-E', 'md5', '-f', file).split(' ')[1], fingerprint(key.publicKey, 'md5'));
    assert.equal(run('ssh-keygen', '-Bf', file).split(' ')[1], bubbleBabble(key.publicKey));
    assert.equal(run('ssh-keygen', '-lvf', file).split('\n').slice(1).join('\n').trim(), randomArt(key.publicKey));
    const rfc4716 = save('ours.rfc4716', formatPublicKey(key.publicKey, 'c'.repeat(150), 'rfc4716'));
    assert.equal(run('ssh-keygen', '-i', '-f', rfc4716).trim(), formatPublicKey(key.publicKey));
    if (key.type === 'ssh-ed25519') return;
    const spki = save('ours.spki', formatPublicKey(key.publicKey, '', 'spki'));
    assert.equal(run('ssh-keygen', '-i', '-m', 'PKCS8', '-f', spki).trim(), formatPublicKey(key.publicKey));
  });

  test(`${key.type}: ssh-keygen accepts certificates for it and by it`, { skip }, async () => {
    const [ca] = keys as [PrivateKey];
    for (const [subject, authority] of [
      [key, ca],
      [ca, key],
    ] as const) {
      const certificate = await signCertificate(
        {
          subject: subject.publicKey,
          kind: 'user',
          keyId: 'of nacre',
          serial: 42n,
          principals: ['alice', 'bob'],
          validAfter: 1_700_000_000n,
          validBefore: 1_900_000_000n,
          criticalOptions: { 'force-command': '/bin/ls', 'source-address': '127.0.0.0/8' },
          extensions: defaultUserExtensions,
        },
        authority,
      );
      // Loading a certificate, ssh-keygen verifies the CA's signature.
      const file = save('ours-cert.pub', `${formatPublicKey(certificate, 'comment')}\n`);
      const shown = run('ssh-keygen', '-L', '-f', file);
      assert.match(shown, /Key ID: "of nacre"/);
      assert.match(shown, /Serial: 42/);
      assert.match(shown, /alice\n\s+bob/);
      assert.match(shown, /force-command \/bin\/ls/);
      assert.match(shown, /permit-pty/);
      assert.ok(shown.includes(fingerprint(authority.publicKey)));
      const certified = withPrivateKeyDetails(subject, { certificate });
      const both = save('ours-both', await formatPrivateKey(certified, 'openssh'));
      assert.equal(run('ssh-keygen', '-y', '-f', both).split(' ')[1], certificate.blob.toString('base64'));
    }
    save('ca', await formatPrivateKey(key, 'openssh'));
    save('subject.pub', formatPublicKey(ca.publicKey));
    run('ssh-keygen', '-q', '-s', path('ca'), '-h', '-I', 'host', '-n', 'a.example', '-V', '+1h', path('subject.pub'));
    const theirs = parsePublicKey(readFileSync(path('subject-cert.pub'), 'utf8')).key.certificate;
    assert.ok(theirs);
    checkCertificate(theirs, {
      kind: 'host',
      principal: 'a.example',
      now: BigInt(Math.floor(Date.now() / 1000)),
      caSignatureAlgorithms: key.publicKey.signatureAlgorithms,
    });
  });
}

/** An authenticator in memory. */
function createToken(kind: 'ed25519' | 'ecdsa') {
  const application = 'ssh:nacre';
  const pair = kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const jwk = pair.publicKey.export({ format: 'jwk' });
  const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? '', 'base64url');
  const writer = new WireWriter();
  if (kind === 'ed25519') writer.string('sk-ssh-ed25519@openssh.com').string(bytes(jwk.x));
  else
    writer
      .string('sk-ecdsa-sha2-nistp256@openssh.com')
      .string('nistp256')
      .string(Buffer.concat([Buffer.of(4), bytes(jwk.x), bytes(jwk.y)]));
  const publicKey = decodePublicKey(writer.string(application).finish());
  const signRaw = (data: Uint8Array): Buffer => {
    const key = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    if (kind === 'ed25519') return sign(null, data, key);
    const both = sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
    return new WireWriter().mpint(both.subarray(0, 32)).mpint(both.subarray(32)).finish();
  };
  return { publicKey, application, signRaw };
}

test('security keys: ssh-keygen and we agree on the same signatures', { skip }, () => {
  const message = 'touched';
  const data = sshsigData(Buffer.from(message));
  for (const kind of ['ed25519', 'ecdsa'] as const) {
    const { publicKey, application, signRaw } = createToken(kind);
    for (let counter = 0; counter < 6; counter++) {
      const tail = new WireWriter().uint8(1).uint32(counter).finish();
      const signature = encodeSignature(publicKey.type, signRaw(securityKeyData(application, 1, counter, data)), tail);
      assert.ok(publicKey.verify(data, signature, publicKey.type), `${kind} ${counter}`);
      assert.ok(keygenAccepts(publicKey, signature, message), `${kind} ${counter}`);
    }
  }
});

test('webauthn signatures: ssh-keygen and we agree', { skip }, () => {
  const message = 'clicked';
  const data = sshsigData(Buffer.from(message));
  const { publicKey, application, signRaw } = createToken('ecdsa');
  const algorithm = 'webauthn-sk-ecdsa-sha2-nistp256@openssh.com';
  const build = (challenge: string, flags: number, extensions: Buffer): Buffer => {
    const origin = 'https://nacre.example';
    const clientData = `{"type":"webauthn.get","challenge":"${challenge}","origin":"${origin}","crossOrigin":false}`;
    const body = signRaw(securityKeyData(application, flags, 3, Buffer.from(clientData), extensions));
    const tail = new WireWriter().uint8(flags).uint32(3).string(origin).string(clientData).string(extensions).finish();
    return encodeSignature(algorithm, body, tail);
  };
  const cases: [boolean, Buffer][] = [
    [true, build(data.toString('base64url'), 1, Buffer.alloc(0))],
    [true, build(data.toString('base64url'), 0x81, Buffer.of(0xa0))],
    [false, build(data.toString('base64url'), 0x81, Buffer.alloc(0))],
    [false, build(data.toString('base64url'), 0x41, Buffer.alloc(0))],
    [false, build(Buffer.from('other').toString('base64url'), 1, Buffer.alloc(0))],
  ];
  for (const [index, [expected, signature]] of cases.entries()) {
    assert.equal(publicKey.verify(data, signature, algorithm), expected, `ours, case ${index}`);
    assert.equal(keygenAccepts(publicKey, signature, message), expected, `ssh-keygen, case ${index}`);
  }
});

test('security key files: ssh-keygen reads them, alone and with a certificate', { skip }, async () => {
  const [ca] = keys as [PrivateKey];
  for (const kind of ['ed25519', 'ecdsa'] as const) {
    const { publicKey } = createToken(kind);
    // The private file has the public fields, then flags, handle and a reserved string.
    const fields = new WireWriter().fixed(publicKey.blob).uint8(1).string('handle').string('').finish();
    const body = new WireWriter().uint32(1).uint32(1).fixed(fields).string('token');
    for (let byte = 1; body.length % 8 !== 0; byte++) body.uint8(byte);
    const file = new WireWriter().fixed(Buffer.from('openssh-key-v1\0')).string('none').string('none').string('');
    file.uint32(1).string(publicKey.blob).string(body.finish());
    const armored = `-----BEGIN OPENSSH PRIVATE KEY-----\n${file.finish().toString('base64')}\n-----END OPENSSH PRIVATE KEY-----\n`;
    const key = await parsePrivateKey(Buffer.from(armored));
    const ours = save('token', await formatPrivateKey(key, 'openssh'));
    assert.equal(run('ssh-keygen', '-y', '-f', ours).split(' ')[1], publicKey.blob.toString('base64'));
    const request = { subject: publicKey, kind: 'user', keyId: 'token', principals: ['alice'] } as const;
    const certificate = await signCertificate(request, ca);
    const both = save('token-both', await formatPrivateKey(withPrivateKeyDetails(key, { certificate }), 'openssh'));
    assert.equal(run('ssh-keygen', '-y', '-f', both).split(' ')[1], certificate.blob.toString('base64'));
  }
});
