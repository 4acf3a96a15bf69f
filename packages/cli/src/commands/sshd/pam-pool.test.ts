/** The pool of processes that ask PAM, with processes of the test's that speak as those do. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { test } from 'node:test';
import { openPamPool, type PamLoginRequest, type PamService } from './pam-pool.ts';

const request: PamLoginRequest = {
  ...{ service: 'sshd', user: 'ada', remoteHost: '127.0.0.1', environment: {} },
  ...{ allowEmpty: false, changesToken: false },
};
const done = (code: number, delayMs = 0) =>
  `{"kind":"done","code":${code},"text":"said","account":"good","delayMs":${delayMs},"environment":{"A":"1"}}`;
const question = '{"kind":"message","style":"secret","text":"Password: "}';
const word = (text: string) => `{"kind":"message","style":"info","text":"${text}"}`;

/** A pool whose processes run these lines of sh for each order; `say` writes a reply. */
function poolOf(lines: string, most = 8): { pool: PamService; started: ChildProcess[] } {
  const started: ChildProcess[] = [];
  const script = `say() { printf '%s\\n' "$1" >&3; }\nsay '{"kind":"ready"}'\nwhile read -r order; do\n${lines}\ndone`;
  const pool = openPamPool({
    maxQuick: most,
    maxDialogues: most,
    start() {
      const child = spawn('/bin/sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
      started.push(child);
      return child;
    },
  });
  return { pool, started };
}

const nobody = async () => undefined;

test('questions go out and answers come in, by one process for one login after the other', async () => {
  const good = `read -r answer\ncase $answer in *right*) say '${done(0)}' ;; *) say '${done(7)}' ;; esac`;
  const { pool, started } = poolOf(`say '${word('hello')}'\nsay '${question}'\n${good}`);
  const heard: string[] = [];
  const answer = (password: string) => async (message: { style: string; text: string }) => {
    heard.push(message.text);
    return message.style === 'secret' ? password : undefined;
  };
  const first = await pool.authenticate(request, answer('right'));
  assert.deepEqual([first.isGood, first.environment], [true, { A: '1' }]);
  const second = await pool.authenticate(request, answer('wrong'));
  assert.deepEqual([second.isGood, second.text], [false, 'said']);
  assert.deepEqual(heard, ['hello', 'Password: ', 'hello', 'Password: ']);
  assert.equal(started.length, 1);
  pool.close();
});

test('what is said of the account is kept apart, and nobody is asked', async () => {
  const { pool } = poolOf(`say '${word('no more')}'\nsay '${done(13)}'`);
  const result = await pool.checkAccount(request);
  assert.deepEqual([result.isGood, result.accountWords], [false, 'no more\n']);
  pool.close();
});

test('so many at once; the others wait in line', async () => {
  const { pool, started } = poolOf(`say '${question}'\nread -r answer\nsay '${done(0)}'`, 2);
  const waiting: (() => void)[] = [];
  const asked: number[] = [];
  const logins = [0, 1, 2, 3].map((number) =>
    pool.authenticate(request, () => {
      asked.push(number);
      return new Promise((resolve) => waiting.push(() => resolve('x')));
    }),
  );
  while (waiting.length < 2) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(new Set(asked), new Set([0, 1]));
  for (let answered = 0; answered < 4; ) {
    const next = waiting.shift();
    next?.();
    if (next !== undefined) answered++;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(logins);
  assert.equal(started.length, 2);
  pool.close();
});

test('a conversation that nobody goes on with ends its process', async (t) => {
  const ended = (child: ChildProcess | undefined) =>
    new Promise<void>((resolve) => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) resolve();
      else child.once('exit', () => resolve());
    });
  await t.test('because the client is gone', async () => {
    const { pool, started } = poolOf(`say '${question}'\nread -r answer\nsay '${done(0)}'`);
    await assert.rejects(
      pool.authenticate(request, () => Promise.reject(new Error('gone'))),
      /gone/,
    );
    await ended(started[0]);
    assert.equal((await pool.authenticate(request, async () => 'x')).isGood, true);
    assert.equal(started.length, 2);
    pool.close();
  });
  await t.test('because the time is over, in the middle of a call too', async () => {
    const { pool, started } = poolOf('while :; do read -r nothing; done');
    const limit = new AbortController();
    const login = pool.authenticate(request, nobody, limit.signal);
    setImmediate(() => limit.abort(new Error('too late')));
    await assert.rejects(login, /too late/);
    await ended(started[0]);
    pool.close();
  });
  await t.test('and who waits in line may leave it', async () => {
    const { pool } = poolOf('while :; do read -r nothing; done', 1);
    const [first, second] = [new AbortController(), new AbortController()];
    const busy = pool.authenticate(request, nobody, first.signal);
    const waits = pool.authenticate(request, nobody, second.signal);
    second.abort(new Error('left'));
    await assert.rejects(waits, /left/);
    first.abort(new Error('over'));
    await assert.rejects(busy, /over/);
    pool.close();
  });
});

test('whatever the process does, a login is refused and the server goes on', async (t) => {
  for (const [name, lines] of [
    ['it ends', 'exit 1'],
    ['nonsense', `say nonsense`],
    ['null', `say null`],
    ['a failure', `say '{"kind":"failed","reason":"no rules","isAbsent":false}'`],
    ['words without end', `while :; do say '${word('x')}'; done`],
  ] as const) {
    await t.test(name, async () => {
      const { pool } = poolOf(lines);
      await assert.rejects(pool.authenticate(request, nobody), { name: 'SshError', code: 'operation-failed' });
      pool.close();
    });
  }
  await t.test('no PAM at all is told apart', async () => {
    const { pool } = poolOf(`say '{"kind":"failed","reason":"none","isAbsent":true}'`);
    await assert.rejects(pool.checkAccount(request), { code: 'unsupported' });
    pool.close();
  });
  await t.test('a program that cannot be started', async () => {
    const start = () => spawn('/no/such/program', { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] });
    await assert.rejects(openPamPool({ start }).checkAccount(request), { code: 'operation-failed' });
  });
});
