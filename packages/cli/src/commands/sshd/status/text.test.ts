/** Tests of the status as people read it: its words, and that nothing clients say reaches the terminal as it is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAge, formatBytes, formatStatus } from './text.ts';
import type { ConnectionStatus, ServerStatus } from './types.ts';

const hostile = '\u001b]0;owned\u0007\r\nroot';
const base: ConnectionStatus = {
  id: 3,
  ...{ address: '2001:db8::7', port: 50022, localAddress: '::1', localPort: 22, hostName: hostile },
  ...{ client: hostile, ageSeconds: 90, phase: 'connection', algorithms: undefined },
  ...{ bytesReceived: 1, bytesSent: 2, rekeys: 0, attemptedUser: undefined, login: undefined, channels: [] },
};
const channel = { label: 'x', state: 'open', ageSeconds: 5, bytesReceived: 1500, bytesSent: 2_500_000 } as const;
const status: ServerStatus = {
  server: {
    ...{ version: '1.0', processId: 9, uptimeSeconds: 90_061, isDraining: false, penaltiesEarned: {} },
    listeners: [{ address: '::', port: 22 }],
    totals: { connections: 5, bytesReceived: 0, bytesSent: 0, rekeys: 0 },
    penaltyCounts: { active: 1, deferred: 0 },
  },
  connections: [
    {
      ...base,
      login: {
        ...{ user: 'ada', methods: ['publickey', 'password'], ageSeconds: 90 },
        keys: [{ type: 'ssh-ed25519', fingerprint: 'SHA256:abc', certificate: { keyId: hostile, serial: '1' } }],
      },
      channels: [
        {
          ...{ ...channel, id: 0, type: 'session' },
          subject: {
            kind: 'session',
            start: 'exec',
            command: `ls ${hostile}`,
            terminal: { term: hostile, name: '/dev/pts/4' },
          },
        },
        {
          ...{ ...channel, id: 1, type: 'direct-tcpip' },
          subject: { kind: 'tunnel', destination: `db:5432${hostile}`, originator: hostile },
        },
        { ...channel, id: 2, type: hostile, subject: undefined },
      ],
    },
    { ...base, id: 4, phase: 'auth', attemptedUser: hostile, address: undefined, port: undefined },
  ],
  penalties: [
    { source: '192.0.2.0/24', reason: 'penalty: failed authentication', isActive: true, remainingSeconds: 65 },
  ],
};

test('who is on, what they do, who is not in yet, and who is held off', () => {
  const text = formatStatus(status, 0);
  assert.match(
    text,
    /^nacre 1\.0, process 9, up 1d 1h; listens on \[::\]:22\n1 logged in, 1 not yet, 5 since the start; /,
  );
  assert.match(text, / 3 {2}ada +\[2001:db8::7\]:50022 .* publickey,password {2}SHA256:abc \(/);
  assert.match(text, /exec ls .* on pts\/4, 5s, 1\.5 kB in, 2\.5 MB out\n/);
  assert.match(text, /direct-tcpip to db:5432.* from .*, 5s/);
  assert.match(text, /Not logged in:\n.*\n *4 .* UNKNOWN +1m +auth\n/);
  assert.match(text, /192\.0\.2\.0\/24: held off, for 1m: failed authentication\n$/);
});

test('what clients say cannot move the cursor or make a line', () => {
  const text = formatStatus(status, 0);
  assert.doesNotMatch(text, /[\u0000-\u0009\u000b-\u001f\u007f]/);
  assert.doesNotMatch(text, /^root/m);
});

test('ages and amounts', () => {
  assert.deepEqual([59, 60, 3600 + 300, 9 * 86_400 + 4 * 3600].map(formatAge), ['59s', '1m', '1h 5m', '9d 4h']);
  assert.deepEqual([0, 999, 1000, 12_345, 2e9].map(formatBytes), ['0 B', '999 B', '1.0 kB', '12 kB', '2.0 GB']);
});
