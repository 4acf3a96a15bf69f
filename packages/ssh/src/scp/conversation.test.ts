/** Our source and our sink together: trees, modes, times, failures on either side, names, progress. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { SshError } from '../errors.ts';
import { MemoryFiles, MemoryStream, memoryLine } from './memory.test.kit.ts';
import type { ScpConversationOptions, ScpProgress, ScpSummary } from './options.ts';
import { ScpPeer } from './peer.ts';
import { runSink, type ScpSinkOptions } from './sink.ts';
import { runSource } from './source.ts';

interface Outcome {
  sent: ScpSummary;
  received: ScpSummary;
  sourceFailures: string[];
  sinkFailures: string[];
}

async function copy(
  from: MemoryFiles,
  paths: readonly string[],
  to: MemoryFiles,
  target: string,
  options: ScpSinkOptions = {},
  pieceBytes?: number,
  sourceOptions: ScpConversationOptions = {},
): Promise<Outcome> {
  const [sourceEnd, sinkEnd] = memoryLine(pieceBytes);
  sourceEnd.isSlow = true;
  const sourceFailures: string[] = [];
  const sinkFailures: string[] = [];
  const { recursive, preserve } = options;
  const tell = (list: string[]) => (error: SshError) => void list.push(error.message);
  const [sent, received] = await Promise.all([
    runSource(
      new ScpPeer(sourceEnd),
      paths.map((path) => Buffer.from(path, 'latin1')),
      from,
      {
        recursive,
        preserve,
        onFailure: tell(sourceFailures),
        ...sourceOptions,
      },
    ),
    runSink(new ScpPeer(sinkEnd), Buffer.from(target, 'latin1'), to, { onFailure: tell(sinkFailures), ...options }),
  ]);
  return { sent, received, sourceFailures, sinkFailures };
}

function tree(): MemoryFiles {
  return new MemoryFiles()
    .folder('t', 0o755)
    .file('t/a', 'alpha', 0o640, { modified: 1_000_000_000, accessed: 1_000_000_001 })
    .file('t/empty', '', 0o400)
    .folder('t/locked', 0o555)
    .file('t/locked/inner', 'x'.repeat(700_000), 0o4755)
    .folder('t/none', 0o700)
    .file('t/\xe9\x1b name', 'odd', 0o600);
}

test('a tree arrives whole, with modes under the umask, in pieces of any size', async () => {
  for (const pieceBytes of [1_000_000, 4096, 7]) {
    const from = pieceBytes === 7 ? new MemoryFiles().folder('t').file('t/a', 'a'.repeat(50), 0o666) : tree();
    const to = new MemoryFiles().folder('here');
    const { sent, received } = await copy(from, ['t'], to, 'here', { recursive: true, umask: 0o027 }, pieceBytes);
    assert.deepEqual(sent, received);
    for (const [path, node] of from.nodes) {
      const copied = to.nodes.get(`here/${path}`);
      assert.deepEqual(
        [copied?.kind, copied?.mode, copied?.content],
        [node.kind, node.mode & 0o750, node.content],
        path,
      );
    }
    assert.equal(to.nodes.size, from.nodes.size + 1);
  }
});

test('with preserve, modes and times are those of the source, also of what was there', async () => {
  const to = new MemoryFiles().folder('here').folder('here/t', 0o700).file('here/t/a', 'longer than before', 0o777);
  await copy(tree(), ['t'], to, 'here', { recursive: true, preserve: true });
  assert.equal(to.nodes.get('here/t/locked/inner')?.mode, 0o4755);
  assert.equal(to.nodes.get('here/t/locked')?.mode, 0o555);
  assert.deepEqual(to.nodes.get('here/t/a'), {
    kind: 'file',
    mode: 0o640,
    content: Buffer.from('alpha'),
    times: { modified: 1_000_000_000, accessed: 1_000_000_001 },
  });
  assert.deepEqual(to.nodes.get('here/t')?.times, { modified: 1, accessed: 2 });
});

test('property: whatever files there are, they arrive', async () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 6 })
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
    .filter((text) => !/[\0/\n]/.test(text) && text !== '.' && text !== '..');
  const files = fc.uniqueArray(fc.tuple(name, fc.uint8Array({ maxLength: 300 })), {
    selector: ([text]) => text,
    maxLength: 8,
  });
  await fc.assert(
    fc.asyncProperty(files, fc.integer({ min: 1, max: 64 }), fc.boolean(), async (list, pieceBytes, preserve) => {
      const from = new MemoryFiles().folder('t');
      for (const [text, content] of list) from.file(`t/${text}`, Buffer.from(content));
      const to = new MemoryFiles();
      const { received } = await copy(from, ['t'], to, 'copy', { recursive: true, preserve }, pieceBytes);
      assert.equal(received.files, list.length);
      for (const [text, content] of list) assert.ok(to.nodes.get(`copy/${text}`)?.content.equals(content), text);
    }),
    { numRuns: 60 },
  );
});

test('what fails on one side is told on both, and the others go on', async () => {
  const from = tree().file('t/z', 'last');
  from.onPiece = (path, offset) => {
    if (path === 't/locked/inner' && offset > 0) throw new Error('the disk is gone');
  };
  const to = new MemoryFiles().folder('here').folder('here/t').folder('here/t/a');
  const { sent, received, sourceFailures, sinkFailures } = await copy(from, ['missing', 't'], to, 'here', {
    recursive: true,
  });
  assert.deepEqual(sourceFailures, [
    'missing: No such file or directory',
    'here/t/a: Is a directory',
    't/locked/inner: the disk is gone',
  ]);
  assert.deepEqual(sinkFailures, sourceFailures);
  assert.deepEqual([sent.files, received.files], [3, 3]);
  assert.equal(to.text('here/t/z'), 'last');
  // As many bytes as were announced came, but they are not the file's: it does not get its time.
  assert.equal(to.nodes.get('here/t/locked/inner')?.times, undefined);
});

test('a file that becomes shorter is filled up, one that grows is cut at what was announced', async () => {
  const from = new MemoryFiles().file('short', 'x'.repeat(600_000)).file('long', 'y'.repeat(600_000));
  from.onPiece = (path, offset) => {
    const node = from.nodes.get(path);
    if (node === undefined || offset === 0) return;
    if (path === 'short') node.content.fill(0).toString();
    if (path === 'long') node.content = Buffer.concat([node.content, Buffer.alloc(1000, 'z')]);
  };
  const to = new MemoryFiles().folder('here');
  const shrinking = from.nodes.get('short');
  const read = from.open.bind(from);
  from.open = async (path) => {
    const item = await read(path);
    if (path.toString() === 'short' && item.kind === 'file') {
      let pieces = 0;
      const readPiece = item.read.bind(item);
      return { ...item, read: async (byteCount) => (pieces++ === 0 ? readPiece(byteCount) : Buffer.alloc(0)) };
    }
    return item;
  };
  const { sourceFailures, received } = await copy(from, ['short', 'long'], to, 'here');
  assert.deepEqual(sourceFailures, ['short: the file became shorter while it was sent']);
  assert.equal(to.nodes.get('here/short')?.content.length, shrinking?.content.length);
  assert.equal(to.text('here/long'), 'y'.repeat(600_000));
  assert.deepEqual([received.files, received.failures], [1, 1]);
});

test('a sink that cannot write takes all bytes, says so, and takes the next file', async () => {
  const from = new MemoryFiles().file('a', 'x'.repeat(3_000_000)).file('b', 'beta');
  const to = new MemoryFiles().folder('here');
  to.onPiece = (path, offset) => {
    if (path === 'here/a' && offset > 0) throw new Error('No space left on device');
  };
  const { sourceFailures, received } = await copy(from, ['a', 'b'], to, 'here', {}, 65_536);
  assert.equal(sourceFailures.length, 1);
  assert.match(sourceFailures[0] as string, /^here\/a: at byte \d+ or behind it: No space left on device$/);
  assert.deepEqual([to.text('here/b'), received.files], ['beta', 1]);
});

test('links back to a folder above, folders without -r, folders without a name', async () => {
  const from = new MemoryFiles().folder('t').file('t/a', 'a').link('t/loop', 't');
  const to = new MemoryFiles().folder('here');
  const { sourceFailures } = await copy(from, ['t'], to, 'here', { recursive: true });
  assert.deepEqual(sourceFailures, ['t/loop: the link leads back to a folder it is in']);
  assert.equal(to.text('here/t/a'), 'a');
  assert.deepEqual((await copy(from, ['t'], to, 'here')).sourceFailures, ['t: not a regular file']);
  const dots = new MemoryFiles().folder('.').folder('t/..');
  assert.deepEqual((await copy(dots, ['.', 't/..'], to, 'here', { recursive: true })).sourceFailures, [
    '.: scp cannot send a folder without a name',
    't/..: scp cannot send a folder without a name',
  ]);
});

test('a name with a line feed arrives in the form of vis', async () => {
  const to = new MemoryFiles().folder('here');
  await copy(new MemoryFiles().file('d/a\n\x1b\x7f\xff\xe9\\ b\t', 'x'), ['d/a\n\x1b\x7f\xff\xe9\\ b\t'], to, 'here');
  assert.deepEqual([...to.nodes.keys()], ['here', 'here/a\\^J\\^[\\^?\\M^?\\M-i\\\\ b\t']);
});

test('progress: each file begins at 0 and ends at its size, and only whole files count', async () => {
  const seen: ScpProgress[] = [];
  const from = new MemoryFiles().file('a', 'x'.repeat(600_000)).file('b\x1b[2J', '').file('c', 'c');
  const to = new MemoryFiles().folder('here');
  await copy(from, ['a', 'b\x1b[2J', 'c'], to, 'here', { onProgress: (progress) => void seen.push(progress) }, 100_000);
  const ends = seen.filter(
    ({ bytes, totalBytes }, index) => bytes === totalBytes && seen[index + 1]?.path !== seen[index]?.path,
  );
  assert.deepEqual(ends, [
    { path: 'here/a', bytes: 600_000, totalBytes: 600_000, filesDone: 1, filesTotal: 1 },
    { path: 'here/b\\033[2J', bytes: 0, totalBytes: 0, filesDone: 2, filesTotal: 2 },
    { path: 'here/c', bytes: 1, totalBytes: 1, filesDone: 3, filesTotal: 3 },
  ]);
  assert.ok(seen.length > 8);
  assert.ok(seen.every(({ bytes }, index) => index === 0 || bytes >= (seen[index - 1]?.bytes ?? 0) || bytes <= 1));
});

test('the first file takes turns, later ones announce themselves without waiting', async () => {
  const from = new MemoryFiles().file('a', 'aa').file('b', 'bb').file('c', 'cc');
  const [sourceEnd, sinkEnd] = memoryLine();
  const writes: string[] = [];
  const pass = sourceEnd.onWrite;
  sourceEnd.onWrite = (bytes) => {
    writes.push(bytes.toString('latin1'));
    pass(bytes);
  };
  const names = ['a', 'b', 'c'].map((name) => Buffer.from(name));
  await Promise.all([
    runSource(new ScpPeer(sourceEnd), names, from, { preserve: true }),
    runSink(new ScpPeer(sinkEnd), Buffer.from('here'), new MemoryFiles().folder('here'), {}),
  ]);
  const record = (name: string) => `C0644 2 ${name}\n`;
  // The first success is known once the second record's answer was read, so the third is the first to go ahead.
  assert.deepEqual(writes.slice(0, 4), ['T1 0 2 0\n', record('a'), 'aa', '\0']);
  assert.deepEqual(writes.slice(-3), [`T1 0 2 0\n${record('c')}`, 'cc', '\0']);
});

test('the stream is paused while nobody reads, and goes on', async () => {
  const stream = new MemoryStream();
  const peer = new ScpPeer(stream);
  stream.emit('data', Buffer.alloc(800_000));
  assert.equal(stream.isPaused, false);
  stream.emit('data', Buffer.alloc(800_000));
  assert.equal(stream.isPaused, true);
  await peer.readData(800_000);
  assert.equal(stream.isPaused, true);
  await peer.readData(700_000);
  assert.equal(stream.isPaused, false);
});
