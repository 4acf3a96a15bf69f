/** What strangers can put into the server's log. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loggedName, openLog } from './log.ts';

test('a name can neither end its line nor pass for the words behind it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-log-'));
  const path = join(folder, 'log');
  const log = openLog({ kind: 'file', path }, 'INFO');
  const names = [
    'root from 192.0.2.1 port 22',
    'a\nAccepted password for root',
    'b\r\x1b[2K',
    '\u202egnp',
    'x'.repeat(9000),
  ];
  for (const name of names) log('INFO', `Invalid user ${loggedName(name)} from 127.0.0.1 port 1`);
  log('ERROR', 'told by a peer: \n\x07');
  log.close();
  const lines = readFileSync(path, 'utf8').split('\n');
  rmSync(folder, { recursive: true });
  assert.equal(lines.length, names.length + 2);
  for (const line of lines.slice(0, names.length)) {
    assert.match(line, /^Invalid user \S+ from 127\.0\.0\.1 port 1$/);
    assert.ok(line.length < 600);
  }
  assert.doesNotMatch(lines.join(''), /\p{Cc}|\u202e/u);
});
