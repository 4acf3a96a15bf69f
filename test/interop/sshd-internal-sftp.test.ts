/** internal-sftp of bin/sshd beside OpenSSH's: its arguments, as Subsystem, ForceCommand and command=, and as another user. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  clientOptions,
  createSystemUser,
  makeFolder,
  missing,
  openSshProgram,
  runProgram,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';
import { must } from './_sshd-files.ts';

const skip = missing('nacre:sshd', 'sftp', 'sshd');

function sftp(server: TestServer, batch: string, subsystem = 'sftp') {
  const argv = ['-q', '-b', '-', '-s', subsystem, ...clientOptions(server), server.host];
  return runProgram([openSshProgram('sftp'), ...argv], { input: batch, timeoutMs: 60_000 });
}

/** Both servers with the same subsystems. */
function startBoth(config: readonly string[]): Promise<[TestServer, TestServer]> {
  // What stands first counts: the harness's own sftp comes behind.
  return Promise.all([startNacreServer({ config }), startOpenSshServer({ config })]);
}

const folder = realpathSync(makeFolder('internal'));
mkdirSync(join(folder, 'in'));
writeFileSync(join(folder, 'in/file'), 'content');

/** A subsystem of its own for each list of arguments. */
const cases: readonly (readonly [args: string, batch: string])[] = [
  ['', 'pwd\n'],
  [`-d ${folder}/in`, 'pwd\nls -1\n'],
  ['-d %d', 'pwd\n'],
  [`-d ${folder}/%u`, 'pwd\n'],
  ['-d /no/such/folder', 'pwd\n'],
  [`-R -d ${folder}`, 'get in/file /dev/null\nrm in/file\n'],
  [`-R -d ${folder}`, 'mkdir new\n'],
  [`-P stat,lstat -d ${folder}`, 'ls in\n'],
  [`-P rename,posix-rename -d ${folder}`, 'rename in/file in/moved\n'],
  [`-p realpath,stat,lstat -d ${folder}`, 'ls in\n'],
  [`-p realpath,stat,lstat,opendir,readdir,close -d ${folder}`, 'ls -1 in\n'],
  ['-P no-such-request', 'pwd\n'],
  ['-u 999', 'pwd\n'],
  ['-u 0o77', 'pwd\n'],
  ['-l LOUD', 'pwd\n'],
  ['-f NOWHERE', 'pwd\n'],
  ['-Q requests', 'pwd\n'],
  ['-Q ciphers', 'pwd\n'],
  ['-h', 'pwd\n'],
  ['-x', 'pwd\n'],
  ['-e "-l" VERBOSE', 'pwd\n'],
  ['-e   -l   VERBOSE extra words', 'pwd\n'],
];

test('every flag does what it does in OpenSSH’s', { skip }, async (t) => {
  const subsystems = cases.map(([args], at) => `Subsystem case${at} internal-sftp ${args}`);
  const [ours, theirs] = await startBoth(subsystems);
  for (const [at, [args, batch]] of cases.entries()) {
    await t.test(`internal-sftp ${args}`, async () => {
      const [mine, other] = [await sftp(ours, batch, `case${at}`), await sftp(theirs, batch, `case${at}`)];
      const said = ({ status, stdout, stderr }: typeof mine) => ({ status, said: stdout.toString(), stderr });
      assert.deepEqual(said(mine), said(other));
      const plain = ['-s', `case${at}`];
      const runs = [await runSsh(ours, plain, { input: '' }), await runSsh(theirs, plain, { input: '' })];
      const [status, wanted] = runs.map((run) => ({ status: run.status, out: run.stdout.toString(), err: run.stderr }));
      assert.deepEqual(status, wanted);
    });
  }
});

test('-u is the mask of what is made, and the server’s own mask stays', { skip }, async () => {
  const [ours, theirs] = await startBoth(['Subsystem masked internal-sftp -u 037', 'Subsystem plain internal-sftp']);
  const local = join(makeFolder('local'), 'file');
  writeFileSync(local, 'x', { mode: 0o666 });
  for (const [name, server] of Object.entries({ ours, theirs })) {
    const there = join(folder, name);
    await must(sftp(server, `mkdir ${there}\nput ${local} ${there}/masked\nmkdir ${there}/folder\n`, 'masked'));
    await must(sftp(server, `put ${local} ${there}/plain\n`, 'plain'));
  }
  const modes = (name: string) =>
    ['', 'masked', 'folder', 'plain'].map((file) => (statSync(join(folder, name, file)).mode & 0o777).toString(8));
  assert.deepEqual(modes('ours'), modes('theirs'));
  assert.equal(modes('ours')[1], '640');
});

test('ForceCommand and command=: sftp and nothing else', { skip }, async (t) => {
  for (const [what, config, key] of [
    ['ForceCommand', [`ForceCommand internal-sftp -d ${folder}`], ''],
    ['command=', [], `command="internal-sftp -d ${folder}",restrict `],
  ] as const) {
    await t.test(what, async () => {
      const files = await startNacreServer({ config: [...config, 'Subsystem sftp /no/such/program'] });
      const server =
        key === ''
          ? files
          : await startNacreServer({
              config: ['Subsystem sftp /no/such/program'],
              identity: false,
              authorizedKeys: [`${key}${files.identity.publicLine}`],
            });
      const login = { ...server, identity: files.identity };
      assert.match((await must(sftp(login, 'pwd\n'))).stdout.toString(), new RegExp(`directory: ${folder}$`, 'm'));
      for (const words of [['id'], []]) {
        const { status, stdout, stderr } = await runSsh(login, words, { input: '' });
        assert.deepEqual([status, stdout.toString()], [1, 'This service allows sftp connections only.\n'], stderr);
      }
      const other = await runSsh(login, ['-s', 'none'], { input: '' });
      assert.notEqual(other.status, 0);
    });
  }
});

test('-e writes OpenSSH’s lines into the server’s log, and none to the client', { skip }, async () => {
  const server = await startNacreServer({ config: ['Subsystem sftp internal-sftp -e -l VERBOSE'] });
  const local = join(makeFolder('local'), 'file');
  writeFileSync(local, 'twelve bytes', { mode: 0o644 });
  const batch = `cd ${folder}\nput ${local} sent\nget sent ${local}2\nmkdir made\nrmdir made\n-rm none\nrm sent\n`;
  const { stderr } = await must(sftp(server, batch));
  assert.doesNotMatch(stderr, /session opened|open "/);
  await server.waitForLog(/internal-sftp: session closed for local user/);
  const lines = [...server.log().matchAll(/^internal-sftp: (.*?)\r?$/gm)].map(([, line]) => line ?? '');
  // OpenSSH's own program, told the same by the same client.
  const theirs = join(makeFolder('log'), 'log');
  const program = `${openSshProgram('sftp-server')} -e -l VERBOSE 2>${theirs}`;
  const openSsh = await startOpenSshServer({ config: [`ForceCommand ${program}`] });
  await must(sftp(openSsh, batch));
  const clean = (all: readonly string[]) => all.filter((line) => line !== '' && !/client version/.test(line));
  const wanted = readFileSync(theirs, 'utf8').replaceAll('\r', '').split('\n');
  assert.deepEqual(clean(lines), clean(wanted));
  assert.ok(
    wanted.some((line) => /^close ".*sent" bytes read 0 written 12$/.test(line)),
    wanted.join('\n'),
  );
});

test('as root: another user, whose shell is none and who may not read the program', {
  skip: skip || missing('root', 'useradd'),
}, async () => {
  const config = ['AuthorizedKeysFile .ssh/authorized_keys', 'Subsystem sftp internal-sftp -d %d/in -u 077'];
  const running = await startNacreServer({ config });
  const user = await createSystemUser({ shell: '/usr/sbin/nologin' });
  await user.authorize(running.identity.publicLine);
  const server = { ...running, user: user.name };
  const local = join(makeFolder('local'), 'file');
  writeFileSync(local, 'x', { mode: 0o644 });
  const secret = join(realpathSync(makeFolder('secret')), 'secret');
  writeFileSync(secret, 'secret', { mode: 0o600 });
  await must(sftp(server, `mkdir ${user.home}/in\nput ${local} ${user.home}/in/file\n`));
  const { uid, gid, mode } = statSync(join(user.home, 'in/file'));
  assert.deepEqual([uid, gid, mode & 0o777], [user.uid, user.gid, 0o600]);
  assert.match((await must(sftp(server, 'pwd\n'))).stdout.toString(), new RegExp(`directory: .*${user.name}/in$`, 'm'));
  const refused = await sftp(server, `get ${secret} ${local}2\n`);
  assert.deepEqual([refused.status, existsSync(`${local}2`)], [1, false]);
  assert.match(refused.stderr, /not found|ermission denied/);
  // Nor may the user write into the process that serves them.
  for (const path of ['/proc/self/mem', '/proc/self/environ']) {
    const result = await sftp(server, `put ${local} ${path}\n`);
    assert.deepEqual([result.status, /ermission denied/.test(result.stderr)], [1, true], result.stderr);
  }
  const shell = await runSsh(server, ['id'], { input: '' });
  assert.notEqual(shell.status, 0);
});

for (const place of ['host', 'process'] as const) {
  test(`as root, served in the user’s ${place}: rights, memory, folders, limits and several sessions at once`, {
    skip: skip || missing('root', 'useradd'),
  }, async () => {
    const config = [
      'AuthorizedKeysFile .ssh/authorized_keys',
      'Subsystem sftp internal-sftp',
      'Subsystem inside internal-sftp -d in',
    ];
    const env = place === 'process' ? { NACRE_INTERNAL_SFTP: 'off' } : {};
    const running = await startNacreServer({ config, env });
    const user = await createSystemUser({ shell: '/usr/sbin/nologin' });
    await user.authorize(running.identity.publicLine);
    const server = { ...running, user: user.name };
    const local = join(makeFolder('local'), 'file');
    writeFileSync(local, Buffer.alloc(3_000_000, 'content '), { mode: 0o640 });
    await must(sftp(server, `pwd\nmkdir in\nput ${local} in/file\n`));
    const { uid, gid } = statSync(join(user.home, 'in/file'));
    assert.deepEqual([uid, gid], [user.uid, user.gid]);
    // Two folders at the same time, and each with its own.
    const [home, inside] = await Promise.all([
      must(sftp(server, `get in/file ${local}.a\npwd\n`)),
      must(sftp(server, `get file ${local}.b\npwd\n`, 'inside')),
    ]);
    for (const copy of ['a', 'b']) assert.deepEqual(readFileSync(`${local}.${copy}`), readFileSync(local));
    assert.match(home.stdout.toString(), new RegExp(`directory: ${user.home}$`, 'm'));
    assert.match(inside.stdout.toString(), new RegExp(`directory: ${user.home}/in$`, 'm'));
    for (const path of ['/proc/self/mem', '/proc/self/environ', '/etc/passwd']) {
      const result = await sftp(server, `put ${local} ${path}\n`);
      assert.deepEqual([result.status, /ermission denied/.test(result.stderr)], [1, true], result.stderr);
    }
    const shadow = await sftp(server, `get /etc/shadow ${local}.c\n`);
    assert.deepEqual([shadow.status, existsSync(`${local}.c`)], [1, false]);
    // A link to oneself leads no further than the user's own rights.
    const maps = await sftp(server, `get /proc/self/mem ${local}.d\n`);
    assert.equal(maps.status, 1, maps.stderr);
  });
}
