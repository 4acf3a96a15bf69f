/** bin/ssh-copy-id against Debian's sshd, dropbear, our sshd and sftp-only servers, and beside Debian's own script. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  createSystemUser,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  type ProgramResult,
  type RunOptions,
  requireSuccess,
  runProgram,
  type SystemUser,
  startAgent,
  startDropbear,
  startNacreServer,
  startOpenSshServer,
  startProgram,
  startTerminal,
  type TestServer,
} from '../harness/index.ts';
import { askpassEnvironment } from './_sshd.ts';

const skip = missing('nacre:ssh-copy-id', 'sshd', 'ssh-keygen', 'root', 'useradd', 'chpasswd');
const program = nacreProgram('ssh-copy-id');
const ownFile = ['AuthorizedKeysFile .ssh/authorized_keys', 'PasswordAuthentication yes', 'StrictModes yes'];
const alone = { SSH_AUTH_SOCK: undefined, SSH_ASKPASS_REQUIRE: 'never' };
let server: TestServer;

before(async () => {
  if (!skip) server = await startOpenSshServer({ config: ownFile, startUpFiles: true });
});

interface Copy extends RunOptions {
  to?: TestServer;
  /** Another program with the script's flags. */
  program?: string;
  home?: string;
}

/** Runs ssh-copy-id for a user, who logs in by password; settings of the person who runs the tests count for nothing. */
function copyId(user: SystemUser, flags: readonly string[], options: Copy = {}): Promise<ProgramResult> {
  const { to = server, home = makeHome() } = options;
  const settings = [
    `UserKnownHostsFile=${to.knownHostsFile}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'NumberOfPasswordPrompts=1',
  ].flatMap((option) => ['-o', option]);
  const argv = [options.program ?? program, ...flags, '-F', '/dev/null', ...settings, '-p', String(to.port)];
  return runProgram([...argv, `${user.name}@${to.host}`], {
    ...options,
    env: { SSH_AUTH_SOCK: undefined, ...askpassEnvironment(user.password), HOME: home, ...options.env },
  });
}

/** A home folder with nothing of a person's in it. */
function makeHome(): string {
  const home = makeFolder('copyid');
  mkdirSync(join(home, '.ssh'), { mode: 0o700 });
  return home;
}

function fileOf(user: SystemUser, path = '.ssh/authorized_keys'): string {
  return join(user.home, path);
}

function linesOf(user: SystemUser, path?: string): string {
  return readFileSync(fileOf(user, path), 'latin1');
}

/** Whether the key logs in. */
async function logsIn(user: SystemUser, key: KeyPair, to = server): Promise<boolean> {
  const options = [`UserKnownHostsFile=${to.knownHostsFile}`, 'BatchMode=yes', 'IdentitiesOnly=yes', `Port=${to.port}`];
  const argv = ['ssh', '-F', '/dev/null', ...options.flatMap((option) => ['-o', option]), '-i', key.file];
  return (await runProgram([...argv, `${user.name}@${to.host}`, 'true'], { env: alone })).status === 0;
}

function added(count: number): RegExp {
  return new RegExp(
    `^\\nNumber of key\\(s\\) added: ${count}\\n\\nNow try logging into the machine, with: "ssh .*"\\n`,
  );
}

test('a key is installed by password, and not a second time', { skip }, async () => {
  const user = await createSystemUser();
  const key = await makeKey();
  const first = await copyId(user, ['-i', key.file]);
  assert.equal(first.status, 0, first.stderr);
  assert.match(first.stdout.toString(), added(1));
  const words = [
    `ssh-copy-id: INFO: Source of key(s) to be installed: "${key.file}.pub"`,
    'ssh-copy-id: INFO: attempting to log in with the new key(s), to filter out any that are already installed',
    'ssh-copy-id: INFO: 1 key(s) remain to be installed -- if you are prompted now it is to install the new keys',
  ];
  assert.equal(first.stderr, `${words.join('\n')}\n`);
  assert.equal(linesOf(user), `${key.publicLine}\n`);
  assert.equal(statSync(fileOf(user, '.ssh')).mode & 0o7777, 0o700);
  assert.equal(statSync(fileOf(user)).mode & 0o7777, 0o600);
  assert.equal(statSync(fileOf(user)).uid, user.uid);
  assert.ok(await logsIn(user, key));

  const again = await copyId(user, ['-i', `${key.file}.pub`]);
  assert.equal(again.status, 0);
  assert.match(
    again.stderr,
    /\n\nssh-copy-id: WARNING: All keys were skipped because they already exist on the remote/,
  );
  assert.match(again.stderr, /\n\t\t\(if you think this is a mistake, you may want to use -f option\)\n\n$/);
  assert.equal(again.stdout.toString(), '');
  // Forced it is not tried, but the very same line is not written twice.
  const forced = await copyId(user, ['-f', '-i', key.file]);
  assert.equal(forced.status, 0);
  assert.match(forced.stderr, /All keys were skipped/);
  assert.equal(linesOf(user), `${key.publicLine}\n`);
});

test('what is there stays as it is: open last line, modes, comments, other bytes', { skip }, async () => {
  for (const sftp of [[], ['-s']]) {
    const user = await createSystemUser();
    const [other, key] = [await makeKey(), await makeKey()];
    await user.authorize();
    // A key in a comment is not installed.
    const mine = `# ${key.publicLine}\r\n\n \tfrom="10.0.0.0/8" ${other.publicLine} \xe9\xa0`;
    writeFileSync(fileOf(user), mine, 'latin1');
    chmodSync(fileOf(user), 0o640);
    chmodSync(fileOf(user, '.ssh'), 0o755);
    const result = await copyId(user, [...sftp, '-i', key.file]);
    assert.equal(result.status, 0, result.stderr);
    assert.equal(linesOf(user), `${mine}\n${key.publicLine}\n`);
    assert.equal(statSync(fileOf(user)).mode & 0o7777, 0o640);
    assert.equal(statSync(fileOf(user, '.ssh')).mode & 0o7777, 0o755);
    assert.ok(await logsIn(user, key));
  }
});

test('a key that is in the file under whatever options is not added', { skip }, async () => {
  for (const sftp of [[], ['-s']]) {
    const user = await createSystemUser();
    const [listed, key] = [await makeKey(), await makeKey()];
    // It does not log in from here, so that only the file tells.
    const there = `from="192.0.2.1",command="echo  no"\t${listed.publicLine.split(' ').slice(0, 2).join('\t')}`;
    await user.authorize(there);
    const alone = await copyId(user, [...sftp, '-i', listed.file]);
    assert.equal(alone.status, 0, alone.stderr);
    assert.match(alone.stderr, /WARNING: key #1 is in the file already and was not added again\n/);
    assert.match(alone.stderr, /All keys were skipped/);
    writeFileSync(`${key.file}.pub`, `${listed.publicLine}\n\n# a remark\n${key.publicLine}\n${key.publicLine}\n`);
    const both = await copyId(user, [...sftp, '-i', key.file]);
    assert.equal(both.status, 0, both.stderr);
    assert.match(both.stdout.toString(), /^\nNumber of key\(s\) added: 1\n/);
    assert.equal(linesOf(user), `${there}\n${key.publicLine}\n`);
  }
});

test('comments are no commands: quotes, backquotes, backslashes, dollars, bytes of other encodings', {
  skip,
}, async () => {
  const nasty = `it's "quoted" \`touch oops\` $(touch oops) $HOME \\n \\ %s ; touch oops & ! # \xe9\xff \xc3\xa0`;
  for (const sftp of [[], ['-s']]) {
    const user = await createSystemUser();
    const key = await makeKey();
    const line = `${key.publicLine.split(' ').slice(0, 2).join(' ')} ${nasty}`;
    writeFileSync(`${key.file}.pub`, `${line}\r\n`, 'latin1');
    const result = await copyId(user, [...sftp, '-i', key.file]);
    assert.equal(result.status, 0, result.stderr);
    assert.equal(linesOf(user), `${line}\n`);
    assert.ok(!existsSync(fileOf(user, 'oops')));
    assert.ok(await logsIn(user, key));
  }
});

test('-t: another file, in a folder that is made, with blanks and quotes in its name', { skip }, async () => {
  const user = await createSystemUser();
  const key = await makeKey();
  for (const [flags, path, typed] of [
    [[], `ke'ys of "$HOME"/de ep/keys`, undefined],
    [['-s'], `ke'ys of "$HOME"/by sftp/keys`, undefined],
    [[], 'plain', '~/plain'],
    [['-s'], '-dash', undefined],
  ] as const) {
    const result = await copyId(user, [...flags, '-f', '-i', key.file, '-t', typed ?? path]);
    assert.equal(result.status, 0, result.stderr);
    assert.equal(linesOf(user, path), `${key.publicLine}\n`);
    assert.equal(statSync(fileOf(user, path)).mode & 0o7777, 0o600);
  }
  assert.equal(statSync(fileOf(user, `ke'ys of "$HOME"/de ep`)).mode & 0o7777, 0o700);
  assert.ok(!existsSync(fileOf(user)));
  for (const sftp of [[], ['-s']]) {
    const refused = await copyId(user, [...sftp, '-f', '-i', key.file, '-t', '/proc/none/keys']);
    assert.equal(refused.status, 1);
    assert.match(refused.stderr, /ssh-copy-id: ERROR: /);
    assert.doesNotMatch(refused.stdout.toString(), /added/);
  }
});

test('-n connects and installs nothing; without a file of the agent or of -i the newest id*.pub is meant', {
  skip,
}, async () => {
  const user = await createSystemUser();
  const home = makeHome();
  const [older, newer] = [await makeKey(), await makeKey()];
  for (const [name, key, seconds] of [
    ['id_old', older, 1000],
    ['id_ed25519', newer, 2000],
    ['id_ed25519-cert', older, 3000],
    ['other', older, 4000],
  ] as const) {
    copyFileSync(key.file, join(home, '.ssh', name));
    writeFileSync(join(home, '.ssh', `${name}.pub`), `${key.publicLine}\n`);
    utimesSync(join(home, '.ssh', `${name}.pub`), seconds, seconds);
  }
  const ruler = '=-=-=-=-=-=-=-=';
  const printed = `${ruler}\nWould have added the following key(s):\n\n${newer.publicLine}\n${ruler}\n`;
  for (const flags of [['-n'], ['-n', '-i'], ['-ni', ''], ['-nf']]) {
    const result = await copyId(user, flags, { home });
    assert.equal(result.status, 0, result.stderr);
    assert.equal(result.stdout.toString(), printed);
    assert.match(result.stderr, /Source of key\(s\) to be installed: ".*\/\.ssh\/id_ed25519\.pub"\n/);
  }
  assert.ok(!existsSync(fileOf(user, '.ssh')));
});

test('keys of an agent: all of them, those left out that log in already, and certificates', {
  skip: skip || missing('ssh-agent'),
}, async () => {
  const user = await createSystemUser();
  const socket = await startAgent();
  const env = { SSH_AUTH_SOCK: socket };
  const keys = await Promise.all(Array.from({ length: 8 }, (_, at) => makeKey({ comment: `agent's ${at}` })));
  const [first, , , fourth] = keys as [KeyPair, KeyPair, KeyPair, KeyPair];
  await requireSuccess(['ssh-keygen', '-q', '-s', first.file, '-I', 'x', '-n', user.name, `${first.file}.pub`]);
  for (const { file } of keys) await requireSuccess(['ssh-add', '-q', file], { env });
  await user.authorize(fourth.publicLine);
  const result = await copyId(user, [], { env });
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /Source of key\(s\) to be installed: ssh-add -L\n/);
  assert.match(result.stderr, /WARNING: the agent's certificate ".*" is left out/);
  assert.match(result.stderr, /INFO: 7 key\(s\) remain to be installed/);
  assert.match(result.stdout.toString(), added(7));
  const others = keys.filter((key) => key !== fourth).map(({ publicLine }) => `${publicLine}\n`);
  assert.equal(linesOf(user), `${fourth.publicLine}\n${others.join('')}`);
  assert.match((await copyId(user, [], { env })).stderr, /All keys were skipped/);
});

test('--expires writes the option that sshd goes by', { skip }, async () => {
  const user = await createSystemUser();
  const [key, limited] = [await makeKey(), await makeKey()];
  const from = Date.now();
  const result = await copyId(user, ['-i', key.file, '--expires', '+90d']);
  assert.equal(result.status, 0, result.stderr);
  const [, stamp = ''] = /^expiry-time="(\d{14})Z" (.*)\n$/.exec(linesOf(user)) ?? [];
  assert.equal(linesOf(user), `expiry-time="${stamp}Z" ${key.publicLine}\n`);
  const iso = stamp.replace(/^(....)(..)(..)(..)(..)(..)$/, '$1-$2-$3T$4:$5:$6Z');
  const seconds = (Date.parse(iso) - from) / 1000;
  assert.ok(Math.abs(seconds - 90 * 86_400) < 60, `${stamp} is ${seconds} s from now`);
  assert.ok(await logsIn(user, key));
  writeFileSync(`${limited.file}.pub`, `no-pty ${limited.publicLine}\n`);
  const second = await copyId(user, ['-s', '-i', limited.file, '--expires=20991231235959Z']);
  assert.equal(second.status, 0, second.stderr);
  assert.ok(linesOf(user).endsWith(`\nexpiry-time="20991231235959Z",no-pty ${limited.publicLine}\n`));
  assert.ok(await logsIn(user, limited));
  // The option counts: with a time that is past the same key is refused.
  writeFileSync(fileOf(user), `expiry-time="20200101000000Z" ${key.publicLine}\n`);
  assert.ok(!(await logsIn(user, key)));
  for (const bad of ['90d', '+90x', 'soon', '20200101', '+1d;reboot']) {
    const refused = await copyId(user, ['-f', '-i', key.file, '--expires', bad]);
    assert.deepEqual([refused.status, refused.stdout.toString()], [1, ''], bad);
    assert.match(refused.stderr, /ERROR: the expiry time /);
  }
});

test('a server that allows sftp only takes keys with -s, and says so without', { skip }, async () => {
  const user = await createSystemUser();
  const only = await startOpenSshServer({
    config: [...ownFile, 'ForceCommand internal-sftp'],
  });
  const [key, second] = [await makeKey(), await makeKey()];
  const without = await copyId(user, ['-i', key.file], { to: only });
  assert.equal(without.status, 1);
  assert.match(without.stdout.toString(), /^This service allows sftp connections only\.\n/);
  assert.match(without.stderr, /ssh-copy-id: ERROR: .*no key was added\n\t\(.* try -s\.\)/);
  assert.ok(!existsSync(fileOf(user, '.ssh')));
  const result = await copyId(user, ['-s', '-i', key.file], { to: only });
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stdout.toString(), new RegExp(`with: "sftp -i ${key.file} -P ${only.port} .*'${user.name}@`));
  assert.equal(linesOf(user), `${key.publicLine}\n`);
  assert.equal(statSync(fileOf(user, '.ssh')).mode & 0o7777, 0o700);
  assert.equal(statSync(fileOf(user)).mode & 0o7777, 0o600);
  assert.match((await copyId(user, ['-s', '-i', key.file], { to: only })).stderr, /All keys were skipped/);
  assert.equal((await copyId(user, ['-s', '-i', second.file], { to: only })).status, 0);
  assert.equal(linesOf(user), `${key.publicLine}\n${second.publicLine}\n`);
});

test('our own sshd', { skip: skip || missing('nacre:sshd') }, async () => {
  const user = await createSystemUser();
  const own = await startNacreServer({ config: [...ownFile, `Subsystem sftp ${openSshProgram('sftp-server')}`] });
  const [key, second] = [await makeKey(), await makeKey()];
  const result = await copyId(user, ['-i', key.file], { to: own });
  assert.equal(result.status, 0, result.stderr);
  assert.equal(linesOf(user), `${key.publicLine}\n`);
  assert.match((await copyId(user, ['-i', key.file], { to: own })).stderr, /All keys were skipped/);
  assert.equal((await copyId(user, ['-s', '-i', second.file], { to: own })).status, 0);
  assert.equal(linesOf(user), `${key.publicLine}\n${second.publicLine}\n`);
  await own.stop();
});

test('dropbear, which reads no expiry times', { skip: skip || missing('dropbear', 'dropbearconvert') }, async () => {
  const dropbear = await startDropbear({ hostKeyTypes: ['ed25519'] });
  const home = join(
    readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${dropbear.user}:`))
      ?.split(':')[5] ?? '',
  );
  const user = { name: dropbear.user, password: dropbear.password, home } as SystemUser;
  const before = linesOf(user);
  const key = await makeKey();
  const expiring = await copyId(user, ['-i', key.file, '--expires', '+1d'], { to: dropbear });
  assert.equal(expiring.status, 1);
  assert.match(expiring.stderr, /ERROR: the server \(dropbear.*\) does not read expiry-time in UTC/);
  assert.equal(linesOf(user), before);
  const result = await copyId(user, ['-i', key.file], { to: dropbear });
  assert.equal(result.status, 0, result.stderr);
  assert.equal(linesOf(user), `${before}${key.publicLine}\n`);
  assert.match((await copyId(user, ['-i', key.file], { to: dropbear })).stderr, /All keys were skipped/);
  await dropbear.stop();
});

test('file, modes and words are those of Debian’s script', {
  skip: skip || missing('ssh-copy-id', 'sftp'),
}, async () => {
  const [old, one, two] = await Promise.all([makeKey(), makeKey(), makeKey({ type: 'ecdsa-256' })]);
  const both = `${one.publicLine}\n${two.publicLine}\n`;
  const newer = missing('openssh-10') ? [] : [openSshProgram('ssh-copy-id', '10.0')];
  const cases = [
    { before: undefined, install: both, flags: [], scripts: ['ssh-copy-id', ...newer] },
    { before: old.publicLine, install: both, flags: ['-f'], scripts: ['ssh-copy-id'] },
    { before: undefined, install: both, flags: ['-f', '-s'], scripts: ['ssh-copy-id'] },
    { before: both, install: `${one.publicLine}\n`, flags: [], scripts: ['ssh-copy-id'] },
  ];
  for (const { before, install, flags, scripts } of cases) {
    const results: unknown[] = [];
    for (const copier of [program, ...scripts]) {
      const user = await createSystemUser();
      if (before !== undefined) {
        await user.authorize();
        writeFileSync(fileOf(user), before);
      }
      writeFileSync(`${one.file}.pub`, install);
      const result = await copyId(user, [...flags, '-i', one.file], { program: copier });
      const modes = [fileOf(user), fileOf(user, '.ssh')].map((path) => (statSync(path).mode & 0o7777).toString(8));
      results.push({
        file: linesOf(user),
        modes,
        status: result.status,
        // The sftp program tells its commands there as well; the advice at the end differs between versions.
        stdout: flags.includes('-s') ? undefined : result.stdout.toString().split('\n').slice(0, 3),
        stderr: flags.includes('-s') ? undefined : result.stderr.replaceAll(/^\S*ssh-copy-id: /gm, 'ssh-copy-id: '),
      });
      await user.remove();
    }
    for (const other of results.slice(1)) assert.deepEqual(results[0], other);
  }
});

test('logged in by another key, in BatchMode, with options of ssh', { skip }, async () => {
  const user = await createSystemUser();
  const [mine, key] = [await makeKey(), await makeKey()];
  await user.authorize(mine.publicLine);
  const options = ['-o', 'BatchMode=yes', '-o', `IdentityFile=${mine.file}`, '-o', 'RemoteCommand=false'];
  const result = await copyId(user, ['-i', key.file, ...options], { env: alone });
  assert.equal(result.status, 0, result.stderr);
  assert.match(
    result.stdout.toString(),
    new RegExp(`with: "ssh -i ${key.file} -p \\d+ -F '/dev/null' -o 'BatchMode=yes'`),
  );
  assert.equal(linesOf(user), `${mine.publicLine}\n${key.publicLine}\n`);
});

test('root of an OpenWrt has its keys in dropbear’s folder', { skip }, async () => {
  const folder = makeFolder('openwrt');
  const [release, keys] = [join(folder, 'release'), join(folder, 'dropbear')];
  writeFileSync(release, '');
  const edit = `sed 's,/etc/openwrt_release,${release},;s,/etc/dropbear,${keys},'`;
  const force = `ForceCommand exec sh -c "$(printf %%s "$SSH_ORIGINAL_COMMAND" | ${edit})"`.replace('%%', '%');
  const router = await startOpenSshServer({ config: [force] });
  const key = await makeKey();
  const root = { name: router.user, password: '', home: folder } as SystemUser;
  const options = ['-o', 'BatchMode=yes', '-o', `IdentityFile=${router.identity.file}`];
  const result = await copyId(root, ['-i', key.file, ...options], { to: router, env: alone });
  assert.equal(result.status, 0, result.stderr);
  assert.equal(readFileSync(join(keys, 'authorized_keys'), 'utf8'), `${key.publicLine}\n`);
});

/** A NetScreen as far as the script knows it: what the server says it is, and a shell that takes commands from stdin. */
const netScreen = `
import asyncio, asyncssh, sys
class Server(asyncssh.SSHServer):
    def begin_auth(self, username): return True
    def password_auth_supported(self): return True
    def validate_password(self, username, password): return password == 'firewall'
async def shell(process):
    open(sys.argv[2], 'a').write(await process.stdin.read())
    process.exit(0)
async def main():
    key = asyncssh.generate_private_key('ssh-ed25519')
    server = await asyncssh.listen('127.0.0.1', 0, server_factory=Server, server_host_keys=[key],
        server_version='NetScreen', process_factory=shell)
    port = server.sockets[0].getsockname()[1]
    line = '[127.0.0.1]:%d %s' % (port, key.export_public_key().decode())
    open(sys.argv[1], 'w').write(line)
    print('listening on', port, flush=True)
    await asyncio.Future()
asyncio.run(main())
`;

test('a NetScreen is told in its own words, and DSA keys only', {
  skip: skip || missing('python3:asyncssh'),
}, async () => {
  const folder = makeFolder('netscreen');
  const [script, known, typed] = [join(folder, 'server.py'), join(folder, 'known_hosts'), join(folder, 'typed')];
  writeFileSync(script, netScreen);
  writeFileSync(typed, '');
  const firewall = startProgram(['/usr/bin/python3', script, known, typed]);
  const [, port = ''] = await firewall.waitForLog(/listening on (\d+)/);
  const to = { ...server, port: Number(port), knownHostsFile: known };
  const admin = { name: 'admin', password: 'firewall' } as SystemUser;
  const key = await makeKey();
  const blob = Buffer.concat([Buffer.from([0, 0, 0, 7]), Buffer.from('ssh-dss and its numbers')]).toString('base64');
  writeFileSync(`${key.file}.pub`, `${key.publicLine}\nssh-dss ${blob} old\n`);
  const result = await copyId(admin, ['-f', '-i', key.file], { to });
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /WARNING: Non-dsa key \(#1\) skipped \(NetScreen only supports DSA keys\)\n/);
  assert.match(result.stdout.toString(), added(1));
  assert.equal(readFileSync(typed, 'utf8'), `set ssh pka-dsa key ${blob}\nsave\nexit\n`);
  writeFileSync(`${key.file}.pub`, `${key.publicLine}\n`);
  assert.equal((await copyId(admin, ['-f', '-i', key.file], { to })).status, 1);
});

test('-x tells what happens here and there', { skip }, async () => {
  const user = await createSystemUser();
  const key = await makeKey();
  const result = await copyId(user, ['-fx', '-i', key.file]);
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stderr, /debug1: Connection established\./);
  assert.match(result.stderr, /^\+ umask 077$/m);
  assert.equal(linesOf(user), `${key.publicLine}\n`);
});

test('mistakes: certificates, private keys, missing halves, no key, no host', { skip }, async () => {
  const user = await createSystemUser();
  const [key, authority] = [await makeKey(), await makeKey()];
  await requireSuccess(['ssh-keygen', '-q', '-s', authority.file, '-I', 'x', '-n', 'x', `${key.file}.pub`]);
  const folder = makeFolder('mistakes');
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  write('broken', '');
  write('secret', '');
  const cases: [string[], RegExp][] = [
    [['-f', '-i', `${key.file}-cert.pub`], /'.*-cert\.pub' holds a certificate\n/],
    [['-f', '-i', write('secret.pub', readFileSync(key.file, 'utf8'))], /'.*secret\.pub' holds a private key\n/],
    [
      ['-i', write('lonely.pub', `${key.publicLine}\n`)],
      /failed to open ID file '.*\/lonely': No such file\n\t\(to install the contents of '.*' anyway, look at the -f option\)/,
    ],
    [['-i', join(folder, 'none')], /failed to open ID file '.*\/none\.pub': No such file\n/],
    [['-i', write('broken.pub', `${key.publicLine}\nssh-ed25519 AAAA\n`)], /'.*broken\.pub' line 2: /],
    [[], /No identities found\n/],
    [['-i'], /no ID file found\n/],
  ];
  for (const [flags, words] of cases) {
    const result = await copyId(user, flags);
    assert.equal(result.status, 1, flags.join(' '));
    assert.match(result.stderr, words);
    assert.equal(result.stdout.toString(), '');
  }
  for (const argv of [
    [],
    ['-h'],
    ['-?'],
    ['-z', 'host'],
    ['a', 'b'],
    ['-i', key.file, '-i', key.file, 'host'],
    ['-i', `${key.file}.pub`],
  ]) {
    const result = await runProgram([program, ...argv], { env: alone });
    assert.equal(result.status, 1, argv.join(' '));
    assert.match(result.stderr, /Usage: ssh-copy-id \[-h\|-\?\|-f\|-n\|-s\|-x\] \[-i \[identity_file\]\]/);
  }
  const missingHost = await runProgram([program, '-i', `${key.file}.pub`], { env: alone });
  assert.match(missingHost.stderr, /ERROR: Missing hostname\. Use "-i -- .*\.pub" if you really mean/);
});

test('nobody there, a changed host key, a refused password: told, and status 1', { skip }, async () => {
  const user = await createSystemUser();
  const key = await makeKey();
  const closed = { ...server, port: 1 };
  const nobody = await copyId(user, ['-i', key.file], { to: closed });
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /ssh-copy-id: ERROR: ssh: connect to host 127\.0\.0\.1 port 1: Connection refused\n/);
  const wrongKey = join(makeFolder('known'), 'known_hosts');
  writeFileSync(wrongKey, `[127.0.0.1]:${server.port} ${key.publicLine}\n`);
  const changed = await copyId(user, ['-i', key.file], { to: { ...server, knownHostsFile: wrongKey } });
  assert.equal(changed.status, 1);
  assert.match(changed.stderr, /Host key verification failed\./);
  const refused = await copyId(user, ['-i', key.file], { env: askpassEnvironment('wrong') });
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /Permission denied \(publickey,password/);
  assert.ok(!existsSync(fileOf(user, '.ssh')));
});

test('the host key question and the password are asked on the terminal as ssh asks them', { skip }, async () => {
  const user = await createSystemUser();
  const key = await makeKey();
  const known = join(makeFolder('known'), 'known_hosts');
  const options = ['-F', '/dev/null', '-o', `UserKnownHostsFile=${known}`, '-o', 'GlobalKnownHostsFile=/dev/null'];
  const argv = [program, '-i', key.file, ...options, '-p', String(server.port), `${user.name}@127.0.0.1`];
  const terminal = startTerminal(argv, { env: { SSH_AUTH_SOCK: undefined } });
  await terminal.expect(/Are you sure you want to continue connecting \(yes\/no\/\[fingerprint\]\)\? /);
  terminal.send('yes\r');
  await terminal.expect(new RegExp(`${user.name}@127\\.0\\.0\\.1's password: `));
  terminal.send(`${user.password}\r`);
  await terminal.expect(/Number of key\(s\) added: 1/);
  assert.equal((await terminal.ended()).status, 0);
  assert.equal(linesOf(user), `${key.publicLine}\n`);
});

test('a login shell that prints and one that is no sh', { skip }, async () => {
  const shells = ['/bin/bash', ...['/usr/bin/fish', '/bin/tcsh', '/bin/zsh'].filter((shell) => existsSync(shell))];
  for (const shell of shells) {
    const user = await createSystemUser({ shell });
    writeFileSync(fileOf(user, '.bashrc'), 'echo welcome\necho "ssh-copy-id=added?"\n');
    const key = await makeKey();
    const result = await copyId(user, ['-i', key.file]);
    assert.equal(result.status, 0, result.stderr);
    if (shell === '/bin/bash') assert.match(result.stdout.toString(), /^welcome\nssh-copy-id=added\?\n\nNumber of key/);
    assert.equal(linesOf(user), `${key.publicLine}\n`);
  }
});
