/** The cookie that lets programs in at an X server, from xauth: the person's own, or one made for programs that are not trusted. */
import { execFile } from 'node:child_process';
import { access, constants, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from '../../crypto/index.ts';
import { SshError } from '../../errors.ts';
import type { Display } from './display.ts';

export interface Cookie {
  /** The name of the method, MIT-MAGIC-COOKIE-1 in practice. */
  readonly protocol: string;
  readonly data: Buffer;
}

export interface XauthRequest {
  readonly display: Display;
  /** Trusted programs may do whatever local ones may; others are kept from each other by the X server. */
  readonly trusted: boolean;
  /** How long a cookie for untrusted programs is good; 0 for ever. */
  readonly timeoutSeconds: number;
  /** xauth's path. */
  readonly program: string;
  readonly log: (text: string) => void;
}

const cookieProtocol = 'MIT-MAGIC-COOKIE-1';
const cookieBytes = 16;
/** The X server drops a cookie on its own clock: ours must refuse first. */
const timeoutSlackSeconds = 60;
const xauthTimeoutMs = 10_000;
const maxOutputBytes = 64 * 1024;
const maxProtocolLength = 64;
const maxCookieDigits = 512;

/**
 * Gets a cookie for a display.
 *
 * @throws SshError `operation-failed` where one for untrusted programs was wanted and xauth or the X server made none: falling
 *   back to the person's own would give programs of the server the whole screen.
 */
export async function obtainCookie(request: XauthRequest): Promise<Cookie> {
  const cookie = request.trusted ? await readOwnCookie(request) : await makeUntrustedCookie(request);
  if (cookie !== undefined) return cookie;
  if (!request.trusted) throw noUntrustedCookie();
  // The X server may let us in by our address all the same.
  request.log('Warning: No xauth data; using fake authentication data for X11 forwarding.');
  return { protocol: cookieProtocol, data: randomBytes(cookieBytes) };
}

async function readOwnCookie({ display, program }: XauthRequest): Promise<Cookie | undefined> {
  if (!(await isProgram(program))) return undefined;
  return parseXauthList(await run(program, ['list', display.xauthName]));
}

/** Made in a file of its own, which nobody else reads and which is gone afterwards. */
async function makeUntrustedCookie(request: XauthRequest): Promise<Cookie | undefined> {
  const { display, program, timeoutSeconds } = request;
  if (!(await isProgram(program))) throw noUntrustedCookie(`${program} cannot be run`);
  const folder = await mkdtemp(join(tmpdir(), 'nacre-x11-'));
  try {
    const file = join(folder, 'xauthfile');
    const limit = timeoutSeconds === 0 ? 0 : timeoutSeconds + timeoutSlackSeconds;
    const generate = ['generate', display.xauthName, cookieProtocol, 'untrusted', 'timeout', String(limit)];
    await run(program, ['-f', file, ...generate]);
    return parseXauthList(await run(program, ['-f', file, 'list', display.xauthName]));
  } catch (cause) {
    throw noUntrustedCookie(cause instanceof Error ? cause.message : undefined, cause);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The first line of what `xauth list` writes: a display, a method, a cookie in hexadecimal. Anything else is none: the text goes
 * to the server as it is.
 */
export function parseXauthList(text: string): Cookie | undefined {
  const [line = ''] = text.split('\n', 1);
  const [, protocol = '', digits = ''] = line.trim().split(/[ \t]+/);
  if (protocol.length > maxProtocolLength || !/^[A-Za-z0-9:/._-]+$/.test(protocol)) return undefined;
  if (digits.length > maxCookieDigits || !/^(?:[0-9a-fA-F]{2})+$/.test(digits)) return undefined;
  return { protocol, data: Buffer.from(digits, 'hex') };
}

/** Never through a shell, and not for long: xauth waits for locks that nobody may ever give up. */
function run(program: string, args: readonly string[]): Promise<string> {
  const options = { timeout: xauthTimeoutMs, maxBuffer: maxOutputBytes, encoding: 'utf8' as const };
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, options, (error, stdout) => {
      if (error !== null) reject(new Error(`${program} ${args.at(-1)}: ${error.message}`, { cause: error }));
      else resolve(stdout);
    });
    child.stdin?.end();
  });
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function noUntrustedCookie(reason = 'xauth key data not generated', cause?: unknown): SshError {
  return new SshError(`untrusted X11 forwarding setup failed: ${reason}`, {
    code: 'operation-failed',
    stage: 'channel',
    remedy:
      'The X server needs the SECURITY extension and xauth has to be installed; trusted forwarding (-Y) needs neither, and lets programs of the server see all windows and keys.',
    ...(cause === undefined ? {} : { cause }),
  });
}
