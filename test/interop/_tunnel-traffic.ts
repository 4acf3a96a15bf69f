/** Traffic for a tunnel, as a program: `serve` echoes UDP and TCP on every address; `check ADDRESS` sends both and compares. */
import { createHash, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const port = 7;
const streamBytes = Number(process.env.NACRE_TUNNEL_BYTES ?? 4 * 1024 * 1024);
/** A datagram of its own, a full packet, and one that the sender's kernel cuts into three. */
const datagramSizes = [1, 1400, 4000];

const [mode, address = ''] = process.argv.slice(2);
if (mode === 'serve') await serve();
else await check();

async function serve(): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  });
  server.listen(port, '::');
  await once(server, 'listening');
  const echo = createSocket({ type: 'udp6' });
  echo.on('message', (message, from) => echo.send(message, from.port, from.address));
  echo.bind(port, '::');
  await once(echo, 'listening');
  console.log('serving');
}

async function check(): Promise<void> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  for (const size of datagramSizes) await exchange(socket, randomBytes(size));
  socket.close();
  await stream();
  console.log('whole');
}

/** Datagrams may be lost: one is sent until its answer comes. */
async function exchange(socket: ReturnType<typeof createSocket>, payload: Buffer): Promise<void> {
  const send = () => socket.send(payload, port, address, () => {});
  const timer = setInterval(send, 200);
  send();
  try {
    for (;;) {
      const [answer] = (await once(socket, 'message')) as [Buffer];
      if (answer.equals(payload)) return;
    }
  } finally {
    clearInterval(timer);
  }
}

async function stream(): Promise<void> {
  const socket = connect(port, address);
  const [sent, received] = [createHash('sha256'), createHash('sha256')];
  let count = 0;
  socket.on('data', (chunk: Buffer) => {
    received.update(chunk);
    count += chunk.length;
  });
  for (let left = streamBytes; left > 0; ) {
    const chunk = randomBytes(Math.min(left, 64 * 1024));
    left -= chunk.length;
    sent.update(chunk);
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
  await once(socket, 'end');
  if (count !== streamBytes || sent.digest('hex') !== received.digest('hex')) {
    throw new Error(`${count} bytes came back of ${streamBytes}, and are not the same`);
  }
}
