/** A program that sshd runs in place of scp: our sink or source, as SSH_ORIGINAL_COMMAND (or the arguments) ask for. */
import { pathToFileURL } from 'node:url';
import { runScpSink, runScpSource } from '@nacre/ssh/client';

/** A value for ForceCommand: whatever the client asks for, this program answers. */
export const scpEndCommand = `${process.execPath} ${new URL(import.meta.url).pathname}`;

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();

async function main(): Promise<void> {
  const words = (process.env.SSH_ORIGINAL_COMMAND ?? process.argv.slice(2).join(' ')).split(' ').slice(1);
  let flags = '';
  while (words[0]?.startsWith('-') && words[0] !== '--') flags += (words.shift() as string).slice(1);
  if (words[0] === '--') words.shift();
  // What the tests' clients write for a shell: a backslash before a character (scp), or quotation marks (libssh2).
  const path = Buffer.from(words.join(' ').replace(/\\(.)|'/g, '$1'), 'utf8');
  const options = {
    recursive: flags.includes('r'),
    preserve: flags.includes('p'),
    targetIsFolder: flags.includes('d'),
  };
  const end = { input: process.stdin, output: process.stdout };
  const status = flags.includes('t') ? await runScpSink(end, path, options) : await runScpSource(end, [path], options);
  process.exitCode = status;
  // Its input may stay open for as long as the client likes.
  process.stdin.destroy();
}
