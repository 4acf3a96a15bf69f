/** ssh-keygen: certifying. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: certifying is not supported yet', 1);
}
