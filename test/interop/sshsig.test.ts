/** Signatures over files: ours verified by OpenSSH and the other way, and ssh-keygen -Y beside ours, word for word. */
import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createSecurityKeySigner,
  decodePublicKey,
  decodeSignature,
  encodeMessageSignature,
  encodeSignature,
  formatMessageSignature,
  formatPublicKey,
  generateKey,
  type MessageSignature,
  parseMessageSignature,
  parsePrivateKey,
  parsePublicKey,
  type Signer,
  securityKeyData,
  signMessage,
  verifyMessage,
  withCertificate,
} from '@nacre/ssh/keys';
import { WireReader, WireWriter } from '@nacre/ssh/wire';
import {
  findProgram,
  type KeyPair,
  keyTypes,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  type ProgramResult,
  requireSuccess,
  runProgram,
  startProgram,
} from '../harness/index.ts';

const skip = missing('nacre:ssh-keygen', 'ssh-keygen');
const skipWords = missing('nacre:ssh-keygen', 'openssh-10');
const ours = nacreProgram('ssh-keygen');
const system = findProgram('ssh-keygen') ?? 'ssh-keygen';
/** The words are those of version 10. */
const theirs = skipWords === false ? openSshProgram('ssh-keygen', '10.0') : system;
const folder = makeFolder('sshsig');
const data = join(folder, 'data');
const message = Buffer.from('what is signed\n\0\xff', 'latin1');
writeFileSync(data, message);

let made = 0;
const fresh = (ending = '') => join(folder, `file-${++made}${ending}`);
const save = (text: string | Uint8Array, ending = '') => {
  const path = fresh(ending);
  writeFileSync(path, text);
  return path;
};

type Options = { input?: string | Uint8Array; env?: Record<string, string | undefined>; cwd?: string };

/** Without a terminal, so that passphrases come from stdin. */
function run(program: string, args: readonly string[], options: Options = {}): Promise<ProgramResult> {
  const setsid = findProgram('setsid');
  const argv = setsid === undefined ? [program, ...args] : [setsid, '-w', program, ...args];
  const env = {
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
    SSH_ASKPASS_REQUIRE: undefined,
    SSH_AUTH_SOCK: undefined,
  };
  return runProgram(argv, { ...options, env: { ...env, ...options.env } });
}

/** What must be equal: status, output, complaints (of which ours may say more in parentheses; the times are those of two runs). */
function outcome(result: ProgramResult) {
  const stderr = result.stderr
    .replaceAll('\r\n', '\n')
    .replace(/ \([^\n]*\)$/gm, '')
    .replace(/(verify time \S+T)\S+/g, '$1');
  return { status: result.status, stdout: result.stdout.toString('utf8'), stderr };
}

async function assertSame(args: readonly string[], options: Options = {}): Promise<ReturnType<typeof outcome>> {
  const [expected, actual] = await Promise.all([run(theirs, args, options), run(ours, args, options)]);
  assert.deepEqual(outcome(actual), outcome(expected), `ssh-keygen ${args.join(' ')}`);
  return outcome(actual);
}

interface Subject {
  readonly name: string;
  readonly signer: Signer;
  /** What `-f` takes to sign with it. */
  readonly keyFile: string;
  /** The line of an allowed signers file. */
  readonly allowed: string;
}

async function subjects(): Promise<Subject[]> {
  const authority = await makeKey({ comment: 'authority' });
  const all: Subject[] = [];
  for (const type of keyTypes) {
    const pair: KeyPair = await makeKey({ type });
    const key = await parsePrivateKey(readFileSync(pair.file));
    all.push({ name: type, signer: key, keyFile: pair.file, allowed: `signer@example.com ${pair.publicLine}\n` });
    await requireSuccess([
      system,
      '-q',
      '-s',
      authority.file,
      '-I',
      'id',
      '-n',
      'signer@example.com',
      `${pair.file}.pub`,
    ]);
    const certificate = parsePublicKey(readFileSync(`${pair.file}-cert.pub`, 'utf8')).key;
    all.push({
      name: `${type} certificate`,
      signer: withCertificate(key, certificate),
      keyFile: `${pair.file}-cert.pub`,
      allowed: `*@example.com cert-authority,namespaces="file" ${authority.publicLine}\n`,
    });
  }
  return all;
}

const verifyArgs = (allowed: string, signature: string, namespace = 'file') => [
  ...['-Y', 'verify', '-f', allowed, '-I', 'signer@example.com', '-n', namespace, '-s', signature],
];

test('every key type and certificate: what the library and the tool sign, OpenSSH verifies', { skip }, async () => {
  for (const { name, signer, keyFile, allowed } of await subjects()) {
    const allowedFile = save(allowed);
    for (const hash of ['sha512', 'sha256'] as const) {
      const signature = save(formatMessageSignature(await signMessage({ signer, namespace: 'file', message, hash })));
      const good = await run(system, verifyArgs(allowedFile, signature), { input: message });
      assert.equal(good.status, 0, `${name} ${hash}: ${good.stderr}`);
      assert.notEqual((await run(system, verifyArgs(allowedFile, signature), { input: 'x' })).status, 0, name);

      const file = save(message);
      const signed = await run(ours, ['-Y', 'sign', '-f', keyFile, '-n', 'file', '-O', `hashalg=${hash}`, file]);
      assert.deepEqual(
        [signed.status, signed.stderr],
        [0, `Signing file ${file}\nWrite signature to ${file}.sig\n`],
        name,
      );
      const { stdout } = await assertSame(verifyArgs(allowedFile, `${file}.sig`), { input: message });
      assert.match(stdout, /^Good "file" signature for signer@example\.com with \S+ key SHA256:/, name);
      await assertSame(verifyArgs(allowedFile, `${file}.sig`, 'other'), { input: message });
      await assertSame(verifyArgs(allowedFile, `${file}.sig`), { input: 'x' });
    }
  }
});

test('every key type and certificate: what OpenSSH signs, the library and the tool verify', { skip }, async () => {
  for (const { name, signer, keyFile, allowed } of await subjects()) {
    const allowedFile = save(allowed);
    for (const hash of ['sha512', 'sha256']) {
      const file = save(message);
      await requireSuccess([theirs, '-q', '-Y', 'sign', '-f', keyFile, '-n', 'file', '-O', `hashalg=${hash}`, file], {
        env: { SSH_AUTH_SOCK: undefined },
      });
      const text = readFileSync(`${file}.sig`);
      const signature = parseMessageSignature(text);
      assert.equal(formatMessageSignature(signature), text.toString(), `${name}: the same bytes when written again`);
      const { key } = await verifyMessage(signature, { namespace: 'file', message });
      assert.ok(key.equals(signer.publicKey), name);
      const { status } = await run(ours, verifyArgs(allowedFile, `${file}.sig`), { input: message });
      assert.equal(status, 0, name);
    }
  }
});

test('keys without a random part sign byte for byte what OpenSSH signs', { skip }, async () => {
  for (const type of ['ed25519', 'rsa'] as const) {
    const { file } = await makeKey({ type });
    const { stdout, stderr } = await assertSame(['-Y', 'sign', '-f', file, '-n', 'file'], { input: message });
    assert.match(stdout, /^-----BEGIN SSH SIGNATURE-----\n/);
    assert.equal(stderr, 'Signing data on standard input\n');
    await assertSame(['-Y', 'sign', '-q', '-O', 'HASHALG=sha256', '-f', file, '-n', 'file', '-'], { input: message });
  }
});

test('a large file is signed and verified', { skip }, async () => {
  const { file, publicLine } = await makeKey();
  const big = save(Buffer.alloc(20_000_000, 'large'));
  await assertSame(['-Y', 'sign', '-q', '-f', file, '-n', 'file'], { input: readFileSync(big) });
  const signed = await run(ours, ['-Y', 'sign', '-f', file, '-n', 'file', big]);
  assert.equal(signed.status, 0);
  await assertSame(verifyArgs(save(`signer@example.com ${publicLine}\n`), `${big}.sig`), { input: readFileSync(big) });
});

/** A FIDO token in memory, which sets these flags. */
async function createToken(kind: 'ed25519' | 'ecdsa', flags: number): Promise<Signer> {
  const inner = await generateKey(kind === 'ed25519' ? 'ssh-ed25519' : 'ecdsa-sha2-nistp256');
  const reader = new WireReader(inner.publicKey.blob);
  reader.string();
  const fields = reader.rest();
  const type = kind === 'ed25519' ? 'sk-ssh-ed25519@openssh.com' : 'sk-ecdsa-sha2-nistp256@openssh.com';
  const publicKey = decodePublicKey(new WireWriter().string(type).fixed(fields).string('ssh:').finish());
  const handle = { application: 'ssh:', flags: 1, keyHandle: Buffer.from('handle') };
  return createSecurityKeySigner(publicKey, handle, async ({ application, data: signed }) => {
    const wire = await inner.sign(securityKeyData(application, flags, 9, signed), inner.publicKey.type);
    const { body } = decodeSignature(wire);
    return { signature: kind === 'ed25519' ? body : bothNumbers(body), flags, counter: 9 };
  });
}

function bothNumbers(body: Buffer): Buffer {
  const reader = new WireReader(body);
  const both = Buffer.alloc(64);
  for (const end of [32, 64]) {
    const number = reader.unsignedMpint();
    number.copy(both, end - number.length);
  }
  return both;
}

test('security keys: signatures with and without touch, as OpenSSH judges them', { skip }, async () => {
  for (const kind of ['ed25519', 'ecdsa'] as const) {
    for (const flags of [0, 1, 5]) {
      const signer = await createToken(kind, flags);
      const allowed = save(`signer@example.com ${formatPublicKey(signer.publicKey)}\n`);
      const signature = save(formatMessageSignature(await signMessage({ signer, namespace: 'file', message })));
      const { status } = await assertSame(verifyArgs(allowed, signature), { input: message });
      assert.equal(status, 0, `${kind} ${flags}`);
      await assertSame(verifyArgs(allowed, signature), { input: 'other' });
    }
  }
});

test('flags that are missing or wrong: the same words and statuses', { skip: skipWords }, async () => {
  const { file, publicLine } = await makeKey();
  const allowed = save(`me,you ${publicLine}\n`);
  const target = save(message);
  await requireSuccess([theirs, '-q', '-Y', 'sign', '-f', file, '-n', 'file', target]);
  const signature = `${target}.sig`;
  const nowhere = join(folder, 'missing');
  const verify = ['-Y', 'verify', '-n', 'file', '-s', signature, '-f', allowed, '-I', 'me'];
  for (const args of [
    ['-Y', 'sign'],
    ['-Y', 'sign', '-n', ''],
    ['-Y', 'sign', '-n', 'file'],
    ['-Y', 'sign', '-n', 'file', '-f', nowhere, data],
    ['-Y', 'sign', '-n', 'file', '-f', file, nowhere, data],
    ['-Y', 'sign', '-n', 'file', '-f', file, '-', data],
    ['-Y', 'sign', '-n', 'file', '-f', file, '-O', 'bad', data],
    ['-Y', 'sign', '-n', 'file', '-f', file, '-O', 'hashalg=md5', data],
    ['-Y', 'sign', '-n', 'file', '-f', file, '-O', 'verify-time=20200101', data],
    ['-Y', 'sign', '-n', 'file', '-f', file, folder],
    ['-Y', 'sign', '-n', 'file', '-f', file, '-U', data],
    ['-Y', 'verify'],
    ['-Y', 'verify', '-n', 'file'],
    ['-Y', 'verify', '-n', 'file', '-s', signature],
    ['-Y', 'verify', '-n', 'file', '-s', signature, '-f', allowed],
    ['-Y', 'verify', '-n', 'file', '-s', nowhere, '-f', allowed, '-I', 'me'],
    ['-Y', 'verify', '-n', 'file', '-s', signature, '-f', nowhere, '-I', 'me'],
    ['-Y', 'verify', '-n', 'file', '-s', signature, '-f', allowed, '-I', 'nobody'],
    [...verify, '-O', 'print-pubkey'],
    [...verify, '-O', 'hashalg=sha512'],
    [...verify, '-O', 'verify-time=yesterday'],
    [...verify, '-O', 'Verify-Time=20200101000000Z'],
    [...verify, '-r', `${file}.pub`],
    [...verify, '-r', save(`# nobody\n\n${(await makeKey()).publicLine}\n`)],
    [...verify, '-r', save('no key\n')],
    [...verify, '-r', nowhere],
    ['-q', ...verify],
    ['-E', 'md5', ...verify],
    ['-Y', 'find-principals'],
    ['-Y', 'find-principals', '-s', signature],
    ['-Y', 'find-principals', '-s', signature, '-f', allowed],
    ['-Y', 'find-principals', '-s', signature, '-f', allowed, '-O', 'print-pubkey'],
    ['-Y', 'find-principals', '-s', signature, '-f', nowhere],
    ['-Y', 'find-principals', '-s', nowhere, '-f', allowed],
    ['-Y', 'match-principals'],
    ['-Y', 'match-principals', '-f', allowed],
    ['-Y', 'match-principals', '-f', allowed, '-I', 'me'],
    ['-Y', 'match-principals', '-f', allowed, '-I', 'nobody'],
    ['-Y', 'match-principals', '-f', nowhere, '-I', 'me'],
    ['-Y', 'match-principals', '-f', allowed, '-I', 'me', '-O', 'print-pubkey'],
    ['-Y', 'check-novalidate'],
    ['-Y', 'check-novalidate', '-n', 'file'],
    ['-Y', 'check-novalidate', '-n', 'file', '-s', signature],
    ['-Y', 'check-novalidate', '-n', 'file', '-s', signature, 'ignored'],
    ['-Y', 'check-novalidate', '-n', 'file', '-s', signature, '-O', 'print-pubkey', '-O', 'verify-time=20200101'],
    ['-Y', 'check-novalidate', '-n', 'git', '-s', signature],
    ['-q', '-Y', 'check-novalidate', '-n', 'git', '-s', signature],
  ]) {
    await assertSame(args, { input: message });
  }
});

test('an operation that does not exist ends with the usage text', { skip: skipWords }, async () => {
  for (const mode of ['unknown', 'SIGN', 'find']) {
    const [expected, actual] = await Promise.all([run(theirs, ['-Y', mode]), run(ours, ['-Y', mode])]);
    const first = (result: ProgramResult) => [result.status, result.stderr.split(/\r?\n/, 1)];
    assert.deepEqual(first(actual), first(expected));
    assert.match(actual.stderr, / {7}ssh-keygen -Y verify -f allowed_signers_file -I signer_identity\n/);
  }
});

test('allowed signers, good and bad lines: the same answers and complaints', { skip: skipWords }, async () => {
  const pair = await makeKey();
  const key = pair.publicLine.split(' ').slice(0, 2).join(' ');
  const authority = await makeKey();
  const ca = authority.publicLine.split(' ').slice(0, 2).join(' ');
  const validity = ['-V', '20200101Z:20350101Z'];
  await requireSuccess([
    system,
    '-q',
    '-s',
    authority.file,
    '-I',
    'id',
    '-n',
    'me,my-other',
    ...validity,
    `${pair.file}.pub`,
  ]);
  const signatures: string[] = [];
  for (const file of [pair.file, `${pair.file}-cert.pub`]) {
    const target = save(message);
    await requireSuccess([theirs, '-q', '-Y', 'sign', '-f', file, '-n', 'file', target]);
    signatures.push(`${target}.sig`);
  }
  const files = [
    `me ${key}\n`,
    `me ${key}`,
    `me ${key}\r\n`,
    `  \t me   ${key}   a comment\n`,
    `# me\n\n\t\r\nme ${key}\n`,
    `me\nyou\nme ${key}\n`,
    'me',
    `"me" ${key}\n`,
    `a"me,me" ${key}\n`,
    `"me ${key}\n`,
    'me foo\n',
    'me foo bar\n',
    'me ssh-ed25519 AAAA\n',
    `me ssh-rsa ${key.split(' ')[1]}\n`,
    `me cert-authority ${key}\n`,
    `me cert-authority ${ca}\n`,
    `m*,*other cert-authority ${ca}\n`,
    `you cert-authority ${ca}\n`,
    `me,you CERT-AUTHORITY,NAMESPACES="file" ${ca}\nme ${key}\n`,
    `me ${ca}\nme cert-authority,valid-after="20300101" ${ca}\n`,
    `me cert-authorityx ${ca}\n`,
    `me namespaces="git" ${key}\nm? namespaces="f*" ${key}\n`,
    `me namespaces="f*,!file" ${key}\n`,
    `me namespaces=file ${key}\n`,
    `me namespaces="file ${key}\n`,
    `me namespaces="a \\"quoted\\" one,file" ${key}\n`,
    `me namespaces="file",namespaces="x" ${key}\n`,
    `me namespaces="file", ${key}\n`,
    `me ,namespaces="file" ${key}\n`,
    `me namespaces="file"x ${key}\n`,
    `me valid-after="20300101" ${key}\n`,
    `me valid-before="20200101000000Z" ${key}\n`,
    `me valid-after="20200101UTC",valid-before="20400101120000" ${key}\n`,
    `me valid-before="20200101",valid-after="20210101" ${key}\n`,
    `me valid-after="1960" ${key}\n`,
    `me valid-after="",valid-before="x" ${key}\n`,
    `me valid-after="20200101",valid-after="20200101" ${key}\n`,
    `!me,* ${key}\n*,!x ssh-ed25519 AAAA\nm? ${key} comment\n`,
    `*,!me ${key}\n`,
    `ME ${key}\n`,
    `you ${key}\nother bad line\nme ${key}\n`,
    '',
    '\n\n',
  ];
  for (const text of files) {
    const allowed = save(text);
    const isForAuthority = text.includes('cert-');
    for (const signature of isForAuthority ? signatures : signatures.slice(0, 1)) {
      await assertSame(['-Y', 'verify', '-f', allowed, '-I', 'me', '-n', 'file', '-s', signature], { input: message });
      await assertSame(['-Y', 'find-principals', '-f', allowed, '-s', signature]);
    }
    if (isForAuthority || text.includes('valid-')) {
      for (const time of ['20250601120000Z', '20360101']) {
        const args = ['-Y', 'find-principals', '-f', allowed, '-s', signatures[isForAuthority ? 1 : 0] as string];
        await assertSame([...args, '-O', `verify-time=${time}`]);
      }
    }
    await assertSame(['-Y', 'match-principals', '-f', allowed, '-I', 'me']);
  }
});

test('signature files that are broken: the same answers and complaints', { skip: skipWords }, async () => {
  const { file, publicLine } = await makeKey();
  const allowed = save(`me ${publicLine}\n`);
  const key = await parsePrivateKey(readFileSync(file));
  const good = await signMessage({ signer: key, namespace: 'file', message });
  const armored = formatMessageSignature(good);
  const blob = encodeMessageSignature(good);
  const armor = (bytes: Uint8Array) =>
    `-----BEGIN SSH SIGNATURE-----\n${Buffer.from(bytes).toString('base64')}\n-----END SSH SIGNATURE-----\n`;
  const changed = (changes: Partial<MessageSignature>) => formatMessageSignature({ ...good, ...changes });
  const withVersion = (version: number) => {
    const copy = Buffer.from(blob);
    copy.writeUInt32BE(version, 6);
    return armor(copy);
  };
  const texts = [
    '',
    'no signature',
    'no signature at all, and longer than the header is',
    `\n${armored}`,
    armored.replaceAll('\n', '\r\n'),
    `${armored}and more\n`,
    armored.replace(/-----END.*/s, ''),
    '-----BEGIN SSH SIGNATURE-----\nAAAA\n',
    '-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n',
    '-----BEGIN SSH SIGNATURE-----\n!!!!\n-----END SSH SIGNATURE-----\n',
    armor(Buffer.concat([Buffer.from('XXHSIG'), blob.subarray(6)])),
    withVersion(2),
    withVersion(0xffffffff),
    armor(Buffer.concat([blob, Buffer.of(0)])),
    armor(blob.subarray(0, blob.length - 1)),
    armor(blob.subarray(0, 30)),
    armor(blob.subarray(0, 8)),
    changed({ hash: 'md5' }),
    changed({ hash: 'sha256' }),
    changed({ namespace: 'git' }),
    changed({ signature: encodeSignature('ssh-ed25519', Buffer.alloc(64, 1)) }),
    armor(Buffer.from(blob.toString('latin1').replace('ssh-ed25519', 'ssh-ed25518'), 'latin1')),
  ];
  for (const text of texts) {
    await assertSame(['-Y', 'check-novalidate', '-n', 'file', '-s', save(text)], { input: message });
    await assertSame(['-Y', 'verify', '-n', 'file', '-f', allowed, '-I', 'me', '-s', save(text)], { input: message });
  }
  for (const text of texts.slice(0, 10)) await assertSame(['-Y', 'find-principals', '-f', allowed, '-s', save(text)]);
});

test('RSA with SHA-1 is refused by both', { skip: skipWords }, async () => {
  const { file } = await makeKey({ type: 'rsa' });
  const key = await parsePrivateKey(readFileSync(file));
  const good = await signMessage({ signer: key, namespace: 'file', message });
  const signature = await key.sign(Buffer.from('whatever'), 'ssh-rsa');
  const path = save(formatMessageSignature({ ...good, signature }));
  const { stderr } = await assertSame(['-Y', 'check-novalidate', '-n', 'file', '-s', path], { input: message });
  assert.match(stderr, /unsupported RSA signature algorithm ssh-rsa/);
});

test('stricter than OpenSSH: an old version, reserved bytes, a signature that is cut where only its key is wanted', {
  skip,
}, async () => {
  const { file, publicLine } = await makeKey();
  const allowed = save(`me ${publicLine}\n`);
  const key = await parsePrivateKey(readFileSync(file));
  const good = await signMessage({ signer: key, namespace: 'file', message });
  const reserved = save(formatMessageSignature({ ...good, reserved: Buffer.from('x') }));
  const check = ['-Y', 'check-novalidate', '-n', 'file', '-s'];
  assert.equal((await run(system, [...check, reserved], { input: message })).status, 0);
  assert.equal((await run(ours, [...check, reserved], { input: message })).status, 255);
  const blob = encodeMessageSignature(good);
  const cut = blob.subarray(0, -1).toString('base64');
  const path = save(`-----BEGIN SSH SIGNATURE-----\n${cut}\n-----END SSH SIGNATURE-----\n`);
  const found = await run(ours, ['-Y', 'find-principals', '-f', allowed, '-s', path]);
  assert.deepEqual([found.status, found.stdout.toString()], [255, '']);
});

test('private keys that cannot be used, and passphrases: the same words', { skip: skipWords }, async () => {
  const locked = await makeKey({ passphrase: 'right' });
  const sign = (path: string, ...more: string[]) => ['-Y', 'sign', '-q', '-n', 'file', '-f', path, ...more];
  const input = { input: 'right\n' };
  const target = save(message);
  for (const program of [theirs, ours]) {
    const result = await run(program, sign(locked.file, target), input);
    assert.deepEqual([result.status, result.stderr], [0, `Enter passphrase for "${locked.file}": `]);
    writeFileSync(`${target}.sig`, '');
    const { status } = await run(program, [...sign(locked.file), '-P', 'right'], { input: message });
    assert.equal(status, 0);
    // Only the question's answer decides whether the file is replaced.
    assert.equal(readFileSync(`${target}.sig`).length, 0);
    await runProgram(['rm', `${target}.sig`]);
  }
  await assertSame(sign(locked.file, data), { input: 'wrong\n' });
  await assertSame([...sign(locked.file, data), '-P', 'wrong']);
  const alone = fresh('.pub');
  copyFileSync(`${locked.file}.pub`, alone);
  await assertSame(sign(alone, data));
  const open = await makeKey();
  chmodSync(open.file, 0o644);
  await assertSame(sign(open.file, data));
  const other = await makeKey();
  copyFileSync(`${locked.file}.pub`, `${other.file}.pub`);
  await assertSame(sign(other.file, data));
  await assertSame(sign(`${other.file}.pub`, data));
  const cut = await makeKey();
  writeFileSync(cut.file, readFileSync(cut.file, 'utf8').slice(0, 100));
  await assertSame(sign(cut.file, data));
});

test('a signature that is there is replaced after a yes alone; several files are signed in order', {
  skip: skipWords,
}, async () => {
  const { file } = await makeKey();
  const results: unknown[] = [];
  for (const [index, program] of [theirs, ours].entries()) {
    const cwd = join(folder, `overwrite-${index}`);
    mkdirSync(cwd);
    for (const name of ['one', 'two']) writeFileSync(join(cwd, name), name);
    writeFileSync(join(cwd, 'one.sig'), 'old');
    const sign = async (input: string | undefined, ...names: string[]) => {
      const args = ['-Y', 'sign', '-n', 'file', '-f', file, ...names];
      const result = outcome(await run(program, args, { cwd, ...(input !== undefined && { input }) }));
      return { ...result, one: readFileSync(join(cwd, 'one.sig'), 'utf8'), two: existsSync(join(cwd, 'two.sig')) };
    };
    results.push([
      await sign('n\n', 'one', 'two'),
      await sign('', 'one'),
      await sign('yes\n', 'one'),
      await sign(undefined, 'missing', 'one'),
    ]);
  }
  assert.deepEqual(results[1], results[0]);
});

test('keys of an agent: Debian’s ssh-agent signs for a public key file', {
  skip: missing('ssh-agent', 'ssh-add') || skipWords,
}, async () => {
  const socket = join(makeFolder('agent'), 'agent.sock');
  const agent = startProgram([openSshProgram('ssh-agent'), '-D', '-a', socket]);
  await agent.waitForLog(/SSH_AUTH_SOCK/);
  const env = { SSH_AUTH_SOCK: socket };
  const inAgent = await makeKey({ type: 'rsa' });
  const absent = await makeKey();
  await requireSuccess([system, '-q', '-s', absent.file, '-I', 'id', '-n', 'me', `${inAgent.file}.pub`]);
  await requireSuccess(['ssh-add', '-q', inAgent.file], { env });
  const sign = (path: string, ...more: string[]) => ['-Y', 'sign', '-n', 'file', '-f', path, ...more];
  for (const ending of ['.pub', '-cert.pub']) {
    const alone = fresh('.pub');
    copyFileSync(`${inAgent.file}${ending}`, alone);
    await assertSame(sign(alone), { input: message, env });
    await assertSame(sign(alone, '-U', '-O', 'hashalg=sha256'), { input: message, env });
  }
  await assertSame(sign(absent.file), { input: message, env });
  await assertSame(sign(absent.file, '-U'), { input: message, env });
  await assertSame(sign(absent.file, '-U'), { input: message, env: { SSH_AUTH_SOCK: join(folder, 'no-socket') } });
  // Locked, an agent has no keys.
  await requireSuccess(['ssh-add', '-q', '-D'], { env });
  await assertSame(sign(`${inAgent.file}.pub`, '-U'), { input: message, env });
  await requireSuccess(['ssh-add', '-q', '-c', inAgent.file], { env });
  const refused = await assertSame(sign(`${inAgent.file}.pub`, data), { env });
  assert.match(refused.stderr, /agent refused operation/);
  await agent.stop();
});
