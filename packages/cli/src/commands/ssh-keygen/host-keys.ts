/** ssh-keygen: making all host keys. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: making all host keys is not supported yet', 1);
}
