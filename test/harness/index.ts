/** The harness of the interop tests: servers, programs, keys and terminals, all ended and removed after the tests of a file. */
import { after } from 'node:test';
import { cleanUp } from './cleanup.ts';

after(cleanUp);

export * from './agents.ts';
export * from './asyncssh.ts';
export { atEnd, makeFolder } from './cleanup.ts';
export * from './client-config.ts';
export * from './dropbear.ts';
export * from './keys.ts';
export * from './nacre.ts';
export * from './openssh.ts';
export * from './paths.ts';
export { hasProcessTree, processTree, type TreeMemory, treeMemory } from './process-tree.ts';
export * from './programs.ts';
export * from './putty.ts';
export * from './servers.ts';
export * from './ssh2-server.ts';
export * from './system-user.ts';
export * from './terminal.ts';
