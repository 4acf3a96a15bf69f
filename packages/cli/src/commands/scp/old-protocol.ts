/** -O: copies by the scp protocol, with an scp at the other end. */
import { localScpFiles, systemClock } from '@nacre/ssh/client';
import type { SshError } from '@nacre/ssh/errors';
import {
  formatScpCommand,
  RateLimit,
  requestedNames,
  runSink,
  runSource,
  type ScpConversationOptions,
  ScpPeer,
  type ScpStream,
} from '@nacre/ssh/scp';
import { toPathBytes } from '@nacre/ssh/sftp';
import type { RemoteProgram } from '../files/host.ts';
import type { ScpContext } from './context.ts';
import type { RemotePlace } from './place.ts';
import { ScpEnd, type Words } from './words.ts';

/** Uploads sources in one conversation. @throws ScpEnd where the other end is not there, or does not take the target. */
export async function uploadOld(context: ScpContext, sources: readonly string[], target: RemotePlace): Promise<void> {
  const { words } = context;
  const program = await context.hosts.program(target, commandFor(context, 'sink', target.path));
  if (program === undefined) throw lost(words);
  const peer = new ScpPeer(program.stream);
  await converse(context, program, async (options) => {
    await runSource(peer, sources.map(toPathBytes), localScpFiles, options);
  }).catch((error: SshError) => {
    if (error.code === 'connection-lost') throw lost(words);
    words.plain(failureLine(error));
    throw new ScpEnd(1);
  });
}

/** Downloads what a source means to the shell at the other end. Failures are told. */
export async function downloadOld(context: ScpContext, place: RemotePlace, target: string): Promise<void> {
  const { request, words } = context;
  const program = await context.hosts.program(place, commandFor(context, 'source', place.path));
  if (program === undefined) return words.fail();
  const names = request.trustNames ? undefined : requestedNames(toPathBytes(place.path), 'pattern');
  const peer = new ScpPeer(program.stream);
  await converse(context, program, async (options) => {
    await runSink(peer, toPathBytes(target), localScpFiles, { ...options, names });
  }).catch((error: SshError) => {
    words.fail();
    // Before it has said anything: whoever could not start it has told why.
    const isSilent = error.code === 'connection-lost' && !/in the middle/.test(error.message);
    if (!isSilent) words.plain(error.code === 'connection-lost' ? 'lost connection' : failureLine(error));
  });
}

/** From one host to another: an scp at each end, and we hand on what they say. */
export async function copyBetweenOld(context: ScpContext, place: RemotePlace, target: RemotePlace): Promise<void> {
  const { words, hosts } = context;
  const source = await hosts.program(place, commandFor(context, 'source', place.path));
  if (source === undefined) throw new ScpEnd(1);
  // The terminal is the first one's: two cannot ask there at the same time.
  const sink = await hosts.program(target, commandFor(context, 'sink', target.path), ['-oBatchMode=yes']);
  if (sink === undefined) throw new ScpEnd(1);
  join(source.stream, sink.stream);
  join(sink.stream, source.stream);
  const statuses = await Promise.all([source.exit, sink.exit]);
  if (statuses.some((status) => status !== 0)) words.fail();
}

function commandFor({ request }: ScpContext, role: 'source' | 'sink', path: string): Buffer {
  const { recursive, preserve, targetIsFolder, verbose } = request;
  const flags = { role, recursive, preserve, targetIsFolder, verbose: verbose > 0 };
  // As it is: the shell over there has always been given it, and people rely on its wildcards and quotes.
  return formatScpCommand(flags, toPathBytes(path), 'shell');
}

async function converse(
  context: ScpContext,
  program: RemoteProgram,
  run: (options: ScpConversationOptions) => Promise<void>,
): Promise<void> {
  const { request, words } = context;
  const { recursive, preserve, bytesPerSecond } = request;
  const meter = context.meter === undefined ? undefined : await makeMeter();
  words.makeRoom = () => meter?.finish();
  const failuresBefore = words.hasFailed;
  try {
    await run({
      recursive,
      preserve,
      ...(bytesPerSecond !== undefined && { rateLimit: new RateLimit(bytesPerSecond, systemClock) }),
      ...(meter !== undefined && { onProgress: (progress) => meter.follow(progress) }),
      onFailure(error) {
        words.plain(failureLine(error));
        words.fail();
      },
    });
  } finally {
    meter?.end();
  }
  program.stream.end();
  program.stream.resume();
  const status = await program.exit;
  if (!failuresBefore && !words.hasFailed && status !== 0) words.fail();
}

async function makeMeter() {
  const { ProgressMeter, standardOutputScreen } = await import('../../terminal/progress.ts');
  return new ProgressMeter({ screen: standardOutputScreen() });
}

/** What the other end says bears its program's name; what fails here begins with the path. */
function failureLine({ message, side, remedy }: SshError): string {
  const text = message.replace(/^the other end gave up: /, '').replace(/: at byte \d+ or behind it(?=: )/, '');
  return `${side === 'peer' ? 'scp: ' : ''}${text}${remedy === undefined ? '' : ` (${remedy})`}`;
}

function lost(words: Words): ScpEnd {
  words.plain('lost connection');
  return new ScpEnd(1);
}

/** Hands on bytes, as fast as they are taken. */
function join(from: ScpStream, to: ScpStream): void {
  from.on('data', (chunk) => {
    if (to.write(chunk) === false) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
  // Who ends early has told why, and its status says so.
  from.on('error', () => to.end());
}
