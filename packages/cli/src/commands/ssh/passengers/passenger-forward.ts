/** ssh -W of another process over this connection: the streams that it passed, joined to a port behind the server. */
import type { Duplex } from 'node:stream';
import type { ClientConnection } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { muxRefusal, type PassedDescriptors, type Passenger, type PassengerForward } from '@nacre/ssh/mux';
import { readPassed } from './passed-input.ts';
import { writePassed } from './passed-output.ts';
import { type PassedStream, takeStreams } from './passed-stream.ts';

/** @throws SshError `request-refused` where the server does not let it through. */
export async function openPassengerForward(
  connection: ClientConnection,
  target: PassengerForward,
  { fds }: PassedDescriptors,
): Promise<Passenger> {
  const [stdin, stdout] = (await takeStreams(fds, ['read', 'write'])) as [PassedStream, PassedStream];
  try {
    stdin.requireReadable();
    return carry(await open(connection, target), stdin, stdout);
  } catch (error) {
    stdin.close();
    stdout.close();
    throw error;
  }
}

async function open(connection: ClientConnection, { host, port }: PassengerForward): Promise<Duplex> {
  try {
    return await (port === undefined ? connection.forwardUnix(host) : connection.forwardTcp(host, port));
  } catch (error) {
    if (!(error instanceof SshError) || error.code !== 'channel-open-refused') throw error;
    throw muxRefusal('Session open refused by peer');
  }
}

/** Its end comes when both directions have ended. */
function carry(stream: Duplex, stdin: PassedStream, stdout: PassedStream): Passenger {
  const closed = new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.on('error', () => resolve());
    // The server's side has ended: whatever it might still read goes nowhere.
    stream.once('end', () => stream.end());
  });
  const out = writePassed(stdout, { onDrain: () => stream.resume(), onBroken: () => stream.destroy() });
  stream.on('data', (chunk: Buffer) => {
    if (!out.write(chunk)) stream.pause();
  });
  const input = readPassed(stdin, {
    take: (chunk, done) => void stream.write(chunk, (error) => done(error === null || error === undefined)),
    end: () => stream.end(),
  });
  const finish = async (): Promise<undefined> => {
    await closed;
    await out.flush();
    await Promise.all([input.stop(), out.stop()]);
    stdin.close();
    stdout.close();
  };
  return {
    exit: finish(),
    close: () => {
      stream.destroy();
      void out.stop();
    },
  };
}
