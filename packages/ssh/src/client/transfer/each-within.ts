/** Small pieces of work, some of them at the same time. */
import type { Places } from '../../sftp/index.ts';

/** Does the work for each item as places come free; begins no more once one has failed. @throws the first failure, when all have ended. */
export async function eachWithin<T>(
  places: Places,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const pending: Promise<void>[] = [];
  let failure: { readonly error: unknown } | undefined;
  for (const item of items) {
    await places.take();
    if (failure !== undefined) {
      places.give();
      break;
    }
    pending.push(
      work(item)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => places.give()),
    );
  }
  await Promise.all(pending);
  if (failure !== undefined) throw (failure as { readonly error: unknown }).error;
}
