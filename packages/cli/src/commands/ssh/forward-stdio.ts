/** -W: our stdin and stdout joined to a port behind the server, as a jump needs it. */
import type { ClientConnection } from '@nacre/ssh/client';
import type { OpenRefusal } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import type { HostPort } from './command-line.ts';
import { FatalError } from './end.ts';
import { describeRefusal } from './forward-words.ts';
import { readInput } from './local-input.ts';
import { openOutput } from './local-output.ts';
import type { Request } from './request.ts';

/** Joins them until both directions have ended. */
export async function forwardStdio(connection: ClientConnection, target: HostPort, { log }: Request): Promise<number> {
  const stream = await connection.forwardTcp(target.host, target.port).catch((error: unknown) => {
    if (!(error instanceof SshError) || error.code !== 'channel-open-refused') throw error;
    log.info(describeRefusal(error.cause as OpenRefusal));
    throw new FatalError('stdio forwarding failed');
  });
  const input = readInput(0, {
    take: (chunk, done) => void stream.write(chunk, (error) => done(error === null || error === undefined)),
    end: () => stream.end(),
  });
  const out = openOutput(1, { onDrain: () => stream.resume(), onBroken: () => stream.destroy() });
  stream.on('data', (chunk: Buffer) => {
    if (!out.write(chunk)) stream.pause();
  });
  await new Promise<void>((resolve, reject) => {
    stream.once('close', resolve);
    stream.once('error', reject);
    // The server's side has ended: whatever it might still read goes nowhere.
    stream.once('end', () => stream.end());
  });
  input.stop();
  await out.flush();
  return 0;
}
