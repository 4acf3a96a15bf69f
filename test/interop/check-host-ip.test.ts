/** CheckHostIP beside OpenSSH, which looks at no address of the loopback net: in a network of its own, which reaches nothing. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type KnownHostsOptions, knownHosts } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { type PublicKey, parsePublicKey } from '@nacre/ssh/keys';
import {
  currentUser,
  hostKey,
  makeFolder,
  makeKey,
  makeServerFiles,
  missing,
  nacreProgram,
  openSshProgram,
  runProgram,
  type ServerFiles,
  startTerminal,
} from '../harness/index.ts';

const types = ['ed25519', 'rsa', 'ecdsa-256'] as const;
const address = '192.0.2.1';
const port = 2222;
const keys: Record<string, string> = {};
let serverFiles: ServerFiles | undefined;
let skip: string | false = missing('nacre:ssh', 'sshd', 'openssh-10', 'python3');

/** Whether this machine lets us make a network. */
async function mayMakeNetworks(): Promise<boolean> {
  const tried = await runProgram(['unshare', '-n', '-m', 'ip', 'link', 'set', 'lo', 'up']).catch(() => undefined);
  return tried?.status === 0;
}

interface Case {
  readonly what: string;
  /** `{ed}` and the like stand for keys, `{at}` for the address with its port. */
  readonly text: string;
  readonly strict?: 'yes' | 'accept-new' | 'no';
  readonly hash?: boolean;
  readonly learn?: boolean;
  readonly refused?: boolean;
}

const cases: readonly Case[] = [
  { what: 'a new host is remembered by both', text: '', strict: 'accept-new' },
  { what: 'a new host is remembered by both, hashed', text: '', strict: 'accept-new', hash: true },
  { what: 'a known host at a new address', text: 'box {ed}\n' },
  { what: 'a known host at a new address, hashed', text: 'box {ed}', hash: true },
  { what: 'both are known', text: 'box {ed}\n{at} {ed}\n' },
  { what: 'both are known in one line', text: 'box,{at} {ed}\n' },
  { what: 'a new host at a known address', text: '{at} {ed}\n', strict: 'accept-new' },
  { what: 'an address that is known by another key', text: 'box {ed}\n{at} {old}\n', refused: true },
  { what: 'an address that is known by another key, and nobody cares', text: 'box {ed}\n{at} {old}\n', strict: 'no' },
  { what: 'a host with another key at a new address', text: 'box {old}\n', strict: 'no' },
  { what: 'a host with another key at a known address', text: 'box {old}\n{at} {ed}\n', refused: true },
  { what: 'learning: one line for both', text: 'box,{at} {ed}\n', learn: true },
  { what: 'learning: one line for both, hashed', text: 'box,{at} {ed}\n', learn: true, hash: true },
  { what: 'learning: a line for each', text: 'box {ed}\n{at} {ed}\n', learn: true },
  { what: 'learning: an address that was just added', text: 'box {ed}\n', learn: true },
  { what: 'learning: a key that has no address yet', text: 'box {ed}\n{at} {ed}\nbox {rsa}\n', learn: true },
  { what: 'learning: a key that has no name yet', text: 'box {ed}\n{at} {ed}\n{at} {rsa}\n', learn: true },
  {
    what: 'learning: nothing new, and a key without its address',
    text: 'box,{at} {ed}\nbox {rsa}\nbox {ec}\n',
    learn: true,
  },
  { what: 'learning: an old key by name', text: 'box,{at} {ed}\nbox {old}\n', learn: true },
  { what: 'learning: an old key by address', text: 'box,{at} {ed}\n{at} {old}\n', learn: true },
  { what: 'learning: the address of another host', text: 'box {ed}\nother,{at} {ed}\n', learn: true },
  { what: 'learning: another address of the host', text: '{at} {ed}\nbox,192.0.2.9 {ed}\n', learn: true },
  { what: 'learning: a wildcard', text: 'box {ed}\n[192.0.2.*]:2222 {ed}\n', learn: true },
];

let theirs: readonly { readonly status: number; readonly text: string; readonly log: string }[] = [];

before(async () => {
  if (skip === false && !(await mayMakeNetworks())) skip = 'this machine lets us make no network of our own';
  if (skip !== false) return;
  serverFiles = await makeServerFiles({ hostKeyTypes: types });
  const plain = ({ publicLine }: { publicLine: string }) => publicLine.split(' ').slice(0, 2).join(' ');
  const [ed = '', rsa = '', ec = ''] = (await Promise.all(types.map((type) => hostKey(type)))).map(plain);
  Object.assign(keys, { ed, rsa, ec, old: plain(await makeKey()), at: `[${address}]:${port}` });
  theirs = await runOpenSsh(serverFiles);
});

for (const [index, each] of cases.entries()) {
  test(`CheckHostIP, ${each.what}: as OpenSSH does it`, async (t) => {
    if (skip !== false) {
      t.skip(skip);
      return;
    }
    const { status = 0, text = '', log = '' } = theirs[index] ?? {};
    const ours = await runOurs(each);
    assert.equal(status === 0, !each.refused, log);
    assert.equal(ours.isIn, status === 0, log);
    assert.equal(withoutSalts(ours.text), withoutSalts(text), `${log}\n${ours.log}`);
    const words = withoutPaths(log.replaceAll('\r', ''));
    for (const notice of ours.notices) assert.ok(words.includes(withoutPaths(notice)), `${notice}\n${log}`);
  });
}

/** What is typed at the question, and whether it lets us in. */
const answers: readonly (readonly [typed: readonly string[], isIn: boolean])[] = [
  [['yes'], true],
  [['no'], false],
  [['maybe', 'yes'], true],
];

test('the question at a terminal: the name is known, its address by another key; as OpenSSH’s versions ask it', async (t) => {
  if (skip !== false || serverFiles === undefined) {
    t.skip(skip || 'no server');
    return;
  }
  const programs = [openSshProgram('ssh'), openSshProgram('ssh', '10.0'), nacreProgram('ssh')];
  for (const [typed, isIn] of answers) {
    const screens: string[] = [];
    for (const program of programs) screens.push(await askAtTerminal(program, typed, serverFiles));
    const [first = ''] = screens;
    assert.match(first, /^Warning: the ED25519 host key for '\[box\]:2222' differs from the key for the IP address/m);
    assert.equal(first.includes('arrived'), isIn, first);
    for (const screen of screens) assert.equal(screen, first);
  }
});

/** Everything that the terminal shows, without what differs between two runs. */
async function askAtTerminal(program: string, typed: readonly string[], files: ServerFiles): Promise<string> {
  const folder = makeFolder('asked');
  const known = join(folder, 'known_hosts');
  writeFileSync(known, fill(`[box]:${port} {ed}\n{at} {old}\n`));
  const options = [
    ...['ConnectionAttempts=5', 'CheckHostIP=yes', `UserKnownHostsFile=${known}`],
    ...['GlobalKnownHostsFile=/dev/null', 'StrictHostKeyChecking=ask', 'UpdateHostKeys=no', 'IdentitiesOnly=yes'],
    `IdentityFile=${files.identity.file}`,
  ];
  const ssh = [program, '-F', '/dev/null', '-p', String(port), ...options.flatMap((option) => ['-o', option])];
  // OpenSSH 9.2 looks at no address where HostKeyAlias is set, so the host needs a name that leads to it.
  writeFileSync(join(folder, 'hosts'), `${address} box\n`);
  const steps = [`mount --bind ${folder}/hosts /etc/hosts`, `${ssh.join(' ')} ${currentUser()}@box echo arrived`];
  const script = inNetwork(folder, files, steps);
  const terminal = startTerminal(['unshare', '-n', '-m', script], { columns: 200, env: { SSH_AUTH_SOCK: undefined } });
  await terminal.expect(/continue connecting \(yes\/no\)\? /);
  for (const [at, words] of typed.entries()) {
    if (at > 0) await terminal.expect(/Please type 'yes' or 'no': /);
    terminal.send(`${words}\r`);
  }
  await terminal.ended();
  return terminal.output().replaceAll('\r', '').replaceAll(folder, '');
}

/** All cases in one network: sshd listens at the address, ssh asks it with HostKeyAlias=box. */
async function runOpenSsh(files: ServerFiles) {
  const { folder, identity } = files;
  const runs = cases.map((each, index) => {
    const file = join(folder, `known-${index}`);
    writeFileSync(file, fill(each.text));
    const options = [
      'ConnectionAttempts=5',
      'CheckHostIP=yes',
      'HostKeyAlias=box',
      `UserKnownHostsFile=${file}`,
      'GlobalKnownHostsFile=/dev/null',
      `StrictHostKeyChecking=${each.strict ?? 'yes'}`,
      `HashKnownHosts=${each.hash ? 'yes' : 'no'}`,
      `UpdateHostKeys=${each.learn ? 'yes' : 'no'}`,
      'BatchMode=yes',
      'IdentitiesOnly=yes',
      `IdentityFile=${identity.file}`,
      'LogLevel=VERBOSE',
    ];
    const flags = options.map((option) => `-o '${option}'`).join(' ');
    const ssh = `${openSshProgram('ssh', '10.0')} -F /dev/null -p ${port} ${flags} ${currentUser()}@${address} ${each.learn ? 'sleep 1' : 'true'}`;
    return `${ssh} </dev/null 2>'${file}.log'; echo $? >'${file}.status'`;
  });
  const script = inNetwork(folder, files, runs);
  const result = await runProgram(['unshare', '-n', script], { env: { SSH_AUTH_SOCK: undefined }, timeoutMs: 120_000 });
  assert.equal(result.status, 0, result.stderr);
  return cases.map((_, index) => {
    const file = join(folder, `known-${index}`);
    const [text = '', status = '', log = ''] = ['', '.status', '.log'].map((end) => readFileSync(file + end, 'utf8'));
    return { text, status: Number(status), log };
  });
}

/** A program that has a network with the address and a server at it, and runs the lines there. */
function inNetwork(folder: string, { hostKeys, authorizedKeysFile }: ServerFiles, steps: readonly string[]): string {
  mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const config = join(folder, 'sshd_config');
  const lines = [
    `ListenAddress ${address}`,
    `Port ${port}`,
    ...hostKeys.map(({ file }) => `HostKey ${file}`),
    `AuthorizedKeysFile ${authorizedKeysFile}`,
    ...['PidFile none', 'StrictModes no', 'UsePAM no', 'PermitRootLogin yes'],
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const script = join(folder, 'run');
  const all = [
    '#!/bin/sh',
    `ip link set lo up && ip addr add ${address}/32 dev lo || exit 1`,
    `${openSshProgram('sshd')} -D -e -f ${config} </dev/null 2>${folder}/sshd.log &`,
    'server=$!',
    `until grep -qs listening ${folder}/sshd.log; do kill -0 $server || exit 1; sleep 0.05; done`,
    ...steps,
    'kill $server',
  ];
  writeFileSync(script, `${all.join('\n')}\n`);
  chmodSync(script, 0o755);
  return script;
}

/** The same question to our policy: it is told the address, and needs no connection for its answer. */
async function runOurs({ text, strict = 'yes', hash = false, learn = false }: Case) {
  const file = join(makeFolder('address'), 'known_hosts');
  writeFileSync(file, fill(text));
  const notices: string[] = [];
  const log: string[] = [];
  const options: KnownHostsOptions = {
    userFiles: [file],
    globalFiles: [],
    alias: 'box',
    checkAddress: true,
    hashNames: hash,
    learn,
    onUnknown: strict === 'yes' ? 'refuse' : 'accept-new',
    onAddressMismatch: strict === 'no' ? 'go-on' : 'refuse',
    acceptMismatchWithoutVerification: () => strict === 'no',
    onNotice: (notice) => notices.push(notice),
    onEvent: ({ level, text: words }) => log.push(`${level}: ${words}`),
  };
  const policy = knownHosts(options);
  const question = { host: 'box.example', port, address, key: keyOf('ed') };
  let isIn = true;
  try {
    await policy.verify(question);
    const announced = ['rsa', 'ec', 'ed'].map(keyOf);
    await policy.learn?.({ keys: announced, prove: async (asked) => asked }, question);
  } catch (error) {
    if (!(error instanceof SshError) || error.stage !== 'host-key') throw error;
    isIn = false;
  }
  return { isIn, notices, text: readFileSync(file, 'utf8'), log: log.join('\n') };
}

function keyOf(name: string): PublicKey {
  return parsePublicKey(keys[name] as string).key;
}

function fill(text: string): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => keys[name] as string);
}

function withoutPaths(text: string): string {
  return text.replace(/\/\S+\/known[-_]\w+/g, 'FILE');
}

function withoutSalts(text: string): string {
  return text.replace(/\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=/g, '|1|salt|hash');
}
