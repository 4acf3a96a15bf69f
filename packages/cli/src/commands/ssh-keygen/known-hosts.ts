/** ssh-keygen: changing known_hosts. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: changing known_hosts is not supported yet', 1);
}
