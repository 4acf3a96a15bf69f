/** Transfers with servers that do all they may, and some that do what they may not. */
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../../errors.ts';
import { type MemoryServer, type MemoryServerOptions, startMemory } from '../../sftp/memory-server.test.kit.ts';
import * as messages from '../../sftp/messages.ts';
import { status } from '../../sftp/scripted-server.test.kit.ts';
import { get, put, sync } from './index.ts';

function makeFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(join(tmpdir(), 'nacre-odd-'));
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function bytesOf(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 * seed + (at >> 8)) & 0xff;
  return bytes;
}

const files: Readonly<Record<string, Buffer>> = {
  a: bytesOf(300_000, 3),
  b: bytesOf(32_769, 5),
  c: bytesOf(1, 7),
  'sub/d': bytesOf(0, 1),
  'sub/e': bytesOf(70_000, 9),
};

function fill(server: MemoryServer): void {
  server.folder('/s').folder('/s/sub');
  for (const [name, content] of Object.entries(files)) server.file(`/s/${name}`, content);
}

test('short reads, replies in any order, four requests at once, no extension, one after the other: the same bytes', async (t) => {
  const folder = makeFolder(t);
  let round = 0;
  const oddities = fc.record({
    maxRead: fc.constantFrom(undefined, 1000, 8191, 100_000),
    atOnce: fc.constantFrom(undefined, 1, 4),
    shuffles: fc.boolean(),
    hasExtensions: fc.boolean(),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(oddities, async ({ maxRead, atOnce, shuffles, hasExtensions, seed }) => {
      let state = seed;
      const pick = (count: number) => {
        state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
        return state % count;
      };
      const options: MemoryServerOptions = {
        ...(maxRead !== undefined && { maxRead }),
        ...(atOnce !== undefined && { atOnce }),
        ...(shuffles && { pick }),
        ...(!hasExtensions && { extensions: [] }),
      };
      const { server, sftp } = await startMemory(options);
      fill(server);
      const here = join(folder, `${round++}`);
      await get(sftp, '/s', here, { recursive: true, preserve: true, verify: true });
      await put(sftp, here, '/back', { recursive: true, preserve: true, verify: true });
      await sync(here, { sftp, path: '/synced' }, { verify: true });
      for (const [name, content] of Object.entries(files)) {
        assert.ok(fs.readFileSync(join(here, name)).equals(content), name);
        assert.ok(server.data(`/back/${name}`).equals(content), name);
        assert.ok(server.data(`/synced/${name}`).equals(content), name);
      }
      await sftp.realpath('/');
      assert.equal(server.handles.size, 0);
    }),
    { numRuns: 40 },
  );
});

test('an end that is told too early: asked again; told again, it is an error that names what there is', async (t) => {
  const folder = makeFolder(t);
  const content = bytesOf(400_000, 3);
  for (const [times, name] of [
    [1, 'once'],
    [Number.POSITIVE_INFINITY, 'always'],
  ] as const) {
    let told = 0;
    const { server, sftp } = await startMemory({
      hook: (number, message) => {
        if (number !== messages.read.number) return undefined;
        const { id, offset } = messages.read.decode(message);
        return offset >= 98_304n && told++ < times ? status(id, 1, 'eof') : undefined;
      },
    });
    server.file('/f', content);
    const local = join(folder, name);
    if (times === 1) {
      await get(sftp, '/f', local);
      assert.ok(fs.readFileSync(local).equals(content));
      continue;
    }
    await assert.rejects(get(sftp, '/f', local), (error) => {
      assert.ok(error instanceof SshError);
      assert.match(
        error.message,
        /^get "\/f": the file is said to have 400000 bytes, and to end after 98304; 98304 bytes are in ".*always", and resume/,
      );
      return true;
    });
    assert.equal(fs.statSync(local).size, 98_304);
  }
  // One of the kernel's, which says a page and has less; and one that shrank while it was read.
  const short = await startMemory({
    hook: (number, message) => {
      if (number !== messages.lstat.number && number !== messages.stat.number) return undefined;
      return messages.attrs.encode({ id: message.readUInt32BE(1), attributes: { mode: 0o100444, size: 4096 } });
    },
  });
  short.server.file('/page', 'up\n');
  await get(short.sftp, '/page', join(folder, 'page'));
  assert.equal(fs.readFileSync(join(folder, 'page'), 'utf8'), 'up\n');
  const shrinking = await startMemory({
    hook: (number, _message, server) => {
      if (number === messages.open.number) server.file('/f', content.subarray(0, 100_000));
      return undefined;
    },
  });
  shrinking.server.file('/f', content);
  await get(shrinking.sftp, '/f', join(folder, 'shrunk'));
  assert.ok(fs.readFileSync(join(folder, 'shrunk')).equals(content.subarray(0, 100_000)));
});

test('names that lead elsewhere, whoever lists them: nothing outside is touched, and nothing inside is lost', async (t) => {
  const folder = makeFolder(t);
  const local = join(folder, 'to/here');
  fs.mkdirSync(local, { recursive: true });
  fs.writeFileSync(join(folder, 'to/evil'), 'mine');
  fs.writeFileSync(join(local, 'kept'), 'kept');
  for (const name of ['../evil', '/etc/evil', 'sub/../../evil', 'a/b', '', 'evil\0', '..\0']) {
    let listed = 0;
    const { server, sftp } = await startMemory({
      hook: (number, message) => {
        if (number !== messages.readdir.number || listed++ > 0) return undefined;
        const entry = { name: Buffer.from(name), longName: Buffer.alloc(0), attributes: { mode: 0o100644, size: 4 } };
        return messages.names.encode({ id: message.readUInt32BE(1), names: [entry] });
      },
    });
    server.folder('/s').file('/s/evil', 'evil').file('/evil', 'evil');
    for (const work of [
      () => get(sftp, '/s', join(local, 'got'), { recursive: true }),
      () => sync({ sftp, path: '/s' }, local, { delete: true }),
      // As a target it is no better: what is listed may only be held against what is here.
      () => sync(local, { sftp, path: '/s' }, { delete: true }),
    ]) {
      listed = 0;
      await assert.rejects(work(), SshError, JSON.stringify(name));
    }
    assert.deepEqual(fs.readdirSync(join(folder, 'to')).sort(), ['evil', 'here']);
    assert.equal(fs.readFileSync(join(folder, 'to/evil'), 'utf8'), 'mine');
    assert.equal(fs.readFileSync(join(local, 'kept'), 'utf8'), 'kept');
    assert.equal(server.data('/evil').toString(), 'evil');
    fs.rmSync(join(local, 'got'), { recursive: true, force: true });
  }
  // Dots are the folder itself and the one above: never entries. Control characters are names like others, and safe in errors.
  let listed = 0;
  const { server, sftp } = await startMemory({
    hook: (number, message) => {
      if (number !== messages.readdir.number || listed++ > 0) return undefined;
      const names = ['.', '..', '\x1b[2J\n'].map((name) => ({
        name: Buffer.from(name),
        longName: Buffer.from('\x1b]0;evil\x07'),
        attributes: { mode: name.length < 3 ? 0o040755 : 0o100644, size: 1 },
      }));
      return messages.names.encode({ id: message.readUInt32BE(1), names });
    },
  });
  server.folder('/s');
  const report = await get(sftp, '/s', join(local, 'dots'), { recursive: true, continueOnError: true });
  assert.equal(report.failures.length, 1);
  assert.ok(!/[\x00-\x1f]/.test(report.failures[0]?.error.message ?? '\0'), report.failures[0]?.error.message);
});

test('attributes with absurd numbers do no harm: sizes past every disk, times past every calendar', async (t) => {
  const folder = makeFolder(t);
  for (const size of [Number.MAX_SAFE_INTEGER, 2 ** 53, 2 ** 62]) {
    const attributes = {
      mode: 0o100644,
      size: Math.min(size, Number.MAX_SAFE_INTEGER),
      times: { accessed: 0xffff_ffff, modified: 0xffff_ffff },
    };
    const { server, sftp } = await startMemory({
      hook: (number, message) =>
        number === messages.stat.number || number === messages.lstat.number
          ? messages.attrs.encode({ id: message.readUInt32BE(1), attributes })
          : undefined,
    });
    server.file('/f', 'little');
    const local = join(folder, 'f');
    await assert.rejects(
      get(sftp, '/f', local, { preserve: true, sparse: true }),
      /is said to have 9007199254740991 bytes/,
    );
    assert.equal(fs.readFileSync(local, 'utf8'), 'little');
    await assert.rejects(get(sftp, '/f', local, { resume: 'length' }), /is said to have/);
    assert.equal(fs.statSync(local).size, 6);
    fs.rmSync(local);
  }
});

test('folders without an end: inside each other, and as links that lead back', async (t) => {
  const folder = makeFolder(t);
  let listings = 0;
  const endless = await startMemory({
    hook: (number, message) => {
      const id = message.length > 4 ? message.readUInt32BE(1) : 0;
      if (number === messages.opendir.number) {
        listings = 0;
        return messages.handle.encode({ id, handle: Buffer.from('h') });
      }
      if (number === messages.stat.number || number === messages.lstat.number)
        return messages.attrs.encode({ id, attributes: { mode: 0o040755 } });
      if (number !== messages.readdir.number) return undefined;
      if (listings++ > 0) return status(id, 1);
      const entry = { name: Buffer.from('d'), longName: Buffer.alloc(0), attributes: { mode: 0o040755 } };
      return messages.names.encode({ id, names: [entry] });
    },
  });
  await assert.rejects(get(endless.sftp, '/t', join(folder, 't'), { recursive: true }), {
    code: 'limit-exceeded',
    message: /more than 512 folders deep/,
  });
  await assert.rejects(sync({ sftp: endless.sftp, path: '/t' }, join(folder, 'u'), { stopOnError: true }), {
    code: 'limit-exceeded',
  });
  // What is to be deleted has no end either.
  fs.mkdirSync(join(folder, 'empty'));
  const report = await sync(join(folder, 'empty'), { sftp: endless.sftp, path: '/t' }, { delete: true });
  assert.match(report.failures[0]?.error.message ?? '', /more than 512 folders deep/);
});
