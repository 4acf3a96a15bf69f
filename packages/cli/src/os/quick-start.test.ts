/** Tests of programs that are started without a copy of this process: what they get, and how their end is told. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, createReadStream, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { platform } from './native.ts';
import { prepareQuickStart, type QuickProcess } from './quick-start.ts';

const onLinux = { skip: process.platform !== 'linux' && 'Linux only' };

/** Runs a script of sh's and gives what it printed. */
async function run(script: string, environment: Record<string, string> = {}, cwd = '/') {
  const { readFd, writeFd } = platform().openPipe();
  const input = openSync('/dev/null', 'r');
  let child: QuickProcess | undefined;
  try {
    child = prepareQuickStart({
      ...{ file: '/bin/sh', argv: ['name', '-c', script], environment, cwd },
      descriptors: [input, writeFd, writeFd],
    })?.();
  } finally {
    for (const fd of [input, writeFd]) closeSync(fd);
  }
  assert.ok(child);
  const output = await text(createReadStream('', { fd: readFd }));
  return { child, output, exit: await child.exit };
}

test('arguments, environment, folder, session, signals and descriptors', onLinux, async () => {
  const script = [
    'printf "%s|%s|%s|" "$0" "$WORD" "$PWD"',
    // Session, group and process are one; nothing is blocked or ignored; no more files are open than usual.
    'set -- $(cat /proc/$$/stat); echo "$1 $5 $6"',
    'grep -E "Sig(Blk|Ign)" /proc/$$/status | tr -d "\\t\\n"; echo',
    'ls /proc/$$/fd | tr "\\n" " "',
  ].join('; ');
  const { child, output, exit } = await run(script, { WORD: 'ä b', PATH: '/usr/bin:/bin' }, '/usr');
  const [first = '', signals, files] = output.split('\n');
  assert.equal(first, `name|ä b|/usr|${child.pid} ${child.pid} ${child.pid}`);
  assert.equal(signals, `SigBlk:${'0'.repeat(16)}SigIgn:${'0'.repeat(16)}`);
  const usual = execFileSync('/bin/sh', ['-c', 'ls /proc/$$/fd'], { encoding: 'utf8' });
  assert.deepEqual(files?.trim().split(' '), usual.trim().split('\n'));
  assert.deepEqual(exit, { code: 0, signal: null });
  assert.equal(child.isRunning(), false);
});

test('how it ended', onLinux, async () => {
  const ends = await Promise.all([run('exit 7'), run('kill -TERM $$'), run('kill -KILL $$'), run('exit 255')]);
  assert.deepEqual(
    ends.map(({ exit }) => exit),
    [
      { code: 7, signal: null },
      { code: null, signal: 'SIGTERM' },
      { code: null, signal: 'SIGKILL' },
      { code: 255, signal: null },
    ],
  );
});

test('many at once are all told of', onLinux, async () => {
  const all = await Promise.all(Array.from({ length: 40 }, (_, i) => run(`exit ${i}`)));
  assert.deepEqual(
    all.map(({ exit }) => exit.code),
    all.map((_, i) => i),
  );
  assert.equal(process.listenerCount('SIGCHLD'), 0);
});

test('what cannot be started is left to the general way', onLinux, () => {
  const request = { file: '/bin/sh', argv: ['sh'], environment: {}, cwd: '/', descriptors: [9, 9, 9] as const };
  assert.equal(prepareQuickStart({ ...request, argv: ['sh', '-c', 'a\0b'] }), undefined);
  assert.equal(prepareQuickStart({ ...request, descriptors: [0, 1, 2] }), undefined);
  const fd = openSync('/dev/null', 'r');
  try {
    const descriptors = [fd, fd, fd] as const;
    assert.equal(prepareQuickStart({ ...request, descriptors, file: '/nonexistent/sh' })?.(), undefined);
    assert.equal(prepareQuickStart({ ...request, descriptors, cwd: '/nonexistent' })?.(), undefined);
    assert.equal(process.listenerCount('SIGCHLD'), 0);
  } finally {
    closeSync(fd);
  }
  process.env.NACRE_SPAWN = 'fallback';
  try {
    assert.equal(prepareQuickStart(request), undefined);
  } finally {
    delete process.env.NACRE_SPAWN;
  }
});
