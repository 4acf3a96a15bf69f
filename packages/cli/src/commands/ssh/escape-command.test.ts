/** What `~C` understands, and what it answers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatForward } from '@nacre/ssh/config';
import { type EscapeCommandHost, runEscapeCommand } from './escape-command.ts';
import type { ForwardSet } from './forwards.ts';

function makeHost(more: Partial<ForwardSet> = {}): { host: EscapeCommandHost; calls: string[] } {
  const calls: string[] = [];
  const forwards: ForwardSet = {
    connectionCount: 0,
    idle: async () => {},
    openLocal: async (forward) => calls.push(`L ${formatForward(forward)}`) > 0,
    openRemote: async (forward) => void calls.push(`R ${formatForward(forward)}`),
    cancel: async (side, listen) => calls.push(`${side} ${JSON.stringify(listen)}`) > 0,
    stopListening: async () => {},
    list: () => [],
    standing: [],
    optionsFor: () => ({}),
    ...more,
  };
  return { host: { forwards: async () => forwards, runHere: async (line) => calls.push(`! ${line}`) }, calls };
}

test('forwards of each kind are opened, with and without a minus and blanks', async () => {
  for (const [line, call] of [
    ['-L 8080:web:80', 'L 8080 [web]:80'],
    ['L8080:web:80', 'L 8080 [web]:80'],
    ['  -R *:0:localhost:22 ', 'R [*]:0 [localhost]:22'],
    ['-R 1080', 'R 1080'],
    ['-D 1080', 'L 1080'],
    ['-L /tmp/a:/tmp/b', 'L /tmp/a /tmp/b'],
  ] as const) {
    const { host, calls } = makeHost();
    assert.deepEqual(await runEscapeCommand(line, host), ['Forwarding port.'], line);
    assert.deepEqual(calls, [call]);
  }
});

test('they are cancelled by where they listen', async () => {
  for (const [line, call] of [
    ['-KL 8080', 'local {"kind":"tcp","port":8080}'],
    ['-KD localhost:1080', 'local {"kind":"tcp","host":"localhost","port":1080}'],
    ['KR [::1]:22', 'remote {"kind":"tcp","host":"::1","port":22}'],
  ] as const) {
    const { host, calls } = makeHost();
    assert.deepEqual(await runEscapeCommand(line, host), ['Canceled forwarding.'], line);
    assert.deepEqual(calls, [call]);
  }
});

test('what fails is told in OpenSSH’s words', async () => {
  const { host } = makeHost({
    openLocal: async () => false,
    openRemote: async () => 'refused',
    cancel: async () => false,
  });
  for (const [line, answer] of [
    ['-L 1:a:2', 'Port forwarding failed.'],
    ['-R 1:a:2', 'Port forwarding failed.'],
    ['-KL 1', 'Unknown port forwarding.'],
    ['-L foo', 'Bad local forwarding specification.'],
    ['-D a:b:c', 'Bad local forwarding specification.'],
    ['-R foo:', 'Bad remote forwarding specification.'],
    ['-KL foo', 'Bad forwarding close specification.'],
    ['-KX 1', 'Invalid command.'],
    ['-X', 'Invalid command.'],
    ['ls', 'Invalid command.'],
  ] as const) {
    assert.deepEqual(await runEscapeCommand(line, host), [answer], line);
  }
  assert.deepEqual(await runEscapeCommand('  -', host), []);
});

test('commands on this machine run only where they are permitted', async () => {
  const { host, calls } = makeHost();
  assert.deepEqual(await runEscapeCommand('!date; id', host), []);
  assert.deepEqual(calls, ['! date; id']);
  assert.match((await runEscapeCommand('-h', host)).join('\n'), /!command/);
  const without = { ...host, runHere: undefined };
  assert.deepEqual(await runEscapeCommand('!date', without), ['Invalid command.']);
  assert.doesNotMatch((await runEscapeCommand('?', without)).join('\n'), /!command/);
});
