/** Permissions: the list of features, how limits add up, the gate, and what certificates bring. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { parsePublicKey } from '../keys/index.ts';
import type { Certificate } from '../keys/types.ts';
import { allFeatures, featureFor, features } from './features.ts';
import { certificateTexts } from './fixtures.test.data.ts';
import {
  fullPermissions,
  mayListen,
  mayOpen,
  mergePermissions,
  permissionsFromCertificate,
  refusalFor,
} from './permissions.ts';

const certificateOf = (text: string): Certificate => parsePublicKey(text).key.certificate as Certificate;
const here = { address: '192.0.2.1', now: Date.UTC(2026, 0, 1) };
const hasCode = (code: string) => (error: unknown) => error instanceof SshError && error.code === code;

test('every way out of a session is in the one list', () => {
  const known = [
    ['pty-req', 'pty'],
    ['x11-req', 'X11-forwarding'],
    ['x11', 'X11-forwarding'],
    ['auth-agent-req@openssh.com', 'agent-forwarding'],
    ['auth-agent@openssh.com', 'agent-forwarding'],
    ['agent-connect', 'agent-forwarding'],
    ['direct-tcpip', 'port-forwarding'],
    ['tcpip-forward', 'port-forwarding'],
    ['forwarded-tcpip', 'port-forwarding'],
    ['direct-streamlocal@openssh.com', 'port-forwarding'],
    ['streamlocal-forward@openssh.com', 'port-forwarding'],
    ['tun@openssh.com', 'tunnel'],
  ] as const;
  for (const [name, feature] of known) assert.equal(featureFor(name), feature);
  assert.equal(featureFor('session'), undefined);
  const governed = features.flatMap((row) => row.governs as readonly string[]);
  assert.equal(new Set(governed).size, governed.length);
  assert.deepEqual(Object.values(allFeatures(false)), Array(features.length).fill(false));
});

test('merging keeps every limit of both sides', () => {
  const a = {
    ...fullPermissions,
    forceCommand: 'date',
    allow: { ...allFeatures(true), pty: false },
    from: ['192.0.2.0/24'],
    permitOpen: [[{ host: 'db', port: 5432 }]],
    expiresAt: 2000,
    requireUserPresence: false,
    environment: new Map([['A', '1']]),
  };
  const b = {
    ...fullPermissions,
    forceCommand: 'date',
    allow: { ...allFeatures(true), tunnel: false },
    sourceAddresses: ['192.0.2.0/25'],
    permitOpen: [
      [
        { host: 'db', port: 'any' as const },
        { host: 'web', port: 80 },
      ],
    ],
    expiresAt: 1000,
    requireUserVerification: true,
    environment: new Map([['B', '2']]),
  };
  for (const merged of [mergePermissions(a, b), mergePermissions(b, a)]) {
    assert.equal(merged.forceCommand, 'date');
    assert.deepEqual(merged.allow, { ...allFeatures(true), pty: false, tunnel: false });
    assert.equal(merged.expiresAt, 1000);
    assert.equal(merged.requireUserPresence, true);
    assert.equal(merged.requireUserVerification, true);
    assert.equal(merged.environment.size, 2);
    assert.equal(mayOpen(merged, 'db', 5432), true);
    assert.equal(mayOpen(merged, 'db', 22), false);
    assert.equal(mayOpen(merged, 'web', 80), false);
    assert.equal(
      refusalFor({ ...merged, expiresAt: undefined }, { ...here, address: '192.0.2.200' })?.includes('certificate'),
      true,
    );
  }
});

test('limits survive any chain of merges with an unlimited step', () => {
  const limited = { ...fullPermissions, allow: allFeatures(false), forceCommand: 'date', from: ['192.0.2.0/24'] };
  assert.deepEqual(mergePermissions(mergePermissions(limited, fullPermissions), fullPermissions), limited);
  assert.deepEqual(mergePermissions(fullPermissions, mergePermissions(fullPermissions, limited)), limited);
});

test('contradicting credentials are an error, not a choice', () => {
  const command = (forceCommand: string) => ({ ...fullPermissions, forceCommand });
  assert.throws(() => mergePermissions(command('a'), command('b')), hasCode('auth-failed'));
  assert.throws(() => mergePermissions(command('a'), command('')), hasCode('auth-failed'));
  const device = (tunnelDevice: number) => ({ ...fullPermissions, tunnelDevice });
  assert.throws(() => mergePermissions(device(0), device(1)), hasCode('auth-failed'));
  const variable = (value: string) => ({ ...fullPermissions, environment: new Map([['A', value]]) });
  assert.throws(() => mergePermissions(variable('1'), variable('2')), hasCode('auth-failed'));
});

test('the gate refuses by time, by address, without an address, and for a list that cannot be read', () => {
  assert.equal(refusalFor(fullPermissions, here), undefined);
  const until = { ...fullPermissions, expiresAt: 1000 };
  assert.equal(refusalFor(until, { ...here, now: 1_000_999 }), undefined);
  assert.match(refusalFor(until, { ...here, now: 1_001_000 }) ?? '', /expired/);
  assert.match(refusalFor(until, { ...here, now: Number.NaN }) ?? '', /expired/);
  for (const limited of [
    { ...fullPermissions, from: ['198.51.100.0/24'] },
    { ...fullPermissions, from: ['*', '!192.0.2.1,*'] },
    { ...fullPermissions, from: [''] },
    { ...fullPermissions, sourceAddresses: ['198.51.100.0/24'] },
    { ...fullPermissions, sourceAddresses: ['192.0.2.0/24', ''] },
    { ...fullPermissions, sourceAddresses: ['192.0.2.0/24,!192.0.2.7'] },
  ]) {
    assert.equal(typeof refusalFor(limited, here), 'string');
  }
  for (const limited of [
    { ...fullPermissions, from: ['*'] },
    { ...fullPermissions, sourceAddresses: ['0.0.0.0/0'] },
  ]) {
    assert.equal(refusalFor(limited, here), undefined);
    assert.equal(typeof refusalFor(limited, { ...here, address: undefined }), 'string');
  }
});

test('forward rules: literal destinations, patterns of listening hosts', () => {
  const open = {
    ...fullPermissions,
    permitOpen: [
      [
        { host: '*.example.com', port: 80 },
        { host: 'DB', port: 'any' as const },
      ],
    ],
  };
  assert.equal(mayOpen(open, 'a.example.com', 80), false);
  assert.equal(mayOpen(open, 'db', 1), true);
  const listen = { ...fullPermissions, permitListen: [[{ host: '*.example.com', port: 80 }]] };
  assert.equal(mayListen(listen, 'a.example.com', 80), true);
  assert.equal(mayListen(listen, 'a.example.com', 81), false);
  assert.equal(mayListen({ ...listen, allow: allFeatures(false) }, 'a.example.com', 80), false);
});

test('a certificate grants what its extensions say and no more', () => {
  assert.deepEqual(permissionsFromCertificate(certificateOf(certificateTexts.user)), fullPermissions);
  assert.deepEqual(permissionsFromCertificate(certificateOf(certificateTexts.restricted)).allow, allFeatures(false));
  const forced = permissionsFromCertificate(certificateOf(certificateTexts.forced));
  assert.equal(forced.forceCommand, '/bin/date');
  assert.deepEqual(forced.sourceAddresses, ['192.0.2.0/24']);
  assert.deepEqual(forced.allow, { ...allFeatures(true), pty: false, 'X11-forwarding': false });
  const noTouch = permissionsFromCertificate(certificateOf(certificateTexts.noTouch));
  assert.equal(noTouch.requireUserPresence, false);
  assert.equal(noTouch.requireUserVerification, true);
  assert.equal(mergePermissions(fullPermissions, noTouch).requireUserPresence, true);
});

test('a certificate that cannot be enforced is refused', () => {
  const base = certificateOf(certificateTexts.user);
  const critical = (name: string, ...bytes: number[]) => ({
    ...base,
    criticalOptions: new Map([[name, Buffer.from(bytes)]]),
  });
  const bad = [
    certificateOf(certificateTexts.unknown),
    certificateOf(certificateTexts.hostCertificate),
    critical('source-address', 0, 0, 0, 0),
    critical('source-address'),
    critical('source-address', 0, 0, 0, 1, 0x2a),
    critical('source-address', 0, 0, 0, 9),
    critical('force-command', 0, 0, 0, 1, 0x61, 0x62),
    critical('force-command', 0, 0, 0, 1, 0),
    critical('force-command', 0, 0, 0, 1, 0xff),
    critical('verify-required', 1),
    { ...base, extensions: new Map([['permit-pty', Buffer.from('x')]]) },
    { ...base, extensions: new Map([['no-touch-required', Buffer.from('x')]]) },
  ];
  for (const certificate of bad)
    assert.throws(() => permissionsFromCertificate(certificate), hasCode('bad-certificate'));
});
