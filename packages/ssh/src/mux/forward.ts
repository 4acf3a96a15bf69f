/** A forward as the control socket writes it: empty hosts, ports that stand for paths, "socks". */
import { muxError } from './message.ts';
import type { openForward } from './messages.ts';

export type MuxListen =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

export type MuxTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'socks' };

/** A forward to open or to cancel. `dynamic` is a local one whose target is SOCKS; a remote one may have that target too. */
export interface MuxForward {
  readonly kind: 'local' | 'remote' | 'dynamic';
  readonly listen: MuxListen;
  readonly target: MuxTarget;
}

type Fields = Omit<ReturnType<typeof openForward.decode>, 'requestId'>;

/** A port of -2: what stands in the host's place is the path of a Unix socket. */
const pathPort = 0xffff_fffe;
const maxPort = 65_535;
const kinds = ['local', 'remote', 'dynamic'] as const;

export function encodeMuxForward({ kind, listen, target }: MuxForward): Fields {
  const where = listen.kind === 'unix' ? [listen.path, pathPort] : [listenHost(listen.host), listen.port];
  const to =
    target.kind === 'unix'
      ? [target.path, pathPort]
      : target.kind === 'socks'
        ? ['socks', 0]
        : [target.host, target.port];
  const [connectHost, connectPort] = to as [string, number];
  const [host, listenPort] = where as [string, number];
  return { kind: kinds.indexOf(kind) + 1, listenHost: host, listenPort, connectHost, connectPort };
}

/** An empty name means every address, where no name at all means the loopback ones. */
function listenHost(host: string | undefined): string {
  if (host === undefined) return '';
  return host === '' ? '*' : host;
}

/** @throws SshError where it is none that OpenSSH's own master would take. */
export function decodeMuxForward(found: Fields): MuxForward {
  const kind = kinds[found.kind - 1];
  if (kind === undefined) throw muxError(`forwarding type ${found.kind} is unknown`);
  const listen: MuxListen =
    found.listenPort === pathPort
      ? { kind: 'unix', path: requirePath(found.listenHost) }
      : {
          kind: 'tcp',
          host: found.listenHost === '' ? undefined : found.listenHost,
          port: requirePort(found.listenPort),
        };
  if (kind === 'dynamic') {
    if (listen.kind === 'unix') throw muxError('a dynamic forward cannot listen on a Unix socket');
    return { kind, listen, target: { kind: 'socks' } };
  }
  return { kind, listen, target: decodeTarget(kind, found) };
}

function decodeTarget(kind: 'local' | 'remote', { connectHost, connectPort }: Fields): MuxTarget {
  if (connectPort === pathPort) return { kind: 'unix', path: requirePath(connectHost) };
  if (connectPort === 0 && kind === 'remote') return { kind: 'socks' };
  if (connectPort === 0 || connectHost === '') throw muxError('a forward needs a host and a port to connect to');
  return { kind: 'tcp', host: connectHost, port: requirePort(connectPort) };
}

function requirePort(port: number): number {
  if (port > maxPort) throw muxError(`${port} is no port`);
  return port;
}

function requirePath(path: string): string {
  if (path === '') throw muxError('a Unix socket needs a path');
  return path;
}

/** In OpenSSH's words, for questions and logs: `local forward LOCALHOST:8080 -> web:80`. */
export function describeForward({ kind, listen, target }: MuxForward): string {
  const where = listen.kind === 'unix' ? listen.path : `${listen.host ?? 'LOCALHOST'}:${listen.port}`;
  const to = target.kind === 'unix' ? target.path : target.kind === 'socks' ? '*' : `${target.host}:${target.port}`;
  return `${kind} forward ${where} -> ${to}`;
}
