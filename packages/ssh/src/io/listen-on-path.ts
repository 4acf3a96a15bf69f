/** Listening on a Unix socket: its file is made with its mode, and only a socket is ever removed to make room. */
import { rmSync, statSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';

export interface PathListenOptions {
  /** Removes a socket file that lies in the way (StreamLocalBindUnlink). */
  readonly unlinkFirst?: boolean | undefined;
  /** What is taken from the mode of the socket file (StreamLocalBindMask); default 0o177: only the owner may connect. */
  readonly bindMask?: number | undefined;
}

/** Rejects with the system's error where the path is taken or not allowed. */
export async function listenOnPath(
  path: string,
  onConnection: (socket: Socket) => void,
  { unlinkFirst = false, bindMask = 0o177 }: PathListenOptions = {},
): Promise<Server> {
  if (unlinkFirst) removeSocket(path);
  const server = createServer({ allowHalfOpen: true }, onConnection);
  // The file is made by bind(2), with what the mask leaves: there is no moment at which others could connect.
  const before = process.umask(bindMask);
  let bound: Promise<void>;
  try {
    bound = bind(server, path);
  } finally {
    process.umask(before);
  }
  await bound;
  return server;
}

/** Only what is a socket: a file of another kind is somebody's data. */
function removeSocket(path: string): void {
  try {
    if (statSync(path).isSocket()) rmSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path }, () => {
      server.off('error', reject);
      // Out of descriptors, say: the next connection may find some again.
      server.on('error', () => {});
      resolve();
    });
  });
}
