/** Transfers of files and trees: with OpenSSH's sftp-server behind Debian's sshd, over pipes, and with AsyncSSH. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import * as fs from 'node:fs';
import { createServer, connect as dial, type Socket } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { test } from 'node:test';
import { acceptAnyHostKeyWithoutVerification, connect, openSftp } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { parsePrivateKey } from '@nacre/ssh/keys';
import { expandGlob, type SftpClient, startSftp } from '@nacre/ssh/sftp';
import { copy, get, put, type TransferEvent } from '@nacre/ssh/transfer';
import {
  atEnd,
  makeFolder,
  missing,
  openSshProgram,
  startAsyncssh,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const serverProgram = openSshProgram('sftp-server');
const skip = fs.existsSync(serverProgram) ? false : 'sftp-server is not installed';
const withSshd = { skip: skip || missing('sshd') };

/** A client of sftp-server itself, without ssh. */
async function overPipes(flags: readonly string[] = []): Promise<SftpClient> {
  const child = spawn(serverProgram, flags, { stdio: ['pipe', 'pipe', 'ignore'] });
  atEnd(() => void child.kill());
  return startSftp(Duplex.from({ readable: child.stdout, writable: child.stdin }));
}

async function overSsh(server: TestServer, port = server.port): Promise<SftpClient> {
  const key = await parsePrivateKey(fs.readFileSync(server.identity.file));
  const connection = await connect(
    { host: server.host, port, user: server.user },
    { hostKeys: acceptAnyHostKeyWithoutVerification(), identities: [key], agent: false },
  );
  atEnd(() => connection.close());
  return openSftp(connection);
}

/** A line to a server that is cut when so many bytes of either direction have passed. */
async function startCuttingLine(
  port: number,
): Promise<{ port: number; cutAfter: (bytes: number) => void; cuts: number }> {
  let left = Number.POSITIVE_INFINITY;
  const cutAfter = (bytes: number) => {
    left = bytes;
  };
  const line = { port: 0, cuts: 0, cutAfter };
  const carry = (from: Socket, to: Socket) => {
    from.on('data', (chunk) => {
      left -= chunk.length;
      if (left > 0) to.write(chunk);
      else {
        line.cuts++;
        left = Number.POSITIVE_INFINITY;
        from.destroy();
        to.destroy();
      }
    });
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
  };
  const listener = createServer((socket) => {
    const other = dial(port, '127.0.0.1');
    carry(socket, other);
    carry(other, socket);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  atEnd(() => void listener.close());
  line.port = (listener.address() as { port: number }).port;
  return line;
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** Names (one character a byte), modes, times, and contents or targets of all that is in a folder. */
function describe(folder: string, withFacts = true): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: Buffer, name: string) => {
    for (const entry of fs.readdirSync(path, { encoding: 'buffer' }) as Buffer[]) {
      const inside = Buffer.concat([path, Buffer.from('/'), entry]);
      const key = `${name}/${entry.toString('latin1')}`;
      const stats = fs.lstatSync(inside);
      const facts =
        withFacts && !stats.isSymbolicLink() ? ` ${stats.mode.toString(8)} ${Math.floor(stats.mtimeMs / 1000)}` : '';
      if (stats.isDirectory()) {
        found[key] = `folder${facts}`;
        visit(inside, key);
      } else if (stats.isSymbolicLink()) found[key] = `-> ${fs.readlinkSync(inside)}`;
      else found[key] = sha256(fs.readFileSync(inside)) + facts;
    }
  };
  visit(Buffer.from(folder), '');
  return found;
}

/** A tree with everything that has ever gone wrong. */
function makeTree(folder: string): string {
  const root = join(folder, 'tree');
  fs.mkdirSync(join(root, 'a/b/c/d/e/f'), { recursive: true });
  fs.mkdirSync(join(root, 'empty'));
  fs.writeFileSync(join(root, 'nothing'), '');
  fs.writeFileSync(join(root, 'one'), 'x');
  fs.writeFileSync(join(root, 'large'), randomBytes(3_000_001));
  fs.writeFileSync(join(root, 'a/b/c/d/e/f/deep'), 'deep');
  fs.writeFileSync(join(root, 'exact'), randomBytes(261_120));
  fs.writeFileSync(join(root, '-rf *?[x] "quoted" \\ new\nline'), 'odd');
  fs.writeFileSync(Buffer.concat([Buffer.from(`${root}/`), Buffer.of(0xff, 0xc3, 0x28, 0xfe)]), 'no UTF-8');
  fs.writeFileSync(join(root, 'grüße 🐚'), 'utf-8');
  fs.writeFileSync(join(root, '.hidden'), 'hidden', { mode: 0o600 });
  fs.writeFileSync(join(root, 'program'), '#!/bin/sh\n', { mode: 0o755 });
  fs.symlinkSync('one', join(root, 'link'));
  fs.symlinkSync('/nowhere/at/all', join(root, 'dangling'));
  fs.symlinkSync('../..', join(root, 'a/b/up'));
  for (const [path, seconds] of [
    ['one', 1_000_000_000],
    ['large', 4_000_000_000],
    ['a/b', 86_400],
    ['.', 1_234_567_890],
  ] as const) {
    fs.utimesSync(join(root, path), seconds, seconds);
  }
  return root;
}

test(
  'a tree goes to Debian’s sshd and comes back: checksums, names of any bytes, modes, times, links',
  withSshd,
  async () => {
    const folder = makeFolder('transfer');
    const tree = makeTree(folder);
    const sftp = await overSsh(await startOpenSshServer());
    const options = { recursive: true, preserve: true, links: 'keep', verify: true } as const;
    const there = join(folder, 'there');
    const sent = await put(sftp, tree, there, options);
    assert.deepEqual(describe(there), describe(tree));
    assert.deepEqual([sent.files, sent.links, sent.failures.length], [10, 3, 0]);
    const back = join(folder, 'back');
    await get(sftp, there, back, options);
    assert.deepEqual(describe(back), describe(tree));
    assert.equal(fs.statSync(back).mtimeMs, 1_234_567_890_000);
    const second = await overPipes();
    await copy(sftp, tree, second, join(folder, 'copied'), options);
    assert.deepEqual(describe(join(folder, 'copied')), describe(tree));
    const names = (
      await expandGlob(sftp, Buffer.concat([Buffer.from(`${tree}/`), Buffer.of(0xff), Buffer.from('*')]))
    ).map(({ path }) => path.subarray(-4).toString('hex'));
    assert.deepEqual(names, ['ffc328fe']);
  },
);

test('2,000 small files, both ways', withSshd, async () => {
  const folder = makeFolder('transfer');
  const source = join(folder, 'source');
  fs.mkdirSync(source);
  for (let at = 0; at < 2000; at++) fs.writeFileSync(join(source, `file ${at}`), randomBytes(at % 9 === 0 ? 0 : 4096));
  const sftp = await overSsh(await startOpenSshServer());
  let last: TransferEvent | undefined;
  const onEvent = (event: TransferEvent) => {
    last = event;
  };
  await put(sftp, source, join(folder, 'there'), { recursive: true, onEvent });
  assert.ok(last?.type === 'done' && last.total.files === 2000 && last.total.isListed);
  const report = await get(sftp, join(folder, 'there'), join(folder, 'back'), { recursive: true });
  assert.equal(report.files, 2000);
  assert.deepEqual(describe(join(folder, 'back'), false), describe(source, false));
});

test('a connection that is cut at random: the transfer goes on in another, or with resume', withSshd, async () => {
  const folder = makeFolder('transfer');
  const source = join(folder, 'source');
  fs.mkdirSync(source);
  for (const [name, size] of [
    ['big', 6_000_000],
    ['middle', 700_000],
    ['small', 10],
  ] as const) {
    fs.writeFileSync(join(source, name), randomBytes(size));
  }
  const server = await startOpenSshServer();
  const line = await startCuttingLine(server.port);
  const open = () => overSsh(server, line.port);
  // Enough for a login and some bytes more.
  const cutSoon = () => line.cutAfter(20_000 + Math.floor(Math.random() * 3_000_000));
  for (const [round, direction] of ['get', 'put', 'get', 'put'].entries()) {
    const target = join(folder, `target ${round}`);
    const first = await open();
    cutSoon();
    let cuts = 0;
    const options = {
      recursive: true,
      reconnect: async () => {
        const next = await open();
        if (++cuts < 3) cutSoon();
        return next;
      },
    };
    await (direction === 'get' ? get(first, source, target, options) : put(first, source, target, options));
    assert.deepEqual(describe(target, false), describe(source, false), direction);
  }
  assert.ok(line.cuts >= 4, `${line.cuts}`);

  // Without a replacement the error says what there is, and another call goes on there.
  for (const direction of ['get', 'put'] as const) {
    const target = join(folder, `resumed ${direction}`);
    const run = async (sftp: SftpClient, more: object) =>
      direction === 'get' ? get(sftp, join(source, 'big'), target, more) : put(sftp, join(source, 'big'), target, more);
    const cut = await open();
    line.cutAfter(2_500_000);
    await assert.rejects(run(cut, {}), (error) => {
      assert.ok(error instanceof SshError);
      assert.match(error.message, /big": .*; \d+ bytes are in ".*resumed .*", and resume goes on there/);
      return true;
    });
    const there = fs.statSync(target).size;
    assert.ok(there > 0 && there < 6_000_000, `${there}`);
    const report = await run(await open(), { resume: 'hash', verify: true });
    // The server of the first try may have gone on writing what had reached it.
    assert.ok(report.bytes > 0 && report.bytes <= 6_000_000 - there, `${report.bytes}`);
    assert.equal(sha256(fs.readFileSync(target)), sha256(fs.readFileSync(join(source, 'big'))));
  }
});

test('AsyncSSH’s server: a tree both ways', { skip: missing('python3:asyncssh') }, async () => {
  const folder = makeFolder('transfer');
  const tree = makeTree(folder);
  const sftp = await overSsh(await startAsyncssh());
  const options = { recursive: true, preserve: true, verify: true } as const;
  const links = ['/link', '/dangling', '/a/b/up'];
  const expected = describe(tree);
  for (const link of links) delete expected[link];
  const sent = await put(sftp, tree, join(folder, 'there'), options);
  assert.equal(sent.skipped, 3);
  assert.deepEqual(describe(join(folder, 'there')), expected);
  await get(sftp, join(folder, 'there'), join(folder, 'back'), options);
  assert.deepEqual(describe(join(folder, 'back')), expected);
});

test('the extensions of OpenSSH’s sftp-server: paths, homes, names of users, copies, file systems', {
  skip,
}, async () => {
  const sftp = await overPipes();
  const { homedir, username, uid, gid } = userInfo();
  assert.equal((await sftp.expandPath(`~${username}`)).text, homedir);
  assert.equal((await sftp.homeDirectory(username)).text, homedir);
  const names = await sftp.namesOf({ users: [uid, 3_999_999_999], groups: [gid] });
  assert.deepEqual(names.users.map(String), [username, '']);
  assert.notEqual(String(names.groups[0]), '');
  const folder = makeFolder('transfer');
  const content = randomBytes(1_000_000);
  fs.writeFileSync(join(folder, 'a'), content, { mode: 0o640 });
  await sftp.fs.copyFile(join(folder, 'a'), join(folder, 'b'));
  assert.ok(fs.readFileSync(join(folder, 'b')).equals(content));
  const file = await sftp.open(join(folder, 'a'));
  const { blocks, fragmentBytes } = await file.statFileSystem();
  const system = fs.statfsSync(folder, { bigint: true });
  assert.equal(blocks * fragmentBytes, system.blocks * system.bsize);
  const part = await sftp.open(join(folder, 'c'), { write: true, create: true });
  await file.copyTo(part, { position: 10, length: 100, targetPosition: 5 });
  await Promise.all([file.close(), part.close()]);
  assert.ok(fs.readFileSync(join(folder, 'c')).subarray(5).equals(content.subarray(10, 110)));
});

test('node:fs’s calls on real files: streams, trees, names, handles', { skip }, async () => {
  const sftp = await overPipes();
  const folder = makeFolder('transfer');
  const at = (name: string) => join(folder, name);
  const content = randomBytes(5_000_000);
  fs.writeFileSync(at('a'), content);
  await pipeline(sftp.fs.createReadStream(at('a')), sftp.fs.createWriteStream(at('b')));
  assert.ok(fs.readFileSync(at('b')).equals(content));
  assert.ok((await sftp.fs.readFile(at('a'))).equals(content));
  await sftp.fs.appendFile(at('b'), 'end');
  assert.equal(fs.readFileSync(at('b')).subarray(-3).toString(), 'end');
  await sftp.fs.mkdir(at('x/y/z'), { recursive: true });
  for (let index = 0; index < 500; index++) fs.writeFileSync(at(`x/y/${index}`), '');
  fs.symlinkSync(folder, at('x/y/z/home'));
  fs.writeFileSync(Buffer.concat([Buffer.from(at('x/')), Buffer.of(0xfe)]), 'odd');
  const [odd = ''] = (await sftp.fs.readdir(at('x'))).filter((name) => name !== 'y');
  assert.equal(await sftp.fs.readFile(`${at('x')}/${odd}`, 'utf8'), 'odd');
  await sftp.fs.rm(at('x'), { recursive: true });
  assert.deepEqual(fs.readdirSync(folder).sort(), ['a', 'b']);
  await sftp.fs.rename(at('a'), at('b'));
  await sftp.fs.lutimes(at('b'), 5, 6);
  assert.equal(fs.statSync(at('b')).mtimeMs, 6000);
  // A file of the kernel's, which says that it is empty.
  assert.ok((await sftp.fs.readFile('/proc/self/status', 'utf8')).includes('sftp-server'));
});

test('disks that are full, files that may not be read or written: the error names them', { skip }, async () => {
  const sftp = await overPipes();
  const folder = makeFolder('transfer');
  fs.writeFileSync(join(folder, 'f'), randomBytes(400_000));
  const fails = (promise: Promise<unknown>, text: RegExp) =>
    assert.rejects(promise, (error) => {
      assert.ok(error instanceof SshError);
      assert.match(error.message, text);
      return true;
    });
  await fails(
    get(sftp, join(folder, 'f'), '/dev/full'),
    /^get ".*f": write local "\/dev\/full": no space left on the disk/,
  );
  await fails(put(sftp, join(folder, 'f'), '/dev/full'), /^put ".*f": write "\/dev\/full": Failure/);
  await fails(put(sftp, join(folder, 'none'), folder), /^stat local ".*none": no such file or directory/);
  const readOnly = await overPipes(['-R']);
  await fails(put(readOnly, join(folder, 'f'), join(folder, 'g')), /open ".*g": Permission denied/);
  // A server without any extension, and with the requests only that are needed.
  const plain = await overPipes(['-p', 'open,close,read,write,stat,lstat,opendir,readdir,mkdir,fsetstat,setstat']);
  const tree = makeTree(folder);
  await put(plain, tree, join(folder, 'there'), { recursive: true, preserve: true });
  await get(plain, join(folder, 'there'), join(folder, 'back'), { recursive: true, preserve: true });
  assert.deepEqual(describe(join(folder, 'back')), describe(join(folder, 'there')));
  assert.equal(Object.keys(describe(join(folder, 'back'))).length, Object.keys(describe(tree)).length - 3);
});

test('holes stay holes, and memory stays small', { skip }, async () => {
  const sftp = await overPipes();
  const folder = makeFolder('transfer');
  const fd = fs.openSync(join(folder, 'sparse'), 'w');
  fs.ftruncateSync(fd, 300_000_000);
  fs.writeSync(fd, 'middle', 150_000_000);
  fs.closeSync(fd);
  const before = process.memoryUsage().rss;
  await get(sftp, join(folder, 'sparse'), join(folder, 'back'), { sparse: true });
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 60_000_000, `${grown}`);
  const { size, blocks } = fs.statSync(join(folder, 'back'));
  assert.ok(size === 300_000_000 && blocks * 512 < 1_000_000);
  const there = fs.openSync(join(folder, 'back'), 'r');
  const middle = Buffer.alloc(6);
  fs.readSync(there, middle, 0, 6, 150_000_000);
  fs.closeSync(there);
  assert.equal(middle.toString(), 'middle');
});
