/** `npm start`: makes the checkout ready and starts a server for the person who runs it (`nacre start`). */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.mjs';
import { ownNode, root } from './process.mjs';
import { setup } from './setup.mjs';

await setup();
const status = await build();
if (status !== 0) process.exit(status);
const program = join(root, 'packages', 'cli', 'dist', 'main.js');
if (!existsSync(program)) {
  console.error(`start: ${program} is missing; run \`npm run build\``);
  process.exit(1);
}
const node = existsSync(ownNode) ? ownNode : process.execPath;
const child = spawn(node, [program, 'start', ...process.argv.slice(2)], { stdio: 'inherit' });
// A terminal's Ctrl-C reaches both; the server ends and gives its status. What is sent to this process alone is passed on.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => child.kill('SIGTERM'));
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
