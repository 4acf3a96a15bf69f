/** Where metrics and the server's health are read: HTTP at an address or a Unix socket (MetricsListen). */
import { lstatSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { MetricsPlace } from '@nacre/ssh/config/server';
import { SshError } from '@nacre/ssh/errors';
import type { StatusSource } from '../status/types.ts';
import { expositionType, formatMetrics } from './exposition.ts';
import type { ServerMetrics } from './server-metrics.ts';

export interface MetricsEndpoint {
  close(): void;
}

/** Whoever reads metrics asks in one small piece; nobody may hold the endpoint by asking slowly. */
const requestTimeoutMs = 5000;
const maxConnections = 16;
const maxHeaderBytes = 8 * 1024;
/** Group and owner: a folder that lends its group (setgid) to the socket decides who may read. */
const socketMask = 0o117;

/** @throws SshError `connect-failed` where the place cannot be had. */
export async function listenMetrics(
  place: MetricsPlace,
  source: StatusSource,
  metrics: ServerMetrics,
): Promise<MetricsEndpoint> {
  const server = createServer(
    { maxHeaderSize: maxHeaderBytes, requestTimeout: requestTimeoutMs, headersTimeout: requestTimeoutMs },
    (request, response) => void answer(request, response, source, metrics),
  );
  server.maxConnections = maxConnections;
  server.keepAliveTimeout = requestTimeoutMs;
  if ('path' in place) removeSocket(place.path);
  await bind(server, place);
  return {
    close() {
      server.close();
      server.closeAllConnections();
      if ('path' in place) removeSocket(place.path);
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  source: StatusSource,
  metrics: ServerMetrics,
): Promise<void> {
  const { status, text, type = 'text/plain; charset=utf-8' } = await replyTo(request, source, metrics);
  const body = Buffer.from(text);
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    ...(status === 405 && { Allow: 'GET, HEAD' }),
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

async function replyTo(
  { method, url = '' }: IncomingMessage,
  source: StatusSource,
  metrics: ServerMetrics,
): Promise<Reply> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, text: 'only GET and HEAD\n' };
  const path = url.split('?')[0];
  if (path !== '/metrics' && path !== '/health') return { status: 404, text: 'there are /metrics and /health\n' };
  try {
    const status = await source.snapshot();
    if (path === '/metrics') {
      return { status: 200, text: formatMetrics(metrics.families(status)), type: expositionType };
    }
    const { isDraining, listeners } = status.server;
    if (isDraining) return { status: 503, text: 'draining\n' };
    return listeners.length === 0 ? { status: 503, text: 'not listening\n' } : { status: 200, text: 'ok\n' };
  } catch (error) {
    return { status: 503, text: `no status: ${error instanceof Error ? error.message : String(error)}\n` };
  }
}

function bind(server: Server, place: MetricsPlace): Promise<void> {
  const name = 'path' in place ? place.path : `${place.host} port ${place.port}`;
  return new Promise((resolve, reject) => {
    const before = process.umask(socketMask);
    try {
      server.once('error', (cause) => reject(cannotListen(name, cause)));
      server.listen(place, () => {
        server.removeAllListeners('error').on('error', () => {});
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
}

/** What is left of a server that was killed; a file of another kind is somebody's data. */
function removeSocket(path: string): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket()) rmSync(path, { force: true });
}

function cannotListen(name: string, cause: Error): SshError {
  return new SshError(`no metrics at ${name}: ${cause.message}`, {
    code: 'connect-failed',
    stage: 'config',
    remedy: 'Set MetricsListen to an address and port, or a socket, that is free.',
    cause,
  });
}
