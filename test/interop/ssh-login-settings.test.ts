/** bin/ssh and OpenSSH's ssh with the same login settings: the same keys in the same order, the same questions, the same end. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import {
  createSystemUser,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  type SystemUser,
  startOpenSshServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';
import { type BothOptions, runOne } from './_both-clients.ts';

const skip = missing('nacre:ssh', 'sshd', 'openssh-10', 'ssh-agent', 'root');
const secret = 'open sesame';
let server: TestServer;
let account: SystemUser;
/** Key files by what they are. */
const files: Record<string, string> = {};

before(async () => {
  if (skip) return;
  const [good, stranger, other, locked, rsa, certified, authority] = await Promise.all([
    makeKey(),
    makeKey(),
    makeKey(),
    makeKey({ passphrase: secret }),
    makeKey({ type: 'rsa' }),
    makeKey(),
    makeKey(),
  ]);
  account = await createSystemUser();
  const certify = (key: KeyPair) =>
    requireSuccess(['ssh-keygen', '-q', '-s', authority.file, '-I', 'id', '-n', account.name, `${key.file}.pub`]);
  await certify(certified);
  await certify(stranger);
  const folder = makeFolder('login');
  const separate = join(folder, 'separate-cert.pub');
  writeFileSync(separate, readFileSync(`${stranger.file}-cert.pub`));
  await requireSuccess(['rm', `${stranger.file}-cert.pub`]);
  const exposed = join(folder, 'exposed');
  writeFileSync(exposed, readFileSync(good.file));
  chmodSync(exposed, 0o644);
  const publicOnly = join(folder, 'public');
  writeFileSync(publicOnly, `${good.publicLine}\n`);
  writeFileSync(join(folder, 'broken'), 'not a key\n', { mode: 0o600 });
  Object.assign(files, {
    good: good.file,
    stranger: stranger.file,
    other: other.file,
    locked: locked.file,
    rsa: rsa.file,
    certified: certified.file,
    separate,
    exposed,
    publicOnly,
    broken: join(folder, 'broken'),
    missing: join(folder, 'missing'),
  });
  server = await startOpenSshServer({
    authorizedKeys: [good, locked, rsa].map(({ publicLine }) => publicLine),
    identity: false,
    config: [
      `TrustedUserCAKeys ${authority.file}.pub`,
      'PasswordAuthentication yes',
      'KbdInteractiveAuthentication no',
      'MaxAuthTries 20',
    ],
  });
  // The account reads its keys by its own rights.
  const home = dirname(server.knownHostsFile);
  chmodSync(home, 0o755);
  chmodSync(join(home, 'authorized_keys'), 0o644);
});

interface Case extends Omit<BothOptions, 'known'> {
  readonly what: string;
  readonly isIn: boolean;
  /** Keys that an agent holds; without it there is no agent. */
  readonly agent?: readonly string[];
  /** What SSH_ASKPASS answers, in order. */
  readonly answers?: readonly string[];
  /** Where our words say more on purpose: these, and not what OpenSSH prints. */
  readonly ownWords?: RegExp;
  /** What the agent holds afterwards is compared. */
  readonly adds?: true;
}

const ids = (...names: readonly string[]) => names.map((name) => `IdentityFile={${name}}`);
const only = 'IdentitiesOnly=yes';

const cases: readonly Case[] = [
  { what: 'a key', options: ids('good'), isIn: true },
  {
    what: 'RequiredRSASize leaves a small key out',
    options: ['BatchMode=yes', 'RequiredRSASize=4096', 'HostKeyAlgorithms=ssh-ed25519', ...ids('rsa')],
    ownWords: /^Load key ".*rsa-\d+": an RSA key of \d+ bits, at least 4096 are required\n/,
    isIn: false,
  },
  {
    what: 'RequiredRSASize and a small key of the agent',
    options: ['BatchMode=yes', 'RequiredRSASize=4096', 'HostKeyAlgorithms=ssh-ed25519', ...ids('missing')],
    agent: ['rsa'],
    isIn: false,
  },
  { what: 'several keys in their order', options: ids('stranger', 'other', 'good'), isIn: true },
  { what: 'no key fits', options: ['BatchMode=yes', ...ids('stranger')], isIn: false },
  { what: 'a key of the agent', options: ids('missing'), agent: ['other', 'good'], isIn: true },
  {
    what: 'the agent before files, its named keys first',
    options: ids('stranger', 'good'),
    agent: ['other', 'good'],
    isIn: true,
  },
  {
    what: 'named keys in the agent’s order',
    options: ids('stranger', 'other', 'good'),
    agent: ['good', 'other', 'rsa'],
    isIn: true,
  },
  { what: 'IdentitiesOnly', options: [only, 'BatchMode=yes', ...ids('stranger')], agent: ['good'], isIn: false },
  {
    what: 'IdentitiesOnly and a public half',
    options: [only, ...ids('publicOnly')],
    agent: ['other', 'good'],
    isIn: true,
  },
  {
    what: 'a public half without an agent',
    options: [only, 'BatchMode=yes', ...ids('publicOnly')],
    ownWords: /^Load key ".*public": it holds a public key only, and no agent has its private half\n/,
    isIn: false,
  },
  {
    what: 'IdentityAgent=none',
    options: ['BatchMode=yes', 'IdentityAgent=none', ...ids('stranger')],
    agent: ['good'],
    isIn: false,
  },
  {
    what: 'IdentityAgent by variable',
    options: [only, 'IdentityAgent=$OTHER_AGENT', ...ids('publicOnly')],
    agent: ['good'],
    isIn: true,
  },
  {
    what: 'IdentityAgent that is not there',
    options: ['BatchMode=yes', 'IdentityAgent={folder}/no', ...ids('stranger')],
    agent: ['good'],
    isIn: false,
  },
  { what: 'a certificate beside the key', options: ids('certified'), isIn: true },
  {
    what: 'a certificate beside a key of the agent',
    options: ids('certified'),
    agent: ['other', 'certified-plain'],
    isIn: true,
  },
  { what: 'the agent holds key and certificate', options: [], agent: ['certified'], isIn: true },
  { what: 'CertificateFile', options: [...ids('stranger'), 'CertificateFile={separate}'], isIn: true },
  {
    what: 'CertificateFile before other keys',
    options: [...ids('other', 'stranger'), 'CertificateFile={separate}'],
    agent: ['rsa'],
    isIn: true,
  },
  {
    what: 'CertificateFile for a key of the agent',
    options: ['CertificateFile={separate}', ...ids('missing')],
    agent: ['stranger'],
    isIn: true,
  },
  { what: 'CertificateFile that is not there', options: [...ids('good'), 'CertificateFile={missing}'], isIn: true },
  {
    what: 'PubkeyAcceptedAlgorithms leaves a key out',
    options: ['PubkeyAcceptedAlgorithms=rsa-sha2-256', ...ids('good', 'rsa')],
    isIn: true,
  },
  {
    what: 'PubkeyAcceptedAlgorithms leaves all out',
    options: ['BatchMode=yes', 'PubkeyAcceptedAlgorithms=ecdsa-sha2-nistp256', ...ids('good')],
    isIn: false,
  },
  {
    what: 'PubkeyAcceptedAlgorithms without certificates',
    options: ['BatchMode=yes', 'PubkeyAcceptedAlgorithms=ssh-ed25519', ...ids('certified')],
    isIn: false,
  },
  {
    what: 'PubkeyAuthentication=no',
    options: ['BatchMode=yes', 'PubkeyAuthentication=no', ...ids('good')],
    isIn: false,
  },
  { what: 'PubkeyAuthentication=unbound', options: ['PubkeyAuthentication=unbound', ...ids('good')], isIn: true },
  { what: 'a locked key in batch mode', options: ['BatchMode=yes', ...ids('locked')], isIn: false },
  { what: 'a locked key', options: ids('locked'), answers: [secret], isIn: true },
  {
    what: 'a locked key, wrong passphrases',
    options: [...ids('locked'), 'NumberOfPasswordPrompts=2', 'PasswordAuthentication=no'],
    answers: ['x', 'y', 'z'],
    isIn: false,
  },
  { what: 'a locked key, no passphrase, another key', options: ids('locked', 'good'), answers: [''], isIn: true },
  { what: 'a file that others can read', options: ['BatchMode=yes', ...ids('exposed')], isIn: false },
  {
    what: 'a file that is no key',
    options: ['BatchMode=yes', ...ids('broken')],
    ownWords: /^Load key ".*broken": /,
    isIn: false,
  },
  { what: 'a file that is not there', options: ids('missing', 'good'), isIn: true },
  { what: '-i with a file that is not there', flags: ['-i', '{missing}'], options: ids('good'), isIn: true },
  { what: 'a password', options: ['PreferredAuthentications=password'], answers: ['{password}'], isIn: true },
  {
    what: 'passwords, wrong twice',
    options: ['PreferredAuthentications=password'],
    answers: ['x', 'y', '{password}'],
    isIn: true,
  },
  {
    what: 'NumberOfPasswordPrompts',
    options: ['PreferredAuthentications=password', 'NumberOfPasswordPrompts=2'],
    answers: ['x', 'y', '{password}'],
    isIn: false,
  },
  {
    what: 'NumberOfPasswordPrompts=0',
    options: ['NumberOfPasswordPrompts=0', ...ids('stranger')],
    answers: ['{password}'],
    isIn: false,
  },
  {
    what: 'an empty password',
    options: ['PreferredAuthentications=password'],
    answers: ['', '{password}'],
    isIn: true,
  },
  {
    what: 'PasswordAuthentication=no',
    options: ['PasswordAuthentication=no', ...ids('stranger')],
    answers: ['{password}'],
    isIn: false,
  },
  {
    what: 'PreferredAuthentications turns the order',
    options: ['PreferredAuthentications=password,publickey', ...ids('good')],
    answers: ['x', 'y', 'z'],
    isIn: true,
  },
  {
    what: 'PreferredAuthentications with names that nobody knows',
    options: ['PreferredAuthentications=x,publickey,y', ...ids('good')],
    isIn: true,
  },
  {
    what: 'PreferredAuthentications that leaves nothing',
    options: ['PreferredAuthentications=keyboard-interactive', ...ids('good')],
    isIn: false,
  },
  {
    what: 'BatchMode asks for no password',
    options: ['BatchMode=yes', ...ids('stranger')],
    answers: ['{password}'],
    isIn: false,
  },
  { what: 'AddKeysToAgent', options: ['AddKeysToAgent=yes', ...ids('good')], agent: [], isIn: true, adds: true },
  {
    what: 'AddKeysToAgent with a passphrase',
    options: ['AddKeysToAgent=yes', ...ids('locked')],
    agent: ['other'],
    answers: [secret],
    isIn: true,
    adds: true,
  },
  {
    what: 'AddKeysToAgent with a certificate',
    options: ['AddKeysToAgent=yes', ...ids('certified')],
    agent: [],
    isIn: true,
    adds: true,
  },
  {
    what: 'AddKeysToAgent adds no key that is refused',
    options: ['AddKeysToAgent=yes', ...ids('stranger', 'good')],
    agent: [],
    isIn: true,
    adds: true,
  },
  {
    what: 'AddKeysToAgent and a key that the agent has',
    options: ['AddKeysToAgent=yes', ...ids('good')],
    agent: ['good'],
    isIn: true,
    adds: true,
  },
  { what: 'AddKeysToAgent without an agent', options: ['AddKeysToAgent=yes', ...ids('good')], isIn: true },
  {
    what: 'AddKeysToAgent for a time',
    options: ['AddKeysToAgent=1h', ...ids('good')],
    agent: [],
    isIn: true,
    adds: true,
  },
  {
    what: 'AddKeysToAgent=confirm',
    options: ['AddKeysToAgent=confirm', ...ids('good')],
    agent: [],
    isIn: true,
    adds: true,
  },
  {
    what: 'AddKeysToAgent=ask, yes',
    options: ['AddKeysToAgent=ask', ...ids('good')],
    agent: [],
    answers: ['yes'],
    isIn: true,
    adds: true,
  },
  {
    what: 'AddKeysToAgent=ask, no',
    options: ['AddKeysToAgent=ask', ...ids('good')],
    agent: [],
    answers: ['no'],
    isIn: true,
    adds: true,
  },
  {
    what: 'AddKeysToAgent=ask in batch mode',
    options: ['BatchMode=yes', 'AddKeysToAgent=ask', ...ids('good')],
    agent: [],
    answers: ['yes'],
    isIn: true,
    adds: true,
  },
];

for (const each of cases) {
  test(`${each.what}: as OpenSSH`, { skip }, async () => {
    const theirs = await run(openSshProgram('ssh', '10.0'), each);
    const ours = await run(nacreProgram('ssh'), each);
    const said = `theirs: ${theirs.stderr}\nours: ${ours.stderr}`;
    assert.equal(theirs.status, each.isIn ? 0 : 255, said);
    assert.equal(ours.status, theirs.status, said);
    assert.deepEqual(ours.asked, theirs.asked, said);
    assert.deepEqual(ours.agent, theirs.agent, said);
    assert.deepEqual(ours.steps, theirs.steps, said);
    if (each.ownWords === undefined) assert.equal(ours.words, theirs.words, said);
    else assert.match(ours.words, each.ownWords);
  });
}

/** Lines of -v that tell what was tried. */
const steps =
  /^(?:debug1: (?:Offering public key|Server accepts key|Next authentication method|Authentications that can continue|identity added|No more authentication|Trying private key)|Authenticated)/;

const notWords = /^(?:debug\d: |Authenticated |Transferred: |Bytes per second: )/;

async function run(program: string, each: Case) {
  const fill = (text: string) =>
    text.replace(/\{(\w+)\}/g, (all, name: string) => (name === 'password' ? account.password : (files[name] ?? all)));
  const agent = each.agent === undefined ? undefined : await startAgent(each.agent);
  const { env, asked } = askpass((each.answers ?? []).map(fill));
  const knownFile = readFileSync(server.knownHostsFile, 'utf8');
  const common = {
    options: [...(each.options ?? []).map(fill)],
    flags: (each.flags ?? []).map(fill),
    user: account.name,
    known: knownFile,
    env: { ...env, SSH_AUTH_SOCK: agent?.socket, OTHER_AGENT: agent?.socket },
  };
  const made = await runOne(program, server, { ...common, flags: ['-v', ...common.flags] });
  const questions = asked();
  const heldAfter = agent === undefined ? undefined : await agent.list();
  await agent?.stop();
  const lines = made.stderr.split('\n');
  return {
    status: made.status,
    stderr: made.stderr,
    asked: questions,
    agent: heldAfter,
    steps: lines
      .filter((line) => steps.test(line))
      .map((line) => line.replace(/^Authenticated to .* using/, 'Authenticated using')),
    /** What people see without -v. */
    words: lines.filter((line) => !notWords.test(line)).join('\n'),
  };
}

/** An agent with keys; `NAME-plain` is one without its certificate. */
async function startAgent(names: readonly string[]) {
  const socket = join(makeFolder('agent'), 'socket');
  const program = startProgram(['ssh-agent', '-D', '-a', socket]);
  const env = { SSH_AUTH_SOCK: socket };
  await program.waitForLog(/Agent pid/);
  for (const name of names) {
    let file = files[name.replace('-plain', '')] as string;
    if (name.endsWith('-plain')) {
      const copy = join(makeFolder('plain'), 'key');
      writeFileSync(copy, readFileSync(file), { mode: 0o600 });
      file = copy;
    }
    await requireSuccess(['ssh-add', '-q', file], { env });
  }
  return {
    socket,
    stop: () => program.stop(),
    list: async () => (await runProgram(['ssh-add', '-l'], { env })).stdout.toString(),
  };
}

/** A program that answers from a list, and notes what it was asked. */
function askpass(answers: readonly string[]) {
  const folder = makeFolder('askpass');
  const [file, notes, list] = [join(folder, 'askpass'), join(folder, 'asked'), join(folder, 'answers')];
  writeFileSync(list, `${answers.join('\n')}\n`);
  writeFileSync(notes, '');
  const script = `#!/bin/sh\nprintf '%s\\n' "$1" >> ${notes}\nsed -n "$(wc -l < ${notes})p" ${list}\n`;
  writeFileSync(file, script, { mode: 0o755 });
  return {
    env: { SSH_ASKPASS: file, SSH_ASKPASS_REQUIRE: answers.length > 0 ? 'force' : 'never' },
    asked: () => readFileSync(notes, 'utf8').split('\n').slice(0, -1),
  };
}
