/** What a master tells of itself: `ssh -O conninfo` and `ssh -O channels`, in the form that OpenSSH 10.3 gives them. */
import type { MuxInfoSubject } from '../mux/index.ts';
import { printable } from '../wire/index.ts';
import type { ClientConnection } from './client-connection.ts';

/** @param startedMs - when the master began, on the clock of performance.now(). */
export function describeMaster(connection: ClientConnection, subject: MuxInfoSubject, startedMs: number): string {
  const lines = subject === 'connection' ? connectionLines(connection, startedMs) : channelLines(connection);
  return lines.map((line) => `${line}\r\n`).join('');
}

function connectionLines(connection: ClientConnection, startedMs: number): string[] {
  const { target, address, algorithms, traffic } = connection;
  const sent = algorithms?.clientToServer;
  return [
    `Connection information for ${printable(target.host)} pid ${process.pid}`,
    ...(address === undefined ? [] : [`  tcp ${address}:${target.port}`]),
    `  duration ${formatDuration(performance.now() - startedMs)}`,
    `  kexalgorithm ${algorithms?.kex ?? 'none'}`,
    `  hostkeyalgorithm ${algorithms?.hostKey ?? 'none'}`,
    `  cipher ${sent?.cipher ?? 'none'}`,
    `  mac ${sent?.mac ?? '<implicit>'}`,
    `  compression ${sent?.compression ?? 'none'}`,
    `  traffic ${traffic.receivedBytes} bytes in, ${traffic.sentBytes} bytes out`,
  ];
}

function channelLines({ connection }: ClientConnection): string[] {
  const own = connection.channels.map((channel) => {
    const { id, remoteId, type, state, queuedBytes, receiveWindow } = channel;
    return `  #${id} ${type} (${state} r${remoteId} i${receiveWindow.heldBytes} o${queuedBytes})`;
  });
  const relayed = connection.relayed.ids.map((id) => `  #${id} mux-proxy`);
  return ['The following connections are open:', ...own, ...relayed];
}

function formatDuration(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  const parts = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  const names = ['d', 'h', 'm'];
  return [...parts.flatMap((part, index) => (part > 0 ? [`${part}${names[index]}`] : [])), `${seconds % 60}s`].join('');
}
