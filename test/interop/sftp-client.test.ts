/** The sftp client against OpenSSH's sftp-server: over pipes, through Debian's sshd, and as internal-sftp. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { acceptAnyHostKeyWithoutVerification, type ClientConnection, connect, openSftp } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { parsePrivateKey } from '@nacre/ssh/keys';
import { fileType, type SftpClient, startSftp } from '@nacre/ssh/sftp';
import {
  atEnd,
  makeFolder,
  missing,
  openSshProgram,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const serverProgram = openSshProgram('sftp-server');
const skip = existsSync(serverProgram) ? false : 'sftp-server is not installed';

/** A client of sftp-server itself, without ssh. */
async function overPipes(flags: readonly string[] = [], program = serverProgram): Promise<SftpClient> {
  const child = spawn(program, flags, { stdio: ['pipe', 'pipe', 'ignore'] });
  atEnd(() => void child.kill());
  return startSftp(Duplex.from({ readable: child.stdout, writable: child.stdin }));
}

async function logIn(server: TestServer): Promise<ClientConnection> {
  const key = await parsePrivateKey(readFileSync(server.identity.file));
  const connection = await connect(
    { host: server.host, port: server.port, user: server.user },
    { hostKeys: acceptAnyHostKeyWithoutVerification(), identities: [key], agent: false },
  );
  atEnd(() => connection.close());
  return connection;
}

const failsWith = (promise: Promise<unknown>, code: string) =>
  assert.rejects(promise, (error) => error instanceof SshError && error.code === code && error.stage === 'sftp');

/** Everything a client can do, and what the disk says of it. */
async function exercise(sftp: SftpClient, folder: string): Promise<void> {
  const at = (name: string) => join(folder, name);
  await sftp.mkdir(at('sub'), { mode: 0o700 });
  assert.equal(statSync(at('sub')).mode & 0o7777, 0o700);

  const content = randomBytes(1_500_000);
  const file = await sftp.open(
    at('sub/file'),
    { read: true, write: true, create: true },
    { attributes: { mode: 0o640 } },
  );
  await file.write(0, content);
  await file.sync();
  assert.ok(readFileSync(at('sub/file')).equals(content));
  assert.ok((await file.read(1_499_990, 100)).equals(content.subarray(1_499_990)));
  assert.equal((await file.read(1_500_000, 100)).length, 0);
  await file.setStat({ size: 1_400_000, mode: 0o600, times: { accessed: 1000, modified: 2000 } });
  const found = await file.stat();
  assert.deepEqual([found.size, found.mode, found.times], [1_400_000, 0o100600, { accessed: 1000, modified: 2000 }]);
  assert.deepEqual(found.owner, { uid: process.getuid?.(), gid: process.getgid?.() });
  await file.close();
  assert.ok((await sftp.readFile(at('sub/file'))).equals(content.subarray(0, 1_400_000)));

  const more = await sftp.open(at('sub/file'), { append: true });
  await Promise.all([more.write(0, Buffer.from('end')), more.write(0, Buffer.from('END'))]);
  await more.close();
  assert.equal(statSync(at('sub/file')).size, 1_400_006);
  assert.equal(readFileSync(at('sub/file')).subarray(-6).toString().toLowerCase(), 'endend');

  await sftp.symlink('file', at('sub/link'));
  assert.equal(readlinkSync(at('sub/link')), 'file');
  assert.equal((await sftp.readlink(at('sub/link'))).text, 'file');
  assert.equal(fileType(await sftp.lstat(at('sub/link'))), 'symlink');
  assert.equal(fileType(await sftp.stat(at('sub/link'))), 'file');
  assert.equal((await sftp.realpath(at('sub/../sub/link'))).text, at('sub/file'));
  await sftp.setLinkStat(at('sub/link'), { times: { accessed: 5, modified: 6 } });
  assert.deepEqual([lstatSync(at('sub/link')).mtimeMs, statSync(at('sub/link')).mtimeMs > 6000], [6000, true]);
  await sftp.link(at('sub/file'), at('sub/second'));
  assert.equal(statSync(at('sub/second')).nlink, 2);

  const odd = Buffer.concat([Buffer.from(at('sub/')), Buffer.from([0x78, 0xff, 0x0a])]);
  await (await sftp.open(odd, { write: true, create: true })).close();
  const names: string[] = [];
  for await (const { bytes, text, attributes } of sftp.readdir(at('sub'))) {
    names.push(text ?? bytes.toString('hex'));
    if (text === 'link') assert.equal(fileType(attributes), 'symlink');
  }
  assert.deepEqual(names.sort(), ['78ff0a', 'file', 'link', 'second']);
  assert.ok(readdirSync(at('sub'), { encoding: 'buffer' }).some((name) => name.equals(odd.subarray(-3))));

  // The new name is taken: the old file there is replaced.
  await sftp.rename(at('sub/second'), at('sub/link'));
  assert.ok(lstatSync(at('sub/link')).isFile() || readdirSync(at('sub')).includes('second'));
  const { blocks, fragmentBytes } = await sftp.statFileSystem(folder);
  const system = statfsSync(folder, { bigint: true });
  assert.equal(blocks * fragmentBytes, system.blocks * system.bsize);

  await failsWith(sftp.stat(at('none')), 'no-such-file');
  await failsWith(sftp.open(at('none/x'), { write: true, create: true }), 'no-such-file');
  await failsWith(sftp.mkdir(at('sub')), 'operation-failed');
  await failsWith(sftp.rmdir(at('sub')), 'operation-failed');
  await failsWith(sftp.open(at('sub/file'), { write: true, create: true, exclusive: true }), 'operation-failed');
  await failsWith(
    sftp
      .readdir(at('sub/file'))
      .next()
      .then(() => undefined),
    'operation-failed',
  ).catch(() =>
    failsWith(
      sftp
        .readdir(at('sub/file'))
        .next()
        .then(() => undefined),
      'no-such-file',
    ),
  );
  for await (const { bytes } of sftp.readdir(at('sub'))) {
    await sftp.remove(Buffer.concat([Buffer.from(at('sub/')), bytes]));
  }
  await sftp.rmdir(at('sub'));
  assert.ok(!existsSync(at('sub')));
}

test('over pipes: everything, against OpenSSH’s sftp-server', { skip }, async () => {
  const sftp = await overPipes();
  assert.deepEqual([sftp.limits.readBytes, sftp.limits.writeBytes], [261_120, 261_120]);
  await exercise(sftp, makeFolder('sftp'));
  sftp.close();
  assert.equal(await sftp.closed, undefined);
});

test('over pipes: against version 10', { skip: skip || missing('openssh-10') }, async () => {
  await exercise(await overPipes([], openSshProgram('sftp-server', '10.0')), makeFolder('sftp'));
});

test('through Debian’s sshd, and through internal-sftp', { skip: skip || missing('sshd') }, async () => {
  for (const config of [[], ['ForceCommand internal-sftp']]) {
    const connection = await logIn(await startOpenSshServer({ config }));
    const sftp = await openSftp(connection);
    await exercise(sftp, makeFolder('sftp'));
    // Two sessions in one connection, and one's end is not the other's.
    const second = await openSftp(connection);
    sftp.close();
    assert.equal((await second.realpath('/')).text, '/');
    const pending = assert.rejects(second.stat('/'), SshError);
    await connection.close();
    await pending;
    assert.notEqual(await second.closed, undefined);
  }
});

test('a read-only server refuses, and says what', { skip }, async () => {
  const folder = makeFolder('sftp');
  writeFileSync(join(folder, 'file'), 'content');
  const sftp = await overPipes(['-R']);
  assert.equal((await sftp.readFile(join(folder, 'file'))).toString(), 'content');
  await failsWith(sftp.mkdir(join(folder, 'new')), 'permission-denied');
  await failsWith(sftp.open(join(folder, 'file'), { write: true }), 'permission-denied');
  await failsWith(sftp.remove(join(folder, 'file')), 'permission-denied');
});

test('a server without extensions: the plain messages do', { skip }, async () => {
  // Requests that are not on the list are neither offered nor taken.
  const sftp = await overPipes(['-p', 'open,close,read,write,stat,rename,opendir,readdir,mkdir']);
  const folder = makeFolder('sftp');
  writeFileSync(join(folder, 'a'), 'a');
  writeFileSync(join(folder, 'b'), 'b');
  assert.ok(!sftp.extensions.has('posix-rename@openssh.com'));
  assert.equal(sftp.limits.readBytes, 32_768);
  // Without posix-rename a name that is taken is refused.
  await failsWith(sftp.rename(join(folder, 'a'), join(folder, 'b')), 'operation-failed');
  await sftp.rename(join(folder, 'a'), join(folder, 'c'));
  assert.deepEqual(readdirSync(folder).sort(), ['b', 'c']);
  await failsWith(sftp.statFileSystem(folder), 'unsupported');
});

test('a folder of 5,000 names, listed whole and left early', { skip }, async () => {
  const folder = makeFolder('sftp');
  mkdirSync(join(folder, 'many'));
  for (let at = 0; at < 5000; at++) symlinkSync('nowhere', join(folder, 'many', `name ${at}`));
  const sftp = await overPipes();
  const names = new Set<string>();
  for await (const { text } of sftp.readdir(join(folder, 'many'))) names.add(text as string);
  assert.equal(names.size, 5000);
  for (let round = 0; round < 50; round++) for await (const _ of sftp.readdir(join(folder, 'many'))) break;
  assert.equal((await sftp.realpath(folder)).text, folder);
});

test('a server that offers no sftp, and an account whose shell prints', {
  skip: skip || missing('nacre:sshd', 'sshd'),
}, async () => {
  const connection = await logIn(await startNacreServer());
  await assert.rejects(openSftp(connection), (error) => error instanceof SshError && error.code === 'request-refused');
  await connection.close();
  const talking = await logIn(
    await startOpenSshServer({ config: ['ForceCommand echo This account is not available.; sleep 5'] }),
  );
  await assert.rejects(openSftp(talking), {
    code: 'bad-message',
    message: 'the server sent text in place of sftp: "This account is not available."',
  });
  await talking.close();
  const failing = await logIn(await startOpenSshServer({ config: ['ForceCommand exit 3'] }));
  await assert.rejects(openSftp(failing), {
    code: 'closed',
    message: 'the server ended the sftp session: exit status 3',
  });
  await failing.close();
});
