/** The scp protocol against OpenSSH's scp: our client at its `scp -f/-t`, and its client (`scp -O`) at our source and sink. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  createReadStream,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { acceptAnyHostKeyWithoutVerification, type ClientConnection, connect, scpGet, scpPut } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { parsePrivateKey } from '@nacre/ssh/keys';
import {
  atEnd,
  clientOptions,
  findProgram,
  makeFolder,
  missing,
  openSshProgram,
  runProgram,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';
import { scpEndCommand } from '../harness/scp-end.ts';

const skip = missing('scp', 'sshd');
const megabyte = 1024 * 1024;

async function logIn(server: TestServer): Promise<ClientConnection> {
  const key = await parsePrivateKey(readFileSync(server.identity.file));
  const connection = await connect(
    { host: server.host, port: server.port, user: server.user },
    { hostKeys: acceptAnyHostKeyWithoutVerification(), identities: [key], agent: false },
  );
  atEnd(() => connection.close());
  return connection;
}

const fails = (promise: Promise<unknown>, pattern: RegExp) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof SshError, String(error));
    assert.match(error.message, pattern);
    return true;
  });

/** A tree with what scp can carry: modes, times, odd names, links, a folder that nobody may write into. */
function makeTree(folder: string): string {
  const top = join(folder, 'tree');
  mkdirSync(join(top, 'deep/er/still'), { recursive: true });
  writeFileSync(join(top, 'plain'), 'plain\n');
  writeFileSync(join(top, 'empty'), '');
  writeFileSync(join(top, 'deep/er/still/data'), randomBytes(300_000));
  writeFileSync(join(top, 'deep/program'), '#!/bin/sh\n', { mode: 0o755 });
  for (const name of ["qu'ote", 'sp ace', '$(date)', 'a*b', 'ünï文字', '-dash', 'tab\there', 'q"x;y&z']) {
    writeFileSync(join(top, name), name);
  }
  writeFileSync(Buffer.concat([Buffer.from(`${top}/latin`), Buffer.of(0xe9, 0x1b)]), 'bytes');
  symlinkSync('plain', join(top, 'link'));
  mkdirSync(join(top, 'locked'));
  writeFileSync(join(top, 'locked/inside'), 'inside', { mode: 0o440 });
  chmodSync(join(top, 'locked'), 0o555);
  chmodSync(join(top, 'plain'), 0o604);
  for (const [name, time] of [
    ['plain', 1_000_000_000],
    ['deep/program', 1_100_000_000],
    ['locked', 1_200_000_000],
    ['deep', 0],
  ] as const) {
    utimesSync(join(top, name), time + 5, time);
  }
  return top;
}

/** Everything about a tree that scp -p keeps; links are followed, as scp does. */
function describe(folder: string, prefix = ''): string[] {
  const lines: string[] = [];
  for (const name of readdirSync(folder, { encoding: 'latin1' }).sort()) {
    const path = Buffer.from(`${Buffer.from(folder).toString('latin1')}/${name}`, 'latin1');
    const facts = statSync(path);
    const kept = `${prefix}${name} ${(facts.mode & 0o7777).toString(8)} ${Math.floor(facts.mtimeMs / 1000)}`;
    if (facts.isDirectory()) lines.push(kept, ...describe(path.toString('utf8'), `${prefix}${name}/`));
    else lines.push(`${kept} ${createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16)}`);
  }
  return lines;
}

function makeLargeFile(path: string): void {
  const block = randomBytes(megabyte);
  const fd = openSync(path, 'w');
  for (let i = 0; i < 100; i++) {
    block.writeUInt32LE(i, 0);
    writeSync(fd, block);
  }
  closeSync(fd);
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: megabyte })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

test('our client at OpenSSH’s scp: files, trees, times, modes, odd names', { skip }, async () => {
  const server = await startOpenSshServer();
  const connection = await logIn(server);
  const folder = makeFolder('scp');
  const tree = makeTree(folder);
  const wanted = describe(tree);

  const seen: string[] = [];
  const got = join(folder, 'got');
  mkdirSync(got);
  const done = await scpGet(connection, tree, got, {
    recursive: true,
    preserve: true,
    onProgress: ({ path, bytes, totalBytes }) => {
      if (bytes === totalBytes) seen.push(path);
    },
  });
  assert.deepEqual(describe(join(got, 'tree')), wanted);
  assert.equal(done.files, 15);
  assert.ok(seen.some((path) => path.endsWith('/tree/deep/er/still/data')));
  // Never a control character on its way to a terminal.
  assert.ok(seen.every((path) => !/[\0-\x1f]/.test(path)));

  const put = join(folder, 'put here');
  mkdirSync(put);
  assert.equal((await scpPut(connection, tree, put, { recursive: true, preserve: true })).files, 15);
  assert.deepEqual(describe(join(put, 'tree')), wanted);

  // Without -p the umask counts, and times are new.
  await scpGet(connection, join(tree, 'deep/program'), join(got, 'copy'), { umask: 0o027 });
  assert.equal(statSync(join(got, 'copy')).mode & 0o7777, 0o750);
  assert.ok(statSync(join(got, 'copy')).mtimeMs > 1_200_000_000_000);
  chmodSync(join(tree, 'deep/program'), 0o4755);
  await scpGet(connection, join(tree, 'deep/program'), join(got, 'no-setuid'));
  assert.equal(statSync(join(got, 'no-setuid')).mode & 0o7000, 0);

  // An existing file is written in place: longer than what comes, it is cut; its other names see it.
  writeFileSync(join(got, 'copy'), 'x'.repeat(1000));
  const { ino } = statSync(join(got, 'copy'));
  await scpGet(connection, join(tree, 'plain'), join(got, 'copy'));
  assert.deepEqual([readFileSync(join(got, 'copy'), 'utf8'), statSync(join(got, 'copy')).ino], ['plain\n', ino]);
  await connection.close();
  await server.stop();
});

test('our client at OpenSSH’s scp: wildcards, several sources, refusals', { skip }, async () => {
  const server = await startOpenSshServer();
  const connection = await logIn(server);
  const folder = makeFolder('scp');
  const remote = join(folder, 'remote');
  const local = join(folder, 'local');
  mkdirSync(remote);
  mkdirSync(local);
  for (const name of ['a1.txt', 'a2.txt', 'b 1.txt', '*', 'é.txt', '-f']) writeFileSync(join(remote, name), name);

  await scpGet(connection, `${remote}/a?.t[w-y]t`, local, { remotePaths: 'wildcards' });
  assert.deepEqual(readdirSync(local).sort(), ['a1.txt', 'a2.txt']);
  await scpGet(connection, [`${remote}/*`, `${remote}/b 1.txt`], local);
  assert.deepEqual(readdirSync(local).sort(), ['*', 'a1.txt', 'a2.txt', 'b 1.txt']);
  await scpGet(connection, `${remote}/[!ab]*.txt`, local, { remotePaths: 'wildcards' });
  await scpGet(connection, `${remote}/b\\ *.txt`, local, { remotePaths: 'shell' });
  assert.ok(readdirSync(local).includes('é.txt'));
  await fails(scpGet(connection, `echo ${remote}/a1.txt; $(id)`, local), /No such file/);
  await fails(scpGet(connection, `"${remote}/a1.txt"`, local, { remotePaths: 'shell' }), /was not asked for/);
  await scpGet(connection, `"${remote}/a1.txt"`, local, { remotePaths: 'shell', trustNames: true });

  // One that fails does not stop the others; it is told with its path.
  const told: string[] = [];
  const some = await scpGet(connection, [`${remote}/none`, `${remote}/a1.txt`, `${remote}`], local, {
    onFailure: (error) => told.push(error.message),
  });
  assert.deepEqual([some.files, some.failures, told.length], [1, 2, 2]);
  assert.match(told[0] as string, /remote\/none: No such file or directory/);
  assert.match(told[1] as string, /remote: not a regular file/);
  await fails(scpGet(connection, [`${remote}/a1.txt`, `${remote}/a2.txt`], join(local, 'a1.txt')), /Not a directory/);
  await fails(scpGet(connection, `${remote}/a?.txt`, join(local, 'x'), { remotePaths: 'wildcards' }), /a second file/);
  await fails(scpGet(connection, remote, join(local, 'a1.txt'), { recursive: true }), /a1.txt: Not a directory/);

  await scpPut(connection, [join(local, 'a1.txt'), join(local, 'a2.txt')], `${remote}/`);
  await fails(scpPut(connection, join(local, 'a1.txt'), `${remote}/none/x`), /none\/x: No such file or directory/);
  await fails(scpPut(connection, join(local, 'missing'), remote), /local\/missing: No such file or directory/);
  await fails(scpPut(connection, [join(local, 'a1.txt'), local], `${remote}/a1.txt`), /Not a directory/);

  const controller = new AbortController();
  writeFileSync(join(local, 'large'), Buffer.alloc(8 * megabyte));
  const aborted = scpPut(connection, join(local, 'large'), remote, {
    bytesPerSecond: megabyte,
    signal: controller.signal,
    onProgress: ({ bytes }) => {
      if (bytes > 0) controller.abort();
    },
  });
  await fails(aborted, /aborted/);
  await connection.close();
  await server.stop();
});

test('100 MB in both directions, at OpenSSH’s scp', { skip }, async () => {
  const server = await startOpenSshServer();
  const connection = await logIn(server);
  const folder = makeFolder('scp');
  const file = join(folder, 'large');
  makeLargeFile(file);
  const wanted = await digest(file);
  await scpGet(connection, file, join(folder, 'got'));
  assert.equal(await digest(join(folder, 'got')), wanted);
  await scpPut(connection, file, join(folder, 'put'));
  assert.equal(await digest(join(folder, 'put')), wanted);
  await connection.close();
  await server.stop();
});

test('OpenSSH’s scp -O at our source and sink', { skip }, async () => {
  const server = await startOpenSshServer({ config: [`ForceCommand ${scpEndCommand}`] });
  const folder = makeFolder('scp');
  const tree = makeTree(folder);
  const wanted = describe(tree);
  const there = `${server.user}@${server.host}`;
  const scp = (flags: readonly string[], ...paths: string[]) =>
    runProgram([openSshProgram('scp'), '-O', ...clientOptions(server), ...flags, ...paths]);

  const up = await scp(['-rp'], tree, `${there}:${folder}/up`);
  assert.deepEqual([up.status, up.stderr], [0, '']);
  assert.deepEqual(describe(join(folder, 'up')), wanted);
  const down = await scp(['-rp'], `${there}:${tree}`, join(folder, 'down'));
  assert.deepEqual([down.status, down.stderr], [0, '']);
  assert.deepEqual(describe(join(folder, 'down')), wanted);
  const single = await scp([], `${there}:${tree}/sp\\ ace`, join(folder, 'single'));
  assert.deepEqual([single.status, readFileSync(join(folder, 'single'), 'utf8')], [0, 'sp ace']);

  const large = join(folder, 'large');
  makeLargeFile(large);
  const sum = await digest(large);
  assert.equal((await scp([], large, `${there}:${folder}/large-up`)).status, 0);
  assert.equal(await digest(join(folder, 'large-up')), sum);
  assert.equal((await scp([], `${there}:${large}`, join(folder, 'large-down'))).status, 0);
  assert.equal(await digest(join(folder, 'large-down')), sum);

  // A name with a line feed has the form that OpenSSH's own source gives it.
  writeFileSync(join(folder, 'one\ntwo\x1b'), 'x');
  mkdirSync(join(folder, 'odd'));
  await scp(['-r'], `${there}:${folder}/one\ntwo\x1b`, join(folder, 'odd'));
  assert.deepEqual(readdirSync(join(folder, 'odd')), ['one\\^Jtwo\\^[']);
  const local = await runProgram([openSshProgram('scp'), '-f', join(folder, 'one\ntwo\x1b')], {
    input: Buffer.alloc(3),
  });
  assert.match(local.stdout.toString('latin1'), /^C0644 1 one\\\^Jtwo\\\^\[\n/);

  const missingFile = await scp([], `${there}:${tree}/none`, folder);
  assert.deepEqual(
    [missingFile.status, missingFile.stderr.trim()],
    [1, `scp: ${tree}/none: No such file or directory`],
  );
  const noFolder = await scp([], join(tree, 'plain'), `${there}:${folder}/none/x`);
  assert.equal(noFolder.status, 1);
  assert.match(noFolder.stderr, /none\/x: No such file or directory/);
  const notRegular = await scp([], `${there}:${tree}`, folder);
  assert.match(notRegular.stderr, /tree: not a regular file/);
  assert.equal(lstatSync(join(folder, 'up/link')).isFile(), true);
  await server.stop();
});

test('curl scp:// at our source and sink', { skip: skip || curlReason() }, async () => {
  const server = await startOpenSshServer({ config: [`ForceCommand ${scpEndCommand}`] });
  const folder = makeFolder('scp');
  writeFileSync(join(folder, 'file'), randomBytes(200_000));
  const curl = (...args: string[]) =>
    runProgram([
      findProgram('curl') as string,
      ...['-sS', '--insecure', '--user', `${server.user}:`, '--key', server.identity.file],
      ...['--pubkey', `${server.identity.file}.pub`, ...args],
    ]);
  const address = `scp://${server.host}:${server.port}${folder}`;
  const down = await curl('-o', join(folder, 'down'), `${address}/file`);
  assert.deepEqual([down.status, down.stderr], [0, '']);
  const up = await curl('-T', join(folder, 'file'), `${address}/up`);
  assert.deepEqual([up.status, up.stderr], [0, '']);
  for (const name of ['down', 'up']) assert.equal(await digest(join(folder, name)), await digest(join(folder, 'file')));
  await server.stop();
});

function curlReason(): string | false {
  const path = findProgram('curl');
  return path === undefined ? 'curl is not installed' : false;
}
