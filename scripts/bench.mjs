/** `npm run bench`: builds, then runs bench/main.ts with the arguments given. */
import { ensurePeers } from './peers.mjs';
import { findProgram } from './process.mjs';
import { runBuilt } from './run-built.mjs';

// On a machine that was made a moment ago there is nothing to measure against.
if (!process.argv.includes('--help') && ['sshd', 'sftp'].some((name) => findProgram(name) === undefined)) {
  for (const { name, reason } of await ensurePeers()) console.error(`not here: ${name}: ${reason}`);
}
await runBuilt('build/bench/main.js');
