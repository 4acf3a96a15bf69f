/** The programs that call ssh, with bin/ssh in its place, against Debian's sshd: git, rsync, sshfs, ansible, scp, sftp, autossh, ssh-copy-id, an editor. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import {
  createSystemUser,
  freePort,
  hostLines,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  startOpenSshServer,
  startProgram,
  type TestServer,
  waitForPort,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'sshd');
const program = nacreProgram('ssh');
const folder = makeFolder('programs');
const configFile = join(folder, 'config');
/** bin/ssh with this file's configuration, for programs that take one word for ssh. */
const wrapper = join(folder, 'bin', 'ssh');
let server: TestServer;

before(async () => {
  if (skip) return;
  server = await startOpenSshServer({ hostKeyTypes: ['ed25519'] });
  writeFileSync(configFile, configFor('target', server, server.user));
  mkdirSync(dirname(wrapper));
  writeFileSync(wrapper, `#!/bin/sh\nexec '${program}' -F '${configFile}' "$@"\n`);
  chmodSync(wrapper, 0o755);
});

function configFor(name: string, server: TestServer, user: string): string {
  return [...hostLines(name, { ...server, user }), '  BatchMode yes', ''].join('\n');
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const environment = { SSH_AUTH_SOCK: undefined, HOME: folder };

/** Path and checksum of every file of a tree. */
function digestTree(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const rows = files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(root.length), sha256(readFileSync(path))] as const;
  });
  return Object.fromEntries([...rows].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function makeTree(root: string): void {
  mkdirSync(join(root, 'deep', 'er'), { recursive: true });
  for (const [name, size] of [
    ['empty', 0],
    ['small', 100],
    ['name with blank', 5000],
    ['deep/er/large', 3_000_000],
  ] as const) {
    writeFileSync(join(root, name), randomBytes(size));
  }
}

test('git clone, push and fetch, by GIT_SSH_COMMAND and by core.sshCommand', {
  skip: skip || missing('git'),
}, async () => {
  const there = join(folder, 'repository.git');
  const [one, two] = [join(folder, 'one'), join(folder, 'two')];
  const command = `'${program}' -F '${configFile}'`;
  const identity = { GIT_AUTHOR_NAME: 'Ada', GIT_AUTHOR_EMAIL: 'ada@example.com', GIT_CONFIG_NOSYSTEM: '1' };
  const env = {
    ...environment,
    ...identity,
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.com',
    GIT_SSH_COMMAND: command,
  };
  const git = (...args: readonly string[]) => requireSuccess(['git', ...args], { env });
  await git('init', '-q', '--bare', '-b', 'main', there);
  await git('clone', '-q', `ssh://target${there}`, one);
  makeTree(one);
  await git('-C', one, 'add', '-A');
  await git('-C', one, 'commit', '-q', '-m', 'first');
  await git('-C', one, 'push', '-q', 'origin', 'HEAD:main');
  await git('clone', '-q', `target:${there}`, two);
  assert.deepEqual(digestTree(join(two, 'deep')), digestTree(join(one, 'deep')));
  writeFileSync(join(two, 'more'), randomBytes(100_000));
  const configured = { ...env, GIT_SSH_COMMAND: undefined };
  const plain = (...args: readonly string[]) => requireSuccess(['git', '-C', two, ...args], { env: configured });
  await plain('config', 'core.sshCommand', command);
  await plain('add', '-A');
  await plain('commit', '-q', '-m', 'second');
  await plain('push', '-q', 'origin', 'main');
  await git('-C', one, 'fetch', '-q', 'origin');
  await git('-C', one, 'merge', '-q', '--ff-only', 'origin/main');
  assert.equal(sha256(readFileSync(join(one, 'more'))), sha256(readFileSync(join(two, 'more'))));
  const none = await runProgram(['git', 'ls-remote', `target:${folder}/none.git`], { env });
  assert.equal(none.status, 128);
  assert.match(none.stderr, /does not appear to be a git repository/);
});

test('rsync -e, there and back, with --delete', { skip: skip || missing('rsync') }, async () => {
  const [here, there, back] = ['here', 'there', 'back'].map((name) => join(folder, 'rsync', name)) as [
    string,
    string,
    string,
  ];
  makeTree(here);
  const rsync = (...args: readonly string[]) =>
    requireSuccess(['rsync', '-a', '--delete', '-e', `${program} -F ${configFile}`, ...args], { env: environment });
  await rsync(`${here}/`, `target:${there}/`);
  assert.deepEqual(digestTree(there), digestTree(here));
  rmSync(join(here, 'small'));
  writeFileSync(join(here, 'deep', 'er', 'large'), randomBytes(2_000_000));
  await rsync(`${here}/`, `target:${there}/`);
  assert.deepEqual(digestTree(there), digestTree(here));
  makeTree(join(back, 'stale'));
  await rsync('-z', `target:${there}/`, `${back}/`);
  assert.deepEqual(digestTree(back), digestTree(here));
});

test('sshfs: mount, read, write, unmount', { skip: skip || missing('sshfs') || whyNoFuse() }, async (t) => {
  const [there, here] = [join(folder, 'remote files'), join(folder, 'mount')];
  makeTree(there);
  mkdirSync(here);
  const args = ['-f', '-o', `ssh_command=${program} -F ${configFile}`, '-o', 'dir_cache=no'];
  const sshfs = startProgram(['sshfs', ...args, `target:${there}`, here], { env: environment });
  const unmount = () => runProgram(['fusermount3', '-u', here]);
  t.after(async () => {
    await unmount();
    await sshfs.stop();
  });
  await until(
    'it is mounted',
    () => readFileSync('/proc/mounts', 'utf8').includes(here) || sshfs.child.exitCode !== null,
  );
  assert.equal(sshfs.child.exitCode, null, sshfs.log());
  // By other programs: a call of ours that waits for the mount would keep us from noticing that it has gone.
  const list = `cd '${here}' && find . -type f -exec sha256sum {} + | sort`;
  const listThere = list.replace(here, there);
  assert.equal(await requireSuccess(['sh', '-c', list]), await requireSuccess(['sh', '-c', listThere]));
  await requireSuccess([
    'sh',
    '-c',
    `head -c 2000000 /dev/urandom > '${here}/new' && rm '${here}/small' && mkdir '${here}/d'`,
  ]);
  assert.equal(await requireSuccess(['sh', '-c', list]), await requireSuccess(['sh', '-c', listThere]));
  assert.equal((await unmount()).status, 0);
  await until('sshfs has ended', () => sshfs.child.exitCode !== null);
  assert.equal(sshfs.child.exitCode, 0, sshfs.log());
});

function whyNoFuse(): string | false {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return process.getuid?.() === 0 || missing('fusermount3') === false ? false : 'fusermount3 is not installed';
  } catch {
    return '/dev/fuse cannot be opened here';
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`this did not come true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const playbook = `
- hosts: all
  gather_facts: false
  tasks:
    - ping:
    - command: echo it\\'s done
      register: said
    - debug: {msg: "said <{{ said.stdout }}>"}
    - copy: {src: "{{ source }}", dest: "{{ copied }}", mode: "0640"}
      register: first
    - copy: {src: "{{ source }}", dest: "{{ copied }}", mode: "0640"}
      register: second
    - debug: {msg: "changed <{{ first.changed }} {{ second.changed }}>"}
`;

for (const [name, sshArgs, pipelining] of [
  ['ansible: ping, command and copy without pipelining', '-o ControlMaster=no', false],
  ['ansible: the same with pipelining', '-o ControlMaster=no', true],
  ['ansible: the same with its own arguments, which share connections', undefined, false],
] as const) {
  test(name, { skip: skip || missing('ansible-playbook') }, async (t) => {
    const home = makeFolder('ansible');
    t.after(() => endMasters(home));
    const [source, copied] = [join(home, 'source'), join(home, 'copied')];
    writeFileSync(source, randomBytes(300_000));
    writeFileSync(join(home, 'playbook'), playbook);
    const facts = {
      ansible_ssh_executable: program,
      ansible_ssh_common_args: `-F ${configFile}`,
      // Copies go by OpenSSH's sftp, which would run OpenSSH's ssh.
      ansible_sftp_extra_args: `-S ${program}`,
      ansible_python_interpreter: '/usr/bin/python3',
      ansible_remote_tmp: join(home, 'remote'),
      source,
      copied,
    };
    const env = {
      ...environment,
      HOME: home,
      ANSIBLE_PIPELINING: pipelining ? 'True' : 'False',
      ANSIBLE_LOCAL_TEMP: join(home, 'local'),
      ...(sshArgs !== undefined && { ANSIBLE_SSH_ARGS: sshArgs }),
    };
    const argv = ['ansible-playbook', '-i', 'target,', '-e', JSON.stringify(facts), join(home, 'playbook')];
    const said = await requireSuccess(argv, { env, timeoutMs: 90_000 });
    assert.match(said, /said <it's done>/);
    assert.match(said, /changed <True False>/);
    assert.match(said, /ok=6 +changed=2 +unreachable=0 +failed=0/);
    assert.equal(sha256(readFileSync(copied)), sha256(readFileSync(source)));
  });
}

/** ControlPersist leaves a master for a minute, whose sockets lie where ansible puts them. */
async function endMasters(home: string): Promise<void> {
  const sockets = join(home, '.ansible', 'cp');
  let names: string[] = [];
  try {
    names = readdirSync(sockets);
  } catch {
    // There were none.
  }
  for (const name of names)
    await runProgram([program, '-F', configFile, '-S', join(sockets, name), '-O', 'exit', 'target']);
}

test('OpenSSH’s scp and sftp by -S', { skip: skip || missing('scp', 'sftp') }, async () => {
  const files = join(folder, 'copies');
  mkdirSync(files);
  const bytes = randomBytes(3_000_000);
  writeFileSync(join(files, 'a'), bytes);
  const run = (name: 'scp' | 'sftp', args: readonly string[], input?: string) =>
    requireSuccess([openSshProgram(name), '-S', program, '-F', configFile, ...args], {
      env: environment,
      ...(input !== undefined && { input }),
    });
  await run('scp', ['-q', join(files, 'a'), `target:${files}/b`]);
  await run('scp', ['-q', '-O', `target:${files}/b`, join(files, 'c')]);
  await run('sftp', ['-q', '-b', '-', 'target'], `put ${files}/c ${files}/d\nget ${files}/d ${files}/e\n`);
  for (const name of 'bcde') assert.equal(sha256(readFileSync(join(files, name))), sha256(bytes), name);
});

test('autossh starts it again when it is killed', { skip: skip || missing('autossh') }, async (t) => {
  const target = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');
  t.after(() => target.close());
  const port = await freePort();
  const pidFile = join(folder, 'autossh-ssh.pid');
  const counted = join(folder, 'bin', 'counted-ssh');
  writeFileSync(counted, `#!/bin/sh\necho $$ >> '${pidFile}'\nexec '${program}' "$@"\n`, { mode: 0o755 });
  const autossh = startProgram(
    [
      ...['autossh', '-M', '0', '-N', '-F', configFile, '-o', 'ExitOnForwardFailure=yes'],
      ...['-L', `${port}:127.0.0.1:${(target.address() as { port: number }).port}`, 'target'],
    ],
    { env: { ...environment, AUTOSSH_PATH: counted, AUTOSSH_GATETIME: '0', AUTOSSH_POLL: '5' } },
  );
  t.after(() => autossh.stop());
  const echo = async () => {
    await waitForPort(port);
    const socket = connect({ port, host: '127.0.0.1' });
    socket.end('hello');
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  };
  const pids = () => readFileSync(pidFile, 'utf8').trim().split('\n').map(Number);
  assert.equal(await echo(), 'hello');
  const [first] = pids();
  process.kill(first as number, 'SIGKILL');
  await until('another one was started', () => pids().length === 2);
  assert.equal(await echo(), 'hello');
});

for (const [name, flags] of [
  ['Debian’s ssh-copy-id with bin/ssh in PATH', []],
  // It makes a master for sftp to go through, and sftp has a path of its own to ssh unless it is told another one.
  ['Debian’s ssh-copy-id -s, by sftp -S over a shared connection', ['-s']],
] as const) {
  test(name, { skip: skip || missing('root', 'ssh-copy-id') }, async () => {
    const user = await createSystemUser();
    await user.authorize(server.identity.publicLine);
    const keys = join(user.home, '.ssh', 'authorized_keys');
    const own = await startOpenSshServer({ hostKeyTypes: ['ed25519'], config: [`AuthorizedKeysFile ${keys}`] });
    const home = makeFolder('copy-id');
    mkdirSync(join(home, '.ssh'));
    const file = join(home, 'config');
    writeFileSync(file, configFor('copy', own, user.name));
    const added = await makeKey();
    const bin = join(home, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'sftp'), `#!/bin/sh\nexec '${openSshProgram('sftp')}' -S '${program}' "$@"\n`, {
      mode: 0o755,
    });
    const env = { ...environment, HOME: home, PATH: `${bin}:${dirname(program)}:${process.env.PATH}` };
    const argv = ['/usr/bin/ssh-copy-id', '-f', ...flags, '-F', file, '-i', `${added.file}.pub`, 'copy'];
    const result = await runProgram(argv, { env });
    assert.equal(result.status, 0, result.stderr);
    const lines = readFileSync(keys, 'utf8').trim().split('\n');
    assert.deepEqual(lines, [server.identity.publicLine, added.publicLine]);
  });
}

test('an editor’s way: -T -D and a shell that reads a script and stays', { skip }, async (t) => {
  const port = await freePort();
  const args = ['-v', '-T', '-D', String(port), '-o', 'ConnectTimeout=15', 'target', 'bash'];
  const editor = startEditor(t, [program, '-F', configFile, ...args]);
  editor.write('echo "started: $((40 + 2))"; uname\n');
  await editor.waitFor(/started: 42\nLinux\n/);
  // What such an editor reads from -v to know that the way is open.
  assert.match(editor.errors(), /debug1: Local forwarding listening on 127\.0\.0\.1 port \d+\./);
  const remote = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  remote.listen(0, '127.0.0.1');
  await once(remote, 'listening');
  t.after(() => remote.close());
  const { port: target } = remote.address() as { port: number };
  for (let round = 0; round < 3; round++) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.write(Buffer.from([5, 1, 0]));
    assert.deepEqual([...((await once(socket, 'data'))[0] as Buffer)], [5, 0]);
    socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, target >> 8, target & 255]));
    assert.equal(((await once(socket, 'data'))[0] as Buffer)[1], 0);
    socket.write('over the proxy');
    assert.equal(String((await once(socket, 'data'))[0]), 'over the proxy');
    socket.destroy();
    editor.write(`echo "round ${round}"\n`);
    await editor.waitFor(new RegExp(`round ${round}\n`));
  }
  editor.write('exit 7\n');
  assert.equal(await editor.ended, 7);
});

/** A program whose standard input stays open. */
function startEditor(t: TestContext, [file = '', ...args]: readonly string[]) {
  const child = spawn(file, args, { env: { ...process.env, ...environment }, stdio: 'pipe' });
  const said = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    said.stdout += String(chunk);
  });
  child.stderr.on('data', (chunk) => {
    said.stderr += String(chunk);
  });
  t.after(() => void child.kill());
  return {
    write: (text: string) => void child.stdin.write(text),
    waitFor: (pattern: RegExp) => until(`${pattern} in its output`, () => pattern.test(said.stdout)),
    errors: () => said.stderr,
    ended: once(child, 'exit').then(([status]) => status as number),
  };
}
