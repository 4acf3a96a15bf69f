/** bin/sftp-server and the library's sftp server: with OpenSSH's sftp, PuTTY, paramiko and AsyncSSH. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parsePrivateKey } from '@nacre/ssh/keys';
import { createServer, localFileSystem, serveSftp } from '@nacre/ssh/server';
import {
  atEnd,
  clientOptions,
  debianPython,
  makeFolder,
  makeServerFiles,
  missing,
  nacreProgram,
  openSshProgram,
  type ProgramResult,
  puttyCommand,
  requireSuccess,
  runProgram,
  serverOf,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const own = nacreProgram('sftp-server');
const theirs = openSshProgram('sftp-server');
const needsSftp = { skip: missing('nacre:sftp-server', 'sftp') };

const hashOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** A server of the library, in this process, with the disk below a folder. */
async function startLibraryServer(root: string): Promise<TestServer> {
  const files = await makeServerFiles({ hostKeyTypes: ['ed25519'] });
  const keys = await Promise.all(files.hostKeys.map(({ file }) => parsePrivateKey(readFileSync(file))));
  const identity = await parsePrivateKey(readFileSync(files.identity.file));
  const errors: unknown[] = [];
  const server = createServer({
    hostKeys: keys,
    authenticate: { publicKey: async ({ key }) => key.equals(identity.publicKey) },
    subsystems: { sftp: serveSftp(localFileSystem({ root })) },
    onError: (error) => void errors.push(error),
  });
  const { port } = await server.listen(0);
  atEnd(() => server.close());
  const program = { pid: 0, log: () => errors.join('\n'), waitForLog: () => assert.fail(), stop: () => server.close() };
  return serverOf(program as never, port, 'ada', files);
}

/** Runs sftp with a batch, over ssh or with a server of its own. */
function runSftp(
  batch: string | Buffer,
  argv: readonly string[],
  version: '9.2' | '10.0' = '9.2',
): Promise<ProgramResult> {
  return runProgram([openSshProgram('sftp', version), '-q', '-b', '-', ...argv], { input: batch, timeoutMs: 60_000 });
}

/** Every kind of command, and what the disk says of it. `place` is the folder as the server calls it. */
async function exercise(
  folder: string,
  place: string,
  run: (batch: string | Buffer) => Promise<ProgramResult>,
  bigBytes = 100 * 1024 * 1024,
) {
  const local = makeFolder('local');
  const at = (name: string) => join(folder, name);
  const must = async (batch: string | Buffer) => {
    const result = await run(batch);
    assert.equal(result.status, 0, result.stderr);
    return result.stdout.toString('latin1');
  };
  const deep = join(local, 'tree', ...Array.from({ length: 12 }, (_, depth) => `d ${depth}`));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'leaf'), 'leaf', { mode: 0o640 });
  writeFileSync(join(local, 'tree/empty'), '');
  for (const file of [9, ...Array.from({ length: 40 }, (_, at) => at + 80)])
    writeFileSync(join(local, `tree/${file}`), 'x'.repeat(file * 700));
  const big = join(local, 'big');
  writeFileSync(big, randomBytes(bigBytes));

  await must(`put -rp ${local}/tree ${place}/\nget -r ${place}/tree ${local}/back\n`);
  assert.equal(readFileSync(at('tree/119'), 'utf8').length, 119 * 700);
  assert.equal(readFileSync(join(deep.replace('/tree/', '/back/'), 'leaf'), 'utf8'), 'leaf');
  assert.equal(readdirSync(join(local, 'back')).length, 43);

  await must(`put ${big} ${place}/big\nget ${place}/big ${local}/again\n`);
  const hash = hashOf(big);
  assert.deepEqual([hashOf(at('big')), hashOf(join(local, 'again'))], [hash, hash]);

  const listed = await must(`ls -la ${place}/tree\n`);
  assert.match(listed, /^-rw-r--r-- .* 83300 .*tree\/119$/m);
  assert.match(listed, /^drwx\S+ .*tree\/\.\.$/m);
  await must(
    `rename ${place}/big ${place}/large\nln -s large ${place}/link\nln ${place}/large ${place}/hard\nchmod 600 ${place}/large\n`,
  );
  assert.equal(readlinkSync(at('link')), 'large');
  assert.deepEqual([statSync(at('hard')).nlink, statSync(at('large')).mode & 0o777], [2, 0o600]);
  assert.match(await must(`df ${place}\n`), /^\s*Size +Used +Avail +\(root\) +%Capacity\n +\d+ +\d+ +\d+ +\d+ +\d+%$/m);
  assert.match(await must(`ls -l ${place}\n`), /^lrwxrwxrwx .* 5 .*link$/m);

  const odd = Buffer.from('o\xff\xfe', 'latin1');
  await must(Buffer.concat([Buffer.from(`put ${local}/tree/9 "${place}/`), odd, Buffer.from('"\n')]));
  assert.ok(readdirSync(folder, { encoding: 'buffer' }).some((name) => name.equals(odd)));
  await must(Buffer.concat([Buffer.from(`get "${place}/`), odd, Buffer.from(`" ${local}/odd\n`)]));
  assert.equal(readFileSync(join(local, 'odd'), 'utf8').length, 9 * 700);

  await must(`rm ${place}/hard\nrm ${place}/link\nrm ${place}/large\nmkdir ${place}/new\nrmdir ${place}/new\n`);
  assert.deepEqual([existsSync(at('large')), existsSync(at('new')), existsSync(at('link'))], [false, false, false]);
  for (const [batch, words] of [
    [`get ${place}/none ${local}/x\n`, /not found/],
    [`rmdir ${place}/tree\n`, /Failure/],
    [`mkdir ${place}/tree\n`, /Failure/],
  ] as const) {
    const result = await run(batch);
    assert.deepEqual([result.status, words.test(result.stderr)], [1, true], result.stderr);
  }
}

test('sftp -D bin/sftp-server', needsSftp, async () => {
  const folder = makeFolder('served');
  await exercise(folder, folder, (batch) => runSftp(batch, ['-D', own]));
});

test('OpenSSH 10’s sftp', { skip: needsSftp.skip || missing('openssh-10') }, async () => {
  const folder = makeFolder('served');
  await exercise(folder, folder, (batch) => runSftp(batch, ['-D', own], '10.0'), 10_000_000);
  const { stdout } = await runSftp(`cp ${folder}/tree/9 ${folder}/copy\nls -l ${folder}/copy\n`, ['-D', own], '10.0');
  assert.match(stdout.toString(), /6300/);
  assert.equal(readFileSync(join(folder, 'copy'), 'utf8').length, 6300);
});

test('through Debian’s sshd', { skip: needsSftp.skip || missing('sshd') }, async () => {
  const server = await startOpenSshServer({ config: [`ForceCommand ${own} -d ${makeFolder('start')} -u 027`] });
  const folder = makeFolder('served');
  const options = clientOptions(server);
  await exercise(folder, folder, (batch) => runSftp(batch, [...options, server.host]), 20_000_000);
  assert.match((await runSftp('pwd\n', [...options, server.host])).stdout.toString(), /working directory: \/.*start/);
});

test('the library’s server, below a root', needsSftp, async () => {
  const folder = makeFolder('served');
  const server = await startLibraryServer(folder);
  await exercise(folder, '/', (batch) => runSftp(batch, [...clientOptions(server), server.host]), 40_000_000);
  assert.equal(server.log(), '');
  symlinkSync('/etc', join(folder, 'etc'));
  const { status, stderr } = await runSftp(`get etc/passwd ${makeFolder('local')}/x\n`, [
    ...clientOptions(server),
    server.host,
  ]);
  assert.deepEqual([status, /not found/.test(stderr)], [1, true]);
});

test('-R, -P and -p', needsSftp, async () => {
  const folder = makeFolder('served');
  writeFileSync(join(folder, 'file'), 'content');
  const local = makeFolder('local');
  const run = (flags: string, batch: string) => runSftp(batch, ['-D', `${own} ${flags}`]);
  for (const batch of [
    `put ${theirs} ${folder}/x`,
    `rm ${folder}/file`,
    `mkdir ${folder}/d`,
    `rename ${folder}/file ${folder}/x`,
  ]) {
    const refused = await run('-R', `${batch}\n`);
    assert.deepEqual([refused.status, /ermission denied/.test(refused.stderr)], [1, true], refused.stderr);
  }
  assert.equal((await run('-R', `get ${folder}/file ${local}/a\n`)).status, 0);
  assert.equal((await run('-P remove,posix-rename', `rm ${folder}/file\n`)).status, 1);
  assert.equal((await run('-P remove,posix-rename', `rename ${folder}/file ${folder}/moved\n`)).status, 0);
  assert.equal((await run('-p realpath,lstat,stat,opendir,readdir,close', `ls ${folder}\n`)).status, 0);
  assert.equal(
    (await run('-p realpath,lstat,stat,opendir,readdir,close', `get ${folder}/moved ${local}/b\n`)).status,
    1,
  );
  assert.deepEqual(readdirSync(folder), ['moved']);
});

test('psftp', { skip: needsSftp.skip || missing('psftp') }, async () => {
  const folder = makeFolder('served');
  const server = await startLibraryServer(folder);
  const local = makeFolder('local');
  writeFileSync(join(local, 'in'), randomBytes(3_000_000));
  const batch = join(local, 'batch');
  writeFileSync(
    batch,
    `lcd ${local}\nput in here\nmkdir d\nmv here d/there\nls d\nchmod 600 d/there\nget d/there out\nreget d/there out\nrm d/there\nrmdir d\n`,
  );
  const said = await requireSuccess(await puttyCommand(server, ['-b', batch, server.host], { program: 'psftp' }));
  assert.match(said, /-rw-r--r-- +1 \S+ +\S+ +3000000 .* there/);
  assert.equal(hashOf(join(local, 'out')), hashOf(join(local, 'in')));
  assert.deepEqual(readdirSync(folder), []);
});

/** What both Python libraries do; `c` is the client, and calls are awaited where they have to be. */
const paramikoScript = `
import paramiko, sys, os, hashlib, stat
host, port, user, key, folder = sys.argv[1:]
t = paramiko.Transport((host, int(port)))
t.connect(username=user, pkey=paramiko.Ed25519Key.from_private_key_file(key))
c = paramiko.SFTPClient.from_transport(t)
data = os.urandom(5_000_000)
c.mkdir('d', 0o750)
with c.open('d/f', 'w') as f:
    f.set_pipelined(True)
    for at in range(0, len(data), 30_000): f.write(data[at:at + 30_000])
with c.open('d/f') as f:
    f.prefetch()
    assert f.read() == data
assert c.stat('d/f').st_size == len(data)
with c.open('d/f') as f:
    assert [bytes(b) for b in f.readv([(5, 10), (4_000_000, 100_000), (4_999_990, 10)])] == [data[5:15], data[4_000_000:4_100_000], data[-10:]]
with c.open('d/f', 'a') as f: f.write('end')
with c.open('d/f', 'r+') as f:
    f.seek(3); f.write('xyz'); f.truncate(100)
assert c.stat('d/f').st_size == 100
c.chmod('d/f', 0o611); c.utime('d/f', (1000, 2000))
got = c.stat('d/f'); assert (stat.S_IMODE(got.st_mode), got.st_atime, got.st_mtime) == (0o611, 1000, 2000)
c.symlink('f', 'd/l'); assert c.readlink('d/l') == 'f'; assert stat.S_ISLNK(c.lstat('d/l').st_mode)
c.rename('d/f', 'd/g'); c.open('d/f', 'w').close(); c.posix_rename('d/g', 'd/f')
try: c.rename('d/f', 'd/l'); assert False
except IOError: pass
names = sorted(a.filename for a in c.listdir_attr('d')); assert names == ['f', 'l'], names
assert c.normalize('d/../d/l') == folder + '/d/f'
try: c.stat('none'); assert False
except FileNotFoundError: pass
for n in range(300): c.open('d/%d' % n, 'x').close()
assert len(c.listdir('d')) == 302
for n in c.listdir('d'): c.remove('d/' + n)
c.rmdir('d'); print('fine')
t.close()
`;

const asyncsshScript = `
import asyncio, asyncssh, sys, os
host, port, user, key, folder = sys.argv[1:]
async def main():
    async with asyncssh.connect(host, int(port), username=user, client_keys=[key], known_hosts=None, config=None) as conn:
        async with conn.start_sftp_client() as c:
            data = os.urandom(5_000_000)
            with open('/dev/shm/asyncssh-%d' % os.getpid(), 'wb') as f: f.write(data)
            await c.mkdir('d')
            await c.put(f.name, 'd/f')
            await c.get('d/f', f.name + 'b')
            assert open(f.name + 'b', 'rb').read() == data
            os.unlink(f.name); os.unlink(f.name + 'b')
            odd = b'd/\\xff\\xfe\\n'
            async with c.open(odd, 'wb') as g: await g.write(b'odd')
            assert sorted(await c.listdir(b'd')) == [b'.', b'..', b'f', b'\\xff\\xfe\\n'], await c.listdir(b'd')
            await c.posix_rename(odd, b'd/f'); assert (await c.stat('d/f')).size == 3
            await c.link('d/f', 'd/g')
            # It swaps the arguments for servers that are called OpenSSH, and for no others.
            link = ('f', 'd/l') if 'OpenSSH' in conn.get_extra_info('server_version') else ('d/l', 'f')
            await c.symlink(*link); assert await c.readlink('d/l') == 'f'
            assert await c.realpath('d/./l') == folder + '/d/f'
            v = await c.statvfs('d'); assert v.namemax == 255 and v.blocks > 0
            async with c.open('d/f', 'r+') as g:
                await g.fsync(); assert (await g.statvfs()).namemax == 255; await g.truncate(2)
            await c.chmod('d/f', 0o640); await c.utime('d/f', (5, 6))
            a = await c.stat('d/g'); assert (a.size, a.permissions & 0o777, a.mtime) == (2, 0o640, 6)
            files = await asyncio.gather(*[c.open('d/%d' % n, 'w') for n in range(100)])
            await asyncio.gather(*[g.write('x' * n) for n, g in enumerate(files)])
            await asyncio.gather(*[g.close() for g in files])
            assert (await c.stat('d/99')).size == 99
            await c.rmtree('d'); print('fine')
asyncio.run(main())
`;

for (const [name, script] of [
  ['paramiko', paramikoScript],
  ['asyncssh', asyncsshScript],
] as const) {
  test(name, { skip: needsSftp.skip || missing(`python3:${name}`) }, async () => {
    const file = join(makeFolder('script'), 'script.py');
    writeFileSync(file, script);
    const folder = makeFolder('served');
    const servers: [TestServer, string][] = [[await startLibraryServer(folder), '']];
    if (!missing('sshd'))
      servers.push([await startOpenSshServer({ config: [`ForceCommand ${own} -d ${folder}`] }), folder]);
    if (!missing('nacre:sshd'))
      servers.push([await startNacreServer({ config: [`Subsystem sftp internal-sftp -d ${folder}`] }), folder]);
    for (const [server, place] of servers) {
      const argv = [server.host, String(server.port), server.user, server.identity.file, place];
      assert.match(await requireSuccess([debianPython, '-W', 'ignore', file, ...argv]), /fine/);
      assert.deepEqual(readdirSync(folder), []);
    }
  });
}
