/** Every key type in every format: what we write other programs read, and what they write we read, open and encrypted. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  formatPrivateKey,
  formatPublicKey,
  keyFileCipherNames,
  type PrivateKey,
  type PrivateKeyFormatName,
  parsePrivateKey,
  parsePublicKey,
} from '@nacre/ssh/keys';
import {
  findProgram,
  type KeyPair,
  keyTypes,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSsh10Folder,
  type ProgramResult,
  requireSuccess,
  runProgram,
  type TestKeyType,
} from '../harness/index.ts';

const skip = missing('ssh-keygen', 'nacre:ssh-keygen');
const skipPutty = skip || missing('puttygen');
const theirs = findProgram('ssh-keygen') ?? 'ssh-keygen';
const ours = nacreProgram('ssh-keygen');
const folder = makeFolder('key-formats');
const phrase = 'open it';
let made = 0;

function save(content: string | Uint8Array): string {
  const file = join(folder, `file-${++made}`);
  writeFileSync(file, content);
  chmodSync(file, 0o600);
  return file;
}

const phraseFile = save(`${phrase}\n`);
const emptyFile = save('');

/** Type and base64 of a line. */
function plain(line: string): string {
  return line.trim().split(' ').slice(0, 2).join(' ');
}

async function run(program: string, args: readonly string[], input?: string): Promise<ProgramResult> {
  const setsid = findProgram('setsid');
  return await runProgram(setsid === undefined ? [program, ...args] : [setsid, '-w', program, ...args], {
    env: { DISPLAY: undefined, WAYLAND_DISPLAY: undefined, SSH_ASKPASS_REQUIRE: undefined },
    ...(input !== undefined && { input }),
  });
}

const pairs = new Map<TestKeyType, Promise<KeyPair>>();

function pairOf(type: TestKeyType): Promise<KeyPair> {
  let pair = pairs.get(type);
  if (pair === undefined) {
    pair = makeKey({ type, ...(type === 'rsa' && { bits: 2048 }) });
    pairs.set(type, pair);
  }
  return pair;
}

async function keyOf(type: TestKeyType): Promise<PrivateKey> {
  return await parsePrivateKey(readFileSync((await pairOf(type)).file));
}

/** What puttygen is told of passphrases, so that it asks nobody. */
const phrases = (old: boolean, next: boolean): string[] => [
  ...['--old-passphrase', old ? phraseFile : emptyFile],
  ...['--new-passphrase', next ? phraseFile : emptyFile],
];

interface Row {
  readonly format: PrivateKeyFormatName;
  readonly types: readonly TestKeyType[];
  readonly encrypts: boolean;
  /** Shows the public key of a file of ours. */
  readonly show: (file: string, encrypted: boolean) => Promise<string>;
  readonly missing: string | false;
  /** Writes a file of an OpenSSH key; absent where the other program only reads. */
  readonly make?: (pair: KeyPair, encrypted: boolean) => Promise<string>;
}

const showByKeygen: Row['show'] = async (file, encrypted) =>
  await requireSuccess([theirs, '-y', '-P', encrypted ? phrase : '', '-f', file]);
const showByPuttygen: Row['show'] = async (file, encrypted) =>
  await requireSuccess(['puttygen', file, '-O', 'public-openssh', ...phrases(encrypted, false).slice(0, 2)]);
const makeByKeygen =
  (format: string): NonNullable<Row['make']> =>
  async ({ file }, encrypted) => {
    const copy = save(readFileSync(file));
    await requireSuccess([
      theirs,
      '-p',
      '-q',
      '-P',
      '',
      '-N',
      encrypted ? phrase : '',
      '-a',
      '2',
      '-m',
      format,
      '-f',
      copy,
    ]);
    return copy;
  };
const makeByPuttygen =
  (...flags: string[]): NonNullable<Row['make']> =>
  async ({ file }, encrypted) => {
    const converted = save('');
    let from = file;
    if (flags[0]?.startsWith('private-openssh')) {
      // By way of PuTTY's own format: where the format stays the same, puttygen finds nothing to do.
      from = save('');
      await requireSuccess(['puttygen', file, '-O', 'private', '-o', from, ...phrases(false, false)]);
    }
    await requireSuccess(['puttygen', from, '-O', ...flags, '-o', converted, ...phrases(false, encrypted)]);
    return converted;
  };

const notEd25519 = keyTypes.filter((type) => type !== 'ed25519');
const rows: readonly Row[] = [
  {
    format: 'openssh',
    types: keyTypes,
    encrypts: true,
    show: showByKeygen,
    missing: skip,
    make: makeByKeygen('RFC4716'),
  },
  {
    format: 'openssh',
    types: keyTypes,
    encrypts: true,
    show: showByPuttygen,
    missing: skipPutty,
    make: makeByPuttygen('private-openssh-new'),
  },
  {
    format: 'pkcs8',
    types: notEd25519,
    encrypts: true,
    show: showByKeygen,
    missing: skip,
    make: makeByKeygen('PKCS8'),
  },
  { format: 'pkcs1', types: ['rsa'], encrypts: true, show: showByKeygen, missing: skip, make: makeByKeygen('PEM') },
  {
    format: 'pkcs1',
    types: ['rsa'],
    encrypts: true,
    show: showByPuttygen,
    missing: skipPutty,
    make: makeByPuttygen('private-openssh'),
  },
  {
    format: 'sec1',
    types: ['ecdsa-256', 'ecdsa-384', 'ecdsa-521'],
    encrypts: true,
    show: showByKeygen,
    missing: skip,
    make: makeByKeygen('PEM'),
  },
  {
    format: 'ppk',
    types: keyTypes,
    encrypts: true,
    show: showByPuttygen,
    missing: skipPutty,
    make: makeByPuttygen('private'),
  },
  {
    format: 'ppk',
    types: keyTypes,
    encrypts: true,
    show: showByPuttygen,
    missing: skipPutty,
    make: makeByPuttygen('private', '--ppk-param', 'version=2'),
  },
  {
    format: 'sshcom',
    types: ['rsa'],
    encrypts: true,
    show: showByPuttygen,
    missing: skipPutty,
    make: makeByPuttygen('private-sshcom'),
  },
  {
    format: 'jwk',
    types: keyTypes,
    encrypts: false,
    missing: skip || missing('python3', 'python3:cryptography'),
    show: async (file) => await requireSuccess([python, '-c', readJwk, file]),
  },
];

const python = '/usr/bin/python3';
/** The numbers of the file, made into a key by another library, shown as OpenSSH's line. */
const readJwk = `
import base64, json, sys
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
key = json.load(open(sys.argv[1]))
raw = lambda name: base64.urlsafe_b64decode(key[name] + '=' * (-len(key[name]) % 4))
number = lambda name: int.from_bytes(raw(name), 'big')
if key['kty'] == 'OKP':
    private = ed25519.Ed25519PrivateKey.from_private_bytes(raw('d'))
elif key['kty'] == 'EC':
    curve = {'P-256': ec.SECP256R1, 'P-384': ec.SECP384R1, 'P-521': ec.SECP521R1}[key['crv']]()
    private = ec.EllipticCurvePrivateNumbers(number('d'), ec.EllipticCurvePublicNumbers(number('x'), number('y'), curve)).private_key()
else:
    public = rsa.RSAPublicNumbers(number('e'), number('n'))
    private = rsa.RSAPrivateNumbers(*(number(name) for name in ('p', 'q', 'd', 'dp', 'dq', 'qi')), public).private_key()
print(private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode())
`;

for (const [index, row] of rows.entries()) {
  for (const type of row.types) {
    test(`${type} as ${row.format} (row ${index}): they read ours, we read theirs`, { skip: row.missing }, async () => {
      const pair = await pairOf(type);
      const key = await keyOf(type);
      for (const encrypted of row.encrypts ? [false, true] : [false]) {
        const written = await formatPrivateKey(key, row.format, { passphrase: encrypted ? phrase : '', rounds: 2 });
        assert.equal(plain(await row.show(save(written), encrypted)), plain(pair.publicLine));
        if (row.make === undefined) continue;
        const file = await row.make(pair, encrypted);
        const read = await parsePrivateKey(readFileSync(file), { passphrase: encrypted ? phrase : '' });
        assert.ok(read.publicKey.equals(key.publicKey));
        // The tool reads with the same code; once for each kind of file is enough.
        if (encrypted !== row.encrypts) continue;
        const shown = await requireSuccess([ours, '-y', '-P', encrypted ? phrase : '', '-f', file]);
        assert.equal(plain(shown), plain(pair.publicLine));
      }
    });
  }
}

test('every cipher of OpenSSH files, both ways', { skip: skip || missing('openssh-10') }, async () => {
  const pair = await pairOf('ed25519');
  const key = await keyOf('ed25519');
  for (const cipher of keyFileCipherNames) {
    const file = save(await formatPrivateKey(key, 'openssh', { passphrase: phrase, rounds: 1, cipher }));
    assert.equal(plain(await showByKeygen(file, true)), plain(pair.publicLine), cipher);
    const copy = save(readFileSync(pair.file));
    await requireSuccess([theirs, '-p', '-q', '-P', '', '-N', phrase, '-a', '1', '-Z', cipher, '-f', copy]);
    assert.ok(
      (await parsePrivateKey(readFileSync(copy), { passphrase: phrase })).publicKey.equals(key.publicKey),
      cipher,
    );
  }
  for (const args of [
    ['-p', '-N', '', '-Z', 'rot13'],
    ['-t', 'ed25519', '-N', '', '-Z', 'rot13'],
  ]) {
    const [expected, actual] = [
      await run(theirs, [...args, '-f', pair.file]),
      await run(ours, [...args, '-f', pair.file]),
    ];
    assert.deepEqual([actual.status, actual.stderr.trim()], [expected.status, expected.stderr.trim()]);
  }
});

test('public keys in every format, both ways', { skip: skipPutty }, async () => {
  for (const type of keyTypes) {
    const { file, publicLine } = await pairOf(type);
    const { key } = parsePublicKey(publicLine);
    const rfc4716 = save(formatPublicKey(key, 'a "comment"', 'rfc4716'));
    assert.equal(plain(await requireSuccess([theirs, '-i', '-f', rfc4716])), plain(publicLine));
    const byPutty = await requireSuccess(['puttygen', file, '-O', 'public', ...phrases(false, false).slice(0, 2)]);
    assert.ok(parsePublicKey(byPutty).key.equals(key));
    assert.ok(parsePublicKey(formatPublicKey(key, 'kid', 'jwk')).key.equals(key));
    if (type === 'ed25519') continue;
    const spki = save(formatPublicKey(key, '', 'spki'));
    assert.equal(plain(await requireSuccess([theirs, '-i', '-m', 'PKCS8', '-f', spki])), plain(publicLine));
  }
});

test('ssh-keygen -i converts the files of ssh.com and PuTTY', { skip: skipPutty }, async () => {
  const pair = await pairOf('rsa');
  const open = await makeByPuttygen('private-sshcom')(pair, false);
  const locked = await makeByPuttygen('private-sshcom')(pair, true);
  const [expected, actual] = [await run(theirs, ['-i', '-f', open]), await run(ours, ['-i', '-f', open])];
  assert.equal(actual.stdout.toString(), expected.stdout.toString());
  assert.match(actual.stdout.toString(), /BEGIN RSA PRIVATE KEY/);
  // Byte for byte the file that puttygen writes.
  const written = await formatPrivateKey(await keyOf('rsa'), 'sshcom');
  assert.equal(written, readFileSync(open, 'utf8'));
  assert.equal((await run(theirs, ['-i', '-f', save(written)])).status, 0);
  // Encrypted ones are beyond OpenSSH.
  const asked = await run(ours, ['-i', '-f', locked], `${phrase}\n`);
  assert.equal(asked.stdout.toString(), expected.stdout.toString());
  const wrong = await run(ours, ['-i', '-f', locked, '-P', 'wrong']);
  assert.equal(wrong.status, 255);
  assert.match(wrong.stderr, /^do_convert_from_ssh2: private key conversion failed .*incorrect passphrase/);
  assert.equal(wrong.stdout.length, 0);
  const ppk = await makeByPuttygen('private')(await pairOf('ed25519'), false);
  const converted = save((await run(ours, ['-i', '-f', ppk])).stdout);
  assert.equal(plain(await showByKeygen(converted, false)), plain((await pairOf('ed25519')).publicLine));
});

test('bad files: the same status, an error that names the file, and nothing is changed', {
  skip: skipPutty,
}, async () => {
  const rsa = readFileSync(await makeByPuttygen('private-sshcom')(await pairOf('rsa'), false), 'utf8');
  const jwk = await formatPrivateKey(await keyOf('ecdsa-256'), 'jwk');
  const openssh = readFileSync((await pairOf('ed25519')).file, 'utf8');
  const bad = [
    rsa.slice(0, 400),
    rsa.replace('P2/56w', 'P2/57w'),
    jwk.slice(0, 90),
    jwk.replace('P-256', 'P-384'),
    jwk.replace('"EC"', '"RSA"'),
    openssh.slice(0, 200),
    openssh.replace('b3BlbnNzaC1rZXk', 'b3BlbnNzaC1rZXl'),
    'x'.repeat(2 * 1024 * 1024),
    '',
  ];
  for (const [index, content] of bad.entries()) {
    const file = save(content);
    for (const mode of [['-y'], ['-p', '-N', 'secret', '-P', ''], ['-c', '-C', 'new', '-P', '']]) {
      const { status, stdout, stderr } = await run(ours, [...mode, '-f', file]);
      assert.equal(status, 255, `${mode[0]} of file ${index}`);
      assert.ok(stderr.includes(file), stderr);
      assert.equal(stdout.length, 0);
      assert.equal(readFileSync(file, 'utf8'), content);
      assert.equal((await run(theirs, [...mode, '-f', file])).status, 255);
    }
  }
});

test('-t of tokens and of keys that are not made ends as in OpenSSH', {
  skip: skip || missing('openssh-10'),
}, async () => {
  const tenth = join(openSsh10Folder, 'usr', 'bin', 'ssh-keygen');
  const target = join(folder, 'never');
  for (const args of [
    ['-t', 'ed25519-sk'],
    ['-t', 'ecdsa-sk', '-O', 'resident'],
    ['-q', '-t', 'ecdsa-sk', '-O', 'foo'],
    ['-q', '-t', 'ecdsa-sk', '-O', 'application=foo'],
    ['-q', '-t', 'ed25519-sk', '-O', 'challenge=/nonexistent'],
    ['-t', 'dsa'],
    ['-t', 'mldsa44-ed25519'],
    ['-t', 'nonsense'],
    ['-K', '-O', 'foo'],
  ]) {
    const outcome = ({ status, stdout, stderr }: ProgramResult) => ({
      status,
      stdout: stdout.toString(),
      stderr: stderr.replaceAll('\r', '').replace(/ \(.*\)$/gm, ''),
    });
    const [expected, actual] = [
      await run(tenth, [...args, '-N', '', '-f', target]),
      await run(ours, [...args, '-N', '', '-f', target]),
    ];
    assert.deepEqual(outcome(actual), outcome(expected), args.join(' '));
    assert.throws(() => statSync(target), { code: 'ENOENT' });
  }
  for (const args of [['-D', '/usr/lib/nothing.so'], ['-K']]) {
    const [expected, actual] = [await run(tenth, args), await run(ours, args)];
    assert.equal(actual.status, expected.status);
    const [lastWords = ''] = expected.stderr.trim().split('\n').slice(-1);
    assert.ok(actual.stderr.startsWith(lastWords.trim()), actual.stderr);
  }
});

test('-A makes the host keys that are missing, and no others', { skip }, async () => {
  const [one, two] = [makeFolder('host-keys'), makeFolder('host-keys')];
  for (const prefix of [one, two]) await requireSuccess(['mkdir', '-p', join(prefix, 'etc', 'ssh')]);
  const there = join(one, 'etc', 'ssh', 'ssh_host_ed25519_key');
  writeFileSync(there, 'not empty');
  writeFileSync(join(one, 'etc', 'ssh', 'ssh_host_ecdsa_key'), '');
  const first = await run(ours, ['-A', '-f', one]);
  assert.deepEqual(
    [first.status, first.stdout.toString(), first.stderr],
    [0, 'ssh-keygen: generating new host keys: RSA ECDSA \n', ''],
  );
  assert.equal(readFileSync(there, 'utf8'), 'not empty');
  for (const [name, shown] of [
    ['rsa', '3072 SHA256:'],
    ['ecdsa', '256 SHA256:'],
  ] as const) {
    const file = join(one, 'etc', 'ssh', `ssh_host_${name}_key`);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.ok((await requireSuccess([theirs, '-l', '-f', file])).startsWith(shown));
    assert.equal(plain(await requireSuccess([theirs, '-y', '-f', file])), plain(readFileSync(`${file}.pub`, 'utf8')));
  }
  const again = await run(ours, ['-A', '-f', one]);
  assert.deepEqual([again.status, again.stdout.length], [0, 0]);
  const whole = await run(ours, ['-A', '-f', two]);
  assert.equal(whole.stdout.toString(), 'ssh-keygen: generating new host keys: RSA ECDSA ED25519 \n');
  const nowhere = await run(ours, ['-A', '-f', join(two, 'none')]);
  assert.equal(nowhere.status, 0);
  assert.match(nowhere.stderr, /^(Could not save your private key in .*_key: No such file or directory\n){3}$/);
});

test('-O expiry gives a line that sshd takes until then', { skip }, async () => {
  const file = join(folder, 'expiring');
  const made = await run(ours, ['-q', '-t', 'ed25519', '-N', '', '-C', 'me', '-O', 'expiry=+90d', '-f', file]);
  const publicLine = readFileSync(`${file}.pub`, 'utf8');
  const [, digits = '', key] = /^expiry-time="(\d{14})Z" (.*\n)$/.exec(made.stdout.toString()) ?? [];
  assert.equal(key, publicLine);
  const expires = Date.UTC(
    ...([
      digits.slice(0, 4),
      Number(digits.slice(4, 6)) - 1,
      digits.slice(6, 8),
      digits.slice(8, 10),
      digits.slice(10, 12),
      digits.slice(12),
    ].map(Number) as [number, number]),
  );
  assert.ok(Math.abs(expires - Date.now() - 90 * 86_400_000) < 60_000);
  const shown = await run(ours, ['-y', '-O', 'expiry=20991231Z', '-f', file]);
  assert.equal(shown.stdout.toString(), `expiry-time="20991231000000Z" ${publicLine}`);
  for (const bad of ['20200101', 'soon', '', '+0s']) {
    const { status, stdout, stderr } = await run(ours, [
      '-t',
      'ed25519',
      '-N',
      '',
      '-O',
      `expiry=${bad}`,
      '-f',
      `${file}-2`,
    ]);
    assert.deepEqual([status, stdout.length], [255, 0]);
    assert.match(stderr, /^ssh-keygen: the expiry time/);
    assert.throws(() => statSync(`${file}-2`), { code: 'ENOENT' });
  }
});
