/** Descriptors that come over a socket: each is counted, and what is not wanted is closed. */
import assert from 'node:assert/strict';
import { fstatSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { isError, until } from './live.test.kit.ts';
import { awaitDescriptors, type ReceivedDescriptors } from './passed-descriptors.ts';

const file = process.execPath;

/** A socket in which this arrives, in order; then nothing. */
function arriving(...script: ReceivedDescriptors[]) {
  return { receiveDescriptors: () => script.shift() ?? ('nothing' as const) };
}

function open(count: number): number[] {
  return Array.from({ length: count }, () => openSync(file, 'r'));
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

const options = { count: 3, timeoutMs: 60_000, socketFd: () => 99 };

test('one with each byte, whenever it comes', async () => {
  const [a, b, c] = open(3) as [number, number, number];
  const one = (fd: number) => ({ fds: [fd], isWhole: true });
  const passed = await awaitDescriptors(arriving(one(a), 'nothing', 'nothing', one(b), one(c)), options);
  assert.deepEqual(passed.fds, [a, b, c]);
  passed.close();
  await until('they are closed', () => ![a, b, c].some(isOpen));
});

test('none with a byte, several, too many for the system, the end, and nothing at all: all are closed', async () => {
  const endings: [ReceivedDescriptors, string][] = [
    [{ fds: [], isWhole: true }, 'protocol-error'],
    [{ fds: open(3), isWhole: true }, 'protocol-error'],
    [{ fds: open(1), isWhole: false }, 'protocol-error'],
    ['ended', 'connection-lost'],
    ['nothing', 'timeout'],
  ];
  for (const [last, code] of endings) {
    const [first] = open(1) as [number];
    const given = [first, ...(typeof last === 'string' ? [] : last.fds)];
    const awaited = awaitDescriptors(arriving({ fds: [first], isWhole: true }, last), {
      ...options,
      timeoutMs: code === 'timeout' ? 5 : options.timeoutMs,
    });
    await assert.rejects(awaited, isError(code as 'timeout', 'channel'), code);
    await until('they are closed', () => !given.some(isOpen));
  }
});

test('a socket that is closed meanwhile, and a call that fails', async () => {
  let isClosed = false;
  const awaited = awaitDescriptors(arriving(), {
    ...options,
    timeoutMs: 0,
    socketFd: () => (isClosed ? undefined : 99),
  });
  isClosed = true;
  await assert.rejects(awaited, isError('connection-lost', 'channel'));
  const [fd] = open(1) as [number];
  let calls = 0;
  const receiveDescriptors = () => {
    if (calls++ > 0) throw new Error('no more');
    return { fds: [fd], isWhole: true };
  };
  await assert.rejects(awaitDescriptors({ receiveDescriptors }, options), /no more/);
  await until('they are closed', () => !isOpen(fd));
});
