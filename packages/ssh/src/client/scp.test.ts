/** scpGet and scpPut against a server of ours that runs the remote end; files in a folder of the test's own. */
import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { type TestContext, test } from 'node:test';
import type { SshError } from '../errors.ts';
import type { ProgramIo } from '../server/index.ts';
import { inMemory, isError } from './live.test.kit.ts';
import { scpGet, scpPut } from './scp.ts';
import { localScpFiles } from './scp-local-files.ts';
import { runScpSink, runScpSource } from './scp-remote-end.ts';

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nacre-scp-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What a login shell and scp would make of the command; paths of the tests need no shell. */
async function remoteScp(command: string, { stdin, stdout, signal }: ProgramIo): Promise<number> {
  const [, flags = '', path = ''] = /^scp ((?:-[a-z-]+ )+)(.*)$/s.exec(command) ?? [];
  const options = {
    recursive: flags.includes('-r'),
    preserve: flags.includes('-p'),
    targetIsFolder: flags.includes('-d'),
    signal,
  };
  const bytes = Buffer.from(path.replace(/\\(.)/g, '$1'), 'utf8');
  const end = { input: stdin, output: stdout };
  return flags.includes('-t') ? runScpSink(end, bytes, options) : runScpSource(end, [bytes], options);
}

test('trees go there and come back', async (t) => {
  const folder = await makeFolder(t);
  const commands: string[] = [];
  const { client } = await inMemory(t, {
    exec: async (command, io) => {
      commands.push(command);
      return remoteScp(command, io);
    },
  });
  const tree = join(folder, 'tree');
  await mkdir(join(tree, 'sub'), { recursive: true });
  const content = Buffer.alloc(700_000, 'content ');
  await writeFile(join(tree, 'sub/large file'), content);
  await writeFile(join(tree, '-x'), 'dash', { mode: 0o755 });
  await symlink('large file', join(tree, 'sub/link'));
  await utimes(join(tree, '-x'), 1_000_000_001, 1_000_000_000);
  await chmod(join(tree, 'sub'), 0o555);

  const sent = await scpPut(client, tree, join(folder, 'there'), { recursive: true, preserve: true });
  const back = await scpGet(client, join(folder, 'there'), join(folder, 'back'), { recursive: true, preserve: true });
  assert.deepEqual([sent.files, back.files, sent.bytes], [3, 3, back.bytes]);
  assert.ok((await readFile(join(folder, 'back/sub/large file'))).equals(content));
  const copied = await stat(join(folder, 'back/-x'));
  assert.deepEqual(
    [copied.mode & 0o7777, copied.mtimeMs, copied.atimeMs],
    [0o755, 1_000_000_000_000, 1_000_000_001_000],
  );
  assert.equal((await stat(join(folder, 'back/sub'))).mode & 0o7777, 0o555);
  for (const name of ['tree', 'there', 'back']) await chmod(join(folder, name, 'sub'), 0o755);
  assert.deepEqual(commands, [`scp -r -p -t ${folder}/there`, `scp -r -p -f ${folder}/there`]);
});

test('failures: the first is thrown, or all are told; the others arrive', async (t) => {
  const folder = await makeFolder(t);
  const { client } = await inMemory(t, { exec: remoteScp });
  await writeFile(join(folder, 'a'), 'a');
  await mkdir(join(folder, 'into'));
  const sources = [join(folder, 'none'), join(folder, 'a')];
  await assert.rejects(scpGet(client, sources, join(folder, 'into')), (error: SshError) => {
    assert.match(error.message, /none: No such file or directory$/);
    return error.stage === 'scp' && error.side === 'peer';
  });
  assert.deepEqual(await readdir(join(folder, 'into')), ['a']);
  const told: string[] = [];
  const done = await scpPut(client, sources, join(folder, 'into'), {
    onFailure: ({ message }) => void told.push(message),
  });
  assert.deepEqual([done.files, done.failures, told.length], [1, 1, 1]);
  await assert.rejects(scpPut(client, sources, join(folder, 'a')), isError('operation-failed', 'scp'));
  await assert.rejects(scpGet(client, sources, join(folder, 'a')), isError('operation-failed', 'scp'));
});

test('what the server says at its end is in the error', async (t) => {
  const { client } = await inMemory(t, {
    exec: async (command, { stdout, stderr }) => {
      stderr.write('sh: 1: scp:\x1b[31m not found\n');
      if (command.endsWith('late')) {
        stdout.write('\0');
        await new Promise((resolve) => stdout.once('data', resolve));
      }
      return 127;
    },
  });
  // Whether it is the end of its output that is seen first, or the end of the channel, is a matter of time.
  const pattern =
    /the other end (?:stopped without an answer|closed the connection) \(sh: 1: scp:\\033\[31m not found, exit status 127\)/;
  await assert.rejects(scpPut(client, [], 'x'), (error: SshError) => pattern.test(error.message));
  // A source that says nothing and fails is no empty success.
  await assert.rejects(
    scpGet(client, 'x', tmpdir()),
    (error: SshError) => /failed with status 127: sh: 1:/.test(error.message) || pattern.test(error.message),
  );
});

test('a connection that is lost in a file fails the call, which names the file', async (t) => {
  const folder = await makeFolder(t);
  const { client, pair } = await inMemory(t, {
    exec: async (_command, { stdout, signal }) => {
      stdout.write('C0644 1000000 a\nxxx');
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
    },
  });
  const getting = scpGet(client, 'a', folder, {
    onProgress: ({ bytes }) => {
      if (bytes === 3) pair[0].destroy();
    },
  });
  await assert.rejects(
    getting,
    (error: SshError) => error.code === 'connection-lost' && error.message.includes(`${folder}/a`),
  );
  assert.equal(await readFile(join(folder, 'a'), 'utf8'), 'xxx');
});

test('the remote end: exit status, and words for the other end', async (t) => {
  const folder = await makeFolder(t);
  const run = async (role: 'sink' | 'source', input: string, path: string) => {
    const end = { input: new PassThrough(), output: new PassThrough() };
    end.input.end(input);
    const status = role === 'sink' ? runScpSink(end, Buffer.from(path)) : runScpSource(end, [Buffer.from(path)]);
    let said = '';
    for await (const chunk of end.output) said += chunk;
    return [await status, said];
  };
  assert.deepEqual(await run('sink', 'C0600 2 f\nhi\0', folder), [0, '\0\0\0']);
  assert.equal(await readFile(join(folder, 'f'), 'utf8'), 'hi');
  assert.deepEqual(await run('sink', 'C0600 2 ../f\nhi\0', folder), [
    1,
    '\0\x02scp: protocol error: the source sent "../f", which is no name of a file\n',
  ]);
  assert.deepEqual(await run('source', '\0\0\0', join(folder, 'f')), [0, 'C0600 2 f\nhi\0']);
  assert.deepEqual(await run('source', '\0', join(folder, 'none')), [
    1,
    `\x01scp: ${folder}/none: No such file or directory\n`,
  ]);
});

test('local files: what a path leads to, links, what fails', async (t) => {
  const folder = await makeFolder(t);
  const at = (name: string) => Buffer.from(join(folder, name));
  await writeFile(join(folder, 'f'), 'abc');
  await symlink('f', join(folder, 'link'));
  await symlink('nowhere', join(folder, 'hanging'));
  assert.deepEqual(
    await Promise.all(['f', 'link', '.', 'none', 'hanging'].map((name) => localScpFiles.look(at(name)))),
    ['file', 'file', 'folder', undefined, undefined],
  );
  assert.equal(await localScpFiles.followLink(at('f')), undefined);
  assert.ok((await localScpFiles.followLink(at('link')))?.equals(await localScpFiles.realPath(at('f'))));
  await assert.rejects(localScpFiles.followLink(at('hanging')), isError('no-such-file', 'scp'));
  await assert.rejects(
    localScpFiles.makeFolder(at('f'), 0o755),
    (error: SshError) => error.message === 'File already exists',
  );
  const file = await localScpFiles.create(at('f'), 0o600);
  await file.write([Buffer.from('12'), Buffer.alloc(0), Buffer.from('345678')]);
  await file.write([Buffer.from('9')]);
  await file.truncate(8);
  await file.close();
  await file.close();
  assert.equal(await readFile(join(folder, 'f'), 'utf8'), '12345678');
});
