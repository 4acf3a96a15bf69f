/** ssh-keygen: signing files. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: signing files is not supported yet', 1);
}
