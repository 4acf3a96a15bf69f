/** Sources and sinks that mean harm or are broken, played by scripts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError, type SshErrorCode } from '../errors.ts';
import { MemoryFiles, MemoryStream, scripted } from './memory.test.kit.ts';
import { requestedNames } from './name-patterns.ts';
import { ScpPeer } from './peer.ts';
import { runSink, type ScpSinkOptions } from './sink.ts';
import { runSource } from './source.ts';

/** What a sink does with what a source sends: a wait of one byte stands before each answer that the source would read. */
async function sink(steps: (string | number | Buffer)[], options: ScpSinkOptions = {}, files = new MemoryFiles()) {
  files.folder('here');
  const { stream, written } = scripted(steps);
  const told: string[] = [];
  const onFailure = (error: SshError) => void told.push(error.message);
  const outcome = await runSink(new ScpPeer(stream), Buffer.from('here'), files, { onFailure, ...options }).catch(
    (error: unknown) => error,
  );
  return { outcome, files, told, written: written() };
}

function requireError(outcome: unknown, code: SshErrorCode, pattern: RegExp): void {
  assert.ok(outcome instanceof SshError, `expected an SshError, got ${JSON.stringify(outcome)}`);
  assert.match(outcome.message, pattern);
  assert.deepEqual([outcome.code, outcome.stage], [code, 'scp'], outcome.message);
}

const asked = (path: string) => requestedNames(Buffer.from(path), 'pattern');

test('CVE-2018-20685, CVE-2019-6111: names that lead elsewhere end the conversation, and nothing is written', async () => {
  for (const name of ['', '.', '..', '/etc/passwd', '../x', 'a/b', 'x/', 'a\0b']) {
    for (const record of [`C0644 1 ${name}\n`, `D0755 0 ${name}\n`]) {
      const { outcome, files, written } = await sink([1, record, 1, 'x\0'], { recursive: true });
      requireError(outcome, 'protocol-error', /is no name of a file/);
      assert.deepEqual(files.list(), ['here folder 755 0'], name);
      assert.match(written, /^\0\x02scp: protocol error: /);
    }
  }
});

test('CVE-2019-6111: only names that were asked for come in, files and folders', async () => {
  const requests: [path: string, name: string, isIn: boolean][] = [
    ['dir/file', 'file', true],
    ['dir/file', 'dir', false],
    ['dir/*.txt', 'a.txt', true],
    ['dir/*.txt', '.bashrc', false],
    ['dir/{a,b}.t?t', 'b.txt', true],
    ['dir/{a,b}.t?t', 'c.txt', false],
    ['*', '.profile', false],
    ['.*', '.profile', true],
  ];
  for (const [path, name, isIn] of requests) {
    const one = await sink([1, `C0644 1 ${name}\n`, 1, 'x\0', 1], { names: asked(path) });
    const tree = await sink([1, `D0755 0 ${name}\n`, 1, 'C0644 1 any\n', 1, 'x\0', 1, 'E\n', 1], {
      names: asked(path),
      recursive: true,
    });
    for (const { outcome, files } of [one, tree]) {
      if (isIn) assert.deepEqual((outcome as { files: number }).files, 1, `${path} ${name}`);
      else {
        requireError(outcome, 'protocol-error', /was not asked for/);
        assert.deepEqual(files.list(), ['here folder 755 0']);
      }
    }
  }
  const trusting = await sink([1, 'C0644 1 .bashrc\n', 1, 'x\0', 1]);
  assert.equal(trusting.files.text('here/.bashrc'), 'x');
});

test('a folder comes only where folders were asked for, a second file only into a folder', async () => {
  const { outcome, files } = await sink([1, 'D0755 0 dir\n'], { names: asked('dir') });
  requireError(outcome, 'protocol-error', /folders were not asked for/);
  assert.equal(files.nodes.size, 1);

  const { stream } = scripted([1, 'C0644 1 a\n', 1, 'x\0', 1, 'C0644 1 b\n', 1, 'y\0', 1]);
  const single = new MemoryFiles();
  const second = runSink(new ScpPeer(stream), Buffer.from('target'), single, { names: asked('*') });
  requireError(await second.catch((error: unknown) => error), 'protocol-error', /a second file/);
  assert.equal(single.text('target'), 'x');
});

test('CVE-2019-6109, -6110: nothing that the other end says or sends reaches a terminal as it is', async () => {
  const evil = '\x1b]0;title\x07\x1b[2J\u202e';
  const { told, outcome } = await sink(
    [1, `\x01scp: ${evil}\n`, `C0644 1 a${evil}b\n`, 1, 'x', '\x01no', `${evil}\n`, 1],
    {},
  );
  assert.equal(told.length, 2);
  assert.ok(
    told.every((text) => !/[\p{Cc}\u202e]/u.test(text)),
    told.join(),
  );
  assert.deepEqual((outcome as { failures: number }).failures, 2);
  for (const steps of [
    [1, `\x02${evil}\n`],
    [1, `${evil}\n`],
    [1, `C9999 1 ${evil}\n`],
    [1, `Ca${evil}\n`],
  ]) {
    const failed = (await sink(steps)).outcome;
    assert.ok(failed instanceof SshError);
    assert.doesNotMatch(failed.message, /[\p{Cc}\u202e]/u);
  }
  const source = scripted([`\x01${evil}\n`]);
  const refused = await runSource(new ScpPeer(source.stream), [], new MemoryFiles()).catch((error: unknown) => error);
  assert.doesNotMatch((refused as SshError).message, /[\p{Cc}\u202e]/u);
});

test('links inside a received folder do not lead out of it, whoever put them there', async () => {
  const files = new MemoryFiles()
    .folder('here/dir')
    .folder('home')
    .file('home/.bashrc', 'mine')
    .link('here/dir/out', 'home')
    .link('here/dir/file', 'home/.bashrc')
    .link('here/dir/in', 'here/dir/sub')
    .folder('here/dir/sub')
    .link('here/dir/hanging', 'home/new');
  const steps = [
    ...[1, 'D0755 0 dir\n', 1, 'D0755 0 out\n', 'C0644 1 file\n', 'C0644 1 hanging\n', 'D0755 0 in\n'],
    ...[1, 'C0644 1 a\n', 1, 'x\0', 1, 'E\n', 1, 'E\n', 1],
  ];
  const { told } = await sink([...steps], { names: asked('dir'), recursive: true }, files);
  assert.deepEqual(told, [
    'here/dir/out: the link leads out of the folder, to home',
    'here/dir/file: the link leads out of the folder, to home/.bashrc',
    'here/dir/hanging: the link leads out of the folder, to home/new',
  ]);
  assert.deepEqual([files.text('home/.bashrc'), files.text('here/dir/sub/a')], ['mine', 'x']);
  assert.equal(files.nodes.has('home/new'), false);
});

test('CVE-2026-35385: no setuid program without -p', async () => {
  const send = [1, 'C6755 1 a\n', 1, 'x\0', 1];
  assert.equal((await sink([...send])).files.nodes.get('here/a')?.mode, 0o755);
  assert.equal((await sink([...send], { umask: 0 })).files.nodes.get('here/a')?.mode, 0o755);
  assert.equal((await sink([...send], { preserve: true })).files.nodes.get('here/a')?.mode, 0o6755);
});

test('records: what is none ends the conversation', async () => {
  const bad = [
    ...['C644 1 a', 'C0648 1 a', 'C00644 1 a', 'C0644  1 a', 'C0644 -1 a', 'C0644 1', 'C0644 1a b', 'D0755 x a'],
    ...['T1 2 3', 'T1 0 1 0 ', 'T-1 0 1 0', 'T1 1000000 1 0', 'T99999999999999999999 0 1 0'],
  ];
  for (const record of bad) {
    const { outcome, files } = await sink([1, `${record}\n`], { recursive: true });
    requireError(outcome, 'protocol-error', /a record of scp was to hold/);
    assert.equal(files.nodes.size, 1);
  }
  requireError((await sink([1, '\n'])).outcome, 'protocol-error', /an empty line/);
  requireError((await sink([1, 'C0644 9007199254740993 a\n'])).outcome, 'limit-exceeded', /9007199254740993 bytes/);
  requireError((await sink([1, 'E\n'])).outcome, 'protocol-error', /did not enter/);
  requireError((await sink([1, 'C0644 0 a\n', 1, '\0', 1, 'X\n'])).outcome, 'protocol-error', /"X" came/);
});

test('lines without an end and folders without a bottom are cut off', async () => {
  const line = await sink([1, Buffer.alloc(100_000, 'C')]);
  requireError(line.outcome, 'limit-exceeded', /a line of more than 8192 bytes/);
  const deep = await sink([1, ...Array.from({ length: 3000 }, () => 'D0755 0 d\n')], { recursive: true });
  requireError(deep.outcome, 'limit-exceeded', /2048 deep/);
});

test('a shell in place of scp is named as such', async () => {
  for (const words of [
    'bash: scp: command not found\n',
    'This account …\n',
    'Could not chdir\n',
    'Exit\n',
    'D\n',
    'C0\n',
  ]) {
    const { outcome } = await sink([1, words]);
    requireError(outcome, 'protocol-error', /does not speak scp; it said/);
    assert.match((outcome as SshError).remedy as string, /login script/);
    const source = scripted([words]);
    const failed = await runSource(new ScpPeer(source.stream), [], new MemoryFiles()).catch((error: unknown) => error);
    requireError(failed, 'protocol-error', /does not speak scp; it said/);
  }
});

test('a source that stops anywhere: what was being written is named', async () => {
  const files = await sink([1, 'C0644 10 a\n', 1, 'xxx']);
  requireError(files.outcome, 'connection-lost', /^here\/a: the other end stopped in the middle of a file$/);
  requireError((await sink([1, 'C0644 3 a\n', 1, 'xxx'])).outcome, 'connection-lost', /^here\/a: .*without an answer/);
  requireError((await sink([1, 'C0644'])).outcome, 'connection-lost', /in the middle of a line/);
  const folder = await sink([1, 'D0755 0 d\n', 1], { recursive: true });
  requireError(folder.outcome, 'connection-lost', /in the middle of a folder/);
  assert.deepEqual((await sink([1])).outcome, { files: 0, bytes: 0, failures: 0 });
});

test('a source that sends more than it announced: the rest is no data', async () => {
  const { outcome, files } = await sink([1, 'C0644 3 a\n', 1, 'abcdefgh\n', 1, 'C0644 1 b\n']);
  requireError(outcome, 'protocol-error', /does not speak scp; it said "defgh"/);
  assert.equal(files.text('here/a'), 'abc');
});

test('a source that cannot read its file to the end: the file has no claim to its time', async () => {
  const steps = [1, 'T5 0 6 0\n', 1, 'C0644 3 a\n', 1, 'ab\0', '\x01scp: a: Input/output error\n', 1];
  const { outcome, files, told } = await sink(steps, { preserve: true });
  assert.deepEqual(told, ['a: Input/output error']);
  assert.deepEqual([(outcome as { files: number }).files, files.nodes.get('here/a')?.times], [0, undefined]);
});

test('a sink that refuses, gives up, or goes away', async () => {
  const files = new MemoryFiles().file('a', 'alpha').file('b', 'beta');
  const send = async (steps: (string | number)[]) => {
    const { stream, written } = scripted(steps);
    const told: string[] = [];
    const outcome = await runSource(new ScpPeer(stream), [Buffer.from('a'), Buffer.from('b')], files, {
      onFailure: (error) => void told.push(error.message),
    }).catch((error: unknown) => error);
    return { outcome, written: written(), told };
  };
  const refused = await send(['\0', 10, '\x01scp: x: Is a directory\n', 10, '\0', 5, '\0']);
  assert.deepEqual(refused.told, ['x: Is a directory']);
  assert.deepEqual(refused.outcome, { files: 1, bytes: 4, failures: 1 });
  assert.equal(refused.written, 'C0644 5 a\nC0644 4 b\nbeta\0');
  requireError(
    (await send(['\x01scp: none: No such file or directory\n'])).outcome,
    'operation-failed',
    /^none: No such/,
  );
  requireError((await send(['\0', 10, '\x02scp: quota\n'])).outcome, 'operation-failed', /gave up: quota/);
  requireError((await send(['\0', 10])).outcome, 'connection-lost', /stopped without an answer/);
  requireError((await send([])).outcome, 'connection-lost', /stopped without an answer/);
});

test('a connection that breaks and a signal end every wait', async () => {
  const files = new MemoryFiles().folder('here');
  const broken = new MemoryStream();
  const waiting = runSink(new ScpPeer(broken), Buffer.from('here'), files);
  setImmediate(() =>
    broken.emit('error', new SshError('cut', { code: 'connection-lost', stage: 'transport', side: 'peer' })),
  );
  const lost = await waiting.catch((error: unknown) => error);
  assert.deepEqual([(lost as SshError).code, (lost as SshError).message], ['connection-lost', 'cut']);

  const controller = new AbortController();
  const stream = new MemoryStream();
  stream.isSlow = true;
  const sending = runSource(new ScpPeer(stream, controller), [], files);
  controller.abort();
  requireError(await sending.catch((error: unknown) => error), 'aborted', /was aborted/);
  assert.equal(stream.destroyed, true);
  const early = runSink(new ScpPeer(new MemoryStream(), controller), Buffer.from('here'), files);
  requireError(await early.catch((error: unknown) => error), 'aborted', /was aborted/);
});
