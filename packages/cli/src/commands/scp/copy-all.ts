/** Goes through the sources of a command line, each by the way that it and the target ask for. */
import { stat } from 'node:fs/promises';
import { toPathBytes } from '@nacre/ssh/sftp';
import type { ScpContext } from './context.ts';
import { isPlainUser, type Place, parsePlace, type RemotePlace } from './place.ts';
import { ScpEnd } from './words.ts';

/** @throws FatalError, ScpEnd where nothing more can be copied; all other failures are told. */
export async function copyAll(context: ScpContext): Promise<void> {
  const { operands } = context.request;
  const sources = operands.slice(0, -1);
  const typedTarget = operands.at(-1) as string;
  const target = parsePlace(typedTarget);
  if ('bad' in target) return tellBad(context, typedTarget);
  if ('remote' in target) return copyAway(context, sources, target.remote);
  if (context.request.targetIsFolder) await requireFolder(context, target.local);
  for (const source of sources) await copyHere(context, source, target.local);
}

async function copyAway(context: ScpContext, sources: readonly string[], target: RemotePlace): Promise<void> {
  const { isOld, fromOrigin } = context.request;
  const waiting: string[] = [];
  const flush = async () => {
    if (waiting.length === 0) return;
    const locals = waiting.splice(0);
    if (isOld) await (await import('./old-protocol.ts')).uploadOld(context, locals, target);
    else await (await import('./to-remote.ts')).copyToRemote(context, locals, target);
  };
  for (const source of sources) {
    const place = parsePlace(source);
    if ('local' in place) {
      waiting.push(place.local);
      continue;
    }
    await flush();
    if (!isUsable(context, source, place)) continue;
    if (fromOrigin) await (await import('./programs.ts')).copyFromOrigin(context, place.remote, target);
    else if (isOld) await (await import('./old-protocol.ts')).copyBetweenOld(context, place.remote, target);
    else await (await import('./between.ts')).copyBetween(context, place.remote, target);
  }
  await flush();
}

async function copyHere(context: ScpContext, source: string, target: string): Promise<void> {
  const place = parsePlace(source);
  if ('local' in place) return (await import('./programs.ts')).copyHere(context, source, target);
  if (!isUsable(context, source, place)) return;
  if (context.request.isOld) return (await import('./old-protocol.ts')).downloadOld(context, place.remote, target);
  return (await import('./to-local.ts')).copyToLocal(context, place.remote, target);
}

function isUsable(
  context: ScpContext,
  typed: string,
  place: Exclude<Place, { local: string }>,
): place is { readonly remote: RemotePlace } {
  if ('bad' in place) tellBad(context, typed);
  else if (place.remote.user === undefined || isPlainUser(place.remote.user)) return true;
  else {
    context.words.plain(`${place.remote.user}: invalid user name`);
    context.words.fail();
  }
  return false;
}

function tellBad({ words }: ScpContext, typed: string): void {
  words.plain(`${typed}: invalid uri`);
  words.fail();
}

async function requireFolder({ words }: ScpContext, path: string): Promise<void> {
  const facts = await stat(toPathBytes(path)).catch(() => undefined);
  if (facts?.isDirectory()) return;
  words.plain(`${path}: ${facts === undefined ? 'No such file or directory' : 'Not a directory'}`);
  throw new ScpEnd(1);
}
