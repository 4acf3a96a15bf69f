/** git signs and verifies commits and tags with bin/ssh-keygen, and does not notice the difference. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  findProgram,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  type ProgramResult,
  requireSuccess,
  runProgram,
  startProgram,
} from '../harness/index.ts';

const skip = missing('git', 'nacre:ssh-keygen', 'ssh-keygen', 'ssh-agent', 'ssh-add');
const ours = nacreProgram('ssh-keygen');
const theirs = findProgram('ssh-keygen') ?? 'ssh-keygen';
const folder = makeFolder('git');
const home = join(folder, 'home');
const email = 'signer@example.com';
let socket: string | undefined;
let made = 0;

/** git with nothing of the person's own: no configuration, no agent but ours. */
function git(repository: string, args: readonly string[], program = ours): Promise<ProgramResult> {
  const argv = ['git', '-C', repository, '-c', 'gpg.format=ssh', '-c', `gpg.ssh.program=${program}`, ...args];
  return runProgram(argv, {
    env: {
      HOME: home,
      XDG_CONFIG_HOME: undefined,
      GIT_CONFIG_NOSYSTEM: '1',
      SSH_AUTH_SOCK: socket,
      DISPLAY: undefined,
      GIT_AUTHOR_NAME: 'Signer',
      GIT_AUTHOR_EMAIL: email,
      GIT_COMMITTER_NAME: 'Signer',
      GIT_COMMITTER_EMAIL: email,
    },
  });
}

async function succeed(repository: string, args: readonly string[], program = ours): Promise<string> {
  const { status, stdout, stderr } = await git(repository, args, program);
  assert.equal(status, 0, `git ${args.join(' ')}: ${stderr}`);
  return `${stdout}${stderr}`;
}

async function makeRepository(signingKey: string, allowedSigners: string): Promise<string> {
  const repository = join(folder, `repository-${++made}`);
  mkdirSync(repository);
  await succeed(repository, ['init', '-q']);
  const allowed = join(folder, `allowed-${made}`);
  writeFileSync(allowed, allowedSigners);
  await succeed(repository, ['config', 'user.signingKey', signingKey]);
  await succeed(repository, ['config', 'gpg.ssh.allowedSignersFile', allowed]);
  return repository;
}

const commit = (repository: string, program = ours) =>
  succeed(repository, ['commit', '-q', '-S', '--allow-empty', '-m', 'signed'], program);

/** What git says of the newest commit, by both programs alike. */
async function verdict(repository: string): Promise<{ status: number | null; text: string; letter: string }> {
  const results = await Promise.all(
    [ours, theirs].map(async (program) => {
      const verified = await git(repository, ['verify-commit', '--raw', 'HEAD'], program);
      const shown = await git(repository, ['log', '-1', '--show-signature', '--format=%G? %GS %GK %GF %GP'], program);
      const text = `${verified.stderr}${verified.stdout}${shown.stdout}${shown.stderr}`.replaceAll('\r\n', '\n');
      return { status: verified.status, text, letter: /^([A-Z]) /m.exec(shown.stdout.toString())?.[1] ?? '' };
    }),
  );
  // The clock may go on between the two.
  const timeless = results.map((each) => ({ ...each, text: each.text.replace(/(verify time \S+T)\S+/g, '$1') }));
  assert.deepEqual(timeless[0], timeless[1]);
  return results[0] as (typeof results)[0];
}

const day = (offset: number) => {
  const text = new Date(Date.now() + offset * 86_400_000).toISOString();
  return `${text.slice(0, 10).replaceAll('-', '')}Z`;
};

before(() => mkdirSync(home));

test('a commit and a tag signed with a private key file, verified with an allowed signers file', { skip }, async () => {
  for (const type of ['ed25519', 'ecdsa-256', 'rsa'] as const) {
    const { file, publicLine, fingerprint } = await makeKey({ type });
    const repository = await makeRepository(file, `${email} namespaces="git" ${publicLine}\n`);
    await commit(repository);
    const good = await verdict(repository);
    assert.equal(good.status, 0, good.text);
    assert.match(good.text, new RegExp(`^Good "git" signature for ${email} with \\S+ key `, 'm'));
    assert.ok(good.text.includes(fingerprint));
    assert.equal(good.letter, 'G');
    await succeed(repository, ['tag', '-s', '-m', 'release', 'v1']);
    assert.match(await succeed(repository, ['verify-tag', 'v1']), /^Good "git" signature for /m);
    assert.match(await succeed(repository, ['verify-tag', 'v1'], theirs), /^Good "git" signature for /m);
    // And the other way round.
    await commit(repository, theirs);
    assert.equal((await verdict(repository)).letter, 'G');
  }
});

test('a public key file, the key itself and the whole line: the private half is in Debian’s agent alone', {
  skip,
}, async () => {
  socket = join(makeFolder('agent'), 'agent.sock');
  const agent = startProgram([findProgram('ssh-agent') as string, '-D', '-a', socket]);
  await agent.waitForLog(/SSH_AUTH_SOCK/);
  try {
    for (const type of ['ed25519', 'rsa'] as const) {
      const { file, publicLine } = await makeKey({ type });
      await requireSuccess(['ssh-add', '-q', file], { env: { SSH_AUTH_SOCK: socket } });
      rmSync(file);
      for (const signingKey of [`${file}.pub`, `key::${publicLine}`, publicLine]) {
        // Without a prefix git takes only what begins with ssh- for a key.
        if (signingKey === publicLine && !publicLine.startsWith('ssh-')) continue;
        const repository = await makeRepository(signingKey, `${email} ${publicLine}\n`);
        await commit(repository);
        const { status, letter, text } = await verdict(repository);
        assert.deepEqual([status, letter], [0, 'G'], text);
      }
    }
    const { publicLine } = await makeKey();
    const repository = await makeRepository(`key::${publicLine}`, '');
    const refused = await git(repository, ['commit', '-q', '-S', '--allow-empty', '-m', 'no key']);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /No private key found for|Couldn't find key in agent/);
  } finally {
    await agent.stop();
    socket = undefined;
  }
  // git makes temporary files for such a key, and they are gone.
  assert.deepEqual(readdirSync(home), []);
});

test('a certificate counts by the line of its authority', { skip }, async () => {
  const authority = await makeKey();
  const { file } = await makeKey();
  await requireSuccess([theirs, '-q', '-s', authority.file, '-I', 'id', '-n', email, '-V', '-1d:+1d', `${file}.pub`]);
  const line = `*@example.com cert-authority,namespaces="git" ${authority.publicLine}\n`;
  const repository = await makeRepository(`${file}-cert.pub`, line);
  await commit(repository);
  const { status, letter, text } = await verdict(repository);
  assert.deepEqual([status, letter], [0, 'G'], text);
  assert.match(text, /^Good "git" signature for signer@example\.com with ED25519-CERT key /m);
});

interface Case {
  readonly name: string;
  readonly allowed: (key: KeyPair) => string;
  readonly letter: string;
  readonly words: RegExp;
}

const cases: readonly Case[] = [
  {
    name: 'within its time',
    allowed: ({ publicLine }) => `${email} valid-after="${day(-2)}",valid-before="${day(2)}" ${publicLine}\n`,
    letter: 'G',
    words: /^Good "git" signature for /m,
  },
  {
    name: 'before its time',
    allowed: ({ publicLine }) => `${email} valid-after="${day(2)}" ${publicLine}\n`,
    letter: 'U',
    words: /key is not yet valid: verify time /,
  },
  {
    name: 'after its time',
    allowed: ({ publicLine }) => `${email} valid-before="${day(-2)}" ${publicLine}\n`,
    letter: 'U',
    words: /key has expired: verify time /,
  },
  {
    name: 'for another purpose',
    allowed: ({ publicLine }) => `${email} namespaces="file" ${publicLine}\n`,
    letter: 'B',
    words: /key is not permitted for use in signature namespace "git"/,
  },
  {
    name: 'unknown',
    allowed: () => '',
    letter: 'U',
    words: /^Good "git" signature with ED25519 key |No principal matched\./m,
  },
];

for (const { name, allowed, letter, words } of cases) {
  test(`a key ${name}: git says the same by both programs`, { skip }, async () => {
    const key = await makeKey();
    const repository = await makeRepository(key.file, allowed(key));
    await commit(repository);
    const found = await verdict(repository);
    assert.equal(found.letter, letter, found.text);
    assert.match(found.text, words);
  });
}

test('a revoked key and a changed commit are no good signatures', { skip }, async () => {
  const key = await makeKey();
  const repository = await makeRepository(key.file, `${email} ${key.publicLine}\n`);
  await commit(repository);
  await succeed(repository, ['config', 'gpg.ssh.revocationFile', `${key.file}.pub`]);
  assert.equal((await verdict(repository)).letter, 'B');
  await succeed(repository, ['config', '--unset', 'gpg.ssh.revocationFile']);
  assert.equal((await verdict(repository)).letter, 'G');
  const text = await succeed(repository, ['cat-file', 'commit', 'HEAD']);
  const path = join(folder, 'changed');
  writeFileSync(path, text.replace(/\nsigned\n$/, '\nnot what was signed\n'));
  assert.notEqual(readFileSync(path, 'utf8'), text);
  const id = (await succeed(repository, ['hash-object', '-t', 'commit', '-w', path])).trim();
  await succeed(repository, ['update-ref', 'HEAD', id]);
  const { status, letter } = await verdict(repository);
  assert.deepEqual([status, letter], [1, 'B']);
});
