/** Links inside folders that are followed: to what they lead to, and not in circles. */
import { SshError } from '../../errors.ts';
import type { Facts, SourceSide } from './side.ts';

export interface Followed {
  readonly facts: Facts;
  /** Real paths of the folders that links led to, on the way here. */
  readonly trail: readonly Buffer[];
}

/** @throws SshError where a link leads nowhere, or back to a folder that it was reached through. */
export async function followLink(
  side: Pick<SourceSide, 'stat' | 'realpath'>,
  path: Buffer,
  trail: readonly Buffer[],
): Promise<Followed> {
  const facts = await side.stat(path);
  if (facts.kind !== 'directory') return { facts, trail };
  const real = await side.realpath(path);
  if (trail.some((one) => one.equals(real))) {
    throw new SshError('this link leads back to a folder that holds it', { code: 'operation-failed', stage: 'sftp' });
  }
  return { facts, trail: [...trail, real] };
}
