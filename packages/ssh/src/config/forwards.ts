/** Forwards as flags and files write them: `[bind:]port:host:port`, Unix sockets in either place, `[bind:]port` for SOCKS. */

/** Where a forward listens. */
export type ForwardListen =
  | { readonly kind: 'tcp'; readonly host: string | undefined; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** Where a forward leads; `socks` asks whoever connects. */
export type ForwardTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'socks' };

export interface Forward {
  readonly listen: ForwardListen;
  readonly target: ForwardTarget;
}

export type ForwardKind = 'local' | 'remote' | 'dynamic';

/**
 * Reads a forward as `-L`, `-R` and `-D` take it.
 *
 * @param kind - `remote` allows port 0 (the server chooses) and a lone port (SOCKS on the server); `dynamic` allows nothing else.
 * @returns undefined where the text is none.
 * @example
 * parseForward('8080:localhost:80', 'local');
 */
export function parseForward(text: string, kind: ForwardKind): Forward | undefined {
  const fields = splitFields(text.trim());
  if (fields === undefined) return undefined;
  const forward = arrange(fields);
  if (forward === undefined) return undefined;
  const { listen, target } = forward;
  if (kind === 'dynamic' && target.kind !== 'socks') return undefined;
  if (kind === 'local' && target.kind === 'socks') return undefined;
  if (target.kind === 'tcp' && target.port === 0) return undefined;
  if (listen.kind === 'tcp' && listen.port === 0 && kind !== 'remote') return undefined;
  return forward;
}

/** As `ssh -G` prints it: `[bind]:port [host]:port`. */
export function formatForward({ listen, target }: Forward): string {
  return target.kind === 'socks' ? formatListen(listen) : `${formatListen(listen)} ${formatTarget(target)}`;
}

function formatListen(listen: ForwardListen): string {
  if (listen.kind === 'unix') return listen.path;
  return listen.host === undefined ? String(listen.port) : `[${listen.host}]:${listen.port}`;
}

function formatTarget(target: Exclude<ForwardTarget, { kind: 'socks' }>): string {
  return target.kind === 'unix' ? target.path : `[${target.host}]:${target.port}`;
}

interface Field {
  readonly text: string;
  readonly isPath: boolean;
}

/** One to four fields between colons; brackets hold colons together, a backslash takes a colon's meaning away. */
function splitFields(text: string): Field[] | undefined {
  const fields: Field[] = [];
  for (let at = 0; at <= text.length && fields.length < 4; ) {
    if (at === text.length) return fields.length > 0 && !text.endsWith(':') ? fields : undefined;
    const field = text[at] === '[' ? readBracketed(text, at) : readPlain(text, at);
    if (field === undefined) return undefined;
    fields.push(field);
    at = field.end;
    if (at === text.length && text[at - 1] !== ':') return fields;
  }
  return undefined;
}

function readBracketed(text: string, start: number): (Field & { end: number }) | undefined {
  const close = text.indexOf(']', start);
  const behind = text[close + 1];
  if (close < 0 || (behind !== undefined && behind !== ':')) return undefined;
  const inside = text.slice(start + 1, close);
  return { text: inside, isPath: inside.startsWith('/'), end: behind === undefined ? close + 1 : close + 2 };
}

function readPlain(text: string, start: number): (Field & { end: number }) | undefined {
  let word = '';
  for (let at = start; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '\\') {
      at++;
      if (at === text.length) return undefined;
      word += text[at];
    } else if (character === ':') return { text: word, isPath: word.includes('/'), end: at + 1 };
    else word += character;
  }
  return { text: word, isPath: word.includes('/'), end: text.length };
}

function arrange(fields: readonly Field[]): Forward | undefined {
  const [a, b, c, d] = fields;
  if (a === undefined) return undefined;
  if (b === undefined) return a.isPath ? join(unix(a), socks) : join(tcpListen(undefined, a), socks);
  if (c === undefined) {
    if (a.isPath && b.isPath) return join(unix(a), unix(b));
    if (b.isPath) return join(tcpListen(undefined, a), unix(b));
    return join(tcpListen(a, b), socks);
  }
  if (d === undefined) {
    if (a.isPath) return join(unix(a), tcpTarget(b, c));
    if (c.isPath) return join(tcpListen(a, b), unix(c));
    return join(tcpListen(undefined, a), tcpTarget(b, c));
  }
  return d.isPath ? undefined : join(tcpListen(a, b), tcpTarget(c, d));
}

const socks = { kind: 'socks' } as const;

function join(listen: ForwardListen | undefined, target: ForwardTarget | undefined): Forward | undefined {
  return listen === undefined || target === undefined ? undefined : { listen, target };
}

function unix(field: Field): { kind: 'unix'; path: string } {
  return { kind: 'unix', path: field.text };
}

function tcpListen(host: Field | undefined, port: Field): ForwardListen | undefined {
  const number = parsePort(port.text);
  return number === undefined ? undefined : { kind: 'tcp', host: host?.text, port: number };
}

/** NI_MAXHOST: no host name is longer. */
const maxHostCharacters = 1024;

function tcpTarget(host: Field, port: Field): ForwardTarget | undefined {
  const number = parsePort(port.text);
  if (number === undefined || host.text.length > maxHostCharacters) return undefined;
  return { kind: 'tcp', host: host.text, port: number };
}

function parsePort(text: string): number | undefined {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 65_536;
  return port <= 65_535 ? port : undefined;
}
