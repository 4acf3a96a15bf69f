/** What an agent in the foreground says on stderr. */
import { writeSync } from 'node:fs';
import { sanitize } from '../../terminal/sanitize.ts';

/** What happens, for -d and -D. */
export type AgentLog = (level: 'error' | 'info' | 'debug', text: string) => void;

export function createLog(debugging: boolean): AgentLog {
  return (level, text) => {
    if (level === 'debug' && !debugging) return;
    try {
      writeSync(2, `${level === 'debug' ? 'debug1: ' : ''}${sanitize(text, '\t')}\r\n`);
    } catch {
      // Nobody reads it any more; the keys are worth more than the log.
    }
  };
}
