/** Where a request's control socket lies: ControlPath with its tokens, or nowhere. */
import type { SshError } from '@nacre/ssh/errors';
import { FatalError } from '../end.ts';
import { expandPath, orUndefined } from '../paths.ts';
import type { Request } from '../request.ts';

/** sun_path of Linux with its NUL, and that of macOS. */
const roomBytes = process.platform === 'darwin' ? 104 : 108;

/**
 * Undefined where no connection is to be shared.
 *
 * @throws FatalError where no socket can have such a name.
 */
export function controlPath(request: Request): string | undefined {
  const given = orUndefined(request.settings.controlPath);
  if (given === undefined || given === '') return undefined;
  const path = expandPath(given, request, 'ControlPath');
  if (Buffer.byteLength(path) >= roomBytes) {
    throw new FatalError(`ControlPath too long ('${path}' >= ${roomBytes} bytes)`);
  }
  return path;
}

/** What a master gave as the reason of a refusal, in its own words. */
export function refusalReason(error: SshError): string {
  const [, reason = error.message] = /^the master refused the .*? request: ([\s\S]*)$/.exec(error.message) ?? [];
  return reason;
}

/** Somebody was asked and said no, which is not the same as a failure. */
export const denied = 'Permission denied';
