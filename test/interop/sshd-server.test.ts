/** bin/sshd as OpenSSH's clients see it: commands, terminals, algorithms, logins, accounts, flags and logs. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  clientOptions,
  createSystemUser,
  freePort,
  type KeyPair,
  keyTypes,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  runSsh,
  sshCommand,
  startNacreServer,
  startProgram,
  startTerminal,
  type TestServer,
  userKey,
  waitForPort,
} from '../harness/index.ts';

const withSsh = { skip: missing('ssh', 'nacre:sshd') };
const asRoot = { skip: missing('ssh', 'nacre:sshd', 'root', 'useradd') };
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('commands: output, errors, status, signal, input', withSsh, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: keyTypes });

  await t.test('both outputs and the status', async () => {
    const result = await runSsh(server, ['echo out; echo err >&2; exit 42']);
    assert.deepEqual([result.status, result.stdout.toString(), result.stderr], [42, 'out\n', 'err\n']);
  });
  await t.test('a signal is told as one', async () => {
    const result = await runSsh(server, ['kill -TERM $$'], { flags: ['-v'] });
    assert.equal(result.status, 255);
    assert.match(result.stderr, /rtype exit-signal/);
  });
  await t.test('input and its end', async () => {
    const result = await runSsh(server, ['wc -c; echo done'], { input: 'x'.repeat(12345) });
    assert.equal(result.stdout.toString().trim(), '12345\ndone');
  });
  await t.test('pipes are pipes: /dev/stdout can be opened', async () => {
    const result = await runSsh(server, ['echo a > /dev/stdout; echo b > /dev/stderr; cat /dev/stdin'], { input: 'c' });
    assert.deepEqual([result.stdout.toString(), result.stderr], ['a\nc', 'b\n']);
  });
  await t.test('a command that reads nothing does not hold the client', async () => {
    const result = await runSsh(server, ['exit 3'], { input: randomBytes(8 << 20) });
    assert.equal(result.status, 3);
  });
  await t.test(
    'a background process with closed output does not hold the session, one with open output does',
    async () => {
      const start = Date.now();
      assert.equal((await runSsh(server, ['sleep 20 >/dev/null 2>&1 </dev/null & echo hi'])).stdout.toString(), 'hi\n');
      assert.ok(Date.now() - start < 10_000);
      const later = Date.now();
      assert.equal((await runSsh(server, ['(sleep 2; echo late) & echo hi'])).stdout.toString(), 'hi\nlate\n');
      assert.ok(Date.now() - later >= 1900);
    },
  );
  await t.test('a command outlives a client that goes, and learns it when it writes', async () => {
    const file = join(makeFolder(), 'alive');
    const child = spawn(
      sshCommand(server, [])[0] as string,
      sshCommand(server, [`sleep 2; echo yes > ${file}`]).slice(1),
    );
    await delay(800);
    child.kill('SIGKILL');
    await delay(2500);
    assert.equal(readFileSync(file, 'utf8'), 'yes\n');
  });
  await t.test('the environment and the folder', async () => {
    const result = await runSsh(server, [
      'pwd; echo $SSH_CONNECTION; echo $USER $LOGNAME $SHELL; echo [$SSH_TTY$SSH_ORIGINAL_COMMAND]',
    ]);
    const [folder, connection = '', names = '', rest] = result.stdout.toString().split('\n');
    assert.equal(folder, await requireSuccess(['sh', '-c', 'cd ~ && pwd']).then((text) => text.trim()));
    assert.match(connection, new RegExp(`^127\\.0\\.0\\.1 \\d+ 127\\.0\\.0\\.1 ${server.port}$`));
    assert.match(names, new RegExp(`^${server.user} ${server.user} /`));
    assert.equal(rest, '[]');
  });
  await t.test('ten sessions over one connection', async () => {
    const folder = makeFolder();
    const control = join(folder, 'control');
    const master = ['-M', '-S', control, '-o', 'ControlPersist=60'];
    await runSsh(server, ['true'], { flags: master });
    const runs = Array.from({ length: 10 }, (_, i) =>
      runSsh(server, [`sleep 0.2; echo ${i}`], { flags: ['-S', control] }),
    );
    const results = await Promise.all(runs);
    assert.deepEqual(
      results.map((result) => result.stdout.toString().trim()),
      Array.from({ length: 10 }, (_, i) => String(i)),
    );
    await runSsh(server, [], { flags: ['-S', control, '-O', 'exit'] });
  });
  await t.test('compression', async () => {
    const input = Buffer.alloc(3 << 20, 'compress me ');
    const result = await runSsh(server, ['cat'], { input, flags: ['-C'] });
    assert.equal(sha256(result.stdout), sha256(input));
  });
});

test('100 MB each way arrive as they were', withSsh, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  const input = randomBytes(100_000_000);
  const wanted = sha256(input);
  const file = join(makeFolder(), 'big');
  writeFileSync(file, input);
  await t.test('to the server', async () => {
    const result = await runSsh(server, ['sha256sum'], { input, timeoutMs: 60_000 });
    assert.equal(result.stdout.toString().split(' ')[0], wanted, result.stderr);
  });
  await t.test('from the server', async () => {
    const result = await runSsh(server, [`cat ${file}; exit 9`], { timeoutMs: 60_000 });
    assert.deepEqual([sha256(result.stdout), result.status], [wanted, 9]);
  });
  await t.test('on standard error', async () => {
    const result = await runProgram(
      ['sh', '-c', `${quote(sshCommand(server, [`cat ${file} >&2`]))} 2>&1 >/dev/null | sha256sum`],
      { timeoutMs: 60_000 },
    );
    assert.equal(result.stdout.toString().split(' ')[0], wanted);
  });
  await t.test('both ways at once', async () => {
    const result = await runSsh(server, ['cat'], { input, timeoutMs: 60_000 });
    assert.equal(sha256(result.stdout), wanted);
  });
});

test('new keys every megabyte, 200 MB each way', withSsh, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['RekeyLimit 1M'] });
  for (const command of ['head -c 200000000 /dev/zero | sha256sum; head -c 200000000 /dev/zero', 'sha256sum']) {
    const input = command === 'sha256sum' ? Buffer.alloc(200_000_000) : undefined;
    const result = await runSsh(server, [command], {
      flags: ['-v'],
      options: ['RekeyLimit=1M'],
      timeoutMs: 120_000,
      ...(input && { input }),
    });
    const exchanges = result.stderr.match(/SSH2_MSG_NEWKEYS received/g)?.length ?? 0;
    assert.ok(exchanges > 50, `${exchanges} key exchanges`);
    const zeros = sha256(Buffer.alloc(200_000_000));
    assert.ok(result.stdout.toString('latin1', 0, 64) === zeros, result.stdout.toString('latin1', 0, 64));
    if (input === undefined) assert.equal(result.stdout.length, 200_000_000 + 68);
  }
});

test('terminals', { skip: missing('ssh', 'nacre:sshd', 'python3') }, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['PrintMotd no'] });
  const open = (args: readonly string[] = [], size = { columns: 90, rows: 30 }) =>
    startTerminal(sshCommand(server, ['env', 'PS1=ready\\$ ', 'sh', '-i', ...args], { flags: ['-tt'] }), size);

  await t.test('size, resize, Ctrl-C, end of file', async () => {
    const terminal = open();
    await terminal.expect(/ready\$ /);
    terminal.send('stty size; tty; echo $TERM\r');
    await terminal.expect(/30 90\s+\/dev\/pts\/\d+\s+xterm-256color/);
    terminal.resize(123, 45);
    await delay(300);
    terminal.send('stty size\r');
    await terminal.expect(/45 123/);
    terminal.send('sleep 100\r');
    await delay(400);
    terminal.send('\x03');
    await terminal.expect(/ready\$ /);
    terminal.send('echo status $?\r');
    await terminal.expect(/status 130/);
    terminal.send('exit 7\r');
    assert.equal((await terminal.ended()).status, 7);
  });
  await t.test('job control', async () => {
    const terminal = open();
    await terminal.expect(/ready\$ /);
    terminal.send('sleep 100\r');
    await delay(400);
    terminal.send('\x1a');
    await terminal.expect(/Stopped/);
    terminal.send('jobs\r');
    await terminal.expect(/Stopped.*sleep 100/);
    terminal.send('kill %1; fg; echo over\r');
    await terminal.expect(/over/);
    terminal.send('\x04');
    await terminal.ended();
  });
  await t.test('the login shell, its dash and SSH_TTY', async () => {
    const terminal = startTerminal(sshCommand(server, []), {});
    await terminal.expect(/[$#] /, 20_000);
    terminal.send('echo "name=$0 tty=$SSH_TTY"; exit\r');
    await terminal.expect(/name=-\w+ tty=\/dev\/pts\/\d+/);
    assert.equal((await terminal.ended()).status, 0);
  });
  await t.test('vi', { skip: missing('vi') }, async () => {
    const file = join(makeFolder(), 'text');
    const terminal = open();
    await terminal.expect(/ready\$ /);
    terminal.send(`vi ${file}\r`);
    await terminal.expect(/~/);
    terminal.send('ihello from vi\x1b:wq\r');
    await terminal.expect(/ready\$ /);
    assert.equal(readFileSync(file, 'utf8'), 'hello from vi\n');
    await terminal.close();
  });
  await t.test('top', { skip: missing('top') }, async () => {
    const terminal = open();
    await terminal.expect(/ready\$ /);
    terminal.send('top -d 1\r');
    await terminal.expect(/load average/);
    await terminal.expect(/PID/);
    terminal.send('q');
    await terminal.expect(/ready\$ /);
    await terminal.close();
  });
  await t.test('what runs in a terminal is hung up when the client goes', async () => {
    const file = join(makeFolder(), 'pid');
    const terminal = open();
    await terminal.expect(/ready\$ /);
    terminal.send(`echo $$ > ${file}; sleep 1000\r`);
    await delay(500);
    const pid = Number(readFileSync(file, 'utf8'));
    assert.ok(existsSync(`/proc/${pid}`));
    await terminal.close();
    await until(() => !existsSync(`/proc/${pid}`), 'the shell is gone');
  });
  await t.test('a megabyte through a terminal', async () => {
    const result = await runSsh(server, ['head -c 1000000 /dev/zero | tr "\\\\0" x; exit 4'], { flags: ['-tt'] });
    assert.deepEqual([result.stdout.toString('latin1').replaceAll(/[^x]/g, '').length, result.status], [1_000_000, 4]);
  });
});

test('every algorithm that both know', withSsh, async (t) => {
  const server = await startNacreServer({
    hostKeyTypes: keyTypes,
    config: [
      'KexAlgorithms +diffie-hellman-group*,mlkem768nistp256-sha256',
      'Ciphers +*-cbc',
      'MACs +hmac-*',
      'MaxStartups 100',
    ],
  });
  const ask = async (kind: string) => (await requireSuccess([openSshProgram('ssh'), '-Q', kind])).trim().split('\n');
  const offered = await offers(server);
  const both = async (kind: string, key: keyof typeof offered) =>
    (await ask(kind)).filter((name) => offered[key].includes(name));
  const kexes = await both('kex', 'kex');
  const hostKeys = await both('HostKeyAlgorithms', 'hostKey');
  const ciphers = await both('cipher', 'cipher');
  const macs = await both('mac', 'mac');
  assert.ok(kexes.length >= 10 && hostKeys.length >= 6 && ciphers.length >= 10 && macs.length >= 6);
  const rows = coverPairs([kexes, hostKeys, ciphers, macs]);
  t.diagnostic(
    `${kexes.length} x ${hostKeys.length} x ${ciphers.length} x ${macs.length}: ${rows.length} logins cover every pair`,
  );
  const input = randomBytes(70_000);
  await inTurns(rows, 4, async ([kex, hostKey, cipher, mac]) => {
    const result = await runSsh(server, ['cat; exit 5'], {
      input,
      options: [`KexAlgorithms=${kex}`, `HostKeyAlgorithms=${hostKey}`, `Ciphers=${cipher}`, `MACs=${mac}`],
    });
    assert.equal(result.status, 5, `${kex} ${hostKey} ${cipher} ${mac}: ${result.stderr}`);
    assert.equal(sha256(result.stdout), sha256(input), `${kex} ${hostKey} ${cipher} ${mac}`);
  });
});

test('OpenSSH 10 with what it prefers, and ML-KEM', { skip: missing('openssh-10', 'nacre:sshd') }, async () => {
  const server = await startNacreServer();
  const result = await runSsh(server, ['echo hi'], { version: '10.0', flags: ['-v'] });
  assert.equal(result.stdout.toString(), 'hi\n', result.stderr);
  assert.match(result.stderr, /kex: algorithm: mlkem768x25519-sha256/);
});

test('who may not log in', withSsh, async (t) => {
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['PasswordAuthentication yes', 'KbdInteractiveAuthentication yes'],
  });
  const stranger = await makeKey();
  await t.test('a key that is not in the file', async () => {
    const result = await runSsh({ ...server, identity: stranger }, ['true']);
    assert.equal(result.status, 255);
    assert.match(result.stderr, /Permission denied \(publickey,keyboard-interactive,password\)/);
  });
  await t.test('a name that is nobody’s is answered alike', async () => {
    const known = await runSsh({ ...server, identity: stranger }, ['true'], { flags: ['-vvv'] });
    const unknown = await runSsh({ ...server, identity: stranger, user: 'no-such-user' }, ['true'], {
      flags: ['-vvv'],
    });
    const replies = (text: string) => text.match(/receive packet: type \d+/g)?.join() ?? '';
    assert.equal(replies(unknown.stderr), replies(known.stderr));
    assert.match(unknown.stderr, /Permission denied \(publickey,keyboard-interactive,password\)/);
    await server.waitForLog(/Invalid user no-such-user from 127\.0\.0\.1 port \d+/);
    await server.waitForLog(/Connection closed by invalid user no-such-user 127\.0\.0\.1 port \d+ \[preauth\]/);
  });
  await t.test('names from the network stay on one line of the log', async () => {
    await runSsh({ ...server, user: 'x\nAccepted password for root from 1.2.3.4 port 5 ssh2' }, ['true']);
    await server.waitForLog(/Invalid user x\\012Accepted/);
    assert.doesNotMatch(server.log(), /^Accepted password/m);
  });
  await t.test('numbers and options are no names', async () => {
    for (const user of ['0', '-s']) assert.equal((await runSsh({ ...server, user }, ['true'])).status, 255);
  });
});

test('lines of authorized_keys', withSsh, async (t) => {
  const identity = await makeKey();
  const login = async (
    options: string,
    command: readonly string[],
    extra: { flags?: string[]; config?: string[] } = {},
  ) => {
    const server = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      identity: false,
      authorizedKeys: [`${options} ${identity.publicLine}`],
      ...(extra.config && { config: extra.config }),
    });
    const result = await runSsh({ ...server, identity }, command, { ...(extra.flags && { flags: extra.flags }) });
    await server.stop();
    return { status: result.status, stdout: result.stdout.toString(), stderr: result.stderr };
  };
  await t.test('command=', async () => {
    const result = await login('command="echo forced [$SSH_ORIGINAL_COMMAND]; exit 6"', ['rm -rf x']);
    assert.deepEqual([result.stdout, result.status], ['forced [rm -rf x]\n', 6]);
  });
  await t.test('ForceCommand wins over command=', async () => {
    const result = await login('command="echo key"', ['x'], {
      config: ['ForceCommand echo server "$SSH_ORIGINAL_COMMAND"'],
    });
    assert.equal(result.stdout, 'server x\n');
  });
  await t.test('restrict takes the terminal', async () => {
    const result = await login('restrict', ['tty'], { flags: ['-tt'] });
    assert.match(result.stderr, /PTY allocation request failed/);
    assert.match((await login('restrict,pty', ['tty'], { flags: ['-tt'] })).stdout, /\/dev\/pts/);
  });
  await t.test('from= and expiry-time=', async () => {
    assert.equal((await login('from="192.0.2.1"', ['true'])).status, 255);
    assert.equal((await login('from="127.0.0.0/8"', ['true'])).status, 0);
    assert.equal((await login('expiry-time="20200101"', ['true'])).status, 255);
    assert.equal((await login('from="127.0.0.1",no-such-option', ['true'])).status, 255);
  });
  await t.test('environment= only where the server permits it, and never LD_PRELOAD', async () => {
    const line = 'environment="GOOD=1",environment="LD_PRELOAD=/x.so"';
    assert.equal((await login(line, ['echo [$GOOD$LD_PRELOAD]'])).stdout, '[]\n');
    assert.equal(
      (await login(line, ['echo [$GOOD$LD_PRELOAD]'], { config: ['PermitUserEnvironment yes'] })).stdout,
      '[1]\n',
    );
  });
});

test('AcceptEnv and SetEnv', withSsh, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['AcceptEnv *', 'SetEnv FIXED=server'] });
  const command = ['echo "$LC_TEST|$LD_PRELOAD|$BASH_ENV|$FIXED|$SSH_ORIGINAL_COMMAND"'];
  const result = await runSsh(server, command, {
    options: ['SetEnv=LC_TEST=yes LD_PRELOAD=/x.so BASH_ENV=/x FIXED=client SSH_ORIGINAL_COMMAND=x'],
  });
  assert.equal(result.stdout.toString(), 'yes|||server|\n');
  const closed = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  assert.equal((await runSsh(closed, command, { options: ['SetEnv=LC_TEST=yes'] })).stdout.toString(), '||||\n');
});

test('certificates', withSsh, async (t) => {
  const ca = await makeKey({ comment: 'ca' });
  const identity = await makeKey();
  const me = (await userKey(), process.env.USER ?? (await requireSuccess(['id', '-un'])).trim());
  const sign = async (...flags: string[]): Promise<void> =>
    void (await requireSuccess(['ssh-keygen', '-q', '-s', ca.file, '-I', 'id one', ...flags, `${identity.file}.pub`]));
  const caFile = join(makeFolder(), 'ca.pub');
  writeFileSync(caFile, `${ca.publicLine}\n`);
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    identity: false,
    config: [`TrustedUserCAKeys ${caFile}`],
  });
  const login = (command = 'true') =>
    runSsh({ ...server, identity }, [command], { options: [`CertificateFile=${identity.file}-cert.pub`] });

  await t.test('of a trusted authority', async () => {
    await sign('-n', me);
    assert.equal((await login()).status, 0);
    await server.waitForLog(
      /Accepted publickey for \S+ from \S+ port \d+ ssh2: ED25519-CERT SHA256:\S+ ID id one \(serial 0\) CA ED25519 SHA256:/,
    );
  });
  await t.test('with a command of its own', async () => {
    await sign('-n', me, '-O', 'force-command=echo from the certificate');
    assert.equal((await login('true')).stdout.toString(), 'from the certificate\n');
  });
  for (const [what, flags] of [
    ['for somebody else', ['-n', 'somebody-else']],
    ['for nobody', []],
    ['past its end', ['-n', me, '-V', '20200101:20200102']],
    ['for another address', ['-n', me, '-O', 'source-address=192.0.2.1/32']],
  ] as const) {
    await t.test(what, async () => {
      await sign(...flags);
      assert.equal((await login()).status, 255);
    });
  }
  await t.test('of the host', async () => {
    const host = await makeKey({ comment: 'host' });
    await requireSuccess([
      'ssh-keygen',
      '-q',
      '-s',
      ca.file,
      '-h',
      '-I',
      'host',
      '-n',
      '127.0.0.1',
      `${host.file}.pub`,
    ]);
    const certified = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      config: [`HostKey ${host.file}`, `HostCertificate ${host.file}-cert.pub`],
    });
    const knownHosts = join(makeFolder(), 'known_hosts');
    writeFileSync(knownHosts, `@cert-authority [127.0.0.1]:${certified.port} ${ca.publicLine}\n`);
    const result = await runSsh({ ...certified, knownHostsFile: knownHosts }, ['echo hi'], {
      options: ['HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com'],
    });
    assert.equal(result.stdout.toString(), 'hi\n', result.stderr);
  });
});

test('forwarding', withSsh, async (t) => {
  const echo = createServer((socket) => socket.pipe(socket));
  await new Promise<void>((resolve) => void echo.listen(0, '127.0.0.1', resolve));
  t.after(() => echo.close());
  const target = (echo.address() as { port: number }).port;
  const through = (port: number) =>
    runProgram(['sh', '-c', `exec 3<>/dev/tcp/127.0.0.1/${port}`], {}).catch(() => undefined);
  assert.ok(through);
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

test('as root: another account, its groups, its password', asRoot, async (t) => {
  const user = await createSystemUser({ shell: '/bin/bash', groups: ['games', 'audio'] });
  const key = await userKey();
  await user.authorize(key.publicLine);
  const config = [
    'AuthorizedKeysFile .ssh/authorized_keys',
    'StrictModes yes',
    'PasswordAuthentication yes',
    'KbdInteractiveAuthentication yes',
  ];
  const server = { ...(await startNacreServer({ hostKeyTypes: ['ed25519'], config })), user: user.name };
  const withPassword = (password: string, methods: string) =>
    runProgram(
      [
        ...sshCommand(server, ['id -un'], {
          options: [
            'BatchMode=no',
            'PubkeyAuthentication=no',
            `PreferredAuthentications=${methods}`,
            'NumberOfPasswordPrompts=1',
          ],
        }),
      ],
      {
        env: { SSH_ASKPASS: askpass(password), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: 'none' },
      },
    );

  await t.test('by key: user, groups, home', async () => {
    const result = await runSsh(server, [
      'id -u; id -g; id -Gn; pwd; cat /proc/self/status | grep -E "^(Uid|Gid|CapEff)"',
    ]);
    const [uid, gid, groups = '', home, ...status] = result.stdout.toString().trim().split('\n');
    assert.deepEqual([uid, gid, home], [String(user.uid), String(user.gid), user.home], result.stderr);
    assert.deepEqual(groups.split(' ').sort(), ['audio', 'games', user.name].sort());
    assert.match(status.join('\n'), new RegExp(`Uid:(\\s+${user.uid}){4}`));
    assert.match(status.join('\n'), new RegExp(`Gid:(\\s+${user.gid}){4}`));
    assert.match(status.join('\n'), /CapEff:\s+0+$/);
  });
  await t.test('by key in a terminal that is theirs', async () => {
    const result = await runSsh(server, ['stat -c "%U %a" $(tty); stty size'], { flags: ['-tt'] });
    assert.match(result.stdout.toString(), new RegExp(`^${user.name} 620`), result.stderr);
  });
  await t.test('by password and by keyboard-interactive', async () => {
    for (const methods of ['password', 'keyboard-interactive']) {
      assert.equal((await withPassword(user.password, methods)).stdout.toString(), `${user.name}\n`, methods);
      assert.equal((await withPassword(`${user.password}x`, methods)).status, 255, methods);
    }
    await server.waitForLog(new RegExp(`Accepted password for ${user.name} from 127\\.0\\.0\\.1 port \\d+ ssh2`));
    await server.waitForLog(new RegExp(`Failed password for ${user.name} from 127\\.0\\.0\\.1 port \\d+ ssh2`));
  });
  await t.test('a file that others may write is not believed', async () => {
    const file = join(user.home, '.ssh', 'authorized_keys');
    chmodSync(file, 0o666);
    assert.equal((await runSsh(server, ['true'])).status, 255);
    await server.waitForLog(/Authentication refused: bad ownership or modes for file/);
    chmodSync(file, 0o600);
    chmodSync(user.home, 0o777);
    assert.equal((await runSsh(server, ['true'])).status, 255);
    await server.waitForLog(/Authentication refused: bad ownership or modes for directory/);
    chmodSync(user.home, 0o755);
    assert.equal((await runSsh(server, ['true'])).status, 0);
  });
  await t.test('a FIFO for a file does not hold the server', async () => {
    const file = join(user.home, '.ssh', 'authorized_keys');
    const text = readFileSync(file, 'utf8');
    rmSync(file);
    await requireSuccess(['mkfifo', file]);
    assert.equal((await runSsh(server, ['true'])).status, 255);
    rmSync(file);
    await user.authorize(text.trim());
    assert.equal((await runSsh(server, ['true'])).status, 0);
  });
  await t.test('a link to a file that the user may not read lets nobody in', async () => {
    const file = join(user.home, '.ssh', 'authorized_keys');
    const text = readFileSync(file, 'utf8');
    const secret = join(makeFolder(), 'roots-own');
    writeFileSync(secret, text, { mode: 0o600 });
    rmSync(file);
    await requireSuccess(['ln', '-s', secret, file]);
    const loose = {
      ...(await startNacreServer({ hostKeyTypes: ['ed25519'], config: ['AuthorizedKeysFile .ssh/authorized_keys'] })),
      user: user.name,
    };
    assert.equal((await runSsh(loose, ['true'])).status, 255);
    rmSync(file);
    await user.authorize(text.trim());
  });
  await t.test('Allow and Deny lists, and locked, expired and shell-less accounts', async () => {
    const status = async (...lines: string[]) => {
      const other = await startNacreServer({ hostKeyTypes: ['ed25519'], config: [...config, ...lines] });
      const result = await runSsh({ ...other, user: user.name }, ['true']);
      await other.stop();
      return result.status;
    };
    assert.equal(await status(`AllowUsers ${user.name}`), 0);
    assert.equal(await status('AllowUsers somebody'), 255);
    assert.equal(await status(`AllowUsers ${user.name}@192.0.2.0/24`), 255);
    assert.equal(await status(`DenyUsers ${user.name}@127.0.0.0/8`), 255);
    assert.equal(await status('DenyGroups aud*'), 255);
    assert.equal(await status('AllowGroups games'), 0);
    assert.equal(await status('AllowGroups wheel'), 255);
    await requireSuccess(['usermod', '-L', user.name]);
    assert.equal(await status(), 255);
    assert.equal(await status('UsePAM yes'), 0);
    await requireSuccess(['usermod', '-U', user.name]);
    await requireSuccess(['usermod', '-e', '2020-01-01', user.name]);
    assert.equal(await status(), 255);
    await requireSuccess(['usermod', '-e', '', user.name]);
    await requireSuccess(['usermod', '-s', '/no/such/shell', user.name]);
    assert.equal(await status(), 255);
    await requireSuccess(['usermod', '-s', '/bin/bash', user.name]);
    assert.equal(await status(), 0);
  });
  await t.test('two methods where two are asked for', async () => {
    const both = {
      ...(await startNacreServer({
        hostKeyTypes: ['ed25519'],
        config: [...config, 'AuthenticationMethods publickey,password'],
      })),
      user: user.name,
    };
    assert.equal((await runSsh(both, ['true'])).status, 255);
    const result = await runProgram(
      sshCommand(both, ['echo in'], { options: ['BatchMode=no', 'NumberOfPasswordPrompts=1'] }),
      {
        env: { SSH_ASKPASS: askpass(user.password), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: 'none' },
      },
    );
    assert.equal(result.stdout.toString(), 'in\n', result.stderr);
    await both.waitForLog(/Partial publickey for/);
  });
  await t.test('ports below 1024 are root’s', async () => {
    const result = await runSsh(server, ['true'], { flags: ['-R', '1:127.0.0.1:9', '-o', 'ExitOnForwardFailure=yes'] });
    assert.equal(result.status, 255);
  });
});

test('PermitRootLogin', asRoot, async () => {
  const key = await userKey();
  const forced = await makeKey();
  const status = async (value: string, identity: KeyPair) => {
    const server = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      config: [`PermitRootLogin ${value}`],
      authorizedKeys: [`command="true" ${forced.publicLine}`],
    });
    const result = await runSsh({ ...server, user: 'root', identity }, ['true']);
    await server.stop();
    return result.status;
  };
  assert.equal(await status('no', key), 255);
  assert.equal(await status('prohibit-password', key), 0);
  assert.equal(await status('forced-commands-only', key), 255);
  assert.equal(await status('forced-commands-only', forced), 0);
});

test('as a user who is not root: that user only', asRoot, async () => {
  const user = await createSystemUser({ shell: '/bin/bash' });
  const key = await userKey();
  await user.authorize(key.publicLine);
  const host = join(user.home, 'host');
  const as = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  await requireSuccess([...as, 'ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', host]);
  const port = await freePort();
  const server = startProgram(
    [
      ...as,
      nacreProgram('sshd'),
      '-D',
      '-e',
      '-f',
      'none',
      '-p',
      String(port),
      '-h',
      host,
      '-o',
      'PidFile=none',
      '-o',
      'ListenAddress=127.0.0.1',
    ],
    { env: { HOME: user.home } },
  );
  await server.waitForLog(/Server listening/);
  const login = (name: string, password?: string) =>
    runProgram(
      [
        ...[
          'ssh',
          '-F',
          '/dev/null',
          '-p',
          String(port),
          '-i',
          key.file,
          '-o',
          'StrictHostKeyChecking=no',
          '-o',
          'UserKnownHostsFile=/dev/null',
        ],
        ...(password === undefined
          ? ['-o', 'BatchMode=yes']
          : ['-o', 'PubkeyAuthentication=no', '-o', 'NumberOfPasswordPrompts=1']),
        ...[`${name}@127.0.0.1`, 'id -un; echo $SSH_TTY'],
      ],
      password === undefined
        ? {}
        : { env: { SSH_ASKPASS: askpass(password), SSH_ASKPASS_REQUIRE: 'force', DISPLAY: 'none' } },
    );
  assert.equal((await login(user.name)).stdout.toString(), `${user.name}\n\n`);
  assert.equal((await login('root')).status, 255);
  assert.equal((await login(user.name, user.password)).stdout.toString(), `${user.name}\n\n`, server.log());
  assert.equal((await login(user.name, 'wrong')).status, 255);
});

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
      'FILE: line 2: Bad configuration option: Bogus\nFILE: terminating, 1 bad configuration options\n'.replace(
        'options\n',
        'option\n',
      ),
    );
    for (const line of [
      'Match user x',
      'ChrootDirectory /srv',
      'AuthorizedKeysCommand /bin/x',
      'RevokedKeys /x',
      'PasswordAuthentication maybe',
      'Port x',
      'Ciphers no-such',
    ]) {
      assert.equal((await check(line)).status, 255, line);
    }
    for (const line of [
      'ChrootDirectory none',
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
    assert.match((await sshd('-C', 'user=x')).stderr, /not support/);
  });
  await t.test('-V and -T', async () => {
    assert.match((await sshd('-V')).stderr, /^nacre_/);
    const shown = (await sshd('-T', ...common, '-o', 'RekeyLimit=1G 1h')).stdout.toString();
    assert.match(shown, /^permitrootlogin yes$/m);
    assert.match(shown, /^rekeylimit 1073741824 3600$/m);
    assert.match(shown, /^kexalgorithms mlkem768x25519-sha256,/m);
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
    assert.equal(result.stdout.toString(), 'Exceeded MaxStartups\r\n');
    await server.waitForLog(/drop connection from .* past MaxStartups/);
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

test('what is not SSH does the server no harm', withSsh, async () => {
  const server = await startNacreServer({ hostKeyTypes: ['ed25519'] });
  for (const bytes of ['GET / HTTP/1.0\\r\\n\\r\\n', 'SSH-2.0-x\\r\\n\\x00\\x00\\x00\\x0c\\x0agarbage', '']) {
    await runProgram([
      'bash',
      '-c',
      `exec 3<>/dev/tcp/127.0.0.1/${server.port}; printf '${bytes}' >&3; timeout 2 cat <&3 | head -c 1000 >/dev/null`,
    ]);
  }
  assert.equal((await runSsh(server, ['true'])).status, 0);
});

test('ssh-audit finds nothing weak', { skip: missing('ssh-audit', 'nacre:sshd') }, async () => {
  const server = await startNacreServer();
  const result = await runProgram(['ssh-audit', '-n', '-p', String(server.port), '127.0.0.1']);
  const lines = result.stdout
    .toString()
    .split('\n')
    .filter((line) => /\[(fail|warn)\]/.test(line));
  // Curves that are no more suspect than when everybody uses them, and what the tool is too old to know or calls new.
  const known = /nistp(256|384|521)|unknown algorithm|sntrup761x25519-sha512@openssh\.com/;
  assert.deepEqual(
    lines.filter((line) => !known.test(line)),
    [],
    result.stdout.toString(),
  );
  assert.match(result.stdout.toString(), /\(gen\) banner: SSH-2\.0-nacre/);
});

function quote(argv: readonly string[]): string {
  return argv.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
}

function askpass(password: string): string {
  const file = join(makeFolder('askpass'), 'askpass');
  writeFileSync(file, `#!/bin/sh\necho '${password}'\n`, { mode: 0o700 });
  return file;
}

async function until(check: () => boolean, what: string, timeoutMs = 10_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!check()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(50);
  }
}

/** What the server offers, as OpenSSH's client reports it. */
async function offers(server: TestServer) {
  const { stderr } = await runProgram([openSshProgram('ssh'), ...clientOptions(server), '-vv', server.host, 'true']);
  const proposal = stderr.slice(stderr.indexOf('peer server KEXINIT proposal'));
  const list = (label: string) => (new RegExp(`${label}: (\\S+)`).exec(proposal)?.[1] ?? '').split(',');
  return {
    kex: list('KEX algorithms'),
    hostKey: list('host key algorithms'),
    cipher: list('ciphers stoc'),
    mac: list('MACs stoc'),
  };
}

/** Rows of one value a column, such that any two values of two columns meet in some row. */
function coverPairs(columns: readonly (readonly string[])[]): string[][] {
  const open = new Set<string>();
  for (const [i, first] of columns.entries()) {
    for (const [j, second] of columns.entries()) {
      if (i < j) for (const a of first) for (const b of second) open.add(`${i}:${a} ${j}:${b}`);
    }
  }
  const pairsOf = (row: readonly (string | undefined)[]) =>
    row.flatMap((a, i) =>
      row.flatMap((b, j) => (i < j && a !== undefined && b !== undefined ? [`${i}:${a} ${j}:${b}`] : [])),
    );
  const rows: string[][] = [];
  while (open.size > 0) {
    const [seed = ''] = open;
    const row: (string | undefined)[] = columns.map(() => undefined);
    for (const part of seed.split(' ')) row[Number(part[0])] = part.slice(2);
    for (const [i, values] of columns.entries()) {
      if (row[i] !== undefined) continue;
      const gain = (value: string) => pairsOf(row.with(i, value)).filter((pair) => open.has(pair)).length;
      row[i] = values.reduce((best, value) => (gain(value) > gain(best) ? value : best));
    }
    for (const pair of pairsOf(row)) open.delete(pair);
    rows.push(row as string[]);
  }
  return rows;
}

async function inTurns<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, worker));
}
