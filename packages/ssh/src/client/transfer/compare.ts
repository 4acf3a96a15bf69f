/** Whether two files have the same bytes, found out with as few of them as possible on the way. */
import type { Side } from './side.ts';

/** Digests that a server may be asked for, the most wanted first; the old ones tell an accident from none as well. */
const digestAlgorithms = ['sha256', 'sha512', 'sha384', 'sha1', 'md5'] as const;

interface Compared {
  readonly side: Side;
  readonly path: Buffer;
}

/**
 * Compares so many bytes from the beginning on. Whoever can make a digest without moving the bytes is asked to.
 *
 * @param known - the sha256 of the source's, where it was made on the way.
 */
export async function hasSameBytes(
  source: Compared,
  target: Compared,
  bytes: number,
  known?: Buffer | undefined,
): Promise<boolean> {
  const fromSource = await source.side.ownDigest(source.path, digestAlgorithms, bytes);
  const wanted = fromSource === undefined ? digestAlgorithms : [fromSource.algorithm];
  const fromTarget = await target.side.ownDigest(target.path, wanted, bytes);
  const algorithm = fromSource?.algorithm ?? fromTarget?.algorithm ?? 'sha256';
  const read = ({ side, path }: Compared) => side.readDigest(path, algorithm, bytes);
  const running = algorithm === 'sha256' ? known : undefined;
  const [expected, actual] = await Promise.all([
    fromSource?.digest ?? running ?? read(source),
    fromTarget?.digest ?? read(target),
  ]);
  return expected.equals(actual);
}
