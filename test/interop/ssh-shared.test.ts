/** bin/ssh over shared connections: sessions, forwards and commands through masters of ours and of OpenSSH's. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectThroughMaster } from '@nacre/ssh/client';
import {
  freePort,
  makeFolder,
  missing,
  nacreProgram,
  runProgram,
  startProgram,
  startTerminal,
} from '../harness/index.ts';
import {
  answers,
  command,
  env,
  run,
  say,
  sharedServer,
  socketPath,
  startEcho,
  startMaster,
  until,
  type Whose,
} from './_shared.ts';

const skip = missing('nacre:ssh', 'sshd', 'ssh');
const both: readonly Whose[] = ['ours', 'theirs'];
const names = { ours: 'our master', theirs: "OpenSSH's master" };

for (const whose of both) {
  test(`${names[whose]}: commands, stdin, stderr, exit status, subsystem, environment`, { skip }, async (t) => {
    const { path } = await startMaster(t, whose);
    const logins = await countLogins();
    const result = await run('ours', ['-S', path], ['cat; echo oops >&2; exit 5'], { input: 'typed\n' });
    assert.deepEqual([result.text, result.stderr, result.status], ['typed\n', 'oops\n', 5]);
    const payload = randomBytes(8_000_000);
    const copy = await run('ours', ['-S', path], ['cat'], { input: payload });
    assert.ok(copy.stdout.equals(payload), '8 MB come back as they went');
    const set = await run('ours', ['-S', path, '-o', 'SetEnv=LC_WORD=hello'], ['echo "<$LC_WORD>"']);
    assert.equal(set.status, 0);
    const killed = await run('ours', ['-S', path], ['kill -9 $$']);
    assert.equal(killed.status, 255);
    const proxy = await run('ours', ['-S', path, '-O', 'proxy'], ['echo by proxy; exit 6']);
    assert.deepEqual([proxy.text, proxy.status], ['by proxy\n', 6], proxy.stderr);
    assert.equal(await countLogins(), logins, 'nobody logged in again');
  });

  test(`${names[whose]}: -N with -L, -R and -D; -W; the chosen port`, { skip }, async (t) => {
    const { path } = await startMaster(t, whose);
    const echo = await startEcho(t);
    const [local, remote, socks] = [await freePort(), await freePort(), await freePort()];
    const target = `127.0.0.1:${echo}`;
    const tunnels = startProgram(
      await command('ours', [
        ...['-v', '-S', path, '-N', '-L', `${local}:${target}`, '-R', `${remote}:${target}`],
        ...['-R', `0:${target}`, '-D', String(socks)],
      ]),
      { env },
    );
    t.after(() => tunnels.stop());
    const [, chosen] = await tunnels.waitForLog(/Allocated port (\d+) for remote forward to 127\.0\.0\.1:\d+/);
    for (const port of [local, remote, Number(chosen)]) {
      await until(`port ${port} answers`, () => answers(port));
    }
    await until('SOCKS answers', () => throughSocks(socks, echo));
    // They are the master's, as OpenSSH has it, and stay when the client goes.
    await tunnels.stop();
    assert.equal(await say(local, 'still there'), 'still there');
    const joined = await run('ours', ['-S', path, '-W', target], [], { input: 'through stdio' });
    assert.deepEqual([joined.text, joined.status], ['through stdio', 0], joined.stderr);
    const refused = await run('ours', ['-S', path, '-W', '127.0.0.1:1']);
    assert.equal(refused.status, 255);
    assert.match(refused.stderr, /stdio forwarding failed/);
  });

  test(`${names[whose]}: a forward that fails, and ssh connects by itself`, { skip }, async (t) => {
    const { path } = await startMaster(t, whose);
    const echo = await startEcho(t);
    const result = await run('ours', ['-S', path, '-L', `127.0.0.1:${echo}:a:1`], ['echo alone']);
    assert.equal(result.text, 'alone\n');
    assert.match(
      result.stderr,
      /^mux_client_forward: forwarding request failed: Port forwarding failed\r\nmuxclient: master forward request failed\r\n/,
    );
    assert.match(result.stderr, /cannot listen to port/);
  });

  test(`${names[whose]}: the master ends in the middle of a session`, { skip }, async (t) => {
    const { path, master } = await startMaster(t, whose);
    const session = startProgram(await command('ours', ['-S', path], ['echo begun; exec sleep 60']), { env });
    await session.waitForLog(/begun/);
    const ended = new Promise((resolve) => session.child.once('exit', resolve));
    master.child.kill('SIGKILL');
    assert.equal(await ended, 255);
    await until('it says so', () =>
      /^Shared connection to 127\.0\.0\.1 closed: its master has ended\./m.test(session.log()),
    );
  });

  test(`${names[whose]}: a terminal, its size, and ~. that leaves only this session`, {
    skip: skip || missing('python3'),
  }, async (t) => {
    const { path } = await startMaster(t, whose);
    const terminal = startTerminal(await command('ours', ['-t', '-S', path], ['exec sh']), {
      columns: 90,
      rows: 30,
      env,
    });
    t.after(() => terminal.close());
    await terminal.expect(/[#$] $/);
    terminal.send("PS1='ready'; PS1=$PS1'> '; stty size\r");
    await terminal.expect(/30 90\s/);
    await terminal.expect(/ready> /);
    terminal.resize(100, 50);
    await until('the new size is there', async () => {
      terminal.send('stty size\r');
      const [size] = await terminal.expect(/\d+ \d+\s/);
      return size.startsWith('50 100');
    });
    terminal.send('exit 7\r');
    await terminal.expect(/Shared connection to 127\.0\.0\.1 closed\./);
    assert.equal((await terminal.ended()).status, 7);

    const left = startTerminal(await command('ours', ['-t', '-S', path], ['echo begin; cat']), { env });
    t.after(() => left.close());
    await left.expect(/begin/);
    left.send('\r~.');
    await left.expect(/Shared connection to 127\.0\.0\.1 closed\./);
    assert.equal((await left.ended()).status, 255);
    assert.equal((await run('ours', ['-S', path], ['echo others'])).text, 'others\n');
  });

  test(`${names[whose]}: ~R changes the keys of the connection`, { skip: skip || missing('python3') }, async (t) => {
    const { path, master } = await startMaster(t, whose, ['-N', '-v']);
    const exchanges = () => master.log().match(/kex: algorithm/g)?.length;
    assert.equal(exchanges(), 1);
    const terminal = startTerminal(await command(whose, ['-t', '-S', path], ['echo begin; cat']), { env });
    t.after(() => terminal.close());
    await terminal.expect(/begin/);
    terminal.send('\r~R');
    await until('the keys are changed', () => exchanges() === 2);
    terminal.send('still here\r');
    await terminal.expect(/still here\s+still here/);
    if (whose === 'ours') return;
    // To our ssh, which speaks another language with it, OpenSSH's master does not listen.
    const other = startTerminal(await command('ours', ['-t', '-S', path], ['echo begin; cat']), { env });
    t.after(() => other.close());
    await other.expect(/begin/);
    other.send('\r~R');
    await other.expect(/~R escape not available to multiplexed sessions/);
  });

  test(`${names[whose]}: a hundred sessions at once`, { skip, timeout: 180_000 }, async (t) => {
    const { path } = await startMaster(t, whose);
    await using through = await connectThroughMaster(path);
    // All of them stand before the first one ends.
    const held = await Promise.all(Array.from({ length: 80 }, () => through.spawn('cat')));
    const folder = makeFolder('gate');
    const gate = join(folder, 'open');
    const processes = Array.from({ length: 20 }, async (_, index) => {
      const script = `echo in > ${join(folder, String(index))}; while [ ! -e ${gate} ]; do sleep 0.1; done; echo ${index}; exit ${index}`;
      const result = await run('ours', ['-S', path], [script], { timeoutMs: 120_000 });
      return [result.text, result.status];
    });
    for (let index = 0; index < 20; index++) {
      await until(`session ${index} stands`, () => existsSync(join(folder, String(index))));
    }
    await run('ours', ['-S', path], [`touch ${gate}`]);
    assert.deepEqual(
      await Promise.all(processes),
      Array.from({ length: 20 }, (_, index) => [`${index}\n`, index]),
    );
    const echoes = held.map(async (session, index) => {
      session.stdin.end(`line ${index}`);
      let heard = '';
      for await (const chunk of session.stdout) heard += String(chunk);
      return heard;
    });
    assert.deepEqual(
      await Promise.all(echoes),
      Array.from({ length: 80 }, (_, index) => `line ${index}`),
    );
  });
}

test('-O in OpenSSH’s words: each command against each master, ours beside OpenSSH’s', { skip }, async (t) => {
  const port = await freePort();
  const taken = await startEcho(t);
  for (const whose of both) {
    const { path } = await startMaster(t, whose);
    const asked: readonly (readonly string[])[] = [
      ['check'],
      ['forward', '-L', `${port}:127.0.0.1:1`],
      // Not there any more, by the one or by the other.
      ['cancel', '-L', `${port}:127.0.0.1:2`],
      ['cancel', '-R', `${port}:127.0.0.1:1`],
      ['forward', '-L', `127.0.0.1:${taken}:127.0.0.1:1`],
      ['forward'],
      ['check', '-q'],
      ['nonsense'],
      ['check', '-O', 'exit'],
      ['check', '-W', 'a:1'],
    ];
    for (const [name = '', ...flags] of asked) {
      const request = ['-S', path, '-O', name, ...flags];
      const [ours, theirs] = [await run('ours', request), await run('theirs', request)];
      const compare = (result: typeof ours) => [result.status, result.text, result.stderr.replaceAll('\r', '')];
      assert.deepEqual(compare(ours), compare(theirs), `${names[whose]}: -O ${name} ${flags.join(' ')}`);
    }
    const chosen = await run('ours', ['-S', path, '-O', 'forward', '-R', `0:127.0.0.1:${taken}`]);
    assert.match(chosen.text, /^\d+\n$/);
    assert.equal(await say(Number(chosen.text), 'chosen'), 'chosen');
    const stop = await run('ours', ['-S', path, '-O', 'stop']);
    assert.deepEqual([stop.status, stop.stderr], [0, 'Stop listening request sent.\r\n']);
    assert.equal(existsSync(path), false);
    for (const who of both) {
      const gone = await run(who, ['-S', path, '-O', 'exit']);
      assert.deepEqual(
        [gone.status, gone.stderr],
        [255, `Control socket connect(${path}): No such file or directory\r\n`],
      );
      const nowhere = await run(who, ['-O', 'check']);
      assert.deepEqual([nowhere.status, nowhere.stderr.trim()], [255, 'No ControlPath specified for "-O" command']);
    }
  }
});

test('-O proxy without a master, and one that does not share', { skip }, async (t) => {
  const path = socketPath(t);
  const none = await run('ours', ['-S', path, '-O', 'proxy'], ['true']);
  assert.deepEqual([none.status, none.stderr], [255, `Control socket connect(${path}): No such file or directory\r\n`]);
});

test('-O conninfo, --json and channels; a master that does not know them', { skip }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const info = await run('ours', ['-S', path, '-O', 'conninfo']);
  assert.match(info.text, /^Connection information for 127\.0\.0\.1 pid \d+\n {2}tcp 127\.0\.0\.1:\d+\n/);
  const json = JSON.parse((await run('ours', ['--json', '-S', path, '-O', 'conninfo'])).text) as Record<
    string,
    unknown
  >;
  const { port } = await sharedServer();
  assert.deepEqual([json.host, json.tcp, typeof json.pid], ['127.0.0.1', `127.0.0.1:${port}`, 'number']);
  assert.match(String(json.kexalgorithm), /sha512|sha256/);
  assert.match((await run('ours', ['-S', path, '-O', 'channels'])).text, /^The following connections are open:\n/);
  const theirs = await startMaster(t, 'theirs');
  const unknown = await run('ours', ['-S', theirs.path, '-O', 'conninfo']);
  assert.equal(unknown.status, 255);
  assert.match(unknown.stderr, /the master offers no information about its connection/);
  const misplaced = await run('ours', ['-S', path, '-O', 'check', '--json']);
  assert.equal(misplaced.status, 255);
});

test('a Host of the configuration, ssh:// and ControlPath with tokens lead to the master', { skip }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const folder = path.slice(0, -2);
  const { port, user } = await sharedServer();
  const config = ['-o', `ControlPath=${folder}/%L-nothing`];
  const missed = await run('ours', [...config, '-O', 'check']);
  assert.match(missed.stderr, /^Control socket connect\(.*-nothing\): No such file or directory/);
  // A name that no server answers to: only the socket decides.
  const alias = await run(
    'ours',
    ['-o', 'HostName=192.0.2.1', '-o', `ControlPath=${folder}/\${NACRE_TEST_NAME}`, '-O', 'check'],
    [],
    {
      env: { NACRE_TEST_NAME: 'c' },
    },
  );
  assert.match(alias.stderr, /^Master running \(pid=\d+\)/);
  const argv = await command('ours', ['-S', `${folder}/c`, '-O', 'check']);
  const url = [...argv.slice(0, -1), `ssh://${user}@192.0.2.1:${port}`];
  const byUrl = startProgram(url, { env });
  await byUrl.waitForLog(/^Master running/);
  const off = await run('ours', ['-S', 'none', '-O', 'check']);
  assert.match(off.stderr, /^No ControlPath specified/);
});

test('a jump host whose connection is shared is not logged in to again', { skip }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const { port, user, knownHostsFile, identity } = await sharedServer();
  const file = join(makeFolder('jump'), 'config');
  const common = ['HostName 127.0.0.1', `Port ${port}`, `User ${user}`, `UserKnownHostsFile ${knownHostsFile}`];
  const login = [
    'GlobalKnownHostsFile /dev/null',
    `IdentityFile ${identity.file}`,
    'IdentitiesOnly yes',
    'BatchMode yes',
  ];
  const settings = [...common, ...login].join('\n');
  writeFileSync(
    file,
    `Host jump\nControlPath ${path}\nIdentityFile /dev/null\nHost end\nProxyJump jump\nHost *\n${settings}\n`,
  );
  const logins = await countLogins();
  const result = await runProgram([nacreProgram('ssh'), '-F', file, 'end', 'echo through'], { env });
  assert.deepEqual([result.stdout.toString(), result.status], ['through\n', 0], result.stderr);
  assert.equal(await countLogins(), logins + 1, 'the end of the way alone');
});

test('-f over a master: the command runs on, its output arrives', { skip }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const file = join(makeFolder('f'), 'done');
  const result = await run('ours', ['-f', '-S', path], [`sleep 0.3; echo late; touch ${file}`]);
  assert.deepEqual([result.status, result.text, result.stderr], [0, 'late\n', '']);
  await until('it is done', () => existsSync(file));
});

test('-v over a master tells what OpenSSH’s tells', { skip }, async (t) => {
  const { path } = await startMaster(t, 'ours');
  const result = await run('ours', ['-vvv', '-o', 'ControlMaster=auto', '-S', path], ['true']);
  assert.match(result.stderr, /^debug1: auto-mux: Trying existing master\r$/m);
  assert.match(result.stderr, /^debug2: mux_client_hello_exchange: master version 4\r$/m);
  assert.match(result.stderr, /^debug3: mux_client_request_alive: done pid = \d+\r$/m);
  assert.match(result.stderr, /^debug1: mux_client_request_session: master session id: \d+\r$/m);
  assert.doesNotMatch(result.stderr, /no-more-sessions|Authenticated to/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

async function countLogins(): Promise<number> {
  return (await sharedServer()).log().match(/Accepted publickey/g)?.length ?? 0;
}

/** A SOCKS 5 request for a port of 127.0.0.1, then an echo. */
async function throughSocks(port: number, target: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let heard = Buffer.alloc(0);
    socket.on('error', () => resolve(false));
    socket.on('data', (chunk: Buffer) => {
      heard = Buffer.concat([heard, chunk]);
      if (heard.length === 2) socket.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, target >> 8, target & 255]));
      else if (heard.length === 12) socket.write('over socks');
      else if (heard.toString('latin1').endsWith('over socks')) {
        socket.destroy();
        resolve(true);
      }
    });
    socket.write(Buffer.from([5, 1, 0]));
  });
}
