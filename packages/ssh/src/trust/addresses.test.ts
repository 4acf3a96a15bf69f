/** Address lists: blocks, negation, mapped addresses, and what is refused. */
import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { blockOf, matchAddressList, matchCidrList, matchHostAndAddress } from './addresses.ts';

const isBadList = (error: unknown) => error instanceof SshError && error.code === 'bad-file';

test('blocks and single addresses match, negation wins', () => {
  const list = '192.0.2.0/24,!192.0.2.7,2001:db8::/32';
  assert.equal(matchAddressList(list, '192.0.2.8'), 'match');
  assert.equal(matchAddressList(list, '192.0.2.7'), 'negated');
  assert.equal(matchAddressList(list, '192.0.3.1'), 'none');
  assert.equal(matchAddressList(list, '2001:db8:ffff::1'), 'match');
  assert.equal(matchAddressList(list, '2001:db9::1'), 'none');
  assert.equal(matchAddressList('0.0.0.0/0', '203.0.113.9'), 'match');
  assert.equal(matchAddressList('0.0.0.0/0', '2001:db8::1'), 'none');
  assert.equal(matchAddressList('::/0', '203.0.113.9'), 'none');
  assert.equal(matchAddressList('::1', '0:0:0:0:0:0:0:1'), 'match');
});

test('an IPv4 address inside IPv6 counts as IPv4, on either side', () => {
  assert.equal(matchAddressList('192.0.2.0/24', '::ffff:192.0.2.9'), 'match');
  assert.equal(matchAddressList('192.0.2.0/24', '::ffff:c000:209'), 'match');
  assert.equal(matchAddressList('::ffff:192.0.2.0/120', '192.0.2.9'), 'match');
  assert.equal(matchAddressList('!::ffff:192.0.2.9,192.0.2.0/24', '192.0.2.9'), 'negated');
  assert.equal(matchAddressList('fe80::/10', 'fe80::1%eth0'), 'match');
});

test('without an address nothing matches, but the list is still judged', () => {
  assert.equal(matchAddressList('192.0.2.0/24', undefined), 'none');
  assert.equal(matchAddressList('192.0.2.0/24', 'not an address'), 'none');
  assert.throws(() => matchAddressList('', undefined), isBadList);
});

test('malformed lists are errors, whether or not an earlier entry matches', () => {
  const bad = [
    '',
    ',',
    '192.0.2.1,',
    '192.0.2.7/24',
    '2001:db8::1/32',
    '192.0.2.0/33',
    '192.0.2.0/-1',
    '192.0.2.0/',
    '::/129',
  ];
  bad.push(
    '192.0.2.0/024x',
    '*',
    'host.example.com',
    '192.0.2.*',
    '!',
    '1.2.3',
    '010.0.0.1',
    'fe80::1%eth0',
    ' 192.0.2.1',
    '/8',
  );
  for (const list of bad) {
    assert.throws(() => matchAddressList(list, '192.0.2.1'), isBadList, list);
    assert.throws(() => matchAddressList(`192.0.2.1,${list}`, '192.0.2.1'), isBadList, list);
  }
});

test('a certificate list takes no negation', () => {
  assert.equal(matchCidrList('192.0.2.0/24', '192.0.2.1'), 'match');
  assert.throws(() => matchCidrList('192.0.2.0/24,!192.0.2.1', '192.0.2.9'), isBadList);
});

test('from= lists mix names, patterns and blocks', () => {
  assert.equal(matchHostAndAddress('*.example.com,192.0.2.0/24', 'a.example.com', '203.0.113.1'), 'match');
  assert.equal(matchHostAndAddress('*.example.com,192.0.2.0/24', undefined, '192.0.2.3'), 'match');
  assert.equal(matchHostAndAddress('192.0.2.*', undefined, '::ffff:192.0.2.3'), 'match');
  assert.equal(matchHostAndAddress('*.example.com,!192.0.2.3', 'a.example.com', '192.0.2.3'), 'negated');
  assert.equal(matchHostAndAddress('!bad.example.com,*', 'bad.example.com', '192.0.2.3'), 'negated');
  assert.equal(matchHostAndAddress('*', undefined, undefined), 'none');
  assert.throws(() => matchHostAndAddress('192.0.2.7/24', undefined, '192.0.2.7'), isBadList);
  assert.throws(() => matchHostAndAddress('a,,b', 'a', '192.0.2.7'), isBadList);
});

test('blocks agree with net.BlockList', () => {
  const bytes = (count: number) =>
    fc.array(fc.constantFrom(0, 1, 127, 128, 255), { minLength: count, maxLength: count });
  fc.assert(
    fc.property(bytes(4), bytes(4), fc.integer({ min: 1, max: 32 }), (network, address, prefix) => {
      const masked = network.map((byte, at) => byte & (0xff << Math.min(8, Math.max(0, 8 * (at + 1) - prefix))));
      const block = new BlockList();
      block.addSubnet(masked.join('.'), prefix, 'ipv4');
      const ours = matchAddressList(`${masked.join('.')}/${prefix}`, address.join('.')) === 'match';
      return ours === block.check(address.join('.'), 'ipv4');
    }),
  );
  const groups = fc.array(fc.constantFrom('0', '1', '8000', 'ffff'), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(groups, groups, fc.integer({ min: 0, max: 8 }), (network, address, kept) => {
      fc.pre(kept > 0 && !network.slice(0, 5).every((group) => group === '0'));
      const text = network.map((group, at) => (at < kept ? group : '0')).join(':');
      const block = new BlockList();
      block.addSubnet(text, kept * 16, 'ipv6');
      const ours = matchAddressList(`${text}/${kept * 16}`, address.join(':')) === 'match';
      return ours === block.check(address.join(':'), 'ipv6');
    }),
  );
});

test('any text gives a result or an SshError', () => {
  const piece = fc.constantFrom('1', '255', '.', ':', '::', '/', ',', '!', 'ffff', '%', '*', '32', 'g');
  fc.assert(
    fc.property(
      fc.string({ unit: piece, maxLength: 20 }),
      fc.string({ unit: piece, maxLength: 12 }),
      (list, address) => {
        for (const run of [() => matchAddressList(list, address), () => matchHostAndAddress(list, address, address)]) {
          try {
            run();
          } catch (error) {
            assert.ok(error instanceof SshError, String(error));
          }
        }
      },
    ),
  );
});

test('the block of an address, as one text', () => {
  for (const [address, ipv4, ipv6, text] of [
    ['192.0.2.77', 24, 128, '192.0.2.0/24'],
    ['::ffff:192.0.2.77', 32, 0, '192.0.2.77/32'],
    ['192.0.2.77', 0, 0, '0.0.0.0/0'],
    ['2001:db8:0:1:2:3:4:5', 32, 64, '2001:db8:0:1::/64'],
    ['2001:DB8:0:0:1:0:0:1', 32, 128, '2001:db8::1:0:0:1/128'],
    ['fe80::1%eth0', 32, 128, 'fe80::1/128'],
    ['::1', 32, 128, '::1/128'],
    ['::1', 32, 0, '::/0'],
    ['1:2:3:4:5:6:7:8', 32, 128, '1:2:3:4:5:6:7:8/128'],
    ['1:0:3:4:5:6:0:8', 32, 128, '1:0:3:4:5:6:0:8/128'],
    ['10:0:0:4:5:0:0:0', 32, 128, '10:0:0:4:5::/128'],
  ] as const) {
    assert.equal(blockOf(address, ipv4, ipv6)?.text, text);
  }
  assert.equal(blockOf('UNKNOWN', 32, 128), undefined);
});

test('the text of any IPv6 address is that address', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(0, 0, 0, 1, 0x10, 0xa00b), { minLength: 8, maxLength: 8 }), (groups) => {
      const address = groups.map((group) => group.toString(16)).join(':');
      const text = blockOf(address, 32, 128)?.text ?? '';
      assert.equal(text, `${new URL(`http://[${address}]`).hostname.slice(1, -1)}/128`);
    }),
  );
});
