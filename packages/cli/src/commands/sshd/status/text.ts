/** A server's status for people. What clients said in it is made harmless: it is printed on an administrator's terminal. */
import { formatEndpoint } from '@nacre/ssh/connection';
import { sanitize } from '../../../terminal/index.ts';
import type { ConnectionStatus, ServerStatus } from './types.ts';

const maxShownCommand = 60;
const maxShownPenalties = 20;

/** @param nowMs - since 1970. */
export function formatStatus({ server, connections, penalties }: ServerStatus, nowMs: number): string {
  const { version, processId, uptimeSeconds, listeners, isDraining, totals, penaltyCounts } = server;
  const places = listeners.map(({ address, port }) => formatEndpoint(address, port)).join(', ');
  const loggedIn = connections.filter(({ login }) => login !== undefined);
  const others = connections.filter(({ login }) => login === undefined);
  const lines = [
    `nacre ${version}, process ${processId}, up ${formatAge(uptimeSeconds)}; ${isDraining ? 'draining' : `listens on ${places}`}`,
    `${loggedIn.length} logged in, ${others.length} not yet, ${totals.connections} since the start; ` +
      `${formatBytes(totals.bytesReceived)} received, ${formatBytes(totals.bytesSent)} sent; ` +
      `${penaltyCounts.active} ${penaltyCounts.active === 1 ? 'source' : 'sources'} held off`,
  ];
  if (loggedIn.length > 0) {
    const rows = loggedIn.map((connection) => rowOf(connection, nowMs));
    const [head, ...texts] = align([['ID', 'USER', 'FROM', 'SINCE', 'METHOD', 'KEY'], ...rows]);
    lines.push('', head as string);
    for (const [at, connection] of loggedIn.entries()) {
      lines.push(texts[at] as string, ...connection.channels.map((channel) => `      ${describeChannel(channel)}`));
    }
  }
  if (others.length > 0) {
    const rows = others.map(({ id, attemptedUser, ageSeconds, phase, ...rest }) => {
      const name = attemptedUser === undefined ? '-' : sanitize(attemptedUser.slice(0, maxShownCommand));
      return [String(id), name, fromOf(rest), formatAge(ageSeconds), phase];
    });
    lines.push('', 'Not logged in:', ...align([['ID', 'NAMES', 'FROM', 'FOR', 'PHASE'], ...rows]));
  }
  if (penalties.length > 0) {
    const shown = penalties.slice(0, maxShownPenalties);
    lines.push('', 'Penalties:');
    for (const { source, reason, isActive, remainingSeconds } of shown) {
      const state = isActive ? 'held off' : 'not held off yet';
      lines.push(`  ${source}: ${state}, for ${formatAge(remainingSeconds)}: ${reason.replace(/^penalty: /, '')}`);
    }
    if (penalties.length > shown.length) lines.push(`  and ${penalties.length - shown.length} more`);
  }
  return `${lines.join('\n')}\n`;
}

function rowOf(connection: ConnectionStatus, nowMs: number): string[] {
  const { id, login } = connection;
  const { user = '', methods = [], keys = [], ageSeconds = 0 } = login ?? {};
  const since = new Date(nowMs - ageSeconds * 1000);
  const key = keys
    .map(({ fingerprint, certificate }) =>
      certificate === undefined ? fingerprint : `${fingerprint} (${sanitize(certificate.keyId)})`,
    )
    .join(' ');
  return [
    String(id),
    sanitize(user),
    fromOf(connection),
    `${formatDate(since)} (${formatAge(ageSeconds)})`,
    methods.map((method) => sanitize(method)).join(','),
    key === '' ? '-' : key,
  ];
}

function fromOf({ address, port, hostName }: Pick<ConnectionStatus, 'address' | 'port' | 'hostName'>): string {
  if (address === undefined || port === undefined) return 'UNKNOWN';
  const place = formatEndpoint(address, port);
  return hostName === undefined ? place : `${place} (${sanitize(hostName)})`;
}

function describeChannel({
  subject,
  type,
  ageSeconds,
  bytesReceived,
  bytesSent,
}: ConnectionStatus['channels'][number]): string {
  const traffic = `${formatAge(ageSeconds)}, ${formatBytes(bytesReceived)} in, ${formatBytes(bytesSent)} out`;
  if (subject?.kind === 'tunnel') {
    const from = subject.originator === undefined ? '' : ` from ${sanitize(subject.originator)}`;
    return `${sanitize(type)} to ${sanitize(subject.destination)}${from}, ${traffic}`;
  }
  if (subject?.kind !== 'session') return `${sanitize(type)}, ${traffic}`;
  const { start, command = '', terminal } = subject;
  const on = terminal === undefined ? '' : ` on ${sanitize(terminal.name ?? 'a terminal').replace(/^\/dev\//, '')}`;
  const text = command.length > maxShownCommand ? `${command.slice(0, maxShownCommand)}…` : command;
  const what =
    start === undefined ? 'session, nothing started' : start === 'shell' ? 'shell' : `${start} ${sanitize(text)}`;
  return `${what}${on}, ${traffic}`;
}

/** Columns, but the last, as wide as what stands in them. */
function align(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => (row[at] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, at) =>
        at === row.length - 1 ? cell : at === 0 ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0),
      )
      .join('  '),
  );
}

function formatDate(date: Date): string {
  const pad = (value: number): string => String(value).padStart(2, '0');
  return `${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** `45s`, `12m`, `3h 5m`, `9d 4h`. */
export function formatAge(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? `${hours}h ${minutes % 60}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let at = 0;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1000;
    at++;
  }
  return at === 0 ? `${value} B` : `${value.toFixed(value < 10 ? 1 : 0)} ${units[at]}`;
}
