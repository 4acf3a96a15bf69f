/** bin/ssh and OpenSSH's ssh with the same trust settings: the same words, the same end, the same known_hosts afterwards. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import {
  hostKey,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  startOpenSshServer,
  startTerminal,
  type TestServer,
} from '../harness/index.ts';
import { type BothOptions, runBoth } from './_both-clients.ts';

const skip = missing('nacre:ssh', 'sshd', 'openssh-10');
let server: TestServer;
const keys = { ed: '', rsa: '', old: '', at: '' };

before(async () => {
  if (skip) return;
  server = await startOpenSshServer({ hostKeyTypes: ['ed25519', 'rsa'] });
  const plain = ({ publicLine }: { publicLine: string }) => publicLine.split(' ').slice(0, 2).join(' ');
  const [ed, rsa, old] = await Promise.all([hostKey('ed25519'), hostKey('rsa'), makeKey()]);
  Object.assign(keys, { ed: plain(ed), rsa: plain(rsa), old: plain(old), at: `[127.0.0.1]:${server.port}` });
});

interface Case extends BothOptions {
  readonly what: string;
  /** Whether they get in. */
  readonly isIn: boolean;
  /** Where our words differ on purpose. */
  readonly wordsDiffer?: true;
}

const strict = (value: string, ...more: readonly string[]) => [`StrictHostKeyChecking=${value}`, ...more];
const batch = (...options: readonly string[]) => ['BatchMode=yes', ...options];

const cases: readonly Case[] = [
  { what: 'a known host', known: '{at} {ed}\n', isIn: true },
  { what: 'an unknown one in batch mode', options: batch(), isIn: false },
  { what: 'accept-new', options: strict('accept-new'), isIn: true },
  {
    what: 'UpdateHostKeys',
    options: ['UpdateHostKeys=yes'],
    known: '{at} {ed}\n{at} {old}\n',
    // OpenSSH's client does not wait for the proof: it goes with its session.
    command: ['echo in; sleep 1'],
    isIn: true,
  },
  { what: 'no UpdateHostKeys with a file of the caller’s', known: '{at} {ed}\n{at} {old}\n', isIn: true },
  { what: 'UpdateHostKeys=ask in batch mode', options: batch('UpdateHostKeys=ask'), known: '{at} {ed}\n', isIn: true },
  {
    what: 'UpdateHostKeys and another key',
    options: strict('no', 'UpdateHostKeys=yes'),
    known: '{at} {old}\n',
    isIn: true,
  },
  { what: 'another key', options: strict('yes'), known: '{at} {old}\n', isIn: false },
  {
    what: 'another key and everything forwarded',
    options: strict('no', 'ForwardAgent=yes', 'ForwardX11=yes', 'LocalForward=127.0.0.1:1 127.0.0.1:1'),
    known: '{at} {old}\n',
    isIn: true,
  },
  {
    what: 'another key, passwords off by the settings',
    options: strict('no', 'PasswordAuthentication=no', 'KbdInteractiveAuthentication=no'),
    known: '{at} {old}\n',
    isIn: true,
  },
  {
    what: 'another key, where forwards are a condition',
    options: strict('no', 'ExitOnForwardFailure=yes', 'LocalForward=127.0.0.1:1 127.0.0.1:1'),
    known: '{at} {old}\n',
    isIn: false,
  },
  { what: 'a revoked key', options: strict('no'), known: '@revoked * {ed}\n', isIn: true },
  {
    what: 'RevokedHostKeys',
    options: ['RevokedHostKeys={folder}/revoked'],
    known: '{at} {ed}\n',
    files: { revoked: '{ed}\n' },
    isIn: false,
  },
  {
    what: 'RevokedHostKeys with other keys',
    options: ['RevokedHostKeys={folder}/revoked'],
    known: '{at} {ed}\n',
    files: { revoked: '{old}\n' },
    isIn: true,
  },
  {
    what: 'RevokedHostKeys that is not there',
    options: ['RevokedHostKeys={folder}/nothing'],
    known: '{at} {ed}\n',
    isIn: false,
    wordsDiffer: true,
  },
  {
    what: 'RevokedHostKeys before localhost',
    options: ['RevokedHostKeys={folder}/revoked', 'NoHostAuthenticationForLocalhost=yes'],
    files: { revoked: '{ed}\n' },
    isIn: false,
  },
  { what: 'NoHostAuthenticationForLocalhost', options: batch('NoHostAuthenticationForLocalhost=yes'), isIn: true },
  {
    what: 'NoHostAuthenticationForLocalhost and an alias',
    options: batch('NoHostAuthenticationForLocalhost=yes', 'HostKeyAlias=box'),
    isIn: false,
  },
  {
    what: 'NoHostAuthenticationForLocalhost and another key',
    options: batch('NoHostAuthenticationForLocalhost=yes'),
    known: '{at} {old}\n',
    isIn: true,
  },
  {
    what: 'KnownHostsCommand knows it',
    options: strict('yes', 'KnownHostsCommand={folder}/command %H'),
    files: { command: '#!/bin/sh\necho "$1 {ed}"\n' },
    isIn: true,
  },
  {
    what: 'KnownHostsCommand knows another',
    options: strict('yes', 'KnownHostsCommand={folder}/command %H'),
    files: { command: '#!/bin/sh\necho "$1 {old}"\n' },
    isIn: false,
  },
  {
    what: 'KnownHostsCommand=none',
    options: strict('yes', 'KnownHostsCommand=none'),
    known: '{at} {ed}\n',
    isIn: true,
  },
  {
    what: 'CheckHostIP has nothing to say of a loopback address',
    options: strict('yes', 'CheckHostIP=yes'),
    known: '{at} {ed}\n',
    isIn: true,
  },
  { what: 'FingerprintHash', options: strict('yes', 'FingerprintHash=md5'), known: '{at} {old}\n', isIn: false },
  {
    what: 'VerifyHostKeyDNS of a number',
    options: strict('yes', 'VerifyHostKeyDNS=yes'),
    known: '{at} {ed}\n',
    isIn: true,
  },
];

for (const each of cases) {
  test(`${each.what}: as OpenSSH`, { skip }, async () => {
    const fill = (text: string) => text.replace(/\{(ed|rsa|old|at)\}/g, (_all, name: keyof typeof keys) => keys[name]);
    const { theirs, ours } = await runBoth(server, {
      ...each,
      ...(each.known !== undefined && { known: fill(each.known) }),
      files: Object.fromEntries(Object.entries(each.files ?? {}).map(([name, text]) => [name, fill(text)])),
      flags: ['-i', server.identity.file],
    });
    const said = `theirs: ${theirs.stderr}\nours: ${ours.stderr}`;
    assert.equal(theirs.status, each.isIn ? 0 : 255, said);
    assert.equal(ours.status, theirs.status, said);
    assert.equal(ours.stdout, theirs.stdout, said);
    assert.equal(ours.known, theirs.known, said);
    if (each.wordsDiffer !== true) assert.equal(ours.stderr, theirs.stderr);
    else assert.notEqual(ours.stderr, '');
  });
}

for (const [answers, isLearned] of [
  [['perhaps', 'yes'], true],
  [['no'], false],
  [['x', 'y', 'z'], false],
] as const) {
  test(`UpdateHostKeys=ask, answered ${answers.join(', ')}: as OpenSSH`, { skip }, async () => {
    const outcomes: string[] = [];
    for (const program of [openSshProgram('ssh', '10.0'), nacreProgram('ssh')]) {
      const file = join(makeFolder('ask'), 'known');
      writeFileSync(file, `${keys.at} ${keys.ed}\n`);
      const options = [
        ...['UpdateHostKeys=ask', `UserKnownHostsFile=${file}`, 'GlobalKnownHostsFile=/dev/null'],
        ...[`Port=${server.port}`, `User=${server.user}`, `IdentityFile=${server.identity.file}`],
      ];
      const argv = [program, '-F', '/dev/null', ...options.flatMap((option) => ['-o', option])];
      const terminal = startTerminal([...argv, server.host], { env: { SSH_AUTH_SOCK: undefined } });
      await terminal.expect(/The server has updated its host keys\./);
      await terminal.expect(/These changes were verified by the server's existing trusted key\./);
      await terminal.expect(/Learned new hostkey: RSA SHA256:/);
      for (const [index, answer] of answers.entries()) {
        await terminal.expect(/Accept updated hostkeys\? \(yes\/no\): /);
        terminal.send(`${answer}\r`);
        if (index < answers.length - 1) await terminal.expect(/Please enter "yes" or "no"/);
      }
      // The keyboard is the shell's from here on.
      terminal.send("echo go'ne'\r");
      await terminal.expect(/gone/);
      terminal.send('exit\r');
      assert.equal((await terminal.ended()).status, 0);
      outcomes.push(readFileSync(file, 'utf8'));
    }
    assert.equal(outcomes[1], outcomes[0]);
    assert.equal(outcomes[1]?.includes(keys.rsa), isLearned);
  });
}

/**
 * Answers questions for SSHFP records with those of its first argument, signed by its word (AD), and runs the rest of its
 * arguments meanwhile.
 */
const nameServer = `
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
const [, , records, program, ...args] = process.argv;
const socket = createSocket('udp4');
socket.on('message', (query, from) => {
  let at = 12;
  while (query[at] !== 0) at += query[at] + 1;
  const type = query.readUInt16BE(at + 1);
  const data = type === 44 ? JSON.parse(records).map((hex) => Buffer.from(hex, 'hex')) : [];
  const header = Buffer.from(query.subarray(0, 12));
  header.writeUInt16BE(0x81a0, 2);
  header.writeUInt16BE(data.length, 6);
  header.writeUInt32BE(0, 8);
  const answers = data.flatMap((bytes) => {
    const head = Buffer.alloc(12);
    head.writeUInt16BE(0xc00c, 0);
    head.writeUInt16BE(type, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt32BE(60, 6);
    head.writeUInt16BE(bytes.length, 10);
    return [head, bytes];
  });
  socket.send(Buffer.concat([header, query.subarray(12, at + 5), ...answers]), from.port, from.address);
});
socket.bind(53, '127.0.0.1', () => {
  spawn(program, args, { stdio: 'inherit' }).on('exit', (status) => process.exit(status ?? 1));
});
`;

const dnsSkip = skip || missing('root');

test('VerifyHostKeyDNS: what DNS says counts and is told as with OpenSSH', { skip: dnsSkip }, async (t) => {
  if ((await runProgram(['unshare', '-mn', 'ip', 'link', 'set', 'lo', 'up']).catch(() => undefined))?.status !== 0) {
    t.skip('this machine lets us make no network of our own');
    return;
  }
  const folder = makeFolder('dns');
  writeFileSync(join(folder, 'names.mjs'), nameServer);
  const trusted = 'nameserver 127.0.0.1\noptions trust-ad timeout:2\n';
  const good = await sshfpRecords(folder, keys.ed);
  const bad = await sshfpRecords(folder, keys.old);
  const name = `[box.test]:${server.port}`;
  for (const { what, value, records, resolver = trusted, known, isIn } of [
    { what: 'proved by DNSSEC', value: 'yes', records: good, isIn: true },
    { what: 'proved, and known by another key', value: 'yes', records: good, known: keys.old, isIn: true },
    {
      what: 'the resolver is not trusted',
      value: 'yes',
      records: good,
      resolver: 'nameserver 127.0.0.1\n',
      isIn: false,
    },
    { what: 'proved, and only to be asked about', value: 'ask', records: good, isIn: false },
    { what: 'another key, an unknown host', value: 'yes', records: bad, isIn: false },
    { what: 'another key, a known host', value: 'yes', records: bad, known: keys.ed, isIn: true },
    { what: 'no records', value: 'yes', records: [], known: keys.ed, isIn: true },
    { what: 'not asked', value: 'no', records: good, isIn: false },
  ]) {
    writeFileSync(join(folder, 'resolv.conf'), resolver);
    const inside = 'mount --bind "$0" /etc/resolv.conf && ip link set lo up && exec "$@"';
    const names = [process.execPath, join(folder, 'names.mjs'), JSON.stringify(records)];
    const { theirs, ours } = await runBoth(server, {
      prefix: ['unshare', '-mn', 'sh', '-c', inside, join(folder, 'resolv.conf'), ...names],
      host: 'box.test',
      options: [
        `ProxyCommand=${openSshProgram('sshd')} -i -f ${join(dirname(server.knownHostsFile), 'sshd_config')} -E ${folder}/log`,
        ...['BatchMode=yes', `VerifyHostKeyDNS=${value}`],
      ],
      flags: ['-i', server.identity.file],
      ...(known !== undefined && { known: `${name} ${known}\n` }),
    });
    const said = `${what}\ntheirs: ${theirs.stderr}\nours: ${ours.stderr}`;
    assert.equal(theirs.status, isIn ? 0 : 255, said);
    assert.deepEqual(ours, theirs, said);
  }
});

/** The data of the records that ssh-keygen makes for a key, in hexadecimal. */
async function sshfpRecords(folder: string, line: string): Promise<string[]> {
  const file = join(folder, 'key.pub');
  writeFileSync(file, `${line}\n`);
  const text = await requireSuccess(['ssh-keygen', '-r', 'box.test', '-f', file]);
  return text
    .trim()
    .split('\n')
    .map((record) => {
      const [type = '', hash = '', digest = ''] = record.split(' ').slice(-3);
      return `${type.padStart(2, '0')}${hash.padStart(2, '0')}${digest}`;
    });
}
