/** The server's metrics: counted from what happens to connections, and read from its status when somebody asks. */
import { readdirSync } from 'node:fs';
import type { Peer, ServerOptions } from '@nacre/ssh/server';
import type { Events } from '../events.ts';
import { tooManyStartups } from '../source-limits.ts';
import type { ServerStatus } from '../status/types.ts';
import type { MetricFamily, Sample } from './exposition.ts';
import { Counter, Histogram } from './instruments.ts';

/** A method is the client's word: what is none of these counts as `other`, so that nobody fills the table. */
const methods = ['none', 'publickey', 'password', 'keyboard-interactive', 'hostbased'];
const refusals = ['max_startups', 'per_source_max_startups', 'penalty', 'other'] as const;
const secondsBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

interface Story {
  readonly startMs: number;
  isLoggedIn: boolean;
}

export class ServerMetrics {
  readonly #connections = new Counter('nacre_sshd_connections_total', 'Connections accepted.', [{}]);
  readonly #refused = new Counter(
    'nacre_sshd_connections_refused_total',
    'Connections turned away at the door, by reason.',
    refusals.map((reason) => ({ reason })),
  );
  readonly #attempts = new Counter(
    'nacre_sshd_auth_attempts_total',
    'Requests to log in that were decided, by method and result.',
  );
  readonly #logins = new Counter(
    'nacre_sshd_logins_total',
    'Clients that logged in, by the method that let them in.',
    methods.slice(1).map((method) => ({ method })),
  );
  readonly #ended = new Counter(
    'nacre_sshd_connections_ended_total',
    'Connections that ended, before or after login, by the code of the reason.',
  );
  readonly #handshakes = new Histogram(
    'nacre_sshd_handshake_duration_seconds',
    'From the connection to the end of the first key exchange.',
    secondsBounds,
  );
  readonly #loginTimes = new Histogram(
    'nacre_sshd_login_duration_seconds',
    'From the connection to the login, waiting for people included.',
    secondsBounds,
  );
  readonly #stories = new WeakMap<Peer, Story>();
  readonly #now: () => number;

  /** @param now - milliseconds of a clock that never goes back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The same events, counted as they pass. */
  watch(events: Events): Events & Required<Pick<ServerOptions, 'onHandshake'>> {
    return {
      ...events,
      onConnection: (peer) => {
        this.#stories.set(peer, { startMs: this.#now(), isLoggedIn: false });
        this.#connections.add();
        events.onConnection(peer);
      },
      onRefused: (peer, refusal) => {
        this.#refused.add({ reason: reasonOf(refusal.reason) });
        events.onRefused(peer, refusal);
      },
      onHandshake: (peer) => this.#observe(this.#handshakes, peer),
      onAttempt: (attempt, peer) => {
        this.#attempts.add({ method: methodOf(attempt.method), result: attempt.result });
        events.onAttempt(attempt, peer);
      },
      onLogin: (connection) => {
        const story = this.#stories.get(connection.peer);
        if (story !== undefined) story.isLoggedIn = true;
        this.#logins.add({ method: methodOf(connection.methods.at(-1) ?? 'none') });
        this.#observe(this.#loginTimes, connection.peer);
        events.onLogin(connection);
      },
      onDisconnect: (error, peer) => {
        const phase = this.#stories.get(peer)?.isLoggedIn === true ? 'session' : 'preauth';
        this.#ended.add({ phase, code: error.code });
        events.onDisconnect(error, peer);
      },
    };
  }

  families(status: ServerStatus): MetricFamily[] {
    return [
      gauge('nacre_sshd_info', 'The version that runs.', [{ labels: { version: status.server.version }, value: 1 }]),
      ...[this.#connections, this.#refused, this.#attempts, this.#logins, this.#ended].map((one) => one.family()),
      this.#handshakes.family(),
      this.#loginTimes.family(),
      ...statusFamilies(status),
      ...processFamilies(),
    ];
  }

  #observe(histogram: Histogram, peer: Peer): void {
    const startMs = this.#stories.get(peer)?.startMs;
    if (startMs !== undefined) histogram.observe((this.#now() - startMs) / 1000);
  }
}

function methodOf(method: string): string {
  return methods.includes(method) ? method : 'other';
}

function reasonOf(reason: string | undefined): (typeof refusals)[number] {
  if (reason === undefined) return 'max_startups';
  if (reason === tooManyStartups) return 'per_source_max_startups';
  return reason.startsWith('penalty:') || reason === 'too many penalised addresses' ? 'penalty' : 'other';
}

function statusFamilies({ server, connections }: ServerStatus): MetricFamily[] {
  const { totals, penaltyCounts, penaltiesEarned } = server;
  const loggedIn = connections.filter(({ login }) => login !== undefined).length;
  const channels = connections.flatMap((connection) => connection.channels);
  const sessions = channels.flatMap(({ subject }) => (subject?.kind === 'session' ? [subject.start ?? 'none'] : []));
  return [
    gauge('nacre_sshd_open_connections', 'Connections that are open, by whether they have logged in.', [
      { labels: { state: 'authenticated' }, value: loggedIn },
      { labels: { state: 'unauthenticated' }, value: connections.length - loggedIn },
    ]),
    gauge('nacre_sshd_open_sessions', 'Sessions that are open, by what they run.', countEach('kind', sessions)),
    gauge(
      'nacre_sshd_open_channels',
      'Channels that are open, by type.',
      countEach(
        'type',
        channels.map(({ type }) => type),
      ),
    ),
    counter('nacre_sshd_bytes_total', 'Bytes on the wire, by direction.', [
      { labels: { direction: 'received' }, value: totals.bytesReceived },
      { labels: { direction: 'sent' }, value: totals.bytesSent },
    ]),
    counter('nacre_sshd_rekeys_total', 'Changes of keys after the first exchange.', [{ value: totals.rekeys }]),
    gauge('nacre_sshd_penalised_sources', 'Sources that have earned a penalty, by whether they are held off.', [
      { labels: { state: 'active' }, value: penaltyCounts.active },
      { labels: { state: 'deferred' }, value: penaltyCounts.deferred },
    ]),
    counter(
      'nacre_sshd_penalties_total',
      'Penalties earned, by reason.',
      Object.entries(penaltiesEarned).map(([reason, value]) => ({ labels: { reason }, value })),
    ),
    gauge('nacre_sshd_listeners', 'Addresses that are listened on.', [
      { value: server.isDraining ? 0 : server.listeners.length },
    ]),
  ];
}

/** Under the names that every Prometheus client has for them. */
function processFamilies(): MetricFamily[] {
  const { user, system } = process.cpuUsage();
  return [
    counter('process_cpu_seconds_total', 'Processor time spent by the process.', [{ value: (user + system) / 1e6 }]),
    gauge('process_resident_memory_bytes', 'Memory of the process.', [{ value: process.memoryUsage.rss() }]),
    gauge('process_start_time_seconds', 'When the process started, in seconds since 1970.', [
      { value: Date.now() / 1000 - process.uptime() },
    ]),
    gauge('process_open_fds', 'Open file descriptors.', openDescriptors()),
  ];
}

function openDescriptors(): Sample[] {
  try {
    return [{ value: readdirSync('/proc/self/fd').length }];
  } catch {
    return [];
  }
}

function countEach(label: string, values: readonly string[]): Sample[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([value, count]) => ({ labels: { [label]: value }, value: count }));
}

function gauge(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, help, type: 'gauge', samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): MetricFamily {
  return { name, help, type: 'counter', samples };
}
