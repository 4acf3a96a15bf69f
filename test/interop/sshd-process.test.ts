/** bin/sshd as a program: flags, files, signals, logs, limits, forwarding. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  freePort,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  requireSuccess,
  runProgram,
  runSsh,
  sshCommand,
  startNacreServer,
  startProgram,
  type TestServer,
  waitForPort,
} from '../harness/index.ts';
import { askpassEnvironment, quote, until, withSsh } from './_sshd.ts';

test('flags', withSsh, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  const host = server.hostKeys[0] as KeyPair;
  const common = [
    '-f',
    'none',
    '-h',
    host.file,
    '-o',
    'StrictModes=no',
    '-o',
    'PermitRootLogin=yes',
    '-o',
    'PidFile=none',
    '-o',
    `AuthorizedKeysFile=${server.identity.file}.pub`,
  ];
  const sshd = (...args: string[]) => runProgram([nacreProgram('sshd'), ...args]);

  await t.test('-t and bad configurations', async () => {
    assert.equal((await sshd('-t', ...common)).status, 0);
    const folder = makeFolder();
    const check = async (line: string) => {
      const file = join(folder, 'config');
      writeFileSync(file, `Port 22\n${line}\n`);
      const result = await sshd('-t', '-h', host.file, '-f', file);
      return { status: result.status, text: result.stderr.replaceAll(file, 'FILE') };
    };
    const unknown = await check('Bogus yes');
    assert.equal(unknown.status, 255);
    assert.equal(
      unknown.text,
      'FILE: line 2: Bad configuration option: Bogus\nFILE: terminating, 1 bad configuration options\n',
    );
    for (const line of [
      'Match shape x',
      'Match user x\nPort 23',
      'AuthorizedKeysCommand /bin/x',
      'PasswordAuthentication maybe',
      'Port x',
      'Ciphers no-such',
    ]) {
      assert.equal((await check(line)).status, 255, line);
    }
    for (const line of [
      'ChrootDirectory /srv',
      'X11Forwarding yes',
      'Protocol 2',
      'MACs umac-64-etm@openssh.com,hmac-sha2-256',
    ]) {
      assert.equal((await check(line)).status, 0, line);
    }
  });
  await t.test('host keys that others can read are not used', async () => {
    const open = await makeKey();
    chmodSync(open.file, 0o644);
    const result = await sshd('-t', '-f', 'none', '-h', open.file);
    assert.equal(result.status, 1);
    assert.match(result.stderr, /Permissions 0644 for .* are too open/);
    assert.match(result.stderr, /no hostkeys available -- exiting\./);
  });
  await t.test('wrong flags', async () => {
    const result = await sshd('-Z');
    assert.equal(result.status, 1);
    assert.match(result.stderr, /unknown option -- Z\nusage: sshd/);
    assert.match((await sshd('-p', 'x', ...common)).stderr, /Bad port number/);
    assert.match((await sshd('-C', 'user=x')).stderr, /\(-C\) provided without test mode \(-T\)/);
    assert.match(
      (await sshd('-T', '-C', 'user=x,lport=0')).stderr,
      /Invalid port '0' in test mode specification lport=0/,
    );
    assert.match((await sshd('-T', '-C', 'shape=x')).stderr, /Invalid test mode specification shape=x/);
  });
  await t.test('-V and -T', async () => {
    assert.match((await sshd('-V')).stderr, /^nacre_/);
    const shown = (await sshd('-T', ...common, '-o', 'RekeyLimit=1G 1h')).stdout.toString();
    assert.match(shown, /^permitrootlogin yes$/m);
    assert.match(shown, /^rekeylimit 1073741824 3600$/m);
    assert.match(shown, /^kexalgorithms mlkem768x25519-sha256,/m);
    // -G asks for no key.
    assert.match((await sshd('-G', '-f', 'none', '-o', 'Port=9')).stdout.toString(), /^port 9$/m);
  });
  await t.test('-i behind a ProxyCommand', async () => {
    const proxy = quote([nacreProgram('sshd'), '-i', '-e', ...common]);
    const result = await runSsh(server, ['echo $SSH_CONNECTION; exit 3'], { options: [`ProxyCommand=${proxy}`] });
    assert.deepEqual([result.stdout.toString(), result.status], ['UNKNOWN 65535 UNKNOWN 65535\n', 3], result.stderr);
    assert.match(result.stderr, /Accepted publickey for \S+ from UNKNOWN port 65535 ssh2/);
  });
  await t.test('-d serves one connection', async () => {
    const port = await freePort();
    const program = startProgram([nacreProgram('sshd'), '-d', '-p', String(port), ...common]);
    await program.waitForLog(/Server listening/);
    assert.equal(
      (
        await runSsh({ ...server, port, knownHostsFile: '/dev/null' }, ['exit 2'], {
          options: ['StrictHostKeyChecking=no'],
        })
      ).status,
      2,
    );
    await new Promise((resolve) => program.child.once('exit', resolve));
    assert.equal(program.child.exitCode, 0);
    assert.match(program.log(), /debug1: kex: algorithm/);
  });
  await t.test('without -D it goes to the background, with a PID file and a log', async () => {
    const folder = makeFolder();
    const port = await freePort();
    const [log, pidFile] = [join(folder, 'log'), join(folder, 'pid')];
    // The first -o counts.
    const result = await sshd('-E', log, '-o', `PidFile=${pidFile}`, '-p', String(port), ...common);
    assert.equal(result.status, 0, result.stderr);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    try {
      await waitForPort(port);
      assert.equal(
        (
          await runSsh({ ...server, port }, ['true'], {
            options: ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'],
          })
        ).status,
        0,
      );
      assert.match(readFileSync(log, 'utf8'), /Server listening on 0\.0\.0\.0 port/);
    } finally {
      process.kill(pid, 'SIGTERM');
    }
    await until(() => !existsSync(pidFile), 'the PID file is gone');
    assert.match(readFileSync(log, 'utf8'), /Received signal 15; terminating\./);
  });
  await t.test('a port that is taken', async () => {
    const result = await sshd('-D', '-e', '-p', String(server.port), ...common, '-o', 'ListenAddress=127.0.0.1');
    assert.equal(result.status, 255);
    assert.match(result.stderr, /error: Bind to port \d+ on 127\.0\.0\.1 failed: .*\nfatal: Cannot bind any address\./);
  });
});

test('SIGHUP reads the configuration again; connections go on', withSsh, async () => {
  const folder = makeFolder();
  const banner = join(folder, 'banner');
  writeFileSync(banner, 'hello there\n');
  const include = join(folder, 'more');
  mkdirSync(include);
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: [`Include ${include}/*.conf`] });
  const running = runSsh(server, ['sleep 3; echo still here']);
  await server.waitForLog(/Starting session/);
  writeFileSync(join(include, '10.conf'), `Banner ${banner}\n`);
  process.kill(server.pid as number, 'SIGHUP');
  await server.waitForLog(/Received SIGHUP; restarting\.[\s\S]*Server listening/);
  assert.match((await runSsh(server, ['true'])).stderr, /hello there/);
  assert.equal((await running).stdout.toString(), 'still here\n');
  writeFileSync(join(include, '10.conf'), 'Bogus yes\n');
  process.kill(server.pid as number, 'SIGHUP');
  await server.waitForLog(/was not read again/);
  assert.equal((await runSsh(server, ['true'])).status, 0);
});

test('limits of logins', withSsh, async (t) => {
  await t.test('LoginGraceTime', async () => {
    const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['LoginGraceTime 1'] });
    const result = await runProgram(['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${server.port}; cat <&3 >/dev/null`]);
    assert.equal(result.status, 0);
    await server.waitForLog(/Timeout before authentication for 127\.0\.0\.1 port \d+/);
  });
  await t.test('MaxStartups', async () => {
    const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['MaxStartups 2'] });
    const held = [1, 2].map(() => startProgram(['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${server.port}; sleep 20`]));
    await until(() => (server.log().match(/Connection from/g)?.length ?? 0) === 2, 'two connections');
    const result = await runProgram(['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${server.port}; cat <&3`]);
    assert.equal(result.stdout.toString(), 'Not allowed at this time\r\n');
    await server.waitForLog(/drop connection #2 from \S+ on \S+ Maxstartups/);
    for (const one of held) await one.stop();
  });
  await t.test('MaxSessions', async () => {
    const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['MaxSessions 0'] });
    assert.match((await runSsh(server, ['true'])).stderr, /open failed/);
  });
  await t.test('MaxAuthTries', async () => {
    const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['MaxAuthTries 2'] });
    const keys = await Promise.all([makeKey(), makeKey(), makeKey()]);
    const result = await runSsh({ ...server, identity: keys[0] }, ['true'], {
      flags: keys.flatMap((key) => ['-i', key.file]),
    });
    assert.match(result.stderr, /Too many authentication failures/);
    await server.waitForLog(
      /error: maximum authentication attempts exceeded for \S+ from 127\.0\.0\.1 port \d+ ssh2 \[preauth\]/,
    );
  });
});

test('forwarding', withSsh, async (t) => {
  const echo = createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => void echo.listen(0, '127.0.0.1', resolve));
  t.after(() => echo.close());
  const target = (echo.address() as { port: number }).port;
  const talk = (port: number) =>
    runProgram(['bash', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}; echo hello >&3; head -1 <&3`], {
      timeoutMs: 10_000,
    });
  const forward = async (server: TestServer, flags: string[], port: number) => {
    const client = startProgram(
      sshCommand(server, ['echo up; sleep 30'], { flags: [...flags, '-o', 'ExitOnForwardFailure=yes'] }),
    );
    try {
      await client.waitForLog(/up/);
      const result = await talk(port);
      return result.stdout.toString();
    } finally {
      await client.stop();
    }
  };
  await t.test('-L and -R', async () => {
    const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
    const [local, remote] = [await freePort(), await freePort()];
    assert.equal(await forward(server, ['-L', `${local}:127.0.0.1:${target}`], local), 'hello\n');
    assert.equal(await forward(server, ['-R', `${remote}:127.0.0.1:${target}`], remote), 'hello\n');
  });
  await t.test('AllowTcpForwarding, PermitOpen and PermitListen', async () => {
    const [local, remote] = [await freePort(), await freePort()];
    const closed = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['AllowTcpForwarding no'] });
    assert.equal(await forward(closed, ['-L', `${local}:127.0.0.1:${target}`], local), '');
    const onlyRemote = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['AllowTcpForwarding remote'] });
    assert.equal(await forward(onlyRemote, ['-L', `${local}:127.0.0.1:${target}`], local), '');
    assert.equal(await forward(onlyRemote, ['-R', `${remote}:127.0.0.1:${target}`], remote), 'hello\n');
    const some = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      config: [`PermitOpen 127.0.0.1:${target}`, 'PermitListen 1'],
    });
    assert.equal(await forward(some, ['-L', `${local}:127.0.0.1:${target}`], local), 'hello\n');
    assert.equal(await forward(some, ['-L', `${local}:127.0.0.1:${target + 1}`], local), '');
    const refused = await runSsh(some, ['true'], {
      flags: ['-R', `${remote}:127.0.0.1:${target}`, '-o', 'ExitOnForwardFailure=yes'],
    });
    assert.equal(refused.status, 255);
  });
});

test('nacre start: a host key, a password for one login, Ctrl-C', { skip: missing('ssh', 'nacre:nacre') }, async () => {
  const home = makeFolder('home');
  const program = startProgram([nacreProgram('nacre'), 'start'], { env: { HOME: home } });
  const [, port = '', user = ''] = await program.waitForLog(/^or any other client: +ssh -p (\d+) (\S+)@127\.0\.0\.1$/m);
  const [, password = ''] = await program.waitForLog(/^One-time password: +(\S+)/m);
  const [, fingerprint] = await program.waitForLog(/^Host key: +ED25519 (SHA256:\S+)$/m);
  assert.match(program.log(), new RegExp(`^Log in with nacre: +\\S*bin/ssh -p ${port} ${user}@127\\.0\\.0\\.1$`, 'm'));
  const key = join(home, '.nacre', 'ssh_host_ed25519_key');
  assert.deepEqual([statSync(key).mode & 0o777, statSync(join(home, '.nacre')).mode & 0o777], [0o600, 0o700]);
  assert.match(
    await requireSuccess(['ssh-keygen', '-l', '-f', key]),
    new RegExp((fingerprint as string).replaceAll(/[+/]/g, '\\$&')),
  );

  const login = (given: string) =>
    runProgram(
      [
        ...[
          'ssh',
          '-F',
          '/dev/null',
          '-p',
          port,
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'UserKnownHostsFile=/dev/null',
        ],
        ...['-o', 'PubkeyAuthentication=no', '-o', 'NumberOfPasswordPrompts=1', `${user}@127.0.0.1`, 'echo in; exit 3'],
      ],
      { env: askpassEnvironment(given) },
    );
  assert.equal((await login('guess')).status, 255);
  const first = await login(password);
  assert.deepEqual([first.stdout.toString(), first.status], ['in\n', 3], first.stderr);
  assert.equal((await login(password)).status, 255);

  const second = startProgram([nacreProgram('nacre'), 'start'], { env: { HOME: home } });
  const [, other] = await second.waitForLog(/ssh -p (\d+) /);
  assert.notEqual(other, port);
  assert.ok(second.log().includes(fingerprint as string));
  await second.stop();
  program.child.kill('SIGINT');
  await new Promise((resolve) => program.child.once('exit', resolve));
  assert.equal(program.child.exitCode, 0);
});
