/** Our agent asked by OpenSSH's ssh-add and ssh-keygen. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { Keyring, serveAgent } from '@nacre/ssh/agent';

const run = promisify(execFile);
const hasTools = await run('ssh-add', ['-h']).then(
  () => true,
  (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
);
const skip = hasTools ? false : 'ssh-add and ssh-keygen are not installed';

let folder = '';
let server: Server | undefined;
const file = (name: string) => join(folder, name);
const withAgent = (program: string, ...args: string[]) =>
  run(program, args, { env: { ...process.env, SSH_AUTH_SOCK: file('agent.sock') } });

before(async () => {
  if (!hasTools) return;
  folder = await mkdtemp(join(tmpdir(), 'nacre-agent-'));
  const keyring = new Keyring({ now: () => performance.now() });
  server = createServer((socket) => void serveAgent(socket, keyring));
  await new Promise<void>((resolve) => server?.listen(file('agent.sock'), resolve));
  for (const [type, bits] of [
    ['ed25519', '256'],
    ['rsa', '2048'],
    ['ecdsa', '384'],
  ] as const) {
    await run('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-C', `${type} key`, '-f', file(type)]);
  }
  await run('ssh-keygen', ['-q', '-s', file('ecdsa'), '-I', 'id', '-n', 'alice', file('ed25519.pub')]);
});

after(async () => {
  server?.close();
  if (folder !== '') await rm(folder, { recursive: true });
});

test('ssh-add adds keys of every type and a certificate, and lists them', { skip }, async () => {
  for (const type of ['ed25519', 'rsa', 'ecdsa']) await withAgent('ssh-add', '-q', file(type));
  const { stdout } = await withAgent('ssh-add', '-L');
  const expected = await Promise.all(
    ['ed25519', 'ed25519-cert', 'rsa', 'ecdsa'].map((name) => readFile(file(`${name}.pub`), 'utf8')),
  );
  assert.equal(stdout, expected.join(''));
});

test('ssh-add -T and ssh-keygen -Y sign use the keys', { skip }, async () => {
  for (const type of ['ed25519', 'ecdsa']) await withAgent('ssh-add', '-T', file(`${type}.pub`));
  // This ssh-add asks for RSA without a flag, which means SHA-1.
  await assert.rejects(withAgent('ssh-add', '-T', file('rsa.pub')), { code: 1 });
  const publicKey = (await readFile(file('rsa.pub'), 'utf8')).split(' ').slice(0, 2).join(' ');
  await writeFile(file('allowed'), `me ${publicKey}\n`);
  await writeFile(file('message'), 'signed by the agent');
  await withAgent('ssh-keygen', '-q', '-Y', 'sign', '-f', file('rsa.pub'), '-n', 'file', file('message'));
  const checking = run('ssh-keygen', [
    '-Y',
    'verify',
    '-f',
    file('allowed'),
    '-I',
    'me',
    '-n',
    'file',
    '-s',
    file('message.sig'),
  ]);
  checking.child.stdin?.end('signed by the agent');
  assert.match((await checking).stdout, /Good "file" signature for me/);
});

test('ssh-add removes keys, and gets no for constraints that are not kept', { skip }, async () => {
  await withAgent('ssh-add', '-q', '-d', file('rsa'));
  assert.doesNotMatch((await withAgent('ssh-add', '-L')).stdout, /rsa key/);
  await withAgent('ssh-add', '-q', '-t', '600', file('rsa'));
  await withAgent('ssh-add', '-q', '-d', file('rsa'));
  await assert.rejects(withAgent('ssh-add', '-q', '-c', file('rsa')));
  await withAgent('ssh-add', '-q', '-D');
  await assert.rejects(withAgent('ssh-add', '-L'), { stdout: 'The agent has no identities.\n' });
});
