/** AsyncSSH, a Python implementation, as a server: exec, shell, sftp, scp, forwarding, passwords and keyboard-interactive. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './paths.ts';
import { startProgram } from './programs.ts';
import { currentUser, makeServerFiles, type ServerOptions, serverOf, type TestServer } from './servers.ts';

export interface AsyncsshOptions extends ServerOptions {
  /** Users who may log in with a password, by method password or keyboard-interactive. */
  passwords?: Record<string, string>;
  /** Keyword arguments of asyncssh.listen: kex_algs, encryption_algs, mac_algs, compression_algs, rekey_bytes … */
  settings?: Record<string, unknown>;
}

/** Debian's python3, which has the modules that its packages install; another one in PATH has not. */
export const debianPython = '/usr/bin/python3';

export async function startAsyncssh(options: AsyncsshOptions = {}): Promise<TestServer> {
  const files = await makeServerFiles(options);
  const settingsFile = join(files.folder, 'settings.json');
  writeFileSync(
    settingsFile,
    JSON.stringify({
      hostKeys: files.hostKeys.map(({ file }) => file),
      authorizedKeys: files.authorizedKeysFile,
      passwords: options.passwords ?? {},
      settings: options.settings ?? {},
    }),
  );
  const script = join(root, 'test', 'harness', 'asyncssh-server.py');
  const program = startProgram([debianPython, script, settingsFile]);
  const match = await program.waitForLog(/^listening on (\d+)$/m);
  const port = Number(match[1]);
  return serverOf(program, port, currentUser(), files);
}
