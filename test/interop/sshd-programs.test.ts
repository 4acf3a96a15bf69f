/** bin/sshd and the programs that call ssh: git, rsync, ansible, scp, sftp, plink, pscp, autossh, jumps; for root and for another account. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  freePort,
  hostLines,
  makeFolder,
  missing,
  openSshProgram,
  puttyCommand,
  type RunOptions,
  requireSuccess,
  runProgram,
  startProgram,
  waitForPort,
} from '../harness/index.ts';
import { quote, sha256, until } from './_sshd.ts';
import { otherAccount } from './_sshd-both.ts';
import { digestTree, makeTree, skip, startServer, startWorld, type World } from './_sshd-programs.ts';

let world: World;
before(async () => {
  if (!skip) world = await startWorld(['MaxStartups 100', 'Subsystem sftp internal-sftp']);
});

/** The same for each account. */
function forEach(name: string, needs: string | false, work: (host: string) => Promise<void>): void {
  test(name, { skip: skip || needs }, async (t) => {
    for (const host of world.hosts) await t.test(host, () => work(host));
  });
}

const run = (argv: readonly string[], options: RunOptions = {}) =>
  requireSuccess(argv, { ...options, env: { ...world.env, ...options.env } });

forEach('git: clone, push, fetch, and 8 MB in one pack', missing('git'), async (host) => {
  const there = join(await world.place(host), 'repository.git');
  const here = makeFolder('git');
  const [one, two] = [join(here, 'one'), join(here, 'two')];
  const who = ['AUTHOR', 'COMMITTER'].flatMap((role) => [
    [`GIT_${role}_NAME`, 'Ada'],
    [`GIT_${role}_EMAIL`, 'ada@example.com'],
  ]);
  const env = { ...Object.fromEntries(who), GIT_SSH_COMMAND: world.wrapper };
  const git = (...args: readonly string[]) =>
    // Random bytes: packing them would only take time.
    run(['git', '-c', 'core.compression=0', '-c', 'core.bigFileThreshold=1m', ...args], { env, timeoutMs: 60_000 });
  assert.equal((await world.ssh([host, `git init -q --bare -b main ${there}`])).status, 0);
  await git('clone', '-q', `ssh://${host}${there}`, one);
  makeTree(one, 8_000_000);
  await git('-C', one, 'add', '-A');
  await git('-C', one, 'commit', '-q', '-m', 'first');
  await git('-C', one, 'push', '-q', 'origin', 'HEAD:main');
  await git('clone', '-q', `${host}:${there}`, two);
  assert.deepEqual(digestTree(join(two, 'deep')), digestTree(join(one, 'deep')));
  writeFileSync(join(two, 'more'), randomBytes(100_000));
  await git('-C', two, 'add', '-A');
  await git('-C', two, 'commit', '-q', '-m', 'second');
  await git('-C', two, 'push', '-q', 'origin', 'main');
  await git('-C', one, 'fetch', '-q', 'origin');
  await git('-C', one, 'merge', '-q', '--ff-only', 'origin/main');
  assert.equal(sha256(readFileSync(join(one, 'more'))), sha256(readFileSync(join(two, 'more'))));
  const none = await runProgram(['git', 'ls-remote', `${host}:${there}.none`], { env: { ...world.env, ...env } });
  assert.equal(none.status, 128);
  assert.match(none.stderr, /does not appear to be a git repository/);
});

forEach('rsync: there and back, with --delete', missing('rsync'), async (host) => {
  const [here, there, back] = [join(makeFolder('rsync'), 'here'), join(await world.place(host), 'there'), 'back'];
  makeTree(here);
  const rsync = (...args: readonly string[]) =>
    run(['rsync', '-rt', '--delete', '-e', world.wrapper, ...args], { cwd: here });
  await rsync(`${here}/`, `${host}:${there}/`);
  assert.deepEqual(digestTree(there), digestTree(here));
  rmSync(join(here, 'small'));
  writeFileSync(join(here, 'deep', 'er', 'large'), randomBytes(2_000_000));
  await rsync(`${here}/`, `${host}:${there}/`);
  assert.deepEqual(digestTree(there), digestTree(here));
  const target = join(makeFolder('rsync'), back);
  makeTree(join(target, 'stale'));
  await rsync('-z', `${host}:${there}/`, `${target}/`);
  assert.deepEqual(digestTree(target), digestTree(here));
});

forEach(
  'scp by both protocols, sftp, pscp, plink',
  missing('scp', 'sftp', 'pscp', 'plink', 'puttygen'),
  async (host) => {
    const there = await world.place(host);
    const file = join(makeFolder('copies'), 'a');
    const bytes = randomBytes(3_000_000);
    writeFileSync(file, bytes);
    const openSsh = (name: 'scp' | 'sftp', args: readonly string[], input?: string) =>
      run([openSshProgram(name), '-q', '-F', world.configFile, ...args], input === undefined ? {} : { input });
    for (const flag of ['-O', '-s']) {
      await openSsh('scp', [flag, file, `${host}:${there}/b${flag}`]);
      await openSsh('scp', [flag, `${host}:${there}/b${flag}`, `${file}${flag}`]);
      assert.equal(sha256(readFileSync(`${file}${flag}`)), sha256(bytes), flag);
    }
    await openSsh('sftp', ['-b', '-', host], `put ${file} ${there}/c\nget ${there}/c ${file}-sftp\nrm ${there}/c\n`);
    assert.equal(sha256(readFileSync(`${file}-sftp`)), sha256(bytes));
    assert.equal(existsSync(join(there, 'c')), false);
    const user = host === 'mine' ? world.server.user : (await otherAccount()).name;
    const server = { ...world.server, user };
    const input = 'through plink\n';
    assert.equal(await run(await puttyCommand(server, [server.host, 'cat; id -un']), { input }), `${input}${user}\n`);
    for (const flag of ['-sftp', '-scp']) {
      const pscp = async (...args: readonly string[]) =>
        run(await puttyCommand(server, args, { program: 'pscp', flags: ['-q', flag] }));
      await pscp(file, `${user}@${server.host}:${there}/d${flag}`);
      await pscp(`${user}@${server.host}:${there}/d${flag}`, `${file}-p${flag}`);
      assert.equal(sha256(readFileSync(`${file}-p${flag}`)), sha256(bytes), flag);
    }
  },
);

forEach('a script of 1,000 lines by standard input', false, async (host) => {
  const lines = Array.from({ length: 1000 }, (_, i) => `n=$((n + ${i})); echo "line ${i} $n"`);
  const input = `${lines.join('\n')}\nexit 5\n`;
  for (const shell of ['bash -s', '']) {
    const { status, stdout } = await world.ssh(['-T', host, ...(shell === '' ? [] : [shell])], { input });
    assert.equal(status, 5, shell);
    const said = stdout.toString().trim().split('\n');
    assert.deepEqual([said.length, said.at(-1)], [1000, `line 999 ${(999 * 1000) / 2}`]);
  }
});

const playbook = `
- hosts: all
  gather_facts: false
  tasks:
    - ping:
    - command: id -un
      register: said
    - debug: {msg: "said <{{ said.stdout }}>"}
    - copy: {src: "{{ source }}", dest: "{{ place }}/copied", mode: "0640"}
      register: first
    - copy: {src: "{{ source }}", dest: "{{ place }}/copied", mode: "0640"}
      register: second
    - debug: {msg: "changed <{{ first.changed }} {{ second.changed }}>"}
`;

for (const pipelining of [false, true]) {
  const name = `ansible ${pipelining ? 'with' : 'without'} pipelining, over connections that persist`;
  test(name, { skip: skip || missing('ansible-playbook') }, async (t) => {
    const home = makeFolder('ansible');
    const sockets = makeFolder('cp');
    t.after(async () => {
      for (const socket of readdirSync(sockets)) {
        await world.ssh(['-o', `ControlPath=${join(sockets, socket)}`, '-O', 'exit', 'mine']);
      }
    });
    const source = join(home, 'source');
    writeFileSync(source, randomBytes(300_000));
    writeFileSync(join(home, 'playbook'), playbook);
    const places = new Map<string, string>();
    for (const host of world.hosts) places.set(host, await world.place(host));
    const inventory = [...places].map(([host, place]) => `${host} place=${place} ansible_remote_tmp=${place}/tmp`);
    writeFileSync(join(home, 'inventory'), `${inventory.join('\n')}\n`);
    const facts = {
      ansible_ssh_executable: openSshProgram('ssh'),
      ansible_ssh_common_args: `-F ${world.configFile}`,
      ansible_python_interpreter: '/usr/bin/python3',
      source,
    };
    const env = {
      HOME: home,
      ANSIBLE_PIPELINING: String(pipelining),
      ANSIBLE_LOCAL_TEMP: join(home, 'local'),
      ANSIBLE_SSH_CONTROL_PATH_DIR: sockets,
      ANSIBLE_SSH_ARGS: '-o ControlMaster=auto -o ControlPersist=60s',
    };
    const argv = [
      'ansible-playbook',
      '-i',
      join(home, 'inventory'),
      '-e',
      JSON.stringify(facts),
      join(home, 'playbook'),
    ];
    const said = await run(argv, { env, timeoutMs: 90_000 });
    assert.equal(said.match(/changed <True False>/g)?.length, world.hosts.length, said);
    assert.equal(said.match(/ok=6 +changed=2 +unreachable=0 +failed=0/g)?.length, world.hosts.length, said);
    assert.ok(readdirSync(sockets).length >= world.hosts.length, 'connections were shared');
    for (const place of places.values()) {
      assert.equal(sha256(readFileSync(join(place, 'copied'))), sha256(readFileSync(source)));
    }
    if (world.hosts.includes('other')) assert.match(said, new RegExp(`said <${(await otherAccount()).name}>`));
  });
}

/** A server of bytes on this machine that answers what it is told. */
async function startEcho(): Promise<{ port: number; close: () => void }> {
  const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  echo.listen(0, '127.0.0.1');
  await once(echo, 'listening');
  return { port: (echo.address() as { port: number }).port, close: () => void echo.close() };
}

async function ask(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1' });
  socket.end('hello');
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

forEach('ssh -N -R, kept by autossh: its ssh is killed, and the port comes back', missing('autossh'), async (host) => {
  const echo = await startEcho();
  const port = await freePort();
  const folder = makeFolder('autossh');
  const pidFile = join(folder, 'pids');
  const counted = join(folder, 'ssh');
  writeFileSync(counted, `#!/bin/sh\necho $$ >> '${pidFile}'\nexec '${openSshProgram('ssh')}' "$@"\n`, { mode: 0o755 });
  const autossh = startProgram(
    [
      ...['autossh', '-M', '0', '-N', '-F', world.configFile, '-o', 'ExitOnForwardFailure=yes'],
      ...['-R', `${port}:127.0.0.1:${echo.port}`, host],
    ],
    { env: { ...world.env, AUTOSSH_PATH: counted, AUTOSSH_GATETIME: '0', AUTOSSH_POLL: '5' } },
  );
  const pids = () => readFileSync(pidFile, 'utf8').trim().split('\n').map(Number);
  await waitForPort(port);
  assert.equal(await ask(port), 'hello');
  process.kill(pids()[0] as number, 'SIGKILL');
  await until(() => pids().length >= 2, 'another one was started');
  await waitForPort(port);
  assert.equal(await ask(port), 'hello');
  await autossh.stop();
  echo.close();
});

forEach('jumps: -W through us, and a chain of three', false, async (host) => {
  const [second, third] = [await startServer(), await startServer()];
  const user = host === 'mine' ? world.server.user : (await otherAccount()).name;
  const chain = join(makeFolder('chain'), 'config');
  const blocks = [hostLines('second', { ...second, user }), hostLines('third', { ...third, user })];
  writeFileSync(chain, `${readFileSync(world.configFile, 'utf8')}${blocks.flat().join('\n')}\n`);
  const input = randomBytes(2_000_000);
  const direct = quote([openSshProgram('ssh'), '-F', chain, '-W', '%h:%p', host]);
  for (const way of [`ProxyCommand=${direct}`, `ProxyJump=${host},second`]) {
    const ssh = [openSshProgram('ssh'), '-F', chain, '-o', way, 'third', 'cat; id -un >&2; exit 6'];
    const { status, stdout, stderr } = await runProgram(ssh, { input, env: world.env });
    assert.equal(status, 6, stderr);
    assert.equal(sha256(stdout), sha256(input), way);
    assert.match(stderr, new RegExp(`^${user}$`, 'm'));
  }
  await Promise.all([second.stop(), third.stop()]);
});
