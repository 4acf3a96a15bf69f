/** `~#`: every open channel, a line each, as OpenSSH lists them. */
import type { ClientConnection } from '@nacre/ssh/client';

type Channel = ClientConnection['connection']['channels'][number];

/** The lines of the list, without the title. */
export function listChannels(connection: ClientConnection): string[] {
  const channels = [...connection.connection.channels].sort((a, b) => a.id - b.id);
  return channels.map(describeChannel);
}

/** OpenSSH's names of channel types, where they are not those on the wire. */
const typeNames: Readonly<Record<string, string>> = {
  'auth-agent@openssh.com': 'agent-connection',
  'agent-connect': 'agent-connection',
  x11: 'x11-connection',
};

/** Its numbers for a channel: 3 while it opens, 4 once it stands, 7 for a display. */
function describeChannel(channel: Channel): string {
  const { id, type, label, remoteId, state } = channel;
  const kind = state === 'opening' ? 3 : type === 'x11' ? 7 : 4;
  const far = state === 'opening' ? 'nr0' : `r${remoteId}`;
  // Each direction: 0 open, 3 at its end; and the bytes that wait.
  const input = state === 'eof-sent' || state === 'eof-both' || state === 'closing' ? 3 : 0;
  const output = state === 'eof-received' || state === 'eof-both' || state === 'closing' ? 3 : 0;
  const waiting = `i${input}/${channel.queuedBytes} o${output}/${channel.receiveWindow.heldBytes}`;
  return `#${id} ${label} (t${kind} [${typeNames[type] ?? type}] ${far} ${waiting})`;
}
