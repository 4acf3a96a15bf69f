/** Sockets of agents that are gone: found in ~/.ssh/agent, tried, and removed. */
import { lstatSync, readdirSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { homeFolder, hostPrefix } from './socket-path.ts';

/** An agent that has just started may not listen yet. */
const minAgeMs = 60 * 60 * 1000;

/** @param anyHost - those of other machines with the same home too; whether their agents live cannot be known here. */
export async function removeStaleSockets(anyHost: boolean): Promise<void> {
  const folder = homeFolder();
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of names) {
    if (!anyHost && !name.startsWith(hostPrefix())) continue;
    const path = join(folder, name);
    if (isOldSocket(path) && !(await isAlive(path))) remove(path);
  }
}

function isOldSocket(path: string): boolean {
  try {
    const found = lstatSync(path);
    return found.isSocket() && found.mtimeMs < Date.now() - minAgeMs;
  } catch {
    return false;
  }
}

/** A socket without a listener says so at once. */
function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const settle = (alive: boolean) => {
      socket.destroy();
      resolve(alive);
    };
    socket.setTimeout(1000, () => settle(true));
    socket.once('connect', () => settle(true));
    socket.once('error', (error: NodeJS.ErrnoException) => settle(error.code !== 'ECONNREFUSED'));
  });
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or not ours to remove.
  }
}
