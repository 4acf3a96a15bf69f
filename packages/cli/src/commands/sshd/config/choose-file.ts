/** Which file sshd is configured by. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** As root the system's file, which must be there; as a person an own one, if there is one. */
export function chooseConfigFile(given: string | undefined): string | undefined {
  if (given !== undefined) return given === 'none' ? undefined : given;
  if (process.getuid?.() === 0) return '/etc/ssh/sshd_config';
  const own = join(homedir(), '.nacre', 'sshd_config');
  return existsSync(own) ? own : undefined;
}
