/** Key revocation lists: what OpenSSH writes and what we write say the same to both, and both sshd obey either. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { parsePublicKey } from '@nacre/ssh/keys';
import { parseRevocationList, RevocationListDraft, readKeyRevocationList } from '@nacre/ssh/trust/revocation-list';
import fc from 'fast-check';
import {
  currentUser,
  findProgram,
  type KeyPair,
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
} from '../harness/index.ts';

const skip = missing('nacre:ssh-keygen', 'ssh-keygen');
const ours = nacreProgram('ssh-keygen');
const theirs = findProgram('ssh-keygen') ?? 'ssh-keygen';
const theirsToo = missing('openssh-10') === false ? [openSshProgram('ssh-keygen', '10.0')] : [];
const folder = makeFolder('krl');
let made = 0;

/** A path that nothing has yet. */
function fresh(name = 'file'): string {
  return join(folder, `${name}-${++made}`);
}

function write(content: string | Uint8Array, name?: string): string {
  const file = fresh(name);
  writeFileSync(file, content);
  return file;
}

function run(program: string, args: readonly string[], input?: string): Promise<ProgramResult> {
  return runProgram([program, ...args], { ...(input !== undefined && { input }) });
}

/** What must be equal: status, output, complaints (of which ours may say more in parentheses, and theirs end in CR LF). */
function outcome({ status, stdout, stderr }: ProgramResult) {
  return {
    status,
    stdout: stdout.toString('latin1'),
    stderr: stderr.replaceAll('\r\n', '\n').replace(/ \([^\n]*\)$/gm, ''),
  };
}

/** Stands for a file that each program writes for itself: two that write one at the same time disturb each other. */
const ownFile = '<a file of its own>';

async function assertSame(args: readonly string[], input?: string): Promise<ReturnType<typeof outcome>> {
  const programs = [theirs, ...theirsToo];
  const words = () => args.map((word) => (word === ownFile ? fresh() : word));
  const [actual, ...expected] = await Promise.all([ours, ...programs].map((program) => run(program, words(), input)));
  const result = outcome(actual as ProgramResult);
  for (const [i, each] of expected.entries()) {
    assert.deepEqual(result, outcome(each), `${programs[i]} ${args.join(' ')}`);
  }
  return result;
}

let ca: KeyPair;
let otherCa: KeyPair;
let keys: KeyPair[];
/** Public key and certificate files to ask about. */
let asked: string[];

before(async () => {
  if (skip) return;
  ca = await makeKey({ comment: 'the authority' });
  otherCa = await makeKey({ type: 'ecdsa-256', comment: 'another' });
  keys = [
    await makeKey({ comment: 'one' }),
    await makeKey({ type: 'rsa', comment: '' }),
    await makeKey({ type: 'ecdsa-384', comment: 'three words here' }),
  ];
  asked = [`${ca.file}.pub`, `${otherCa.file}.pub`, ...keys.flatMap(({ file }) => [`${file}.pub`, file])];
  for (const [authority, serial, id] of [
    [ca, '5', 'alice'],
    [ca, '15', 'bob smith'],
    [ca, '1000', 'zoë'],
    [ca, '0', 'without serial'],
    [otherCa, '5', 'alice'],
    [otherCa, '18446744073709551615', 'last'],
  ] as const) {
    asked.push(await certify(authority, serial, id));
  }
});

async function certify(authority: KeyPair, serial: string, id: string): Promise<string> {
  const [subject] = keys as [KeyPair];
  const plain = write(`${subject.publicLine}\n`, 'subject');
  const file = `${plain}.pub`;
  writeFileSync(file, `${subject.publicLine}\n`);
  await requireSuccess([theirs, '-q', '-s', authority.file, '-I', id, '-z', serial, '-n', currentUser(), file]);
  return `${plain}-cert.pub`;
}

/** Fingerprint of a key as `hash:` takes it. */
function hashOf(line: string): string {
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`;
}

interface Entry {
  readonly name: string;
  readonly lines: () => string[];
  /** Flags besides -k and -f. */
  readonly flags?: () => string[];
}

const byCa = () => ['-s', `${ca.file}.pub`];
const line = (i: number) => (keys[i] as KeyPair).publicLine;

const entries: readonly Entry[] = [
  { name: 'nothing', lines: () => [] },
  { name: 'comments and empty lines', lines: () => ['', '# nothing', '   \t', '  # still nothing'] },
  { name: 'a serial', flags: byCa, lines: () => ['serial: 5'] },
  {
    name: 'a serial in hexadecimal and octal',
    flags: byCa,
    lines: () => ['serial: 0x3e8', 'SERIAL:017', 'serial: +5'],
  },
  { name: 'a range', flags: byCa, lines: () => ['serial: 1-10'] },
  { name: 'all serials', flags: byCa, lines: () => ['serial: 1-18446744073709551615'] },
  {
    name: 'ranges that touch',
    flags: byCa,
    lines: () => ['serial: 6-9', 'serial: 1-5', 'serial: 12', 'serial: 10-11'],
  },
  {
    name: 'a bitmap',
    flags: byCa,
    lines: () => Array.from({ length: 200 }, (_, i) => `serial: ${5 + 3 * i + (i % 7 === 0 ? 1 : 0)}`),
  },
  {
    name: 'serials far apart',
    flags: byCa,
    lines: () => ['serial: 5', 'serial: 4294967296', 'serial: 18446744073709551615'],
  },
  {
    name: 'list, range and bitmap',
    flags: byCa,
    lines: () => ['serial: 5', 'serial: 100000-200000', 'serial: 7', 'serial: 15'],
  },
  { name: 'serials of any authority', flags: () => ['-s', 'none'], lines: () => ['serial: 5', 'serial: 15-20'] },
  { name: 'another authority', flags: () => ['-s', `${otherCa.file}.pub`], lines: () => ['serial: 5', 'id: last'] },
  { name: 'the authority by its private file', flags: () => ['-s', ca.file], lines: () => ['serial: 5'] },
  { name: 'key ids', flags: byCa, lines: () => ['id: bob smith  ', 'id:alice # with a comment', 'id: zoë', 'Id:'] },
  {
    name: 'key ids of any authority',
    flags: () => ['-s', 'NONE'],
    lines: () => ['id: alice', 'id: last', 'id: tab\there'],
  },
  { name: 'key:', lines: () => [`key: ${line(0)}`, `key:${line(1)}`] },
  { name: 'sha1:', lines: () => [`sha1: ${line(0)}`, `sha1: ${line(2)}`] },
  { name: 'sha256:', lines: () => [`sha256: ${line(1)}`, `sha256: ${ca.publicLine}`] },
  { name: 'hash:', lines: () => [`hash: ${hashOf(line(0))}`, `hash: ${hashOf(otherCa.publicLine)}`] },
  { name: 'keys as they are', lines: () => keys.map(({ publicLine }) => publicLine) },
  { name: 'certificates as they are', lines: () => asked.slice(-6).map((file) => readFileSync(file, 'utf8').trim()) },
  { name: 'certificates by key:', lines: () => [`key: ${readFileSync(asked.at(-1) ?? '', 'utf8').trim()}`] },
  { name: 'version and comment', flags: () => ['-z', '42', '-C', 'a comment, ünd more'], lines: () => [line(2)] },
  {
    name: 'everything at once',
    flags: () => [...byCa(), '-z', '18446744073709551615'],
    lines: () => ['serial: 5-9', 'id: x', `key: ${line(0)}`, `sha1: ${line(0)}`, `sha256: ${line(1)}`, line(2)],
  },
];

/** The list without the second at which it was made. */
function undated(file: string): Buffer {
  const bytes = readFileSync(file);
  return bytes.fill(0, 20, 28);
}

const withoutDate = (text: string) => text.replace(/^# Generated at .*$/m, '');

test('every kind of entry: written by either, it says the same to both', { skip }, async (t) => {
  for (const { name, lines, flags = () => [] } of entries) {
    await t.test(name, async () => {
      const specification = write(`${lines().join('\n')}\n`, 'specification');
      const [byUs, byThem] = [fresh('ours'), fresh('theirs')];
      const made = await Promise.all(
        [
          [ours, byUs],
          [theirs, byThem],
        ].map(([program = '', file = '']) => run(program, ['-k', '-f', file, ...flags(), specification])),
      );
      assert.deepEqual(...(made.map(outcome) as [object, object]));
      assert.equal(made[0]?.status, 0);
      assert.ok(statSync(byUs).size <= statSync(byThem).size, 'ours is larger than theirs');
      const listings: string[] = [];
      for (const file of [byUs, byThem]) {
        const { stdout } = await assertSame(['-Q', '-l', '-f', file, ...asked]);
        listings.push(withoutDate(stdout));
      }
      assert.equal(listings[0], listings[1]);
    });
  }
});

test('lists that grow: -u over the other’s file, and over one’s own', { skip }, async () => {
  for (const first of [ours, theirs]) {
    const [byUs, byThem] = [fresh('ours'), fresh('theirs')];
    const start = write(`serial: 5\nid: alice\n${line(1)}\n`);
    const more = write(`serial: 6-20\nid: bob smith\nsha1: ${line(2)}\nkey: ${line(0)}\n`);
    await requireSuccess([first, '-q', '-k', '-f', byUs, '-z', '3', '-C', 'kept', ...byCa(), start]);
    writeFileSync(byThem, readFileSync(byUs));
    for (const [program, file] of [
      [ours, byUs],
      [theirs, byThem],
    ] as const) {
      await requireSuccess([program, '-k', '-u', '-q', '-f', file, ...byCa(), more]);
      await requireSuccess([program, '-k', '-u', '-q', '-f', file, '-z', '4', '-s', 'none', more]);
    }
    assert.deepEqual(undated(byUs), undated(byThem));
    // The date is that of the first list in both.
    assert.deepEqual(readFileSync(byUs), readFileSync(byThem));
    assert.match((await assertSame(['-Q', '-l', '-f', byUs, ...asked])).stdout, /^# Comment: kept$/m);
  }
});

test('specifications and keys on standard input, -q, names without .pub', { skip }, async () => {
  for (const [args, input] of [
    [['-k', '-f', ownFile, ...byCaFile(), '-'], 'serial: 5\n'],
    [['-k', '-q', '-f', ownFile, ...byCaFile(), '-'], 'serial: 5'],
    [['-k', '-f', ownFile, `${keysFile(0)}.pub`, `${keysFile(1)}.pub`], undefined],
  ] as const) {
    const result = await assertSame(args, input);
    assert.equal(result.status, 0, result.stderr);
  }
  const krl = fresh();
  await requireSuccess([ours, '-q', '-k', '-f', krl, `${keysFile(0)}.pub`]);
  for (const file of [keysFile(0), keysFile(1)]) await assertSame(['-Q', '-f', krl, file]);
});

const byCaFile = () => ['-s', `${ca.file}.pub`];
const keysFile = (i: number) => (keys[i] as KeyPair).file;

test('what is wrong, in the same words; nothing that was there is lost', { skip }, async (t) => {
  const krl = fresh('krl');
  await requireSuccess([theirs, '-q', '-k', '-f', krl, ...byCa(), write('serial: 5\n')]);
  const whole = readFileSync(krl);
  const wrongLines = [
    'serial: 0',
    'serial: 9-9',
    'serial: 9-5',
    'serial: 9-',
    'serial: x',
    'serial:',
    'serial: 08',
    'serial: 5 6',
    'serial: 18446744073709551616',
    'serial: 5-18446744073709551616',
    `serial: ${'9'.repeat(500)}`,
    'hash: MD5:x',
    'hash: sha256:x',
    'hash: SHA256:AAAA',
    'hash: SHA256:*',
    'key: ssh-ed25519 AAAA',
    'key:',
    'sha1: nonsense',
    'nonsense',
    `options ${'ssh-ed25519 AAAA'}`,
  ];
  for (const wrong of wrongLines) {
    await t.test(wrong.slice(0, 40), async () => {
      const specification = write(`serial: 7\n\n${wrong}\nserial: 8\n`);
      const { status, stderr } = await assertSame(['-k', '-u', '-q', '-f', krl, ...byCa(), specification]);
      assert.equal(status, 255);
      assert.notEqual(stderr, '');
      assert.deepEqual(readFileSync(krl), whole);
    });
  }
  const broken = write(whole.subarray(0, -1), 'broken');
  const other = write('text\n', 'text');
  const specification = write('serial: 7\n');
  for (const args of [
    ['-k', specification],
    ['-k', '-f', krl, specification],
    ['-k', '-f', krl, write('id: x\n')],
    ['-k', '-u', '-f', fresh('missing'), specification],
    ['-k', '-u', '-f', other, ...byCa(), specification],
    ['-k', '-f', krl, ...byCa(), fresh('missing')],
    ['-k', '-f', krl, '-s', fresh('missing'), specification],
    ['-k', '-f', krl, '-z', 'x', ...byCa(), specification],
    ['-k', '-f', krl, '-z', '18446744073709551616', ...byCa(), specification],
    ['-k', '-f', join(fresh('missing'), 'krl'), ...byCa(), specification],
    ['-Q', other],
    ['-Q', '-f', fresh('missing')],
    ['-Q', '-f', other],
    ['-Q', '-f', write(''), `${ca.file}.pub`],
    ['-Q', '-f', krl, fresh('missing')],
    ['-Q', '-l', '-f', write('SSHKRL\n')],
  ]) {
    const [actual, expected] = await Promise.all([run(ours, args), run(theirs, args)]);
    // What fatal() left in its buffers is no answer.
    assert.deepEqual(
      { ...outcome(actual), stdout: '' },
      { ...outcome(expected), stdout: '' },
      `ssh-keygen ${args.join(' ')}`,
    );
    assert.equal(actual.status, 255);
  }
  for (const args of [
    ['-k', '-u', '-f', broken, ...byCa(), specification],
    ['-Q', '-f', broken, `${ca.file}.pub`],
  ]) {
    const result = await run(ours, args);
    assert.equal(result.status, 255);
    assert.match(result.stderr, /^Invalid KRL file .*broken-\d+: invalid format \(/);
    assert.equal((await run(theirs, args)).status, 255);
  }
  assert.deepEqual(readFileSync(krl), whole);
  assert.equal(readFileSync(broken).length, whole.length - 1);
});

test('the file is replaced as a whole, where it is, with the mode that it has', { skip }, async () => {
  const place = makeFolder('krl-place');
  const krl = join(place, 'krl');
  const specification = write('serial: 5\n');
  await requireSuccess([
    'sh',
    '-c',
    'umask 022; exec "$@"',
    'sh',
    ours,
    '-q',
    '-k',
    '-f',
    krl,
    ...byCa(),
    specification,
  ]);
  assert.equal(statSync(krl).mode & 0o777, 0o644);
  chmodSync(krl, 0o664);
  const link = join(place, 'link');
  symlinkSync(krl, link);
  const inode = statSync(krl).ino;
  await requireSuccess([ours, '-q', '-k', '-u', '-f', link, ...byCa(), write('serial: 9\n')]);
  assert.equal(statSync(krl).mode & 0o777, 0o664);
  assert.notEqual(statSync(krl).ino, inode);
  assert.deepEqual(readdirSync(place).sort(), ['krl', 'link']);
  assert.match((await assertSame(['-Q', '-l', '-f', krl])).stdout, /serial: 5\nserial: 9\n$/);
});

test('random sets: both lists say the same, and ours is no larger', { skip }, async () => {
  const authority = parsePublicKey(ca.publicLine).key;
  // Near enough together that OpenSSH's bitmaps stay within what it reads itself.
  const start = fc.oneof(fc.bigInt(1n, 300n), fc.bigInt(1n, 12_000n), fc.bigInt(2n ** 40n, 2n ** 64n - 1n));
  const range = fc.tuple(start, fc.oneof(fc.constant(0n), fc.bigInt(0n, 60n)));
  const property = fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 60 }), async (pairs) => {
    const ranges = pairs.map(([first, more]) => [first, min(first + more, 2n ** 64n - 1n)] as const);
    const draft = new RevocationListDraft();
    for (const [first, last] of ranges) draft.revokeSerials(authority, first, last);
    const byUs = write(draft.encode({ generatedAt: 0n }), 'random');
    const byThem = fresh('random');
    const text = ranges.map(([first, last]) => `serial: ${first === last ? first : `${first}-${last}`}\n`).join('');
    await requireSuccess([theirs, '-q', '-k', '-f', byThem, ...byCa(), '-'], { input: text });
    assert.ok(
      statSync(byUs).size <= statSync(byThem).size,
      `${statSync(byUs).size} and ${statSync(byThem).size} bytes`,
    );
    const shown = await Promise.all([byUs, byThem].map((file) => run(theirs, ['-Q', '-l', '-f', file])));
    assert.equal(shown[0]?.status, 0, shown[0]?.stderr);
    assert.equal(serialsOf(shown[0]), serialsOf(shown[1]));
    const [entry] = readKeyRevocationList(readFileSync(byThem)).certificates();
    const read = [...(entry?.serials() ?? [])];
    assert.equal(
      read.map(([first, last]) => `serial: ${first === last ? first : `${first}-${last}`}\n`).join(''),
      serialsOf(shown[0]),
    );
  });
  await fc.assert(property, { numRuns: 40 });
});

const min = (a: bigint, b: bigint) => (a < b ? a : b);

function serialsOf(result: ProgramResult | undefined): string {
  return (result?.stdout.toString().match(/^serial: .*\n/gm) ?? []).join('');
}

test('bitmaps past what OpenSSH reads: ours are cut in time, and theirs are read all the same', { skip }, async () => {
  const text = Array.from({ length: 10_000 }, (_, i) => `serial: ${2 * i + 1}\n`).join('');
  const [byUs, byThem] = [fresh('ours'), fresh('theirs')];
  await requireSuccess([ours, '-q', '-k', '-f', byUs, ...byCa(), '-'], { input: text });
  await requireSuccess([theirs, '-q', '-k', '-f', byThem, ...byCa(), '-'], { input: text });
  const shown = await assertSame(['-Q', '-l', '-f', byUs]);
  assert.equal(shown.stdout.match(/^serial: /gm)?.length, 10_000);
  assert.equal((await run(theirs, ['-Q', '-l', '-f', byThem])).status, 255);
  assert.equal(
    serialsOf(await run(ours, ['-Q', '-l', '-f', byThem])),
    serialsOf(await run(ours, ['-Q', '-l', '-f', byUs])),
  );
});

test('sshd of OpenSSH refuses what our list revokes, ours what theirs does', {
  skip: skip || missing('sshd', 'ssh', 'nacre:sshd'),
}, async (t) => {
  const [identity] = keys as [KeyPair];
  const authorities = write(`${ca.publicLine}\n`, 'authorities');
  const other = await makeKey();
  for (const [who, start, make] of [
    ['theirs', startOpenSshServer, ours],
    ['ours', startNacreServer, theirs],
  ] as const) {
    await t.test(`sshd is ${who}`, async () => {
      const krl = fresh('revoked');
      const revoke = (text: string, flags: string[] = []) =>
        requireSuccess([make, '-q', '-k', ...flags, '-f', krl, ...byCa(), '-'], { input: text });
      await revoke(`${other.publicLine}\n`);
      const server = await start({
        identity: false,
        authorizedKeys: [identity.publicLine, other.publicLine],
        config: [`RevokedKeys ${krl}`, `TrustedUserCAKeys ${authorities}`],
      });
      const login = async (key: KeyPair, certificate?: string) => {
        const options = certificate === undefined ? [] : [`CertificateFile=${certificate}`];
        return (await runSsh({ ...server, identity: key }, ['true'], { options })).status;
      };
      const stranger = await makeKey();
      const certificate = async (serial: string, id: string) => {
        await requireSuccess([
          theirs,
          '-q',
          '-s',
          ca.file,
          '-I',
          id,
          '-z',
          serial,
          '-n',
          currentUser(),
          `${stranger.file}.pub`,
        ]);
        return `${stranger.file}-cert.pub`;
      };
      assert.equal(await login(other), 255, 'the revoked key');
      await server.waitForLog(/Authentication key ED25519 SHA256:\S+ revoked by file /);
      assert.equal(await login(identity), 0, 'another key');
      assert.equal(await login(stranger, await certificate('77', 'guest')), 0, 'a certificate');
      await revoke('serial: 70-80\n', ['-u']);
      assert.equal(await login(stranger, await certificate('77', 'guest')), 255, 'a revoked serial');
      assert.equal(await login(stranger, await certificate('81', 'guest')), 0, 'the serial behind');
      await revoke('id: guest\n', ['-u']);
      assert.equal(await login(stranger, await certificate('81', 'guest')), 255, 'a revoked key id');
      assert.equal(await login(stranger, await certificate('81', 'host')), 0, 'another key id');
      await revoke(`${ca.publicLine}\n`, ['-u']);
      assert.equal(await login(stranger, await certificate('81', 'host')), 255, 'the authority is revoked');
      assert.equal(await login(identity), 0, 'another key still');
      writeFileSync(krl, readFileSync(krl).subarray(0, -1));
      assert.equal(await login(identity), 255, 'a list that cannot be read');
      writeFileSync(krl, `# text\n${other.publicLine}\n`);
      assert.deepEqual([await login(other), await login(identity)], [255, 0], 'a text of keys');
      await server.stop();
    });
  }
});

test('ssh: RevokedHostKeys, ours beside OpenSSH’s', { skip: skip || missing('sshd', 'ssh', 'nacre:ssh') }, async () => {
  const server = await startOpenSshServer({ hostKeyTypes: ['ed25519'] });
  const hostLine = server.hostKeys[0]?.publicLine ?? '';
  const known = write(`[127.0.0.1]:${server.port} ${hostLine}\n`, 'known');
  const krl = fresh('revoked-hosts');
  await requireSuccess([ours, '-q', '-k', '-f', krl, '-'], { input: `${hostLine}\n` });
  const otherKrl = fresh('revoked-hosts');
  await requireSuccess([theirs, '-q', '-k', '-f', otherKrl, '-'], { input: `${ca.publicLine}\n` });
  const files = [krl, write(`${hostLine}\n`), write('nonsense\n'), fresh('missing'), otherKrl, '/dev/null', 'none'];
  const statuses: unknown[] = [];
  for (const file of files) {
    for (const strict of ['yes', 'no']) {
      const connect = (program: string) => {
        const options = [`RevokedHostKeys=${file}`, `StrictHostKeyChecking=${strict}`, `UserKnownHostsFile=${known}`];
        const flags = [...options, 'GlobalKnownHostsFile=/dev/null', 'BatchMode=yes'].flatMap((each) => ['-o', each]);
        const target = ['-F', '/dev/null', '-i', server.identity.file, '-p', String(server.port), '127.0.0.1', 'true'];
        return run(program, [...flags, ...target]);
      };
      const [actual, expected] = await Promise.all([
        connect(nacreProgram('ssh')),
        connect(findProgram('ssh') ?? 'ssh'),
      ]);
      assert.equal(actual.status, expected.status, `${file}: ${actual.stderr}`);
      if (file === krl) assert.equal(actual.stderr.replaceAll('\r', ''), expected.stderr.replaceAll('\r', ''));
      if (actual.status !== 0) assert.match(actual.stderr, /Host key verification failed\.\r?\n$/);
      statuses.push(actual.status);
    }
  }
  assert.deepEqual(statuses, [255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0]);
});

test('the library reads what OpenSSH wrote, and asks it alike', { skip }, async () => {
  const krl = fresh();
  const text = `serial: 5-20\nid: zoë\n${line(2)}\n`;
  await requireSuccess([theirs, '-q', '-k', '-f', krl, ...byCa(), '-'], { input: text });
  const list = parseRevocationList(readFileSync(krl), { name: krl });
  for (const path of asked.filter((name) => name.endsWith('.pub') && existsSync(name))) {
    const { status } = await run(theirs, ['-Q', '-f', krl, path]);
    const reason = list.revokes(parsePublicKey(readFileSync(path, 'utf8')).key);
    assert.equal(reason !== undefined, status === 1, path);
  }
});
