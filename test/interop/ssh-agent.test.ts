/** bin/ssh-agent with Debian's ssh-add, ssh and ssh-keygen, and its words beside those of OpenSSH's ssh-agent. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connectAgent } from '@nacre/ssh/client';
import {
  atEnd,
  type KeyPair,
  keyTypes,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  type RunOptions,
  requireSuccess,
  runProgram,
  startOpenSshServer,
  startProgram,
} from '../harness/index.ts';

const program = nacreProgram('ssh-agent');
const skip = missing('ssh-add', 'ssh', 'sshd', 'ssh-keygen', 'ssh-agent', 'python3');
const newer = missing('openssh-10');
const isRoot = process.getuid?.() === 0;
const home = makeFolder('agent-home');
const bare = { SSH_AUTH_SOCK: undefined, SSH_AGENT_PID: undefined, HOME: home, SHELL: '/bin/sh', DISPLAY: undefined };

interface Agent {
  readonly socket: string;
  readonly pid: number;
  readonly environment: Record<string, string | undefined>;
}

const running = new Set<number>();
atEnd(() => {
  for (const pid of running) kill(pid, 'SIGTERM');
});

/** An agent in the background, as `eval $(ssh-agent)` starts it. */
async function startAgent(args: string[] = [], options: RunOptions = {}): Promise<Agent & { output: string }> {
  const output = await requireSuccess([program, ...args], { ...options, env: { ...bare, ...options.env } });
  const [, socket = ''] = /SSH_AUTH_SOCK[= ]([^;]+);/.exec(output) ?? [];
  const pid = Number(/Agent pid (\d+);/.exec(output)?.[1]);
  running.add(pid);
  return { output, socket, pid, environment: { ...bare, SSH_AUTH_SOCK: socket, SSH_AGENT_PID: String(pid) } };
}

async function endAgent({ pid, socket }: Agent): Promise<void> {
  kill(pid, 'SIGTERM');
  running.delete(pid);
  await until(() => !existsSync(socket));
}

function kill(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

async function until(holds: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; !(await holds()); await delay(20)) {
    if (Date.now() > end) throw new Error('it did not come to pass in time');
  }
}

const add = (agent: Agent, ...args: string[]) => runProgram(['ssh-add', ...args], { env: agent.environment });
const count = async (agent: Agent) => {
  const { status, stdout } = await add(agent, '-L');
  return status === 0 ? stdout.toString().trim().split('\n').length : 0;
};

let keys: KeyPair[] = [];
before(async () => {
  if (skip !== false) return;
  keys = await Promise.all(keyTypes.map((type) => makeKey({ type, ...(type === 'rsa' ? { bits: 2048 } : {}) })));
});

test('what it prints for sh and csh is what a shell evaluates', { skip }, async () => {
  const { output, socket, pid, ...agent } = await startAgent(['-s']);
  assert.equal(
    output,
    `SSH_AUTH_SOCK=${socket}; export SSH_AUTH_SOCK;\nSSH_AGENT_PID=${pid}; export SSH_AGENT_PID;\necho Agent pid ${pid};\n`,
  );
  assert.ok(kill(pid, 0));
  const ended = await runProgram([program, '-k'], { env: agent.environment });
  assert.equal(ended.stdout.toString(), `unset SSH_AUTH_SOCK;\nunset SSH_AGENT_PID;\necho Agent pid ${pid} killed;\n`);
  await until(() => !existsSync(socket) && !kill(pid, 0));
  running.delete(pid);

  for (const [args, env] of [
    [['-c'], {}],
    [[], { SHELL: '/usr/bin/tcsh' }],
  ] as const) {
    const csh = await startAgent([...args], { env });
    assert.equal(
      csh.output,
      `setenv SSH_AUTH_SOCK ${csh.socket};\nsetenv SSH_AGENT_PID ${csh.pid};\necho Agent pid ${csh.pid};\n`,
    );
    const gone = await runProgram([program, '-k', ...args], { env: { ...csh.environment, ...env } });
    assert.equal(
      gone.stdout.toString(),
      `unsetenv SSH_AUTH_SOCK;\nunsetenv SSH_AGENT_PID;\necho Agent pid ${csh.pid} killed;\n`,
    );
    running.delete(csh.pid);
  }
});

test('mistakes have the words and the status of OpenSSH', { skip }, async () => {
  const folder = makeFolder('agent-words');
  writeFileSync(join(folder, 'taken'), '');
  const cases: [args: string[], env?: Record<string, string>][] = [
    [['-k']],
    [['-k'], { SSH_AGENT_PID: 'abc' }],
    [['-k'], { SSH_AGENT_PID: '1' }],
    [['-k'], { SSH_AGENT_PID: '99999999999' }],
    [['-k'], { SSH_AGENT_PID: '' }],
    [['-k'], { SSH_AGENT_PID: '4194303' }],
    [['-E', 'sha3']],
    [['-O', 'anything']],
    [['-P', 'a', '-P', 'b']],
    [['-a', '/nonexistent/socket']],
    [['-a', 'taken']],
    [['-a', 'x'.repeat(120)]],
    [['-a', 's1', '/nonexistent/program']],
  ];
  for (const [args, env = {}] of cases) {
    const options = { env: { ...bare, ...env }, cwd: folder };
    const ours = await runProgram([program, ...args], options);
    const theirs = await runProgram(['ssh-agent', ...args], options);
    assert.deepEqual(
      [ours.status, ours.stderr, ours.stdout.toString()],
      [theirs.status, theirs.stderr.replaceAll('\r', ''), theirs.stdout.toString()],
      args.join(' '),
    );
  }
  // The usage text has grown since, its first words have not.
  for (const args of [
    ['-t', '5x'],
    ['-t', ''],
    ['-t', '-1'],
    ['-z'],
    ['-c', '-s'],
    ['-D', '-d'],
    ['-k', 'true'],
    ['-E'],
  ]) {
    const ours = await runProgram([program, ...args], { env: bare });
    const theirs = await runProgram(['ssh-agent', ...args], { env: bare });
    const head = (text: string) =>
      text
        .slice(0, text.indexOf('usage:') + 20)
        .replaceAll('\r', '')
        .replace(/^.*ssh-agent: /, '');
    assert.deepEqual([ours.status, head(ours.stderr)], [theirs.status, head(theirs.stderr)], args.join(' '));
  }
});

test('the socket is private and lies where it should, and goes with the agent', { skip }, async () => {
  const mode = (path: string) => statSync(path).mode & 0o777;
  const byDefault = await startAgent();
  assert.match(byDefault.socket, /\/\.ssh\/agent\/s\.\w{10}\.agent\.\w{10}$/);
  const temporary = await startAgent(['-T'], { env: { TMPDIR: home } });
  assert.match(temporary.socket, /\/ssh-\w{12}\/agent\.\d+$/);
  assert.ok(temporary.socket.startsWith(home));
  const named = await startAgent(['-a', 'my.sock'], { cwd: home });
  assert.equal(named.socket, 'my.sock');
  for (const { socket } of [byDefault, temporary]) {
    assert.deepEqual([mode(socket), mode(dirname(socket))], [0o600, 0o700]);
  }
  assert.equal(mode(join(home, 'my.sock')), 0o600);
  for (const agent of [byDefault, temporary]) await endAgent(agent);
  assert.ok(!existsSync(dirname(temporary.socket)));
  kill(named.pid, 'SIGHUP');
  await until(() => !existsSync(join(home, 'my.sock')));
  running.delete(named.pid);
  // A home that cannot hold it: a file stands where the folder should be.
  const poor = makeFolder('agent-poor');
  writeFileSync(join(poor, '.ssh'), '');
  const elsewhere = await startAgent([], { env: { HOME: poor, TMPDIR: poor } });
  assert.match(elsewhere.socket, /\/ssh-\w{12}\/agent\.\d+$/);
  await endAgent(elsewhere);
});

test('-u removes sockets of agents that are gone, and of no others', { skip }, async () => {
  const alive = await startAgent();
  const folder = dirname(alive.socket);
  const prefix = alive.socket.slice(folder.length + 1).replace(/agent\..*$/, '');
  const leave = (name: string, ageHours: number) => leaveSocket(join(folder, name), ageHours);
  const old = await leave(`${prefix}agent.old`, 2);
  const fresh = await leave(`${prefix}agent.new`, 0);
  const foreign = await leave('s.otherhost12.agent.old', 2);
  const noSocket = join(folder, `${prefix}agent.file`);
  writeFileSync(noSocket, '');
  utimesSync(noSocket, 1, 1);
  utimesSync(alive.socket, 1, 1);
  assert.equal(await requireSuccess([program, '-u'], { env: bare }), 'Deleted stale agent sockets from ~/.ssh/agent\n');
  assert.deepEqual(
    [old, fresh, foreign, noSocket, alive.socket].map((path) => existsSync(path)),
    [false, true, true, true, true],
  );
  await requireSuccess([program, '-uu'], { env: bare });
  assert.deepEqual([existsSync(foreign), existsSync(alive.socket)], [false, true]);
  // An agent that starts does the same, unless it is told not to.
  const again = await leave(`${prefix}agent.again`, 2);
  const keeping = await startAgent(['-U']);
  assert.ok(existsSync(again));
  const cleaning = await startAgent();
  assert.ok(!existsSync(again));
  for (const agent of [alive, keeping, cleaning]) await endAgent(agent);
});

/** A socket that nobody listens at any more. */
async function leaveSocket(path: string, ageHours: number): Promise<string> {
  await requireSuccess(['python3', '-c', `import socket; socket.socket(socket.AF_UNIX).bind(${JSON.stringify(path)})`]);
  const seconds = Date.now() / 1000 - ageHours * 3600;
  utimesSync(path, seconds, seconds);
  return path;
}

test('a command runs beside the agent and decides how it ends', { skip }, async () => {
  const run = (script: string, options: RunOptions = {}) =>
    runProgram([program, 'sh', '-c', script], { ...options, env: { ...bare, ...options.env } });
  const told = await run('ssh-add -l; test -S "$SSH_AUTH_SOCK" && echo "$SSH_AUTH_SOCK $SSH_AGENT_PID"; exit 7');
  assert.equal(told.status, 7);
  const [, socket = '', pid = ''] = /^(\S+) (\d+)$/m.exec(told.stdout.toString()) ?? [];
  assert.ok(socket !== '' && !existsSync(socket), 'the socket is gone when the command is');
  assert.ok(!kill(Number(pid), 0));
  assert.equal((await run('kill -TERM $$')).signal, 'SIGTERM');
  assert.equal((await run('kill -KILL $$')).signal, 'SIGKILL');
  assert.equal((await run('cat', { input: 'through' })).stdout.toString(), 'through');
  // Inside, -k ends the agent and leaves the command alone.
  const inside = await run(`${program} -k >/dev/null; sleep 0.3; test -e "$SSH_AUTH_SOCK" || echo gone; exit 5`);
  assert.deepEqual([inside.status, inside.stdout.toString()], [5, 'gone\n']);

  // What a supervisor sends to the process it started reaches the command.
  const supervised = startProgram(
    [program, 'sh', '-c', 'trap "echo caught; exit 9" TERM; echo $SSH_AUTH_SOCK; while :; do sleep 0.1; done'],
    {
      env: bare,
    },
  );
  const [path = ''] = await supervised.waitForLog(/\/\S+/);
  kill(supervised.pid, 'SIGTERM');
  await supervised.waitForLog(/caught/);
  await until(() => !existsSync(path));

  // Even killed outright, the starter takes its agent with it.
  const killed = startProgram([program, 'sh', '-c', 'echo $SSH_AUTH_SOCK; sleep 3'], { env: bare });
  const [left = ''] = await killed.waitForLog(/\/\S+/);
  kill(killed.pid, 'SIGKILL');
  await until(() => !existsSync(left));
});

test('in the foreground it says where it is, and ends with status 2 on a signal', { skip }, async () => {
  for (const args of [['-D'], ['-d'], ['-D', '-c']]) {
    const agent = startProgram([program, ...args], { env: bare });
    const pattern = args.includes('-c')
      ? /^setenv SSH_AUTH_SOCK (\S+);\necho Agent pid (\d+);\n/
      : /^SSH_AUTH_SOCK=(\S+); export SSH_AUTH_SOCK;\necho Agent pid (\d+);\n/;
    const [, socket = '', pid = ''] = await agent.waitForLog(pattern);
    assert.equal(Number(pid), agent.pid);
    const ended = new Promise((resolve) => agent.child.once('exit', resolve));
    kill(agent.pid, 'SIGINT');
    assert.equal(await ended, 2);
    assert.ok(!existsSync(socket));
  }
});

test('a supervisor hands over the socket, and keeps it', { skip }, async () => {
  const folder = makeFolder('activated');
  const script = join(folder, 'activate.py');
  const lines = [
    'import os, socket, sys',
    's = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen(5)',
    'os.dup2(s.fileno(), 3) if s.fileno() != 3 else None',
    'os.set_inheritable(3, True)',
    'os.environ.update(LISTEN_FDS=sys.argv[2], LISTEN_PID=str(os.getpid()) if sys.argv[3] == "own" else sys.argv[3])',
    'print("ready", flush=True)',
    'os.execv(sys.argv[4], sys.argv[4:])',
  ];
  writeFileSync(script, lines.join('\n'));
  const socket = join(folder, 'socket');
  const agent = startProgram(['python3', script, socket, '1', 'own', program, '-D'], { env: bare });
  await agent.waitForLog(/ready/);
  const environment = { ...bare, SSH_AUTH_SOCK: socket };
  const listed = await runProgram(['ssh-add', '-l'], { env: environment });
  assert.deepEqual([listed.status, listed.stdout.toString()], [1, 'The agent has no identities.\n']);
  await agent.stop();
  assert.ok(existsSync(socket));
  for (const [fds, pid, words] of [
    ['2', 'own', 'unexpected LISTEN_FDS contents (want: "1" got"2"\n'],
    ['1', 'x', 'invalid LISTEN_PID: invalid\n'],
    ['1', '1', /^bad LISTEN_PID: 1 vs pid \d+\n$/],
  ] as const) {
    const path = join(folder, `${fds}${pid}`);
    const { status, stderr } = await runProgram(['python3', script, path, fds, pid, program, '-D'], { env: bare });
    assert.equal(status, 255);
    if (typeof words === 'string') assert.equal(stderr, words);
    else assert.match(stderr, words);
  }
});

test('keys of every type and a certificate: added, listed, tried, removed', { skip }, async () => {
  const agent = await startAgent();
  const ca = await makeKey();
  const first = keys[0] as KeyPair;
  await requireSuccess(['ssh-keygen', '-q', '-s', ca.file, '-I', 'id', '-n', 'alice', `${first.file}.pub`]);
  for (const { file } of keys) assert.equal((await add(agent, '-q', file)).status, 0);
  const listed = (await add(agent, '-L')).stdout.toString();
  const certificate = readFileSync(`${first.file}-cert.pub`, 'utf8').trim();
  const lines = [first.publicLine, certificate, ...keys.slice(1).map(({ publicLine }) => publicLine)];
  assert.equal(listed, `${lines.join('\n')}\n`);
  const theirs = await requireSuccess([openSshProgram('ssh-agent'), ...(await asCommand(['ssh-add', '-l'], keys))]);
  assert.equal((await add(agent, '-l')).stdout.toString(), theirs);
  for (const { file, publicLine } of keys) {
    const tried = await add(agent, '-T', `${file}.pub`);
    // This ssh-add tries RSA keys with SHA-1, which the agent does not make.
    assert.equal(tried.status, publicLine.startsWith('ssh-rsa') ? 1 : 0, publicLine);
  }
  if (newer === false) {
    const pubs = keys.map(({ file }) => `${file}.pub`);
    const tried = await runProgram([openSshProgram('ssh-add', '10.0'), '-T', ...pubs], { env: agent.environment });
    assert.equal(tried.status, 0, tried.stderr);
  }
  assert.equal((await add(agent, '-q', '-d', first.file)).status, 0);
  assert.equal(await count(agent), keys.length - 1);
  assert.equal((await add(agent, '-q', '-D')).status, 0);
  assert.equal(await count(agent), 0);
  await endAgent(agent);
});

async function asCommand(command: string[], pairs: KeyPair[]): Promise<string[]> {
  const files = pairs.map(({ file }) => file).join(' ');
  return ['sh', '-c', `ssh-add -q ${files}; exec ${command.join(' ')}`];
}

test('lifetimes: of a key, and by default', { skip }, async () => {
  const agent = await startAgent(['-t', '1h']);
  const [first, second] = keys as [KeyPair, KeyPair];
  await add(agent, '-q', '-t', '1', first.file);
  await add(agent, '-q', second.file);
  assert.equal(await count(agent), 3);
  await until(async () => (await count(agent)) === 1, 5000);
  await endAgent(agent);
  const brief = await startAgent(['-t', '1s']);
  await add(brief, '-q', second.file);
  await until(async () => (await count(brief)) === 0, 5000);
  await endAgent(brief);
});

test('a question is asked by SSH_ASKPASS before a key is used that wants it', { skip }, async () => {
  const folder = makeFolder('askpass');
  const askpass = join(folder, 'askpass');
  const asked = join(folder, 'asked');
  writeFileSync(
    askpass,
    `#!/bin/sh\nprintf '%s|%s' "$SSH_ASKPASS_PROMPT" "$1" > ${asked}\ntest -e ${folder}/yes && echo yes\n`,
  );
  chmodSync(askpass, 0o755);
  const env = { SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
  const agent = await startAgent(['-E', 'md5'], { env });
  const key = await makeKey({ comment: 'with a comment' });
  assert.equal((await add(agent, '-q', '-c', key.file)).status, 0);
  assert.equal((await add(agent, '-T', `${key.file}.pub`)).status, 1);
  const md5 = (await requireSuccess(['ssh-keygen', '-l', '-E', 'md5', '-f', `${key.file}.pub`])).split(' ')[1];
  assert.equal(readFileSync(asked, 'utf8'), `confirm|Allow use of key with a comment?\nKey fingerprint ${md5}.`);
  writeFileSync(join(folder, 'yes'), '');
  assert.equal((await add(agent, '-T', `${key.file}.pub`)).status, 0);
  await endAgent(agent);
});

test('locked it knows nothing; a wrong passphrase has to wait', { skip }, async () => {
  const folder = makeFolder('lock');
  const askpass = join(folder, 'askpass');
  writeFileSync(askpass, `#!/bin/sh\ncat ${folder}/passphrase\n`);
  chmodSync(askpass, 0o755);
  const say = (passphrase: string) => writeFileSync(join(folder, 'passphrase'), `${passphrase}\n`);
  const agent = await startAgent();
  const environment = { ...agent.environment, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
  const asking = (flag: string) => runProgram(['ssh-add', flag], { env: environment });
  await add(agent, '-q', (keys[1] as KeyPair).file);
  say('right');
  assert.equal((await asking('-x')).status, 0);
  assert.equal((await add(agent, '-l')).stdout.toString(), 'The agent has no identities.\n');
  assert.equal((await add(agent, '-q', (keys[2] as KeyPair).file)).status, 1);
  assert.equal((await add(agent, '-D')).status, 1);
  say('wrong');
  for (let guess = 0; guess < 3; guess++) assert.equal((await asking('-X')).status, 1);
  say('right');
  const start = Date.now();
  assert.equal((await asking('-X')).status, 0);
  assert.ok(Date.now() - start > 200, 'three wrong guesses make the next one wait');
  assert.equal(await count(agent), 1);
  await endAgent(agent);
});

test('SIGUSR1 forgets all keys, and opens no debugger', { skip }, async () => {
  const agent = await startAgent();
  await add(agent, '-q', (keys[1] as KeyPair).file);
  kill(agent.pid, 'SIGUSR1');
  await until(async () => (await count(agent)) === 0);
  assert.ok(kill(agent.pid, 0));
  const debuggerPort = createServer();
  await new Promise<void>((resolve, reject) => {
    debuggerPort.once('error', reject);
    debuggerPort.listen(9229, '127.0.0.1', resolve);
  }).finally(() => debuggerPort.close());
  await endAgent(agent);
});

test('another user is refused, by the uid of the connection', {
  skip: skip || (isRoot ? false : 'needs root'),
}, async () => {
  const socket = join(makeFolder('open'), 'socket');
  chmodSync(dirname(socket), 0o755);
  const agent = startProgram([program, '-D', '-a', socket], { env: bare });
  await agent.waitForLog(/Agent pid/);
  const environment = { ...bare, SSH_AUTH_SOCK: socket };
  await requireSuccess(['ssh-add', '-q', (keys[1] as KeyPair).file], { env: environment });
  chmodSync(socket, 0o777);
  const asNobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const foreign = await runProgram([...asNobody, 'ssh-add', '-L'], { env: environment });
  assert.notEqual(foreign.status, 0);
  assert.equal(foreign.stdout.toString(), '');
  await agent.waitForLog(/uid mismatch: peer euid 65534 != uid 0/);
  assert.equal((await runProgram(['ssh-add', '-L'], { env: environment })).status, 0);
  await agent.stop();
  // A socket that a third user left at our place would receive our keys.
  const trap = join(makeFolder('trap'), 'socket');
  chmodSync(dirname(trap), 0o755);
  const theirs = startProgram([program, '-D', '-a', trap], { env: bare });
  await theirs.waitForLog(/Agent pid/);
  chmodSync(trap, 0o777);
  chownSync(trap, 65533, 65533);
  const script = `const { connectAgent } = await import(${JSON.stringify(import.meta.resolve('@nacre/ssh/client'))});
    await connectAgent(${JSON.stringify(trap)}).then(() => console.log('connected'), ({ message }) => console.log(message));
    process.exit();`;
  const said = await runProgram([...asNobody, process.execPath, '--input-type=module', '-e', script], { env: bare });
  assert.match(said.stdout.toString(), /belongs to user 65533, not to 65534/, said.stderr);
  await theirs.stop();
  // The other way round: root may ask a user's agent, which root could read anyway.
  const own = makeFolder('user-agent');
  chmodSync(own, 0o777);
  const users = startProgram([...asNobody, program, '-D', '-a', join(own, 'socket')], { env: { ...bare, HOME: own } });
  await users.waitForLog(/Agent pid/);
  const { status } = await runProgram(['ssh-add', '-l'], { env: { ...bare, SSH_AUTH_SOCK: join(own, 'socket') } });
  assert.equal(status, 1);
  // No debugger of the same user reads its memory.
  const memory = await runProgram([...asNobody, 'head', '-c', '1', `/proc/${users.pid}/environ`]);
  assert.notEqual(memory.status, 0);
  await users.stop();
});

test("a key that only the agent holds logs in with Debian's ssh, signs files, and works for our library", {
  skip,
}, async () => {
  const agent = await startAgent();
  for (const key of keys) {
    await add(agent, '-q', '-D');
    await add(agent, '-q', key.file);
    const server = await startOpenSshServer({ identity: key });
    const command = ['ssh', '-F', '/dev/null', '-p', String(server.port), '-l', server.user];
    const options = ['IdentityFile=none', 'BatchMode=yes', `UserKnownHostsFile=${server.knownHostsFile}`];
    const logIn = (env: Record<string, string | undefined>) =>
      runProgram([...command, ...options.flatMap((option) => ['-o', option]), server.host, 'echo', 'in'], { env });
    const { status, stdout, stderr } = await logIn(agent.environment);
    assert.deepEqual([status, stdout.toString()], [0, 'in\n'], stderr);
    assert.equal((await logIn(bare)).status, 255);
    await server.stop();
  }
  const folder = makeFolder('signed');
  const message = join(folder, 'message');
  writeFileSync(message, 'signed by the agent');
  const rsa = keys.at(-1) as KeyPair;
  await requireSuccess(['ssh-keygen', '-q', '-Y', 'sign', '-f', `${rsa.file}.pub`, '-n', 'file', message], {
    env: agent.environment,
  });
  assert.match(readFileSync(`${message}.sig`, 'utf8'), /^-----BEGIN SSH SIGNATURE-----/);
  using client = await connectAgent(agent.socket);
  assert.deepEqual(await client.queryExtensions(), ['query', 'session-bind@openssh.com']);
  assert.equal((await client.list()).length, 1);
  await endAgent(agent);
});

test('libraries are loaded for nobody', { skip }, async () => {
  const agent = await startAgent(['-P', '/*', '-O', 'allow-remote-pkcs11', '-O', 'websafe-allow=*']);
  const askpass = join(makeFolder('pin'), 'askpass');
  writeFileSync(askpass, '#!/bin/sh\necho 1234\n');
  chmodSync(askpass, 0o755);
  const env = { ...agent.environment, SSH_ASKPASS: askpass, SSH_ASKPASS_REQUIRE: 'force' };
  const { status, stderr } = await runProgram(['ssh-add', '-s', '/usr/lib/x86_64-linux-gnu/libc.so.6'], { env });
  assert.equal(status, 1);
  assert.match(stderr, /agent refused operation/);
  await endAgent(agent);
});
