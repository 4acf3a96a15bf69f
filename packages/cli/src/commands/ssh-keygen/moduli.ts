/** ssh-keygen: moduli. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: moduli is not supported yet', 1);
}
