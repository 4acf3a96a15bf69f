/** The ssh2 server of the tests in a process of its own; says where it listens, and runs until it is ended. */
import { startSsh2Server } from '../../test/harness/ssh2-server.ts';

const { port, knownHostsFile, identity } = await startSsh2Server({ hostKeyTypes: ['ed25519'] });
process.stdout.write(`${JSON.stringify({ port, knownHostsFile, identity: identity.file })}\n`);
