/** The ssh2 server of the tests in a process of its own; says where it listens, and runs until it is ended. */
import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { startSsh2Server } from '../../test/harness/ssh2-server.ts';

// ssh2 leaves Nagle's algorithm on, with which keys and windows wait 40 ms for TCP: whoever wants it quick turns it off.
subscribe('net.server.socket', (message) => (message as { readonly socket: Socket }).socket.setNoDelay());
const { port, knownHostsFile, identity, hostKeys } = await startSsh2Server({ hostKeyTypes: ['ed25519'] });
process.stdout.write(`${JSON.stringify({ port, knownHostsFile, identity, hostKeys })}\n`);
