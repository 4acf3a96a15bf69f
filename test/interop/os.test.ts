/** Live: accounts, passwords, pseudo-terminals and sessions on this system; some of it as root with a throwaway user. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type Account,
  accountStatus,
  baseEnvironment,
  findAccount,
  findGroups,
  openPty,
  type Pty,
  type SessionExit,
  type SessionProcess,
  type SessionRequest,
  startSession,
  verifyPassword,
} from 'nacre/dist/os/index.js';

const isLinux = process.platform === 'linux';
const isRoot = process.getuid?.() === 0;
const hasUserTools = existsSync('/usr/sbin/useradd') && existsSync('/usr/sbin/unix_chkpwd');
const onLinux = { skip: isLinux ? false : 'needs Linux' };
const asRoot = { skip: isLinux && isRoot && hasUserTools ? false : 'needs root, useradd and unix_chkpwd on Linux' };

// Whoever runs this may be an account with neither a shell nor a home.
const found = findAccount(process.getuid?.() ?? -1) as Account;
const self = { ...found, shell: '/bin/bash', home: existsSync(found.home) ? found.home : '/tmp' };
const userName = `nacre-t${process.pid}`;
const groupName = `nacre-g${process.pid}`;
const password = 'correct horse β';

before(() => {
  if (asRoot.skip !== false) return;
  execFileSync('groupadd', [groupName]);
  execFileSync('useradd', ['-m', '-s', '/bin/bash', '-G', `${groupName},games`, userName]);
  execFileSync('chpasswd', { input: `${userName}:${password}\n` });
});

const sessions: SessionProcess[] = [];

after(() => {
  // What a failed test left running.
  for (const session of sessions) session.hangUp();
  if (asRoot.skip !== false) return;
  // By force: a process of its own may be on its way to its end.
  execFileSync('userdel', ['-r', '-f', userName], { stdio: 'ignore' });
  execFileSync('groupdel', [groupName]);
});

interface Run {
  session: SessionProcess;
  /** What came out so far. */
  text(): string;
  /** Waits for a text, for at most ten seconds. */
  saw(text: string | RegExp): Promise<void>;
}

async function start(request: Partial<SessionRequest> & { account?: Account }): Promise<Run> {
  const account = request.account ?? self;
  const terminal: Record<string, string> = request.pty === undefined ? {} : { SSH_TTY: request.pty.path, TERM: 'dumb' };
  const environment = { ...baseEnvironment(account), ...terminal, ...request.environment };
  const session = await startSession({ ...request, account, environment });
  sessions.push(session);
  let all = '';
  session.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    all += chunk;
  });
  session.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    all += chunk;
  });
  return {
    session,
    text: () => all,
    async saw(wanted) {
      const found = (): boolean => (typeof wanted === 'string' ? all.includes(wanted) : wanted.test(all));
      for (let i = 0; i < 500 && !found(); i++) await new Promise((resolve) => setTimeout(resolve, 20));
      assert.ok(found(), `waited for ${String(wanted)}, got ${JSON.stringify(all.slice(-500))}`);
    },
  };
}

/** Runs to the end: what was printed and how it ended. */
async function run(request: Partial<SessionRequest>): Promise<{ out: string; exit: SessionExit }> {
  const started = await start(request);
  if (request.pty === undefined) started.session.stdin.end();
  const exit = await started.session.exit;
  return { out: started.text(), exit };
}

test('a command without a terminal: argv[0], exit code, both outputs, stdin', onLinux, async () => {
  const started = await start({ command: 'echo "$0"; cat; echo oops >&2; exit 7' });
  started.session.stdin.end('typed\n');
  assert.deepEqual(await started.session.exit, { code: 7 });
  for (const text of [self.shell.split('/').at(-1) as string, 'typed', 'oops'])
    assert.ok(started.text().includes(text));
});

test('every byte of a large output arrives before the exit', onLinux, async () => {
  const session = await startSession({
    account: self,
    command: 'head -c 50000000 /dev/zero',
    environment: baseEnvironment(self),
  });
  let count = 0;
  session.stdout.on('data', (chunk: Buffer) => {
    count += chunk.length;
  });
  session.stderr?.resume();
  assert.deepEqual(await session.exit, { code: 0 });
  assert.equal(count, 50_000_000);
});

test(
  'signals reach the whole group; a hang-up ends it; names outside RFC 4254 §6.10 are refused',
  onLinux,
  async () => {
    const terminated = await start({ command: 'echo up; sleep 60; echo never' });
    await terminated.saw('up');
    assert.equal(terminated.session.signal('STOP'), false);
    assert.equal(terminated.session.signal('TERM'), true);
    assert.deepEqual(await terminated.session.exit, { signal: 'TERM', coreDumped: false });
    const hungUp = await start({ command: 'echo up; sleep 60' });
    await hungUp.saw('up');
    hungUp.session.hangUp();
    assert.deepEqual(await hungUp.session.exit, { signal: 'HUP', coreDumped: false });
    assert.throws(() => process.kill(-hungUp.session.pid, 0), 'nothing of the group is left');
  },
);

test('a shell that does not exist is one clear error', onLinux, async () => {
  const account = { ...self, shell: '/no/such/shell' };
  await assert.rejects(
    startSession({ account, environment: {} }),
    /login shell \/no\/such\/shell could not be run: ENOENT/,
  );
});

test('what a client puts into names, values and commands is never evaluated', onLinux, async () => {
  const marker = `/tmp/nacre-marker-${process.pid}`;
  const environment = {
    [`LC_A[$(touch ${marker})]`]: 'x',
    LC_B: `$(touch ${marker})`,
    DIRSTACK: `($(touch ${marker}))`,
    'LC_C\0D': 'x',
    LC_D: 'nul\0',
    'LC=E': 'x',
    UID: '0',
    POSIXLY_CORRECT: '1',
    shell: 'kept',
    REPLY: 'kept',
  };
  for (const pty of [undefined, openPty()]) {
    const { out, exit } = await run({ command: 'env', environment, pty });
    assert.deepEqual(exit, { code: 0 });
    assert.ok(out.includes(`LC_B=$(touch ${marker})`));
    assert.match(out, /^shell=kept/m);
    assert.match(out, /^REPLY=kept/m);
    assert.doesNotMatch(out, /LC_A|LC_C|LC_D|LC=E/);
    assert.ok(!existsSync(marker));
  }
  const refused = { code: 'request-refused', name: 'SshError' };
  await assert.rejects(startSession({ account: self, command: 'a\0b', environment: {} }), refused);
  await assert.rejects(startSession({ account: self, command: 'x'.repeat(200_000), environment: {} }), refused);
});

test('a home that is not there is told, and the session starts in /', onLinux, async () => {
  const account = { ...self, home: '/no/such/home' };
  const { out } = await run({ account, command: 'pwd' });
  assert.match(out, /Could not chdir to home directory \/no\/such\/home: No such file or directory/);
  assert.match(out, /^\/$/m);
});

test('a terminal: controlling, sized, with modes, and a login shell on it', onLinux, async () => {
  const pty = openPty({
    columns: 101,
    rows: 43,
    modes: [
      [1, 7],
      [53, 0],
      [42, 1],
    ],
  });
  const { out, exit } = await run({ pty, command: 'tty; stty size; stty -a; ps -o tpgid=,pgid= -p $$; exit 9' });
  assert.deepEqual(exit, { code: 9 });
  assert.ok(out.includes(pty.path));
  assert.match(out, /^43 101\r$/m);
  assert.match(out, /intr = \^G/);
  assert.match(out, /-echo /);
  assert.match(out, /^iutf8| iutf8/m);
  assert.match(out, /^ *(\d+) +\1\r$/m, 'the shell is in the foreground');

  const login = await start({ pty: openPty(), account: { ...self, shell: '/bin/bash' } });
  login.session.stdin.write('shopt login_shell; echo "arg0=$0" "lvl=$SHLVL"\nexit 5\n');
  assert.deepEqual(await login.session.exit, { code: 5 });
  assert.match(login.text(), /login_shell\s+on/);
  assert.match(login.text(), /arg0=-bash lvl=1/);
});

test('job control: Ctrl-C ends the job and not the shell; a resize reaches the job', onLinux, async () => {
  const pty = openPty({ columns: 80, rows: 24 });
  const shell = await start({ pty, command: 'exec bash --norc --noprofile -i' });
  shell.session.stdin.write('set -o | grep monitor\n');
  await shell.saw(/monitor\s+on/);
  shell.session.stdin.write('echo before; sleep 60; echo status=$?\n');
  await shell.saw(/\nbefore/);
  await new Promise((resolve) => setTimeout(resolve, 200));
  shell.session.stdin.write('\x03');
  await shell.saw('^C');
  shell.session.stdin.write('echo "after=$?"\n');
  await shell.saw('after=130');
  shell.session.stdin.write('bash -c \'trap "stty size; exit" WINCH; echo waiting; while :; do sleep 0.1; done\'\n');
  await shell.saw(/\nwaiting/);
  pty.resize({ columns: 132, rows: 50, widthPixels: 0, heightPixels: 0 });
  await shell.saw('50 132');
  shell.session.stdin.write('sleep 60 &\nexit 3\nexit 3\n');
  assert.deepEqual(await shell.session.exit, { code: 3 });
});

test('10 MB through a terminal arrive complete, to the last byte before the exit', onLinux, async () => {
  const pty = openPty();
  const { out, exit } = await run({ pty, command: 'stty raw; head -c 10000000 /dev/zero | tr "\\0" x; printf END' });
  assert.deepEqual(exit, { code: 0 });
  assert.equal(out.length, 10_000_003);
  assert.ok(out.endsWith('xEND'));
});

test('short outputs at exit are never lost', onLinux, async () => {
  for (let i = 0; i < 30; i++) {
    const { out } = await run({
      pty: openPty(),
      command: `head -c ${3000 + i * 250} /dev/zero | tr "\\0" y; printf END`,
    });
    assert.equal(out.length, 3003 + i * 250);
  }
});

test('a consumer that pauses loses nothing and stops the program', onLinux, async () => {
  const pty = openPty();
  const session = await startSession({
    account: self,
    command: 'stty raw; head -c 2000000 /dev/zero',
    environment: baseEnvironment(self),
    pty,
  });
  let count = 0;
  session.stdout.on('data', (chunk: Buffer) => {
    count += chunk.length;
    session.stdout.pause();
    setTimeout(() => session.stdout.resume(), count < 200_000 ? 2 : 0);
  });
  assert.deepEqual(await session.exit, { code: 0 });
  assert.equal(count, 2_000_000);
});

test('typing more than a sleeping program reads does not block us, and arrives', onLinux, async () => {
  const pty = openPty();
  const started = await start({ pty, command: 'stty raw -echo; echo ready; sleep 0.5; head -c 300000 | wc -c' });
  await started.saw('ready');
  let ticks = 0;
  const timer = setInterval(() => ticks++, 10);
  started.session.stdin.write(Buffer.alloc(300_000, 0x61));
  assert.deepEqual(await started.session.exit, { code: 0 });
  clearInterval(timer);
  assert.ok(ticks > 20, 'the event loop kept turning');
  assert.match(started.text(), /300000/);
});

test('a background process that keeps the terminal does not hold the session', onLinux, async () => {
  const startedAt = performance.now();
  const { exit } = await run({ pty: openPty(), command: "trap '' HUP; sleep 5 & exit 4" });
  assert.deepEqual(exit, { code: 4 });
  assert.ok(performance.now() - startedAt < 4000);
});

test('hanging up a terminal sends SIGHUP and closes its descriptors', onLinux, async () => {
  // Those of terminals alone: Node opens others when it likes.
  const count = `ls -l /proc/${process.pid}/fd | grep -c -e ptmx -e /pts/ || true`;
  const descriptors = (): number => Number(execFileSync('sh', ['-c', count]).toString());
  const baseline = descriptors();
  const started = await start({ pty: openPty(), command: "trap 'exit 42' HUP; echo up; while :; do sleep 0.05; done" });
  await started.saw('up');
  started.session.hangUp();
  assert.deepEqual(await started.session.exit, { code: 42 });
  // The stream closes its own in a later turn, on a busy machine much later.
  for (let round = 0; round < 400 && descriptors() > baseline; round++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(descriptors() <= baseline, 'no descriptor stays open');
});

test('another account: exact ids and groups, its environment, nothing of ours', asRoot, async () => {
  const account = findAccount(userName) as Account;
  const groups = findGroups(userName, account.gid);
  assert.equal(groups.length, 3);
  process.env.NACRE_SECRET = 'ours';
  const environment = { ODD: "a'b\n$(id) \\", EMPTY: '', IFS: 'x', LD_PRELOAD: '/no/such/library.so' };
  const { out, exit } = await run({
    account,
    command: 'id -u; id -G; pwd; env; grep Cap /proc/self/status',
    environment,
  });
  delete process.env.NACRE_SECRET;
  assert.deepEqual(exit, { code: 0 });
  assert.match(out, new RegExp(`^${account.uid}$`, 'm'));
  const printed = /^\d+( \d+)+$/m.exec(out)?.[0].split(' ').map(Number) ?? [];
  assert.deepEqual(
    [...printed].sort((a, b) => a - b),
    [...groups].sort((a, b) => a - b),
  );
  assert.match(out, new RegExp(`^${account.home}$`, 'm'));
  assert.match(out, /ODD=a'b\n\$\(id\) \\\n/);
  assert.match(out, /^EMPTY=$/m);
  assert.doesNotMatch(out, /NACRE_SECRET/);
  assert.match(out, /^CapEff:\s+0+$/m);
  // The loader complains once for each program that got the variable: the shell and its commands, not setpriv or bash before.
  assert.match(out, /no\/such\/library/);
  assert.doesNotMatch(out, /setpriv/);
});

test('another account on a terminal of its own', asRoot, async () => {
  const account = findAccount(userName) as Account;
  const pty: Pty = openPty({ owner: account });
  assert.equal(statSync(pty.path).uid, account.uid);
  assert.equal(statSync(pty.path).mode & 0o777, 0o620);
  const shell = await start({ account, pty });
  shell.session.stdin.write('id -G; tty; echo "arg0=$0"; ps -o args= -p $PPID; exit 6\n');
  assert.deepEqual(await shell.session.exit, { code: 6 });
  assert.match(shell.text(), /arg0=-bash/);
  assert.ok(shell.text().includes(pty.path));
  const groups = findGroups(userName, account.gid);
  assert.match(shell.text(), new RegExp(`^${groups.join(' ')}\r$`, 'm'));
});

test('passwords by unix_chkpwd; false takes as long for an unknown name', asRoot, async () => {
  assert.equal(await verifyPassword(userName, password), true);
  const time = async (user: string, secret: string): Promise<number> => {
    const startedAt = performance.now();
    assert.equal(await verifyPassword(user, secret), false);
    return performance.now() - startedAt;
  };
  const wrong = await time(userName, 'wrong');
  const unknown = await time('nacre-nobody', 'wrong');
  const empty = await time(userName, '');
  for (const ms of [wrong, unknown, empty]) assert.ok(ms >= 245, `${ms} ms`);
  assert.ok(Math.abs(wrong - unknown) < 200, `${wrong} and ${unknown} ms`);
});

test('locked and expired accounts are told apart', asRoot, () => {
  const account = findAccount(userName) as Account;
  assert.deepEqual(accountStatus(userName, account.uid).locked, false);
  execFileSync('usermod', ['-L', userName]);
  assert.equal(accountStatus(userName, account.uid).locked, true);
  execFileSync('usermod', ['-U', userName]);
  execFileSync('chage', ['-E', '2020-01-01', userName]);
  assert.equal(accountStatus(userName, account.uid).expired, true);
  execFileSync('chage', ['-E', '-1', '-d', '0', userName]);
  const status = accountStatus(userName, account.uid);
  assert.deepEqual([status.expired, status.passwordExpired], [false, true]);
  execFileSync('chage', ['-d', '2026-01-01', userName]);
});

const osModule = fileURLToPath(import.meta.resolve('nacre/dist/os/index.js'));

/** Runs a few lines of JavaScript with the os module as `os` in another Node. */
function inNode(lines: string): string {
  const script = `import * as os from ${JSON.stringify(osModule)};\n${lines}`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
}

test('dropping privileges is exact and final', asRoot, () => {
  const account = findAccount(userName) as Account;
  const out = inNode(`
    os.dropPrivileges(os.findAccount(${JSON.stringify(userName)}));
    let regained = true;
    try { process.setuid(0); } catch { regained = false; }
    console.log(JSON.stringify([process.getuid(), process.getgid(), process.getgroups().sort((a, b) => a - b), regained]));`);
  assert.deepEqual(JSON.parse(out), [
    account.uid,
    account.gid,
    findGroups(userName, account.gid).sort((a, b) => a - b),
    false,
  ]);
});

test('a background process reports that it is ready, or why not', onLinux, () => {
  const body = (report: string): string => `
    import { writeFileSync } from 'node:fs';
    const script = ${JSON.stringify(osModule)};
    const child = \`import(\${JSON.stringify(script)}).then((os) => { ${report} setTimeout(() => {}, 3000); });\`;
    try { console.log('pid', await os.daemonize(['-e', child])); } catch (error) { console.log('failed', error.message); }`;
  const ready = /^pid (\d+)$/m.exec(inNode(body('os.reportReady();')));
  assert.ok(ready !== null);
  const pid = Number(ready[1]);
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  assert.equal(Number(stat[3]), pid, 'it leads a session of its own');
  process.kill(pid);
  assert.equal(
    inNode(body("os.reportFailure('port 22 is taken'); process.exit(1);")).trim(),
    'failed port 22 is taken',
  );
  assert.match(inNode(body('process.exit(1);')), /failed the background process ended/);
});
