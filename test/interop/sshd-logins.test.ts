/** bin/sshd: who may log in and with what limits; keys, certificates, passwords, accounts, root's and others'. */
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  createSystemUser,
  currentUser,
  freePort,
  type KeyPair,
  makeFolder,
  makeKey,
  nacreProgram,
  requireSuccess,
  runProgram,
  runSsh,
  sshCommand,
  startNacreServer,
  startProgram,
  userKey,
} from '../harness/index.ts';
import { askpassEnvironment, asRoot, withSsh } from './_sshd.ts';

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
  const me = currentUser();
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
        env: askpassEnvironment(password),
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
      const result = await runSsh({ ...other, user: user.name }, ['true'], { flags: ['-v'] });
      await other.stop();
      // Whoever is refused does not learn from the offer alone that the key would open a real account.
      if (result.status !== 0) assert.doesNotMatch(result.stderr, /Server accepts key/);
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
        env: askpassEnvironment(user.password),
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
  // It has no rights that could be kept from anybody.
  assert.equal((await runProgram(['pgrep', '-P', String(server.pid)])).stdout.toString(), '');
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
      password === undefined ? {} : { env: askpassEnvironment(password) },
    );
  assert.equal((await login(user.name)).stdout.toString(), `${user.name}\n\n`);
  assert.equal((await login('root')).status, 255);
  assert.equal((await login(user.name, user.password)).stdout.toString(), `${user.name}\n\n`, server.log());
  assert.equal((await login(user.name, 'wrong')).status, 255);
});
