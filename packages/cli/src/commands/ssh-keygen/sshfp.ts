/** ssh-keygen: SSHFP records. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: SSHFP records is not supported yet', 1);
}
