/** Makes the checkout ready and runs a program that the build made, with this one's arguments and terminal. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build } from './build.mjs';
import { root } from './process.mjs';
import { setup } from './setup.mjs';

/**
 * @param {string} program - its path from the checkout's folder
 * @returns {Promise<void>} the exit status is set
 */
export async function runBuilt(program) {
  await setup();
  const status = await build();
  if (status !== 0) {
    process.exitCode = status;
    return;
  }
  const child = spawn(process.execPath, [join(root, program), ...process.argv.slice(2)], { stdio: 'inherit' });
  // Ctrl-C reaches the child as well; it cleans up and says with what status it ended.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  process.exitCode = await new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
