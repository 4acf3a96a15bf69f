/** ssh-keygen: making revocation lists. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: making revocation lists is not supported yet', 1);
}
