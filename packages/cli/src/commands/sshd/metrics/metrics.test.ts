/** Tests of the metrics: their text, their buckets, and that clients cannot make labels. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import type { Peer } from '@nacre/ssh/server';
import type { Events } from '../events.ts';
import type { ServerStatus } from '../status/types.ts';
import { formatMetrics } from './exposition.ts';
import { Histogram } from './instruments.ts';
import { ServerMetrics } from './server-metrics.ts';

const peer: Peer = { address: '192.0.2.7', port: 1, localAddress: '::1', localPort: 22, identification: '' };
const nothing = (): void => {};
const events: Events = {
  turnAway: () => undefined,
  ...{ onConnection: nothing, onRefused: nothing, onAttempt: nothing, onLogin: nothing, onDisconnect: nothing },
  ...{ onError: nothing, log: nothing },
};
const status: ServerStatus = {
  server: {
    ...{ version: '1"2\\3\n4', processId: 1, uptimeSeconds: 5, listeners: [], isDraining: false },
    totals: { connections: 1, bytesReceived: 10, bytesSent: 20, rekeys: 3 },
    penaltyCounts: { active: 1, deferred: 2 },
    penaltiesEarned: { noauth: 4 },
  },
  connections: [],
  penalties: [],
};

test('buckets hold what is below them, and labels are escaped', () => {
  const histogram = new Histogram('h', 'help', [1, 2]);
  for (const value of [0.5, 1, 1.5, 9]) histogram.observe(value);
  assert.equal(
    formatMetrics([histogram.family()]),
    '# HELP h help\n# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="2"} 3\nh_bucket{le="+Inf"} 4\nh_sum 12\nh_count 4\n',
  );
  assert.match(formatMetrics(new ServerMetrics().families(status)), /nacre_sshd_info\{version="1\\"2\\\\3\\n4"\} 1\n/);
});

test('events are counted and passed on; a method of the client’s own making is no label', () => {
  let now = 0;
  const metrics = new ServerMetrics(() => now);
  let passed = 0;
  const watched = metrics.watch({ ...events, onAttempt: () => passed++ });
  watched.onConnection(peer);
  now = 40;
  watched.onHandshake(peer);
  for (let at = 0; at < 50; at++) {
    watched.onAttempt({ user: `u${at}`, method: `made-up-${at}`, result: 'failed' }, peer);
  }
  for (const reason of [undefined, 'Maxstartups', 'penalty: failed authentication', 'words']) {
    watched.onRefused(peer, { reason, startups: 1 });
  }
  watched.onDisconnect(new SshError('x', { code: 'timeout', stage: 'auth' }), peer);
  assert.equal(passed, 50);
  const text = formatMetrics(metrics.families(status));
  for (const line of [
    'nacre_sshd_connections_total 1',
    'nacre_sshd_auth_attempts_total{method="other",result="failed"} 50',
    ...['max_startups', 'per_source_max_startups', 'penalty', 'other'].map(
      (reason) => `nacre_sshd_connections_refused_total{reason="${reason}"} 1`,
    ),
    'nacre_sshd_connections_ended_total{phase="preauth",code="timeout"} 1',
    'nacre_sshd_handshake_duration_seconds_bucket{le="0.025"} 0',
    'nacre_sshd_handshake_duration_seconds_bucket{le="0.05"} 1',
    'nacre_sshd_penalties_total{reason="noauth"} 4',
    'nacre_sshd_bytes_total{direction="sent"} 20',
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  assert.ok(!/made-up|192\.0\.2/.test(text));
});
