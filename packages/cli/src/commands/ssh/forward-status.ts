/** A line for every forward, when a signal asks for it: SIGUSR1, and Ctrl-T (SIGINFO) where the system has it. */
import { constants } from 'node:os';
import type { ForwardStatus } from '@nacre/ssh/client';
import { describeListen, describeTarget } from './forward-words.ts';
import type { Log } from './log.ts';

/** Who has forwards to tell about. */
interface StatusSource {
  list(): ForwardStatus[];
}

const sources = new Set<StatusSource>();

/** Has the lines printed on request, for as long as the process lives. */
export function watchStatusSignals(source: StatusSource, log: Log): void {
  sources.add(source);
  if (sources.size > 1) return;
  const tell = () => {
    const all = [...sources].flatMap((each) => each.list());
    for (const status of all) log.info(formatStatus(status));
    if (all.length === 0) log.info('No forwards are open.');
  };
  process.on('SIGUSR1', tell);
  if ('SIGINFO' in constants.signals) process.on('SIGINFO' as NodeJS.Signals, tell);
}

/** `-L LOCALHOST:8080 -> db:80: up since 2026-11-22T23:10:04Z, 2 open of 17, 12.3 KB in, 4.5 MB out, 1 reconnect`. */
export function formatStatus(status: ForwardStatus): string {
  const { side, listen, target, since, isUp, openConnections, connections, bytesIn, bytesOut, reconnects } = status;
  const flag = side === 'remote' ? '-R' : target.kind === 'socks' ? '-D' : '-L';
  const facts = [
    `${isUp ? 'up' : 'down'} since ${since.toISOString().replace(/\.\d+Z$/, 'Z')}`,
    `${openConnections} open of ${connections}`,
    `${formatBytes(bytesIn)} in`,
    `${formatBytes(bytesOut)} out`,
    `${reconnects} ${reconnects === 1 ? 'reconnect' : 'reconnects'}`,
  ];
  return `${flag} ${describeListen(listen)} -> ${describeTarget(target)}: ${facts.join(', ')}`;
}

function formatBytes(bytes: number): string {
  let value = bytes;
  for (const unit of ['bytes', 'KB', 'MB', 'GB']) {
    if (value < 1000) return `${unit === 'bytes' ? value : value.toFixed(1)} ${unit}`;
    value /= 1000;
  }
  return `${value.toFixed(1)} TB`;
}
