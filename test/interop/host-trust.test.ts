/** Trust in hosts, ours beside OpenSSH 10: what UpdateHostKeys makes of known_hosts files, KnownHostsCommand, CheckHostIP. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { connect, type KnownHostsOptions, knownHosts, knownHostsCommand, nodeConfigSystem } from '@nacre/ssh/client';
import { clientTokens } from '@nacre/ssh/config';
import { SshError } from '@nacre/ssh/errors';
import {
  hostKey,
  makeFolder,
  makeKey,
  missing,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('sshd', 'openssh-10', 'nacre:sshd');
const types = ['ed25519', 'rsa', 'ecdsa-256'] as const;
const serverNames = ["OpenSSH's sshd", 'bin/sshd'] as const;
const servers: TestServer[] = [];
/** The server's keys, and one that is not its own: type and blob. */
const keys = { ed: '', rsa: '', ec: '', old: '', old2: '' };

before(async () => {
  if (skip !== false) return;
  const started = await Promise.all([
    startOpenSshServer({ hostKeyTypes: types }),
    startNacreServer({ hostKeyTypes: types }),
  ]);
  servers.push(...started);
  const plain = ({ publicLine }: { publicLine: string }) => publicLine.split(' ').slice(0, 2).join(' ');
  const [ed, rsa, ec] = await Promise.all(types.map((type) => hostKey(type)));
  Object.assign(keys, { ed: plain(ed!), rsa: plain(rsa!), ec: plain(ec!) });
  Object.assign(keys, { old: plain(await makeKey()), old2: plain(await makeKey({ type: 'ecdsa-256' })) });
});

interface Case {
  readonly what: string;
  /** The person's files; undefined for one that is not there. `{ed}` and the like stand for keys, `{at}` for the server's name and port. */
  readonly files: readonly (string | undefined)[];
  readonly global?: string;
  /** Of both; the name `box` is the alias unless false. */
  readonly alias?: string | false;
  readonly algorithms?: readonly string[];
  readonly hash?: boolean;
  readonly strict?: 'yes' | 'accept-new' | 'no';
  readonly mode?: number;
  /** What both make of it, where that is worth saying. */
  readonly unchanged?: boolean;
}

const cases: readonly Case[] = [
  { what: 'one key is known, the others are added', files: ['box {ed}\n'] },
  { what: 'all are known', files: ['box {ed}\nbox {rsa}\nbox {ec}\n'], unchanged: true },
  { what: 'an old key goes', files: ['box {old}\nbox {ed}\n'] },
  { what: 'only old keys go, nothing is proved', files: ['box {ed}\nbox {old}\nbox {rsa}\nbox {old2}\nbox {ec}\n'] },
  {
    what: 'every other line stays as it is',
    files: [
      '# first\n\n  other.example {old2} comment  \nbox {ed} mine # too\n\t\nbox {old} gone\n#box {old}\nx,y {old2}\n',
    ],
  },
  { what: 'the last line has no end', files: ['box {old}\nbox {ed}'] },
  { what: 'the last line has no end and nothing is added', files: ['box {old}\nbox {ed}\nbox {rsa}\nbox {ec}'] },
  { what: 'the last line goes and had no end', files: ['box {ed}\nbox {rsa}\nbox {ec}\nbox {old}'] },
  { what: 'lines end in CR LF', files: ['box {ed}\r\nbox {old} c\r\nother {old2} d\r\n'] },
  { what: 'hashed names', files: ['box {ed}\n'], hash: true },
  { what: 'an old key, hashed names', files: ['box {old}\nbox {ed}\n'], hash: true },
  { what: 'the name in capital letters', files: ['BOX {ed}\nBox {old}\n'] },
  { what: 'blanks in front', files: ['  box {ed}\n\tbox {old}\n'] },
  { what: 'a wildcard', files: ['bo* {ed}\n'], unchanged: true },
  { what: 'a wildcard beside', files: ['box {ed}\nb?x {old}\n'], unchanged: true },
  { what: 'two names', files: ['box,other {ed}\n'] },
  { what: 'two names of an old key', files: ['box,other {old}\nbox {ed}\n'] },
  { what: 'three names', files: ['box,other,third {ed}\n'], unchanged: true },
  { what: 'a name that is excluded', files: ['box,!other {ed}\n'] },
  { what: 'an authority for the name', files: ['box {ed}\n@cert-authority box {old}\n'], unchanged: true },
  { what: 'a revoked key of the name', files: ['box {ed}\n@revoked box {old}\n'], unchanged: true },
  { what: 'a revoked key of all', files: ['box {ed}\n@revoked * {old}\n'], unchanged: true },
  { what: 'a revoked key of another', files: ['box {ed}\n@revoked other {old}\n'] },
  { what: 'a new key under another name', files: ['box {ed}\nother {rsa}\n'], unchanged: true },
  { what: 'a known key under another name', files: ['box {ed}\nother {ed}\n'], unchanged: true },
  {
    what: 'a new key as the authority of another name',
    files: ['box {ed}\n@cert-authority other {rsa}\n'],
    unchanged: true,
  },
  { what: 'an old key under another name', files: ['box {ed}\nbox {old}\nother {old}\n'], unchanged: true },
  { what: 'a key twice', files: ['box {ed}\nbox {ed} again\n'] },
  {
    what: 'lines that nobody understands',
    files: [
      '@unknown box {old}\nbox\nbox ssh-ed25519\nbox ssh-dss AAAAB3NzaC1kc3M=\n|1|abc|def {old}\nbox {ed}\nbox ssh-ed25519 AAAA\n',
    ],
  },
  { what: 'another file has another key', files: ['box {ed}\n', '# second\nbox {rsa}\nother {old2}\n'] },
  { what: 'another file has old keys only', files: ['box {ed}\nbox {rsa}\nbox {ec}\n', 'box {old}\n'] },
  {
    what: 'another file knows an old key by another name',
    files: ['box {ed}\nbox {old}\n', 'other {old}\n'],
    unchanged: true,
  },
  { what: 'the second file is not there', files: ['box {ed}\n', undefined] },
  {
    what: 'a key whose algorithm is not wanted',
    files: ['box {ed}\nbox {rsa}\n'],
    algorithms: ['ssh-ed25519', 'ecdsa-sha2-nistp256'],
  },
  { what: 'RSA is wanted with one hash only', files: ['box {ed}\n'], algorithms: ['ssh-ed25519', 'rsa-sha2-256'] },
  { what: 'the key of the exchange is RSA', files: ['box {rsa}\n'] },
  {
    what: 'the key is known by a file of the machine',
    files: ['box {rsa}\n'],
    global: 'box {ed}\n',
    algorithms: ['ssh-ed25519', 'rsa-sha2-512'],
    unchanged: true,
  },
  { what: 'the key is new', files: ['# none\n'], strict: 'accept-new' },
  { what: 'the key is another', files: ['box {old}\n'], strict: 'no', unchanged: true },
  { what: 'host and port', files: ['{at} {ed}\n{at} {old}\n'], alias: false },
  { what: 'the host without its port', files: ['127.0.0.1 {ed}\n'], alias: false, unchanged: true },
  { what: 'others may read the file', files: ['box {ed}\n'], mode: 0o644 },
];

for (const [index, each] of cases.entries()) {
  const name = serverNames[index % serverNames.length] as string;
  test(`UpdateHostKeys, ${each.what}: the files are those that OpenSSH leaves (${name})`, { skip }, async () => {
    const server = servers[index % serverNames.length] as TestServer;
    const [theirs, ours] = await Promise.all([learnAsOpenSsh(server, each), learnAsWe(server, each)]);
    const log = `${theirs.log}\n${ours.log}`;
    assert.deepEqual(ours.after.map(withoutSalts), theirs.after.map(withoutSalts), log);
    assert.deepEqual(ours.modes, theirs.modes, log);
    assert.deepEqual(ours.old, theirs.old, log);
    if (each.unchanged) assert.deepEqual(ours.after, ours.before, log);
    else assert.notDeepEqual(ours.after, ours.before, log);
  });
}

test('KnownHostsCommand is asked the same, and what it prints counts the same', { skip }, async () => {
  const server = servers[0] as TestServer;
  const folder = makeFolder('command');
  const script = join(folder, 'host-keys');
  // What it is asked goes to a file of the caller's, what it answers comes from another.
  writeFileSync(
    script,
    '#!/bin/sh\nfor word; do echo "$word"; done >> "$LOG"\ncat "$ANSWER"\nexit $(cat "$STATUS")\n',
    {
      mode: 0o755,
    },
  );
  const line = `${script} %I %H %t %K %f "%h two  words" %p %r \${NOTE} %%`;
  const at = `[${server.host}]:${server.port}`;
  const none = 'box {old2}\n';
  for (const { answer, alias, status = 0, files = none, isIn } of [
    { answer: `${at} {ed}\n`, isIn: true },
    { answer: 'box {ed}\n', alias: 'box', files: '', isIn: true },
    { answer: `127.0.0.1 {ed}\n`, isIn: false },
    { answer: 'other {ed}\n', isIn: false },
    { answer: '', isIn: false },
    { answer: `${at} {old}\n`, isIn: false },
    { answer: `${at} {ed}\n`, status: 1, isIn: false },
    { answer: '# nothing\n', files: `${at} {ed}\n`, isIn: true },
    { answer: '# nothing\n', files: `${at} {ed}\n`, status: 3, isIn: false },
    { answer: `@revoked ${at} {ed}\n`, files: `${at} {ed}\n`, isIn: false },
    { answer: `${at} {rsa}\n`, isIn: true },
  ]) {
    const run = async (who: 'theirs' | 'ours') => {
      const laid = lay(server, { what: '', files: [files] });
      const env = {
        LOG: join(folder, `log-${++commandRuns}`),
        ANSWER: join(folder, `answer-${commandRuns}`),
        STATUS: join(folder, `status-${commandRuns}`),
        NOTE: 'a %h note',
      };
      writeFileSync(env.ANSWER, fill(server, answer));
      writeFileSync(env.STATUS, String(status));
      writeFileSync(env.LOG, '');
      const facts = {
        originalHost: server.host,
        host: server.host,
        port: server.port,
        user: server.user,
        hostKeyAlias: alias,
        jumpHosts: '',
      };
      const learned =
        who === 'theirs'
          ? await askOpenSsh(server, laid, { command: line, alias, env })
          : await askUs(server, {
              userFiles: laid.user,
              globalFiles: [],
              learn: true,
              command: knownHostsCommand(line, {
                tokens: clientTokens(facts, nodeConfigSystem()),
                environment: { ...process.env, ...env },
              }),
              ...(alias !== undefined && { alias }),
            });
      return { isIn: learned, asked: readFileSync(env.LOG, 'utf8'), after: laid.outcome().after };
    };
    const [theirs, ours] = [await run('theirs'), await run('ours')];
    assert.deepEqual(ours, theirs, JSON.stringify({ answer, alias, status }));
    assert.equal(ours.isIn, isIn, JSON.stringify({ answer, alias, status }));
  }
});

let commandRuns = 0;

/** OpenSSH's client does not wait for the proof of keys: it goes with its session. */
const whileLearning = 'sleep 1';

async function askOpenSsh(
  server: TestServer,
  files: ReturnType<typeof lay>,
  { command, alias, env }: { command: string; alias: string | undefined; env: Record<string, string> },
): Promise<boolean> {
  const options = [
    `UserKnownHostsFile=${files.user.join(' ')}`,
    'UpdateHostKeys=yes',
    `KnownHostsCommand=${command}`,
    ...(alias === undefined ? [] : [`HostKeyAlias=${alias}`]),
  ];
  return (await runSsh(server, [whileLearning], { version: '10.0', options, env })).status === 0;
}

async function askUs(server: TestServer, options: KnownHostsOptions): Promise<boolean> {
  try {
    await withConnection(server, options, async (connection) => {
      await connection.exec('true');
      await connection.learning;
    });
    return true;
  } catch (error) {
    if (error instanceof SshError && error.stage === 'host-key') return false;
    throw error;
  }
}

interface Outcome {
  readonly before: readonly (string | undefined)[];
  readonly after: readonly (string | undefined)[];
  /** What stands in the files' `.old`. */
  readonly old: readonly (string | undefined)[];
  readonly modes: readonly (number | undefined)[];
  readonly log: string;
}

async function learnAsOpenSsh(server: TestServer, each: Case): Promise<Outcome> {
  const files = lay(server, each);
  const { alias = 'box', hash = false, strict = 'yes', algorithms } = each;
  const options = [
    'UpdateHostKeys=yes',
    `UserKnownHostsFile=${files.user.join(' ')}`,
    `GlobalKnownHostsFile=${files.global}`,
    `HashKnownHosts=${hash ? 'yes' : 'no'}`,
    `StrictHostKeyChecking=${strict}`,
    'LogLevel=DEBUG3',
    ...(alias === false ? [] : [`HostKeyAlias=${alias}`]),
    ...(algorithms === undefined ? [] : [`HostKeyAlgorithms=${algorithms.join(',')}`]),
  ];
  const result = await runSsh(server, [whileLearning], { version: '10.0', options });
  assert.equal(result.status, 0, result.stderr);
  return { ...files.outcome(), log: result.stderr };
}

async function learnAsWe(server: TestServer, each: Case): Promise<Outcome> {
  const files = lay(server, each);
  const { alias = 'box', hash = false, strict = 'yes', algorithms } = each;
  const log: string[] = [];
  const options: KnownHostsOptions = {
    userFiles: files.user,
    globalFiles: [files.global],
    hashNames: hash,
    learn: true,
    onUnknown: strict === 'yes' ? 'refuse' : 'accept-new',
    acceptMismatchWithoutVerification: () => strict === 'no',
    onEvent: ({ level, text }) => log.push(`${level}: ${text}\n`),
    ...(alias !== false && { alias }),
    ...(algorithms && { algorithms }),
  };
  await withConnection(server, options, async (connection) => {
    await connection.exec('true');
    await connection.learning;
  });
  return { ...files.outcome(), log: log.join('') };
}

async function withConnection(
  server: TestServer,
  options: KnownHostsOptions,
  use: (connection: Awaited<ReturnType<typeof connect>>) => Promise<void>,
): Promise<void> {
  const connection = await connect(`${server.user}@${server.host}:${server.port}`, {
    hostKeys: knownHosts(options),
    identities: [server.identity.file],
    agent: false,
  });
  try {
    await use(connection);
  } finally {
    await connection.close();
  }
}

function lay(server: TestServer, each: Case) {
  const folder = makeFolder('trust');
  const user = each.files.map((_, index) => join(folder, `known_hosts${index}`));
  for (const [index, text] of each.files.entries()) {
    if (text !== undefined) writeFileSync(user[index] as string, fill(server, text), { mode: each.mode ?? 0o600 });
  }
  const global = join(folder, 'global');
  writeFileSync(global, fill(server, each.global ?? ''));
  const read = (file: string) => (existsSync(file) ? readFileSync(file, 'latin1') : undefined);
  const before = user.map(read);
  const outcome = () => ({
    before,
    after: user.map(read),
    old: user.map((file) => read(`${file}.old`)),
    modes: user.map((file) => (existsSync(file) ? statSync(file).mode & 0o777 : undefined)),
  });
  return { user, global, outcome };
}

function fill(server: TestServer, text: string): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) =>
    name === 'at' ? `[${server.host}]:${server.port}` : keys[name as keyof typeof keys],
  );
}

function withoutSalts(text: string | undefined): string | undefined {
  return text?.replace(/\|1\|[A-Za-z0-9+/]{27}=\|[A-Za-z0-9+/]{27}=/g, '|1|salt|hash');
}
