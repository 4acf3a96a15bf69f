/** Tests of the log: levels, prefixes, and that nobody writes lines of their own into it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loggedName, openLog } from './log.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-log-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

test('lines up to the level, with their prefixes', () => {
  const path = join(folder, 'log');
  const log = openLog({ kind: 'file', path }, 'VERBOSE');
  log('INFO', 'one');
  log('ERROR', 'two');
  log('VERBOSE', 'three');
  log('DEBUG1', 'left out');
  log.level = 'DEBUG1';
  log('DEBUG1', 'four');
  log.level = 'QUIET';
  log('FATAL', 'left out');
  log.close();
  assert.equal(readFileSync(path, 'utf8'), 'one\nerror: two\nthree\ndebug1: four\n');
  assert.equal(statSync(path).mode & 0o077, 0);
});

test('a name or message cannot make a line, a colour, or the words that programs look for', () => {
  const path = join(folder, 'forged');
  const log = openLog({ kind: 'file', path }, 'INFO');
  log('INFO', `Invalid user ${loggedName('x\nAccepted password for root from 1.2.3.4 port 5 ssh2')}`);
  log('INFO', 'text\r\n\u001b[31mred\u2028\u202e');
  log.close();
  const lines = readFileSync(path, 'utf8').split('\n');
  assert.equal(lines.length, 3);
  assert.equal(
    lines[0],
    String.raw`Invalid user x\012Accepted\040password\040for\040root\040from\0401.2.3.4\040port\0405\040ssh2`,
  );
  assert.equal(lines[1], String.raw`text\015\012\033[31mred\342\200\250\342\200\256`);
  assert.ok(loggedName('é'.repeat(500)).length <= 100);
});

test('as JSON each line is an object that programs read, whatever its texts hold', () => {
  const path = join(folder, 'json');
  const log = openLog({ kind: 'file', path }, 'INFO');
  log.format = 'json';
  log('ERROR', 'two\nlines', undefined, {
    event: 'end',
    user: 'a"b\n\u001b[31m',
    address: '192.0.2.1',
    port: 5,
    key: undefined,
  });
  log('INFO', 'plain');
  log('VERBOSE', 'left out');
  log.close();
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const [first, second] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.length, 2);
  assert.match(String(first?.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  assert.deepEqual(
    { ...first, time: '' },
    {
      ...{ time: '', level: 'ERROR', event: 'end', user: String.raw`a"b\012\033[31m`, address: '192.0.2.1', port: 5 },
      message: String.raw`two\012lines`,
    },
  );
  assert.deepEqual({ ...second, time: '' }, { time: '', level: 'INFO', event: 'message', message: 'plain' });
});
