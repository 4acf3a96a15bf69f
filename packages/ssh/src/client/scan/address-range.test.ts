/** Address ranges: which texts are one, and which addresses they hold. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { parseAddressRange } from './address-range.ts';

const expand = (text: string): string[] | undefined => {
  const range = parseAddressRange(text);
  return range === undefined ? undefined : [...range];
};

test('ranges hold their first and their last address', () => {
  assert.deepEqual(expand('192.0.2.4/30'), ['192.0.2.4', '192.0.2.5', '192.0.2.6', '192.0.2.7']);
  assert.deepEqual(expand('192.0.2.255/32'), ['192.0.2.255']);
  assert.deepEqual(expand('192.0.2.255'), ['192.0.2.255']);
  assert.deepEqual(expand('0.0.0.255/32'), ['0.0.0.255']);
  assert.equal(expand('10.0.0.0/16')?.length, 65_536);
  assert.equal(expand('10.0.0.0/16')?.at(-1), '10.0.255.255');
});

test('IPv6 addresses come out in their one short form', () => {
  const forms = [
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::0001', '::1'],
    ['::', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:0:3:4:5:6:7:8', '1:0:3:4:5:6:7:8'],
    ['1::', '1::'],
    ['10:0:0:10:20:0:0:100', '10::10:20:0:0:100'],
    ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
    ['2001:db8::192.0.2.1', '2001:db8::c000:201'],
  ] as const;
  for (const [text, form] of forms) assert.deepEqual(expand(text), [form], text);
  assert.deepEqual(expand('2001:db8::fffe/127'), ['2001:db8::fffe', '2001:db8::ffff']);
});

test('names and other texts are no range', () => {
  const texts = ['', 'a', 'a.example', '192.0.2', '192.0.2.1/24', '192.0.2.0/33', '192.0.2.0/', '/24', '::1/129'];
  for (const text of [...texts, '::1/0', 'fe80::1%eth0', '1.2.3.4,5.6.7.8', '192.0.2.0/2 4', '192.0.2.0/-1', 'a/24']) {
    assert.equal(parseAddressRange(text), undefined, text);
  }
});

test('a range that nobody could scan is refused before anything is made', () => {
  for (const text of ['::/0', '2001:db8::/64', '0.0.0.0/0', '10.0.0.0/7']) {
    assert.throws(
      () => parseAddressRange(text),
      (error) => error instanceof SshError && error.code === 'limit-exceeded',
      text,
    );
  }
  const [first] = parseAddressRange('10.0.0.0/8') ?? [];
  assert.equal(first, '10.0.0.0');
});
