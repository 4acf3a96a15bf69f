/** ssh-keygen: asking revocation lists. */
import { Ending } from './ending.ts';

export function run(): number {
  throw new Ending('ssh-keygen: asking revocation lists is not supported yet', 1);
}
