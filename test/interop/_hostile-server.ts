/** A server that speaks the transport correctly and says in login whatever a test wants said. */
import { createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { generateKey } from '@nacre/ssh/keys';
import { type ByteSink, type Clock, type Transport, Transport as TransportClass } from '@nacre/ssh/transport';
import { atEnd } from '../harness/index.ts';

export interface HostileServer {
  readonly port: number;
  /** The line of known_hosts for it. */
  readonly known: string;
}

/**
 * @param converse - the whole of login after the service was agreed upon; the connection is closed when it returns.
 * @param before - written to the socket before the identification.
 */
export async function startHostileServer(
  converse: (transport: Transport) => Promise<void>,
  before = '',
): Promise<HostileServer> {
  const hostKey = await generateKey('ssh-ed25519');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    if (before !== '') socket.write(before);
    const transport = new TransportClass({
      role: 'server',
      version: '0',
      sink: sinkOf(socket),
      clock,
      hostKeys: [{ signer: hostKey, certificates: [] }],
      signatureAlgorithms: ['ssh-ed25519'],
    });
    socket.on('data', (chunk) => transport.receive(chunk));
    socket.on('close', () => transport.receiveEnd());
    const speak = async () => {
      await transport.handshake();
      await converse(transport);
      // What was said last is on its way before the end.
      await delay(50);
      socket.end();
    };
    speak().catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, known: `[127.0.0.1]:${port} ssh-ed25519 ${hostKey.publicKey.blob.toString('base64')}\n` };
}

function sinkOf(socket: Socket): ByteSink {
  return {
    write: (chunks) => {
      for (const chunk of chunks) socket.write(Buffer.from(chunk));
    },
    queuedBytes: () => socket.writableLength,
    setReading: (reading) => void (reading ? socket.resume() : socket.pause()),
    end: () => void socket.end(),
    defer: (callback) => void setImmediate(callback),
  };
}

const clock: Clock = {
  now: () => performance.now(),
  setTimer(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
