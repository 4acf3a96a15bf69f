/** Where the protocol meets sockets and time; used by client and server. */

export { takeAccepted } from './accepted.ts';
export { systemClock } from './clock.ts';
export { connected } from './connected.ts';
export { readFile, stat } from './early-files.ts';
export { join } from './join.ts';
export { listenOnPath, type PathListenOptions } from './listen-on-path.ts';
export { Pace } from './pace.ts';
export { readBuffer } from './read-buffer.ts';
export { releaseMemory } from './release-memory.ts';
export { adoptSocket, StreamDriver } from './stream-driver.ts';
export { connectTapped, tapAccepted, tappedServer } from './tapped-socket.ts';
