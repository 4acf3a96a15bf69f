/** Where the control socket of a server lies: by its settings alone, so that whoever has the same file finds it. */
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../config/config.ts';

type PlaceSettings = Pick<Settings, 'controlSocket' | 'listenAddress' | 'port'>;

/** Undefined where there is to be none. Two servers cannot listen on one address and port, so their sockets differ. */
export function controlSocketPath(settings: PlaceSettings): string | undefined {
  if (settings.controlSocket !== 'default') return settings.controlSocket;
  return join(controlFolder(), `${nameOf(settings)}.sock`);
}

/** The folder of sockets that nobody has given a place. */
export function controlFolder(): string {
  return process.getuid?.() === 0 ? '/run/nacre-sshd' : join(homedir(), '.nacre', 'sshd');
}

/** `22`, or `127.0.0.1-2222` where an address is given. */
function nameOf({ listenAddress: [first], port: [port = 22] }: PlaceSettings): string {
  if (first === undefined) return String(port);
  return `${first.host.replace(/[^A-Za-z0-9.:-]/g, '_').slice(0, 64)}-${first.port ?? port}`;
}
