/** OpenSSH's ordinary client at our master: it hands over its standard streams, whatever they are, and the session runs on them. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { constants, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  clientOptions,
  makeFolder,
  missing,
  nacreProgram,
  type OpenSshVersion,
  openSshProgram,
  runProgram,
  runSsh,
  sshCommand,
  startOpenSshServer,
  startProgram,
  startTerminal,
  type Terminal,
} from '../harness/index.ts';
import { assertNoLeaks, startPair } from './_passengers.ts';
import { env, pidOf, sharedServer, socketPath, startEcho, until } from './_shared.ts';

const skip = missing('nacre:ssh', 'sshd', 'ssh', 'bash') || (process.platform !== 'linux' && 'reads /proc');
const versions = [
  ['9.2', skip],
  ['10.0', skip || missing('openssh-10')],
] as const;
const payload = randomBytes(20_000_000);
const sum = createHash('md5').update(payload).digest('hex');

for (const [version, skipped] of versions) {
  const title = `ssh ${version} -S`;
  const onTerminal = { skip: skipped || missing('python3') };

  test(`${title}: stdin and stdout of every kind, exit status, signals`, { skip: skipped }, async (t) => {
    const { path, leaks } = await startPair(t);
    const folder = makeFolder('kinds');
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    writeFileSync(from, payload);
    const ssh = await shellWords(version, path);
    const sh = async (script: string) => {
      const result = await runProgram(['bash', '-c', script], {
        env: { ...env, SSH: ssh, FROM: from, TO: to },
      });
      return { ...result, text: result.stdout.toString() };
    };
    const plain = await sh('printf typed | eval "$SSH" "\'cat; echo oops >&2; exit 7\'"');
    assert.deepEqual([plain.text, plain.stderr, plain.status], ['typed', 'oops\n', 7]);
    assert.equal((await sh('eval "$SSH" "\'md5sum\'" < "$FROM"')).text, `${sum}  -\n`, 'a file');
    assert.equal((await sh('cat "$FROM" | eval "$SSH" cat | md5sum')).text, `${sum}  -\n`, 'pipes');
    await sh('eval "$SSH" cat < "$FROM" > "$TO"');
    assert.ok(readFileSync(to).equals(payload), 'a file to a file');
    const appended = await sh(
      'eval "$SSH" "\'echo one\'" > "$TO"; eval "$SSH" "\'echo two\'" >> "$TO"; { echo a; eval "$SSH" "\'echo b\'"; echo c; } > "$TO.2"; cat "$TO" "$TO.2"',
    );
    assert.equal(appended.text, 'one\ntwo\na\nb\nc\n', 'the place in a file is everybody’s');
    const shared = await sh('printf "1\\n2\\n3\\n" > "$TO"; { read x; echo "here $x"; eval "$SSH" cat; } < "$TO"');
    assert.equal(shared.text, 'here 1\n2\n3\n');
    for (const stdin of ['< /dev/null', '< /', '<&-']) {
      assert.equal((await sh(`eval "$SSH" "'cat; echo end'" ${stdin}`)).text, 'end\n', stdin);
    }
    assert.equal((await sh('eval "$SSH" "\'head -c 1000\'" < /dev/zero | wc -c')).text.trim(), '1000');
    const full = await sh('eval "$SSH" "\'yes; exit 3\'" > /dev/full');
    assert.notEqual(full.status, 0, 'a full device ends the program there');
    const cut = await sh('eval "$SSH" yes | head -1; echo "$PIPESTATUS"');
    assert.equal(cut.text, 'y\n255\n', 'a reader that leaves ends the program there');
    assert.equal((await sh('eval "$SSH" "\'kill -9 \\$\\$\'"')).status, 255);
    // A pipe that others write to meanwhile stays as it was: nothing of theirs is lost.
    const meanwhile = await sh(
      'mkfifo "$TO.f"; { eval "$SSH" "\'touch $TO.begun; cat\'" < "$TO.f" & exec 9> "$TO.f"; until [ -e "$TO.begun" ]; do sleep 0.05; done; grep flags /proc/self/fdinfo/2; exec 9>&-; wait; } 2>&1 | cat',
    );
    const [, flags = ''] = /^flags:\s+(\d+)$/m.exec(meanwhile.text) ?? assert.fail(meanwhile.stderr);
    assert.equal(Number.parseInt(flags, 8) & constants.O_NONBLOCK, 0);
    await assertNoLeaks(leaks);
  });

  test(`${title}: a socket as stdin and stdout has its flags back`, {
    skip: skipped || missing('python3'),
  }, async (t) => {
    const { path, leaks } = await startPair(t);
    const script = [
      'import fcntl, os, socket, subprocess, sys',
      'a, b = socket.socketpair()',
      'child = subprocess.Popen(sys.argv[1:], stdin=b, stdout=b, stderr=b)',
      'a.sendall(b"x" * 300000); a.shutdown(socket.SHUT_WR)',
      'got = 0',
      'while got < 300000: got += len(a.recv(65536))',
      'status = child.wait()',
      'print(got, status, fcntl.fcntl(b, fcntl.F_GETFL) & os.O_NONBLOCK)',
    ];
    const server = await sharedServer();
    const argv = sshCommand(server, ['cat; exit 4'], { version, flags: ['-S', path] });
    const result = await runProgram(['python3', '-c', script.join('\n'), ...argv], { env });
    assert.equal(result.stdout.toString(), '300000 4 0\n', result.stderr);
    await assertNoLeaks(leaks);
  });

  test(`${title}: fifty at once, and clients that are killed`, { skip: skipped }, async (t) => {
    const { path, leaks, pid } = await startPair(t);
    const server = await sharedServer();
    const all = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        runSsh(server, [`cat; exit ${index}`], { version, flags: ['-S', path], input: `in ${index}` }),
      ),
    );
    assert.deepEqual(
      all.map(({ stdout, status, stderr }) => [stdout.toString(), status, stderr]),
      Array.from({ length: 50 }, (_, index) => [`in ${index}`, index, '']),
    );
    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      const argv = sshCommand(server, ['echo begun; trap "" PIPE; while echo more; do :; done'], {
        version,
        flags: ['-S', path],
      });
      const client = startProgram(argv, { env });
      await client.waitForLog(/begun/);
      const ended = new Promise((resolve) => client.child.once('exit', (status, by) => resolve(by ?? status)));
      client.child.kill(signal);
      assert.equal(await ended, signal === 'SIGKILL' ? signal : 255);
    }
    await assertNoLeaks(leaks);
    assert.equal(await pidOf(path), pid);
  });

  test(`${title}: a terminal: modes, size, resize, Ctrl-C, escapes, the end`, onTerminal, async (t) => {
    const { path, leaks } = await startPair(t);
    const server = await sharedServer();
    const open = async (args: readonly string[], ...flags: string[]) => {
      const argv = sshCommand(server, args, { version, flags: ['-t', '-S', path, ...flags] });
      const terminal = startTerminal(argv, { env, columns: 90, rows: 33 });
      t.after(() => terminal.close());
      return terminal;
    };
    const shell = await open(['exec sh']);
    await readyShell(shell);
    shell.send('stty size; echo "TERM=$TERM"; stty -a | grep -o -e "-\\?icanon"; tty\r');
    await shell.expect(/33 90/);
    await shell.expect(/TERM=xterm-256color/);
    await shell.expect(/\nicanon/);
    await shell.expect(/\/dev\/pts\/\d+/);
    shell.resize(101, 44);
    shell.send('until [ "$(stty size)" = "44 101" ]; do sleep 0.1; done; echo "now" $(stty size)\r');
    await shell.expect(/now 44 101/);
    // Keys that come before the prompt are shown in front of it, and what the program says behind it.
    await shell.expect(/ready> /);
    shell.send('cat\r');
    shell.send('shown\r');
    await shell.expect(/shown\s+shown/);
    shell.send('\x03');
    await shell.expect(/ready> /);
    shell.send('\r~?');
    await shell.expect(/Supported escape sequences/);
    shell.send('\r~#');
    await shell.expect(/The following connections are open:/);
    await shell.expect(/client-session/);
    shell.send('\r~C');
    await shell.expect(/~C escape not available to multiplexed sessions/);
    shell.send('\r~~echo tilde\r');
    await shell.expect(/~echo/);
    await shell.expect(/ready> /);
    shell.send('exit 6\r');
    await shell.expect(/Shared connection to 127\.0\.0\.1 closed\./);
    assert.equal((await shell.ended()).status, 6);

    // OpenSSH's client leaves its terminal as it is for a moment after the session has begun.
    const begin = 'sleep 1; echo begun; cat';
    const left = await open([begin]);
    await left.expect(/begun/);
    left.send('\r~.');
    assert.equal((await left.ended()).status, 255);

    const deaf = await open([begin], '-e', 'none');
    await deaf.expect(/begun/);
    deaf.send('\r~.\r');
    await deaf.expect(/~\.\s+~\./);
    deaf.send('\x04');
    assert.equal((await deaf.ended()).status, 0);
    await assertNoLeaks(leaks);
  });

  test(`${title}: the server gives no terminal, and no session`, onTerminal, async (t) => {
    const path = socketPath(t);
    const server = await startOpenSshServer({
      config: ['MaxSessions 2', 'PermitTTY no', 'SetEnv SHLVL=5', 'AcceptEnv *'],
    });
    t.after(() => server.stop());
    const options = ['SendEnv=LC_*', 'SetEnv=LC_OWN=master'];
    const program = nacreProgram('ssh');
    const master = startProgram(sshCommand(server, [], { program, options, flags: ['-M', '-N', '-S', path] }), { env });
    t.after(() => master.stop());
    await until('the master listens', () => existsSync(path));
    const flags = ['-S', path];
    const noTerminal = startTerminal(sshCommand(server, ['echo in; exit 5'], { version, flags: ['-t', ...flags] }), {
      env,
    });
    await noTerminal.expect(/in/);
    assert.equal((await noTerminal.ended()).status, 5);
    // The terminal has what stdout and stderr bring in either order.
    assert.match(noTerminal.output(), /^PTY allocation request failed\r/m);
    const missingSubsystem = await runSsh(server, ['nosuch'], { version, flags: ['-s', ...flags] });
    assert.match(missingSubsystem.stderr, /^subsystem request failed on channel \d+\r?\n/);
    assert.equal(missingSubsystem.status, 255);
    const sent = await runSsh(server, ['env'], {
      ...{ version, flags, options: ['SendEnv=LC_* OTHER'] },
      env: { LC_TEST: 'passed on', OTHER: 'not passed on' },
    });
    for (const line of [/^LC_TEST=passed on$/m, /^LC_OWN=master$/m]) assert.match(sent.stdout.toString(), line);
    assert.doesNotMatch(sent.stdout.toString(), /not passed on/);
    const argv = sshCommand(server, ['echo in; exec sleep 60'], { version, flags });
    for (let taken = 0; taken < 2; taken++) {
      // The server may still count a session whose client has gone.
      await until('the server gives a session', async () => {
        const client = startProgram(argv, { env });
        t.after(() => client.stop());
        await client.waitForLog(/^in/m);
        const isThrough = !/refused/.test(client.log());
        if (!isThrough) await client.stop();
        return isThrough;
      });
    }
    const alone = await runSsh(server, ['echo alone'], { version, flags });
    assert.deepEqual([alone.stdout.toString(), alone.status], ['alone\n', 0]);
    assert.match(alone.stderr, /^mux_client_request_session: session request failed: Session open refused by peer\r\n/);
  });

  test(`${title}: -W, subsystems, sftp and scp`, { skip: skipped }, async (t) => {
    const { path, leaks } = await startPair(t);
    const server = await sharedServer();
    const logins = () => server.log().match(/Accepted publickey/g)?.length;
    const loginsBefore = logins();
    const echo = await startEcho(t);
    const flags = ['-S', path];
    const through = await runSsh(server, [], { version, flags: [...flags, '-W', `127.0.0.1:${echo}`], input: payload });
    assert.ok(through.stdout.equals(payload), '20 MB come back as they went');
    assert.equal(through.status, 0);
    const refused = await runSsh(server, [], { version, flags: [...flags, '-W', '127.0.0.1:1'], input: '' });
    assert.notEqual(refused.status, 0);
    const folder = makeFolder('copies');
    const [from, to] = [join(folder, 'from'), join(folder, 'to')];
    writeFileSync(from, payload);
    const common = [...clientOptions(server), '-o', `ControlPath=${path}`];
    const where = `${server.user}@${server.host}`;
    const batch = join(folder, 'batch');
    writeFileSync(batch, `put ${from} ${to}\nls -l ${to}\n`);
    const sftp = await runProgram([openSshProgram('sftp', version), ...common, '-b', batch, where], { env });
    assert.equal(sftp.status, 0, sftp.stderr);
    assert.ok(readFileSync(to).equals(payload));
    for (const legacy of [[], ['-O']]) {
      const target = `${to}${legacy.join('')}.scp`;
      const scp = await runProgram([openSshProgram('scp', version), ...common, ...legacy, from, `${where}:${target}`], {
        env,
      });
      assert.equal(scp.status, 0, scp.stderr);
      assert.ok(readFileSync(target).equals(payload));
    }
    assert.equal(logins(), loginsBefore, 'nobody logged in anew');
    await assertNoLeaks(leaks);
  });
}

test('an editor in a session over our master', { skip: skip || missing('python3', 'vim') }, async (t) => {
  const { path, leaks } = await startPair(t);
  const file = join(makeFolder('editor'), 'text');
  const argv = sshCommand(
    await sharedServer(),
    [`vim -u NONE -N -c 'au VimResized * call append(1, &lines . "x" . &columns)' ${file}`],
    { flags: ['-t', '-S', path] },
  );
  const terminal = startTerminal(argv, { env });
  t.after(() => terminal.close());
  await terminal.expect(/text.*(?:\[New\]|New File)/);
  terminal.send('ia line of text');
  await terminal.expect(/a line of text/);
  terminal.resize(60, 20);
  await terminal.expect(/20x60/);
  terminal.send('\x1b:wq\r');
  assert.equal((await terminal.ended()).status, 0);
  assert.equal(readFileSync(file, 'utf8'), 'a line of text\n20x60\n');
  await assertNoLeaks(leaks);
});

test('a master in the background of the very terminal is not stopped by it', {
  skip: skip || missing('python3'),
}, async (t) => {
  const path = socketPath(t);
  const quote = (words: string[]) => words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const server = await sharedServer();
  const master = quote(sshCommand(server, [], { program: nacreProgram('ssh'), flags: ['-M', '-N', '-S', path] }));
  const client = quote(sshCommand(server, ['echo there; cat'], { flags: ['-T', '-S', path] }));
  const folder = makeFolder('jobs');
  writeFileSync(join(folder, 'master'), `exec ${master}`);
  writeFileSync(join(folder, 'client'), `exec ${client}`);
  const shell = startTerminal(['bash', '--norc', '--noprofile', '-i'], { env });
  t.after(() => shell.close());
  await readyShell(shell);
  shell.send(`sh ${folder}/master &\r`);
  await until('the master listens', () => existsSync(path));
  shell.send(`sh ${folder}/client\r`);
  await shell.expect(/session request failed: the master is in the background of this terminal and cannot read it/);
  await shell.expect(/there/);
  shell.send('typed\r');
  await shell.expect(/typed\s+typed/);
  shell.send('\x04');
  await shell.expect(/ready> /);
  // What does not read the terminal goes through it.
  const through = await runSsh(server, ['echo through'], { flags: ['-S', path] });
  assert.deepEqual([through.stdout.toString(), through.stderr], ['through\n', '']);
  shell.send('kill %1; wait\r');
  await until('it has gone', () => !existsSync(path));
});

const { rsync, git } = { rsync: skip || missing('rsync'), git: skip || missing('git') };

test('rsync and git of the system, by OpenSSH’s ssh through our master', { skip: rsync || git }, async (t) => {
  const { path, leaks } = await startPair(t);
  const server = await sharedServer();
  const folder = makeFolder('tools');
  const [from, to, repository, clone] = ['from', 'to', 'repository', 'clone'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
    string,
  ];
  writeFileSync(from, payload);
  const ssh = [openSshProgram('ssh'), ...clientOptions(server), '-S', path].join(' ');
  const where = `${server.user}@${server.host}`;
  const synced = await runProgram(['rsync', '-e', ssh, from, `${where}:${to}`], { env });
  assert.equal(synced.status, 0, synced.stderr);
  assert.ok(readFileSync(to).equals(payload));
  const commit = [
    '-c',
    'user.name=t',
    '-c',
    'user.email=t@example.com',
    'commit',
    '-q',
    '--allow-empty',
    '-m',
    'first',
  ];
  await runProgram(['git', 'init', '-q', repository]);
  await runProgram(['git', '-C', repository, ...commit]);
  const cloned = await runProgram(['git', 'clone', '-q', `${where}:${repository}`, clone], {
    env: { ...env, GIT_SSH_COMMAND: ssh },
  });
  assert.equal(cloned.status, 0, cloned.stderr);
  assert.ok(existsSync(join(clone, '.git')));
  await assertNoLeaks(leaks);
});

/** OpenSSH's ssh by the master, in words for a shell; a command follows. */
async function shellWords(version: OpenSshVersion, path: string): Promise<string> {
  const words = sshCommand(await sharedServer(), [], { version, flags: ['-S', path] });
  return words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
}

/** A plain shell, whose prompt cannot be taken for what is typed. */
async function readyShell(terminal: Terminal): Promise<void> {
  await terminal.expect(/# $|\$ $/);
  terminal.send("PS1='ready'; PS1=$PS1'> '; echo\r");
  await terminal.expect(/ready> /);
}
