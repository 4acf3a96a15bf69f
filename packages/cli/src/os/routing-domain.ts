/** Routing domains as Linux has them: network devices that sockets are bound to (a VRF's among them). */
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tryPlatform } from './native.ts';

/** Whether sockets can be bound to it here. */
export function isRoutingDomain(name: string): boolean {
  // IFNAMSIZ, and the names that the kernel takes.
  return process.platform === 'linux' && /^(?!\.\.?$)[^\s/:]{1,15}$/.test(name) && existsSync(`/sys/class/net/${name}`);
}

/** The one that a socket is bound to, empty for none; undefined where nobody can tell. */
export function routingDomainOf(socket: Socket): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } };
  const fd = handle?.fd ?? -1;
  if (fd < 0) return undefined;
  try {
    return tryPlatform()?.getBoundDevice(fd);
  } catch {
    return undefined;
  }
}
