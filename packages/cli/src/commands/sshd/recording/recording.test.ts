/** Tests of recordings: whole characters, times that go on, files nobody else can touch, and a disk that is full. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { FileRecorder, type RecordFile } from './file-recorder.ts';
import { prepareRecordFolder } from './folder.ts';
import { SessionRecording } from './session-recording.ts';
import type { RecordedLogin, RecordingEvent, RecordingMeta, RecordingOutcome, RecordingSink } from './types.ts';

// Below the home: every folder above must be one that others may not change, as /tmp is not.
const folder = mkdtempSync(join(homedir(), '.nacre-recording-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const login: RecordedLogin = {
  user: 'ada',
  uid: 1000,
  home: folder,
  shell: '/bin/sh',
  connection: 7,
  address: '192.0.2.7',
  port: 50022,
  client: 'SSH-2.0-test',
  methods: ['publickey'],
  keys: ['SHA256:abc'],
  sessionId: '00ff',
};
const meta: RecordingMeta = { session: 0, kind: 'shell', command: undefined, columns: 0, rows: 30, term: 'xterm' };
const outcome: RecordingOutcome = { exit: { code: 0 }, seconds: 1, outputBytes: 3, isCut: false };

class MemorySink implements RecordingSink {
  readonly name = 'memory';
  readonly failed = new Promise<SshError>(() => {});
  readonly events: [RecordingEvent, string][] = [];
  wait: Promise<void> | undefined;

  write(kind: RecordingEvent, _seconds: number, text: string): Promise<void> | undefined {
    if (text !== '') this.events.push([kind, text]);
    return this.wait;
  }

  async end(): Promise<void> {}
}

test('output, input and sizes; characters in pieces are whole, escape sequences verbatim', async () => {
  const sink = new MemorySink();
  const recording = new SessionRecording(sink, { hasInput: true, limitBytes: undefined });
  const passed: string[] = [];
  const output = recording.tap({ write: (chunk) => void passed.push(chunk.toString('hex')) });
  const bytes = Buffer.from('\u001b[31mé\ufeff\u{1f41a}');
  for (const byte of bytes) output.write(Buffer.of(byte), 'data');
  // Another stream in between takes no part of a character.
  output.write(Buffer.of(0xc3), 'data');
  output.write(Buffer.from('!'), 'stderr');
  output.write(Buffer.of(0xa9), 'data');
  recording.resize({ columns: 0, rows: 50 });
  const typed = new PassThrough();
  typed.write('before anybody reads');
  recording.watchInput(typed);
  await new Promise((resolve) => setImmediate(resolve));
  const taken: string[] = [];
  typed.on('data', (chunk: Buffer) => taken.push(chunk.toString()));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(taken, ['before anybody reads'], 'the program gets what was recorded');
  const of = (kind: RecordingEvent) =>
    sink.events
      .filter(([each]) => each === kind)
      .map(([, text]) => text)
      .join('');
  assert.equal(of('o'), `${bytes.toString()}!é`);
  assert.deepEqual([of('i'), of('r')], ['before anybody reads', '1x50']);
  assert.equal(passed.join(''), `${bytes.toString('hex')}c321a9`);
  assert.equal((await recording.end({ code: 0 })).outputBytes, bytes.length + 3);
});

test('a limit cuts, and what is slow to be kept holds the program back', async () => {
  const sink = new MemorySink();
  let go: () => void = () => {};
  sink.wait = new Promise((resolve) => {
    go = resolve;
  });
  const recording = new SessionRecording(sink, { hasInput: false, limitBytes: 5 });
  const output = recording.tap({ write: (_chunk, _kind, sent) => sent?.() });
  let isSent = false;
  output.write(Buffer.from('1234567'), 'data', () => {
    isSent = true;
  });
  output.write(Buffer.from('89'), 'data');
  for (let columns = 1; columns <= 1000; columns++) recording.resize({ columns, rows: 1 });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isSent, false);
  go();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(isSent, true);
  assert.deepEqual(sink.events, [
    ['o', '12345'],
    ['r', '1x1'],
    ['r', '1000x1'],
  ]);
  const { isCut, outputBytes } = await recording.end(undefined);
  assert.deepEqual([isCut, outputBytes], [true, 9]);
});

test('a file is .part until its end, the owner’s alone, and its times never go back', async () => {
  const sink = await new FileRecorder(`${folder}/%u/%Y`, login).begin(meta);
  const place = join(folder, 'ada', String(new Date().getFullYear()));
  assert.ok(sink.name.startsWith(`${place}/`));
  assert.deepEqual(
    readdirSync(place).map((name) => /\.cast\.part$/.test(name)),
    [true],
  );
  void sink.write('o', 2, '\u001b[2Jx');
  void sink.write('r', 1, '80x24');
  await sink.end(outcome);
  const [header = '', ...events] = readFileSync(sink.name, 'utf8').trimEnd().split('\n');
  const { version, width, height, title, env, nacre } = JSON.parse(header) as Record<string, unknown>;
  assert.deepEqual([version, width, height, env], [2, 1, 30, { TERM: 'xterm', SHELL: '/bin/sh' }]);
  assert.match(String(title), /^ada@.+ from 192\.0\.2\.7$/);
  assert.equal((nacre as { connection: number }).connection, 7);
  assert.deepEqual(
    events.map((line) => JSON.parse(line)),
    [
      [2, 'o', '\u001b[2Jx'],
      [2, 'r', '80x24'],
    ],
  );
  const facts = JSON.parse(readFileSync(sink.name.replace(/cast$/, 'json'), 'utf8')) as { outcome: unknown };
  assert.deepEqual(facts.outcome, outcome);
  for (const name of readdirSync(place)) assert.equal(statSync(join(place, name)).mode & 0o777, 0o600, name);
  assert.equal(statSync(place).mode & 0o777, 0o700);
  const other = await new FileRecorder(`${folder}/%u/%Y`, login).begin(meta);
  assert.notEqual(other.name, sink.name);
  await other.end(outcome);
});

test('folders of others, open folders, and names that lead elsewhere are refused', () => {
  const refuses = (pattern: string, who = login) =>
    assert.throws(() => prepareRecordFolder(pattern, who, new Date()), SshError, pattern);
  const open = join(folder, 'open');
  mkdirSync(open);
  chmodSync(open, 0o755);
  refuses(open);
  chmodSync(open, 0o777);
  refuses(join(open, 'below'));
  const loose = join(folder, 'loose');
  symlinkSync(open, loose);
  refuses(loose);
  refuses('/tmp/nacre-recordings');
  refuses(`${folder}/%u`, { ...login, user: '../..' });
  refuses(`${folder}/%u`, { ...login, user: '..' });
  refuses('/dev/null');
});

test('what lies in the way is not written to', async () => {
  const { open } = await import('node:fs/promises');
  const victim = join(folder, 'victim');
  const recorder = new FileRecorder(`${folder}/way`, login, async (path) => {
    // Somebody knew the name, and was faster.
    symlinkSync(victim, path);
    const { constants } = await import('node:fs');
    return open(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
  });
  await assert.rejects(recorder.begin(meta), { code: 'bad-file', message: /EEXIST|ELOOP/ });
  assert.equal(statSync(victim, { throwIfNoEntry: false }), undefined);
});

test('a disk that fills up is told once, and leaves the part file', async () => {
  const place = join(folder, 'full');
  const { open } = await import('node:fs/promises');
  let left = 400;
  const recorder = new FileRecorder(place, login, async (path): Promise<RecordFile> => {
    const file = await open(path, 'ax', 0o600);
    return {
      async appendFile(text) {
        left -= text.length;
        if (left < 0) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        await file.appendFile(text);
      },
      datasync: () => file.datasync(),
      close: () => file.close(),
    };
  });
  const sink = await recorder.begin(meta);
  void sink.write('o', 0, 'x'.repeat(500));
  assert.match((await sink.failed).message, /ENOSPC/);
  assert.equal(sink.write('o', 1, 'more'), undefined);
  await assert.rejects(sink.end(outcome), /ENOSPC/);
  assert.deepEqual(
    readdirSync(place).map((name) => name.endsWith('.part')),
    [true],
  );
});
