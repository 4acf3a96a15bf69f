/** The value of ProxyJump: `[user@]host[:port]` or `ssh://…`, separated by commas. */
import type { ConfigPlace } from '../../config/index.ts';
import { SshError } from '../../errors.ts';
import { parseTarget, type Target } from '../target.ts';

/** A jump host as it was named; its own settings say where and how it is reached. */
export type JumpHost = Target;

/**
 * Reads the value, its tokens expanded.
 *
 * @param place - where it was said, for the error text.
 * @throws SshError `bad-file` for names that no host or user has: they go into file names, logs and commands (CVE-2023-51385,
 *   CVE-2025-61984).
 * @example
 * parseJumpHosts('ada@bastion:2222,inner'); // [{ user: 'ada', host: 'bastion', port: 2222 }, { host: 'inner' }]
 */
export function parseJumpHosts(text: string, place?: ConfigPlace): JumpHost[] {
  return text.split(',').map((entry) => {
    try {
      return parseTarget(entry.trim());
    } catch (cause) {
      const where = place === undefined || place.line === 0 ? '' : `${place.file} line ${place.line}: `;
      const { message } = cause as Error;
      throw new SshError(`${where}ProxyJump: ${message}`, {
        code: 'bad-file',
        stage: 'config',
        remedy: 'Write [user@]host[:port], an IPv6 address in brackets, and commas between jump hosts.',
        cause,
      });
    }
  });
}
