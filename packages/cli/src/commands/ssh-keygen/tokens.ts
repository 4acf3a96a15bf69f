/** ssh-keygen: tokens. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: tokens is not supported yet', 1);
}
