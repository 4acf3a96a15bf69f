/** Links that are kept as links. */
import { SshError } from '../../errors.ts';
import type { TargetSide } from './side.ts';

/**
 * Makes a link, unless it is there as it should be: made by a try of which only the answer was lost, or before.
 *
 * @throws SshError where something else bears the name.
 */
export async function keepLink(side: TargetSide, path: Buffer, leadsTo: Buffer): Promise<void> {
  try {
    await side.makeLink(path, leadsTo);
  } catch (error) {
    if (!(error instanceof SshError) || error.code !== 'operation-failed') throw error;
    const there = await side.readLink(path).catch(() => undefined);
    if (there === undefined || !there.equals(leadsTo)) throw error;
  }
}
