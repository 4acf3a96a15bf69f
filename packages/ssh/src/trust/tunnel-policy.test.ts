/** Tunnel rules and quotas: what is read, what fits, and the ways around a rule that must not be there. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { findDenial, judgeByName, parseTunnelRule, type TunnelTarget } from './tunnel-policy.ts';
import { formatTunnelQuota, parseTunnelQuota } from './tunnel-quota.ts';

const rulesOf = (text: string) => text.split('\n').map((line) => parseTunnelRule(line.trim().split(' ')));
const local = (address: string, port = 80, host = address): TunnelTarget => ({
  direction: 'local',
  host,
  port,
  address,
});
const remote = (address: string, port = 80, host = address): TunnelTarget => ({
  direction: 'remote',
  host,
  port,
  address,
});
const socket = (path: string, realPath = path): TunnelTarget => ({ direction: 'socket', path, realPath });
const isAllowed = (rules: string, target: TunnelTarget) => findDenial(rulesOf(rules), target) === undefined;

test('the first rule that fits decides, and without one a tunnel is allowed', () => {
  const rules = 'allow local 10.0.0.5:22\ndeny local 10.0.0.0/8\nallow any *:80-89\ndeny any *';
  for (const [target, wanted] of [
    [local('10.0.0.5', 22), true],
    [local('10.0.0.5', 23), false],
    [local('10.0.0.6', 22), false],
    [local('192.0.2.1', 80), true],
    [local('192.0.2.1', 89), true],
    [local('192.0.2.1', 90), false],
    [remote('127.0.0.1', 79), false],
    [remote('127.0.0.1', 85), true],
    [socket('/run/x'), false],
  ] as const) {
    assert.equal(isAllowed(rules, target), wanted, JSON.stringify(target));
  }
  assert.equal(findDenial([], local('10.0.0.1')), undefined);
  assert.ok(isAllowed('deny remote 10.0.0.0/8', local('10.0.0.1')));
  assert.ok(isAllowed('deny local *', remote('10.0.0.1')));
  assert.deepEqual(findDenial(rulesOf(rules), local('10.0.0.6'))?.words, ['deny', 'local', '10.0.0.0/8']);
});

test('addresses are compared with where the connection leads, names with what was asked for', () => {
  const metadata = 'deny local 169.254.0.0/16';
  assert.ok(!isAllowed(metadata, local('169.254.169.254', 80, 'harmless.test')));
  assert.ok(!isAllowed(metadata, local('::ffff:169.254.169.254', 80, 'harmless.test')));
  assert.ok(isAllowed(metadata, local('192.0.2.1', 80, '169.254.169.254.test')));
  assert.ok(!isAllowed('deny local [fe80::/10]', local('fe80::1%eth0')));
  assert.ok(!isAllowed('deny local [2001:db8::/32]:443', local('2001:db8::7', 443, 'x')));
  assert.ok(isAllowed('deny local [2001:db8::/32]:443', local('2001:db8::7', 444, 'x')));
  const names = 'allow local *.example.com:443\ndeny local *';
  assert.ok(isAllowed(names, local('192.0.2.1', 443, 'WWW.Example.COM.')));
  assert.ok(!isAllowed(names, local('192.0.2.1', 443, 'example.com')));
  assert.ok(!isAllowed(names, local('192.0.2.1', 443, 'example.com.evil.test')));
  assert.ok(!isAllowed('deny local *.evil.test', local('192.0.2.1', 1, 'x.evil.test.')));
});

test('no address at all leads to this machine, and what is no address passes no rule that denies', () => {
  for (const address of ['0.0.0.0', '::ffff:0.0.0.0']) assert.ok(!isAllowed('deny local 127.0.0.0/8', local(address)));
  assert.ok(!isAllowed('deny local [::1]', local('::')));
  // To listen there is something else.
  assert.ok(isAllowed('deny remote 127.0.0.0/8', remote('0.0.0.0')));
  assert.ok(!isAllowed('deny local 10.0.0.0/8', local('nonsense')));
  assert.ok(!isAllowed('allow local 10.0.0.0/8\ndeny any *', local('nonsense')));
});

test('a link leads neither out of what is allowed nor around what is denied', () => {
  const rules = 'deny socket /run/docker.sock\nallow socket /home/ada/*\ndeny socket *';
  assert.ok(isAllowed(rules, socket('/home/ada/s')));
  assert.ok(!isAllowed(rules, socket('/home/ada/s', '/run/docker.sock')));
  assert.ok(!isAllowed(rules, socket('/home/ada/s', '/run/other.sock')));
  assert.ok(!isAllowed('deny socket /var/run/*', socket('/var/run/x', '/run/x')));
  assert.ok(!isAllowed('deny any /run/*', socket('/home/ada/s', '/run/x')));
  assert.ok(isAllowed('deny any 10.0.0.0/8 host.test', socket('/run/x')));
});

test('what is known before the name is looked up', () => {
  const judge = (rules: string, host: string, port = 80) => {
    const verdict = judgeByName(rulesOf(rules), { direction: 'local', host, port });
    return verdict === 'unknown' ? verdict : verdict.denial === undefined;
  };
  assert.equal(judge('deny local a.test', 'a.test'), false);
  assert.equal(judge('deny local a.test', 'b.test'), true);
  assert.equal(judge('deny local 10.0.0.0/8:22', 'b.test'), true);
  assert.equal(judge('deny local 10.0.0.0/8:22', 'b.test', 22), 'unknown');
  assert.equal(judge('deny local *\nallow local 10.0.0.0/8', 'b.test'), false);
  assert.equal(judge('allow local 10.0.0.0/8\ndeny any *', 'b.test'), 'unknown');
  assert.equal(judge('deny remote 10.0.0.0/8\ndeny socket /x', 'b.test'), true);
});

test('what is no rule is refused, with words on why', () => {
  for (const [line, reason] of [
    ['', /neither allow nor deny/],
    ['permit local *', /neither allow nor deny/],
    ['deny', /none of local/],
    ['deny up *', /none of local/],
    ['deny local', /names no destination/],
    ['deny local /run/x', /is a path/],
    ['deny socket host', /no absolute path/],
    ['deny socket host:22', /no absolute path/],
    ['deny socket /a/../b', /no plain path/],
    ['deny socket /a//b', /no plain path/],
    ['deny socket /a/', /no plain path/],
    ['deny local 2001:db8::1', /IPv6 stands in brackets/],
    ['deny local [host]:22', /is no address/],
    ['deny local [10.0.0.1]x', /IPv6 stands in brackets/],
    ['deny local host:0', /no port/],
    ['deny local host:65536', /no port/],
    ['deny local host:20-10', /no port/],
    ['deny local host:', /no port/],
    ['deny local 10.0.0.0/33', /mask/],
    ['deny local 10.0.0.1/8', /bits set/],
    ['deny local 10.*', /CIDR/],
    ['deny local 10.0.0.?:22', /CIDR/],
    ['deny local a,b', /no host pattern/],
    ['deny local !a', /no host pattern/],
    [`deny local ${'a'.repeat(100_000)}`, /at most/],
  ] as const) {
    assert.throws(
      () => parseTunnelRule(line === '' ? [] : line.split(' ')),
      (error) => error instanceof SshError && error.code === 'bad-file' && reason.test(error.message),
      line.slice(0, 40),
    );
  }
});

test('quotas: read, printed and read again; what limits nothing is a mistake', () => {
  const text = 'connections=20 bytes=1G total-bytes=2T every=1d per=key';
  const quota = parseTunnelQuota(text.split(' '));
  assert.deepEqual(quota, { per: 'key', connections: 20, bytes: 2 ** 30, totalBytes: 2 ** 41, everySeconds: 86_400 });
  assert.deepEqual(parseTunnelQuota(formatTunnelQuota(quota).split(' ')), quota);
  assert.deepEqual(parseTunnelQuota(['connections=0']), { per: 'user', connections: 0 });
  for (const bad of [
    ...['', 'per=user', 'connections=-1', 'connections=1k', 'bytes=', 'bytes=1x', 'bytes=99999999999999t', 'size=1'],
    ...['connections=1 connections=2', 'connections=1 per=host', 'bytes=1 every=1d', 'total-bytes=1 every=0'],
    ...['total-bytes=1 every=x', 'connections'],
  ]) {
    assert.throws(() => parseTunnelQuota(bad.split(' ')), SshError, bad);
  }
});
