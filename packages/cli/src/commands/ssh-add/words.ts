/** What ssh-add says about things that fail: OpenSSH's words for what the agent answered, and lines for stderr. */
import { SshError } from '@nacre/ssh/errors';
import { sanitize } from '../../terminal/sanitize.ts';

/** A line on stderr. File names and comments may hold anything, and a terminal must not obey them. */
export function say(text: string): void {
  process.stderr.write(`${sanitize(text)}\n`);
}

/** Why the agent did not do it. Errors of any other kind are bugs and go on. */
export function agentWords(error: unknown): string {
  if (!(error instanceof SshError)) throw error;
  switch (error.code) {
    case 'agent-refused':
      return 'agent refused operation';
    case 'agent-unavailable':
      return 'communication with agent failed';
    case 'bad-signature':
      return `incorrect signature (${error.message})`;
    // A constraint that no agent would take (a destination without a host): it is refused without asking one.
    case 'misuse':
      return `agent refused operation (${error.message})`;
    default:
      return `communication with agent failed (${error.message})`;
  }
}
