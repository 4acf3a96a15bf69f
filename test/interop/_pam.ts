/** Rules of PAM that a test makes for itself. */
import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { atEnd } from '../harness/index.ts';

/** Writes a service into /etc/pam.d, gone with the test; gives its name. Root only. */
export function makePamService(lines: readonly string[]): string {
  const name = `nacre-test-${randomBytes(4).toString('hex')}`;
  const file = join('/etc/pam.d', name);
  atEnd(async () => rmSync(file, { force: true }));
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o644 });
  return name;
}
