/** scp over logins: against OpenSSH's sshd and ours, large files, many files, odd names, what goes to ssh, what happens when the connection goes. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  freePort,
  makeFolder,
  missing,
  nacreProgram,
  openSshProgram,
  runProgram,
  startNacreServer,
  startOpenSshServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';
import { ourScp, runBoth, runScp, scpFlags, treeOf } from './_scp.ts';

const skip = missing('scp', 'sshd', 'openssh-10');
const servers: readonly (readonly [string, () => Promise<TestServer>])[] = [
  ['OpenSSH', () => startOpenSshServer()],
  ['nacre', () => startNacreServer({ config: [`Subsystem sftp ${nacreProgram('sftp-server')}`] })],
];

function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

async function scp(args: readonly string[], cwd: string, env: Record<string, string | undefined> = {}) {
  return runProgram([ourScp, ...args], { cwd, env: { SSH_AUTH_SOCK: undefined, ...env }, timeoutMs: 120_000 });
}

async function good(args: readonly string[], cwd: string): Promise<void> {
  const { status, stderr, stdout } = await scp(args, cwd);
  assert.deepEqual([status, stderr, stdout.toString()], [0, '', ''], args.join(' '));
}

for (const [name, start] of servers) {
  test(`100 MB go to ${name}'s sshd and come back, by both protocols`, { skip }, async () => {
    const server = await start();
    const [here, there] = [makeFolder('scp-big'), makeFolder('scp-big-there')];
    const file = openSync(join(here, 'big'), 'w');
    for (let at = 0; at < 100; at++) writeSync(file, randomBytes(1_000_000));
    closeSync(file);
    const expected = hashOf(join(here, 'big'));
    for (const old of [[], ['-O']]) {
      const flags = [...scpFlags(server), '-p', ...old];
      await good([...flags, 'big', `h:${there}/copy`], here);
      assert.equal(hashOf(join(there, 'copy')), expected);
      await good([...flags, `h:${there}/copy`, 'back'], here);
      assert.equal(hashOf(join(here, 'back')), expected);
      const seconds = (path: string) => Math.floor(statSync(path).mtimeMs / 1000);
      assert.equal(seconds(join(here, 'back')), seconds(join(here, 'big')));
    }
    // Onto itself: nothing is lost.
    await good([...scpFlags(server), `h:${here}/big`, 'big'], here);
    await good([...scpFlags(server), `h:${here}/big`, `h:${here}/big`], here);
    assert.equal(hashOf(join(here, 'big')), expected);
  });

  test(`a thousand files in folders, odd names among them, with ${name}'s sshd`, { skip }, async () => {
    const server = await start();
    const [here, there] = [makeFolder('scp-many'), makeFolder('scp-many-there')];
    for (let at = 0; at < 1000; at++) {
      const folder = join(here, 'tree', `d${at % 10}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, `f${at}`), randomBytes(at % 97));
    }
    for (const odd of ['a b', 'new\nline', '$HOME', "it's", '-dash', '[x]', '\\', '~']) {
      writeFileSync(join(here, 'tree', odd), odd);
    }
    const latin = Buffer.concat([Buffer.from(join(here, 'tree/')), Buffer.from([0x66, 0xfc, 0x72])]);
    writeFileSync(latin, 'latin');
    const expected = treeOf(join(here, 'tree'));
    const flags = [...scpFlags(server), '-r'];
    await good([...flags, 'tree', `h:${there}`], here);
    assert.deepEqual(treeOf(join(there, 'tree')), expected);
    await good([...flags, `h:${there}/tree`, 'back'], here);
    assert.deepEqual(treeOf(join(here, 'back')), expected);
    await good([...flags, `h:${there}/tree`, `g:${there}/between`], here);
    assert.deepEqual(treeOf(join(there, 'between')), expected);
    // By a pattern, too, a name stays the bytes that it is.
    mkdirSync(join(here, 'byname'));
    await good([...flags, `h:${there}/tree/f*r`, 'byname'], here);
    assert.deepEqual(readdirSync(join(here, 'byname'), 'buffer'), [Buffer.from([0x66, 0xfc, 0x72])]);
    // And on the command line, which only a shell can write here.
    const typed = await runProgram(
      ['/bin/sh', '-c', 'exec "$@" "$(printf "h:%s/tree/f\\\\374r" "$0")" typed', there, ourScp, ...flags],
      { cwd: here, env: { SSH_AUTH_SOCK: undefined } },
    );
    assert.deepEqual([typed.status, typed.stderr], [0, '']);
    assert.equal(readFileSync(join(here, 'typed'), 'utf8'), 'latin');
  });
}

test('sources on one host take one login', { skip }, async () => {
  const server = await startOpenSshServer();
  const folder = makeFolder('scp-once');
  for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, name), name);
  mkdirSync(join(folder, 'to'));
  await good([...scpFlags(server), `h:${folder}/a`, `h:${folder}/b`, `h:${folder}/c`, 'to'], folder);
  assert.deepEqual(readdirSync(join(folder, 'to')), ['a', 'b', 'c']);
  assert.equal(server.log().match(/Accepted publickey/g)?.length, 1);
});

test('words and status over a login are OpenSSH’s', { skip }, async () => {
  const server = await startOpenSshServer();
  const flags = scpFlags(server);
  const rows = [
    ['h:{r}/one', '.'],
    ['h:{r}/nosuch', 'h:{r}/two', 't'],
    ['-q', 'h:{r}/nosuch', '.'],
    ['L', 'h:{r}/no/such'],
    ['-C', '-l', '100000', 'L', 'h:{r}'],
    ['-4', '-B', 'h:{r}/one', 'g:{r}/new'],
    ['-o', 'Port=1', '-P', '1', 'L', 'h:x'],
  ];
  for (const args of rows) {
    // What the person says comes first, and counts.
    const typed = args.includes('Port=1') ? [...args.slice(0, 4), ...flags, ...args.slice(4)] : [...flags, ...args];
    const { theirs, ours } = await runBoth('10.0', { args: typed });
    assert.deepEqual(ours, theirs, args.join(' '));
  }
  const noKey = ['-o', 'IdentityFile=/nonexistent', '-o', 'PubkeyAuthentication=no', ...flags];
  for (const args of [
    ['L', 'h:x'],
    ['h:x', '.'],
    ['h:x', 'h:y', 't'],
  ]) {
    const { theirs, ours } = await runBoth('10.0', { args: [...noKey, ...args] });
    assert.equal(ours.status, theirs.status);
    assert.equal(ours.status, 255);
    assert.ok(ours.stderr.includes('scp: Connection closed'));
    assert.match(ours.stderr.join('\n'), /Permission denied/);
  }
});

test('a program in place of ssh gets the very arguments that OpenSSH’s scp gives', { skip }, async () => {
  const folder = makeFolder('scp-program');
  const program = join(folder, 'tells');
  writeFileSync(program, '#!/bin/sh\nline=\nfor word; do line="$line[$word]"; done\necho "$line" >&2\nexit 7\n', {
    mode: 0o755,
  });
  const rows = [
    ['x:{r}/one', '.'],
    ['L', 'u@x:/a b'],
    ['-rpvCA46', '-oFoo=bar', '-c', 'ciph', '-i', 'idd', '-J', 'jj', '-P', '77', '-B', '-l', '50', 'u@x:{r}/one', '.'],
    ['L', 'scp://u@x:77/one'],
    ['-O', 'x:-f', '.'],
    ['-O', 'L', 'x:'],
    ['-O', '-rp', 'L', 'M', 'x:f oo'],
    ['-O', 'L', 'x:-foo'],
    ['-O', 'x:$(a)', '.'],
    ['-R', '-A', '-p', '-r', '-P', '5', 'x:1', 'u@y:2'],
    ['-R', 'x:1', 'x:2', 'y:3'],
    ['-R', 'x:1', 'scp://u@y:99/2'],
    ['-O', 'x:1', 'y:2'],
    ['x:1', 'y:2'],
  ];
  for (const row of rows) {
    const { theirs, ours } = await runBoth('10.0', { args: ['-S', program, ...row] });
    // Where theirs writes to a program that has ended already, a signal decides between two words and two statuses.
    const isSaid = (line: string) => line.startsWith('[');
    assert.deepEqual(ours.stderr.filter(isSaid), theirs.stderr.filter(isSaid), row.join(' '));
    assert.ok(ours.stderr.some(isSaid) || row.includes('scp://u@y:99/2'));
    assert.notEqual(ours.status, 0);
  }
});

test('the programs of -S carry both protocols', { skip }, async () => {
  const server = await startOpenSshServer();
  const flags = scpFlags(server);
  for (const program of [openSshProgram('ssh', '10.0'), 'ssh']) {
    for (const args of [
      ['h:{r}/one', '.'],
      ['-r', 't', 'h:{r}/new'],
      ['-O', '-r', 'h:{r}/d', 'new'],
      ['-O', 'L', 'M', 'h:{r}/ex'],
      ['h:{r}/nosuch', '.'],
      ['h:{r}/one', 'g:{r}/new'],
    ]) {
      const { theirs, ours } = await runBoth('10.0', { args: ['-S', program, ...flags, ...args] });
      assert.deepEqual(ours, theirs, args.join(' '));
    }
  }
});

test('an agent is lent with -A, and not without', { skip: skip || missing('ssh-agent') }, async () => {
  const server = await startOpenSshServer();
  const folder = makeFolder('scp-agent');
  const socket = join(folder, 'agent');
  const agent = startProgram(['ssh-agent', '-D', '-a', socket]);
  await agent.waitForLog(/SSH_AUTH_SOCK/);
  const seen = async (flags: readonly string[]) => {
    // The shell over there expands the path: it tells whether it was lent an agent.
    const from = 'h:$(test -z "$SSH_AUTH_SOCK" && echo /dev/null/none || echo /dev/null/agent)';
    const { stderr } = await scp([...flags, ...scpFlags(server), '-O', from, '.'], folder, { SSH_AUTH_SOCK: socket });
    return stderr;
  };
  assert.match(await seen([]), /null\/none: /);
  assert.match(await seen(['-A']), /null\/agent: /);
});

test('a connection that ends in the middle: status 255, and what came is the beginning of the file', {
  skip,
}, async () => {
  const server = await startOpenSshServer();
  const folder = makeFolder('scp-cut');
  const bytes = randomBytes(20_000_000);
  writeFileSync(join(folder, 'big'), bytes);
  const running = startProgram([ourScp, ...scpFlags(server), '-l', '40000', `h:${folder}/big`, 'part'], {
    cwd: folder,
  });
  const ended = new Promise<number | null>((resolve) => running.child.once('close', resolve));
  const sizeOf = () => statSync(join(folder, 'part'), { throwIfNoEntry: false })?.size ?? 0;
  while (sizeOf() < 1_000_000) {
    if (running.child.exitCode !== null) assert.fail(running.log());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // The process of this connection: the one that was told of the login.
  const { stdout } = await runProgram(['pgrep', '-P', String(server.pid)]);
  for (const pid of stdout.toString().trim().split('\n')) process.kill(Number(pid));
  assert.equal(await ended, 255, running.log());
  assert.match(running.log(), /scp: Connection closed/);
  const part = readFileSync(join(folder, 'part'));
  assert.ok(part.length >= 1_000_000 && part.equals(bytes.subarray(0, part.length)));
});

test('nobody listens: ssh’s words, then scp’s, and status 255', { skip }, async () => {
  const port = await freePort();
  const row = { args: ['-F', '/dev/null', '-P', String(port), 'L', '127.0.0.1:x'] };
  const { theirs, ours } = await runBoth('10.0', row);
  assert.deepEqual(ours, theirs);
  assert.equal((await runScp(ourScp, { args: ['-O', ...row.args] })).status, 1);
});
