/** Files of principals: names, options, and lines that must let nobody in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { maxTrustFileBytes } from '../limits.ts';
import { findAuthorizedPrincipal } from './authorized-principals.ts';

const context = { address: '192.0.2.1', now: Date.UTC(2026, 0, 1), file: 'principals' };
const find = (text: string, ...principals: string[]) => findAuthorizedPrincipal(text, { principals }, context);

test('any name of the certificate in any line, and options before it', () => {
  const text = '# who\n\n  ops # all of them\nrestrict,command="a \\"b\\" c"\tada\n';
  const ops = find(text, 'x', 'ops');
  assert.ok(ops.status === 'authorized');
  assert.deepEqual([ops.principal, ops.line, ops.permissions.forceCommand], ['ops', 3, undefined]);
  const ada = find('restrict,command="a \\"b\\" c" \t ada', 'ada');
  assert.ok(ada.status === 'authorized');
  assert.deepEqual([ada.permissions.forceCommand, ada.permissions.allow.pty], ['a "b" c', false]);
  assert.deepEqual(find(text, 'who'), { status: 'refused', reasons: [] });
});

test('names are whole: no pattern, no list, no other case, no carriage return', () => {
  for (const line of ['*', 'ad*', 'ada,bob', 'Ada', 'ada\r', '"ada"', 'ad', 'adab', '#ada', '']) {
    assert.equal(find(line, 'ada').status, 'refused', JSON.stringify(line));
  }
  // OpenSSH CVE-2026-35414: a name of the certificate's that is a list is no list.
  assert.equal(find('ada', 'bob,ada').status, 'refused');
  assert.equal(find('', '').status, 'refused');
  assert.equal(find('ada').status, 'refused');
});

test('options that are not understood let nobody in; the next line may', () => {
  const text = 'no-such-option ada\nrestrict ada\n';
  const verdict = find(text, 'ada');
  assert.ok(verdict.status === 'authorized' && verdict.line === 2);
  const refused = find('no-such-option ada\ncommand="x ada\n', 'ada');
  assert.ok(refused.status === 'refused');
  assert.deepEqual(
    refused.reasons.map(({ line }) => line),
    [1, 2],
  );
});

test('from= and expiry-time= of the line that names the principal decide', () => {
  assert.equal(find('from="192.0.2.0/24" ada', 'ada').status, 'authorized');
  assert.equal(find('from="198.51.100.0/24" ada\nada', 'ada').status, 'refused');
  assert.equal(find('expiry-time="20250101Z" ada', 'ada').status, 'refused');
});

test('a file without end is refused', () => {
  assert.throws(() => find('x'.repeat(maxTrustFileBytes + 1), 'ada'), SshError);
});
