/** Splits the value of `-o` (`Key=value`, `Key value`) into keyword and rest, without knowing any keyword. */
import { SshError } from '@nacre/ssh/errors';

/** One `-o` option as typed. */
export interface KeyValue {
  readonly key: string;
  /** What follows the first `=` or white space; quotes are left to whoever knows the keyword. */
  readonly value: string;
}

/**
 * Reads `Key=value`, `Key = value` or `Key value`, as a line of a configuration file would be read.
 *
 * @throws SshError `misuse` when there is no keyword.
 */
export function parseKeyValue(text: string): KeyValue {
  const match = /^[ \t]*([^ \t=]+)(?:[ \t]*=[ \t]*|[ \t]+|$)([\s\S]*)$/.exec(text);
  if (match === null) {
    throw new SshError(`expected Key=value after -o, but got "${text}"`, {
      code: 'misuse',
      stage: 'usage',
      remedy: 'write the option as -o Keyword=value',
    });
  }
  return { key: match[1] as string, value: (match[2] as string).replace(/[ \t\r\n]+$/, '') };
}
