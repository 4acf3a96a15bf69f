/** The helper itself: runs as the user, makes sockets as the server orders, and hands on whoever connects. */
import type { Duplex } from 'node:stream';
import { platform } from '../../os/index.ts';
import { ownSockets } from './own-sockets.ts';

/** A line of its input. */
export type HelperOrder =
  | { readonly kind: 'agent'; readonly id: number }
  | {
      readonly kind: 'listen';
      readonly id: number;
      readonly path: string;
      readonly bindMask: number;
      readonly unlinkFirst: boolean;
    }
  | { readonly kind: 'connect'; readonly id: number; readonly path: string }
  | { readonly kind: 'close'; readonly id: number };

/** The socket over which descriptors are passed. */
const passingFd = 3;

/** Serves until its input ends, which is when the connection or the server does; gives the exit status. */
export async function runUserHelper(): Promise<number> {
  const { sendDescriptor } = platform();
  const open = new Map<number, { close(): void }>();
  const say = (answer: object) => process.stdout.write(`${JSON.stringify(answer)}\n`);
  // Nothing was read from it yet: it goes as it came, and the descriptor is there before the line that tells of it.
  const pass = (id: number, stream: Duplex): void => {
    try {
      sendDescriptor(passingFd, (stream as unknown as { _handle: { fd: number } })._handle.fd);
      say({ id, hasSocket: true });
    } finally {
      stream.destroy();
    }
  };
  const carryOut = async (order: HelperOrder): Promise<void> => {
    const { id } = order;
    switch (order.kind) {
      case 'agent': {
        const agent = await ownSockets.listenAgent((stream) => pass(id, stream));
        open.set(id, agent);
        say({ id, path: agent.path });
        return;
      }
      case 'listen': {
        const listening = await ownSockets.listen(order.path, order, (stream) => pass(id, stream));
        if (listening !== undefined) open.set(id, listening);
        say(listening === undefined ? { id, error: 'not possible' } : { id });
        return;
      }
      case 'connect':
        return pass(id, await ownSockets.connect(order.path));
      case 'close':
        open.get(id)?.close();
        open.delete(id);
    }
  };
  let rest = '';
  for await (const text of process.stdin.setEncoding('utf8')) {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const order = JSON.parse(line) as HelperOrder;
      carryOut(order).catch((error: Error) => say({ id: order.id, error: error.message }));
    }
  }
  for (const each of open.values()) each.close();
  return 0;
}
