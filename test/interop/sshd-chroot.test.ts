/** ChrootDirectory: sessions of bin/sshd and of Debian's sshd that see nothing but a folder. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  clientOptions,
  createSystemUser,
  makeFolder,
  missing,
  requireSuccess,
  runProgram,
  runSsh,
  type SystemUser,
  startNacreServer,
  startProgram,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { asRoot } from './_sshd.ts';
import { onBoth } from './_sshd-both.ts';

const withSftp = { skip: asRoot.skip || missing('sftp', 'ldd') };

/** Only below the top may everybody write in the way of nobody: /tmp is no place for it. */
function makeRoot(): string {
  const root = makeFolder('root', '/srv');
  chmodSync(root, 0o755);
  return root;
}

async function jailedUser(): Promise<SystemUser> {
  const user = await createSystemUser();
  await user.authorize((await userKey()).publicLine);
  return user;
}

async function sftp(server: TestServer, batch: string) {
  const file = join(makeFolder('batch'), 'batch');
  writeFileSync(file, batch);
  const argv = ['sftp', '-b', file, '-P', String(server.port), ...clientOptions(server), `${server.user}@127.0.0.1`];
  const { status, stdout, stderr } = await runProgram(argv);
  return { status, stdout: stdout.toString(), stderr };
}

test('internal-sftp in an empty folder', withSftp, async () => {
  const user = await jailedUser();
  const folder = makeFolder('files');
  writeFileSync(join(folder, 'words'), 'some words\n');
  const seen = await onBoth(
    {
      user: user.name,
      ours: ['Subsystem sftp internal-sftp'],
      config: ['ForceCommand internal-sftp -u 027', 'ChrootDirectory /srv/jail-%u'],
    },
    async (server) => {
      const root = `/srv/jail-${user.name}`;
      await requireSuccess(['rm', '-rf', root]);
      mkdirSync(join(root, 'drop'), { recursive: true });
      writeFileSync(join(root, 'readme'), 'inside\n');
      chownSync(join(root, 'drop'), user.uid, user.gid);
      try {
        const got = join(folder, 'got');
        const result = await sftp(
          server,
          `pwd\nls -1 /\nget /readme ${got}\nput ${folder}/words /drop/words\n-put ${folder}/words /words\n-get /../../etc/passwd ${folder}/escaped\n-symlink /../../etc /drop/link\nls -n /drop\n`,
        );
        const dropped = readFileSync(join(root, 'drop', 'words'), 'utf8');
        const { mode } = await import('node:fs').then(({ statSync }) => statSync(join(root, 'drop', 'words')));
        const shell = await runSsh(server, ['id']);
        return {
          status: result.status,
          lines: result.stdout.replaceAll(folder, 'FOLDER').replace(/\w{3} +\d+ [\d:]+/g, 'TIME'),
          errors: result.stderr.replaceAll(folder, 'FOLDER'),
          got: readFileSync(got, 'utf8'),
          dropped,
          mode: mode & 0o777,
          shell: [shell.stdout.toString(), shell.status],
          files: readdirSync(folder).sort(),
        };
      } finally {
        await requireSuccess(['rm', '-rf', root]);
      }
    },
  );
  assert.equal(seen.status, 0, seen.errors);
  assert.deepEqual([seen.got, seen.dropped, seen.mode], ['inside\n', 'some words\n', 0o640]);
  assert.ok(!seen.files.includes('escaped'));
});

test('a shell with its own files sees nothing else', withSftp, async () => {
  const user = await jailedUser();
  const root = makeRoot();
  for (const program of ['/bin/sh', '/bin/ls', '/usr/bin/id']) {
    const libraries = (await requireSuccess(['ldd', program])).match(/\/\S+/g) ?? [];
    for (const file of [program, ...libraries]) {
      mkdirSync(join(root, dirname(file)), { recursive: true });
      cpSync(file, join(root, file), { dereference: true });
    }
  }
  const seen = await onBoth({ user: user.name, config: [`ChrootDirectory ${root}`] }, async (server) => {
    const result = await runSsh(server, ['ls /; pwd; id -u; id -G; echo to stderr >&2; exit 7']);
    return [result.stdout.toString(), result.stderr, result.status];
  });
  assert.match(String(seen[0]), /^bin\n/);
  assert.equal(seen[2], 7);
});

test('a folder that others could change lets nobody in', withSftp, async () => {
  const user = await jailedUser();
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: ['AuthorizedKeysFile .ssh/authorized_keys', 'Subsystem sftp internal-sftp', 'ChrootDirectory /srv/jail-%u'],
  });
  const root = `/srv/jail-${user.name}`;
  const login = () => sftp({ ...server, user: user.name }, 'pwd\n');
  try {
    assert.notEqual((await login()).status, 0);
    mkdirSync(root, { mode: 0o755 });
    chmodSync(root, 0o775);
    assert.notEqual((await login()).status, 0);
    await server.waitForLog(/bad ownership or modes for chroot directory "\/srv\/jail-/);
    chmodSync(root, 0o755);
    chownSync(root, user.uid, user.gid);
    assert.notEqual((await login()).status, 0);
    chownSync(root, 0, 0);
    assert.equal((await login()).status, 0);
  } finally {
    await requireSuccess(['rm', '-rf', root]);
  }
});

test('a server that is not root’s shuts nobody in, and lets nobody in instead', withSftp, async () => {
  const user = await jailedUser();
  const host = join(user.home, 'host');
  const as = ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'];
  await requireSuccess([...as, 'ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', host]);
  const { freePort, nacreProgram } = await import('../harness/index.ts');
  const port = await freePort();
  const options = ['PidFile=none', 'ListenAddress=127.0.0.1', 'ChrootDirectory=/srv'].flatMap((option) => [
    '-o',
    option,
  ]);
  const server = startProgram(
    [...as, nacreProgram('sshd'), '-D', '-e', '-f', 'none', '-p', String(port), '-h', host, ...options],
    { env: { HOME: user.home } },
  );
  await server.waitForLog(/Server listening/);
  const flags = [
    '-F',
    '/dev/null',
    '-i',
    (await userKey()).file,
    '-o',
    'StrictHostKeyChecking=no',
    '-o',
    'BatchMode=yes',
  ];
  const files = ['-o', 'UserKnownHostsFile=/dev/null', '-p', String(port)];
  const result = await runProgram(['ssh', ...flags, ...files, `${user.name}@127.0.0.1`, 'true']);
  assert.equal(result.status, 255);
  await server.waitForLog(/server lacks privileges to chroot to ChrootDirectory/);
  await server.stop();
});
