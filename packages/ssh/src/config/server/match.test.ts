import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { version } from '../../version.ts';
import { parseConnectionSpec } from './connection-spec.ts';
import type { ServerSettings } from './keywords.ts';
import { compileMatch } from './match.ts';
import { complaintsOf, readText } from './memory-files.test.kit.ts';
import { resolveServerConfig } from './resolve.ts';

const facts = {
  user: 'ada',
  groups: () => ['staff', 'wheel'],
  host: 'DB1.example.com',
  address: '10.1.2.3',
  localAddress: '2001:db8::1',
  localPort: 2222,
  rdomain: 'vrf-a',
};
const fits = (line: string, more: object = {}) => compileMatch(line.split(' ')).matches({ ...facts, ...more });

test('every criterion, with negated patterns, wildcards and blocks of addresses', () => {
  for (const line of [
    'all',
    'User ada',
    'user=ada',
    'User b*,a?a',
    'Group wheel',
    'Group s*,!root',
    'Host *.example.com',
    'Address 10.0.0.0/8',
    'Address 10.1.*',
    'Address !10.9.0.0/16,10.0.0.0/8',
    'LocalAddress 2001:db8::/32',
    'LocalPort 2222',
    'RDomain vrf-*',
    `Version nacre_${version}`,
    'User ada Group staff Host db1.* Address 10.1.2.3 LocalPort 2222',
  ]) {
    assert.ok(fits(line), line);
  }
  for (const line of [
    'User Ada',
    'User *,!ada',
    'User !ada',
    'Group wheel,!staff',
    'Group other',
    'Host db1',
    'Host !db1.*,*',
    'Address 10.1.2.4',
    'Address *,!10.0.0.0/8',
    'LocalAddress 10.0.0.0/8',
    'LocalPort 22',
    'RDomain vrf-b',
    'Version OpenSSH_*',
    'Invalid-User',
    'User ada LocalPort 22',
  ]) {
    assert.ok(!fits(line), line);
  }
  assert.ok(fits('Invalid-User', { isInvalidUser: true }));
  // An IPv4 address inside of IPv6 is the one that it holds.
  assert.ok(fits('Address 10.0.0.0/8', { address: '::ffff:10.1.2.3' }));
});

test('what is not known fits nothing', () => {
  for (const line of [
    'User *',
    'Group *',
    'Host *',
    'Address *',
    'LocalAddress *',
    'LocalPort 22',
    'RDomain *',
    'Invalid-User',
  ]) {
    assert.ok(!compileMatch(line.split(' ')).matches({}), line);
  }
  assert.ok(compileMatch(['ALL']).matches({}));
});

test('groups are looked up only where a line asks, and only while it may fit', () => {
  let asked = 0;
  const groups = () => {
    asked++;
    return ['staff'];
  };
  assert.ok(!fits('User bob Group staff', { groups }));
  assert.equal(asked, 0);
  assert.ok(fits('Group staff', { groups }));
  assert.equal(asked, 1);
});

test('lines that are wrong', () => {
  const longList = 'a,'.repeat(9000);
  for (const [line, detail] of [
    ['Match Shape round', 'Unsupported Match attribute Shape'],
    ['Match constructor x', 'Unsupported Match attribute constructor'],
    ['Match user', 'Missing Match criteria for user'],
    ['Match user=', 'Missing Match criteria for user'],
    ['Match all user x', "'all' cannot be combined with other Match attributes"],
    ['Match user x all', "'all' cannot be combined with other Match attributes"],
    ['Match LocalPort 65536', "Invalid LocalPort '65536' on Match line"],
    ['Match Address 10.0.0.1/8', "Invalid Match address argument '10.0.0.1/8'"],
    ['Match LocalAddress 10.0.0.0/33', "Invalid Match localaddress argument '10.0.0.0/33'"],
    ['Match # nothing', 'One or more attributes required for Match'],
  ] as const) {
    assert.deepEqual(complaintsOf(line).slice(0, 2), [detail, 'main line 1: Bad Match condition'], line);
  }
  assert.equal(complaintsOf(`Match User ${longList}`)[1], 'main line 1: Bad Match condition');
  assert.deepEqual(
    complaintsOf('Match User x\nPort 22')[0],
    "main line 2: Directive 'Port' is not allowed within a Match block",
  );
});

/** What a configuration says for ada, or for somebody else. */
function settle(text: string, more: object = {}, files: Readonly<Record<string, string>> = {}): ServerSettings {
  return resolveServerConfig(readText(text, files), { ...facts, ...more }).settings;
}

test('the first block that fits and says a thing counts, and outweighs what stands outside', () => {
  const text = `MaxSessions 1
AcceptEnv A B
RekeyLimit 1G 1h
Subsystem sftp /outside
Subsystem other /other
Match User ada
  MaxSessions 2
  AcceptEnv C
  RekeyLimit 2G
Match Address 10.0.0.0/8
  MaxSessions 3
  MaxAuthTries 3
  AcceptEnv D
  Subsystem sftp /inside
Match User bob
  MaxAuthTries 4`;
  const ada = settle(text);
  assert.deepEqual([ada.maxSessions, ada.maxAuthTries, ada.acceptEnv], [2, 3, ['C', 'D']]);
  assert.deepEqual(ada.rekeyLimit, { bytes: 2 ** 31, seconds: 3600 });
  assert.deepEqual(Object.fromEntries(ada.subsystems), { sftp: '/inside', other: '/other' });
  const eve = settle(text, { user: 'eve', address: '192.0.2.1' });
  assert.deepEqual([eve.maxSessions, eve.maxAuthTries, eve.acceptEnv], [1, 6, ['A', 'B']]);
});

test('none takes away what stands outside', () => {
  const text =
    'ForceCommand x\nBanner /b\nPermitOpen a:1\nMatch User ada\nForceCommand none\nBanner none\nPermitOpen any';
  const { forceCommand, banner, permitOpen } = settle(text);
  assert.deepEqual([forceCommand, banner, permitOpen], [undefined, undefined, undefined]);
});

test('Match all counts before anything is known, and outweighs what stands before it once something is', () => {
  const parsed = readText(
    'MaxSessions 1\nMatch User bob\nMaxAuthTries 1\nMatch all\nMaxSessions 2\nMaxAuthTries 3\nPort 99',
  );
  assert.deepEqual([parsed.settings.maxSessions, parsed.settings.maxAuthTries, parsed.settings.port], [1, 3, [99]]);
  const { settings } = resolveServerConfig(parsed, {});
  assert.deepEqual([settings.maxSessions, settings.maxAuthTries], [2, 3]);
  assert.equal(resolveServerConfig(parsed, { user: 'bob' }).settings.maxAuthTries, 1);
});

test('Include inside of a block: its lines are under both conditions, and the order is that of the lines', () => {
  const files = {
    '/etc/ssh/part': 'MaxSessions 5\nMatch Address 10.0.0.0/8\nMaxAuthTries 5\nBanner /part',
    '/plain': 'MaxSessions 7\nMatch User ada\nMaxAuthTries 7',
  };
  const text = 'Match User ada\nMaxAuthTries 1\nInclude part\nMaxSessions 9\nBanner /main\nPermitTTY no';
  const ada = settle(text, {}, files);
  assert.deepEqual([ada.maxSessions, ada.maxAuthTries, ada.banner, ada.permitTty], [5, 1, '/part', false]);
  const elsewhere = settle(text, { address: '192.0.2.1' }, files);
  assert.deepEqual([elsewhere.maxSessions, elsewhere.maxAuthTries, elsewhere.banner], [5, 1, '/main']);
  assert.equal(settle(text, { user: 'bob' }, files).maxSessions, 10);
  // The blocks of a file end with it.
  const outside = readText('Include /plain\nMaxStartups 3', files);
  assert.equal(outside.settings.maxStartups.full, 3);
  assert.equal(resolveServerConfig(outside, facts).settings.maxAuthTries, 7);
  assert.equal(complaintsOf('Match User x\nInclude /p', { '/p': 'Port 1' }).length, 2);
});

test('where a value was said', () => {
  const parsed = readText('MaxSessions 1\nAcceptEnv A\nMatch User ada\nMaxSessions 2\nAcceptEnv B\nAcceptEnv C');
  const { origins } = resolveServerConfig(parsed, facts);
  assert.deepEqual(origins.get('maxSessions'), [{ file: 'main', line: 4 }]);
  assert.deepEqual(
    origins.get('acceptEnv')?.map(({ line }) => line),
    [5, 6],
  );
  assert.equal(origins.get('banner'), undefined);
  assert.deepEqual(parsed.origins.get('maxSessions'), [{ file: 'main', line: 1 }]);
});

test('the same blocks give the same object, and no number of clients makes more of them than a bound', () => {
  const lines = Array.from(
    { length: 12 },
    (_, index) => `Match User *${index.toString(2).padStart(4, '0')}*\nMaxSessions ${index}`,
  );
  const parsed = readText(lines.join('\n'));
  assert.equal(resolveServerConfig(parsed, { user: 'x0001' }), resolveServerConfig(parsed, { user: 'y0001' }));
  assert.equal(resolveServerConfig(parsed, { user: 'nobody' }), parsed);
  const seen = new Set<unknown>();
  for (let bits = 0; bits < 3000; bits++) {
    seen.add(resolveServerConfig(parsed, { user: bits.toString(2).padStart(14, '0') }).settings.maxSessions);
  }
  assert.ok(seen.size > 2);
});

test('what -C says', () => {
  assert.deepEqual(parseConnectionSpec('user=a,host=b,addr=c,laddr=d,lport=5,rdomain=e,invalid-user'), {
    user: 'a',
    host: 'b',
    address: 'c',
    localAddress: 'd',
    localPort: 5,
    rdomain: 'e',
    isInvalidUser: true,
  });
  assert.deepEqual(parseConnectionSpec('addr=x', { user: 'a', address: 'y' }), { user: 'a', address: 'x' });
  for (const bad of ['shape=x', 'user', 'lport=0', 'lport=x', 'constructor=x', 'INVALID-USER']) {
    assert.throws(() => parseConnectionSpec(bad), SshError, bad);
  }
});
