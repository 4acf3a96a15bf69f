/** Which key files are meant: those that are named, or the usual ones that exist. */
import { statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';

const usualNames = ['id_rsa', 'id_ecdsa', 'id_ecdsa_sk', 'id_ed25519', 'id_ed25519_sk'];

/**
 * Does something with every file.
 *
 * @param work - tells whether it succeeded.
 * @returns the exit status: named files must all succeed, and of the usual ones there must be one.
 */
export async function forEachFile(
  operands: readonly string[],
  work: (path: string) => Promise<boolean>,
): Promise<number> {
  const files = operands.length > 0 ? operands : findUsualFiles();
  let failures = 0;
  for (const file of files) if (!(await work(file))) failures++;
  return failures > 0 || files.length === 0 ? 1 : 0;
}

function findUsualFiles(): string[] {
  // The account's home, and not what HOME says, as in OpenSSH.
  const folder = join(userInfo().homedir, '.ssh');
  return usualNames.map((name) => join(folder, name)).filter((path) => statSync(path, { throwIfNoEntry: false }));
}
