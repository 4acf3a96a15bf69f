/** Asking the person: a hidden passphrase, a visible question, a permission; on the terminal or by SSH_ASKPASS. */
import { readAskpassRules, runAskpass } from './askpass.ts';
import { sanitize } from './sanitize.ts';
import { askOnTerminal, openControllingTerminal } from './tty-prompt.ts';

/** Asks without showing what is typed; undefined when nobody can be asked or the answer was refused. */
export function askSecret(prompt: string): Promise<string | undefined> {
  return ask(prompt, false);
}

/** Asks and shows what is typed, as for `yes/no/[fingerprint]`; undefined when nobody can be asked. */
export function askVisible(prompt: string): Promise<string | undefined> {
  return ask(prompt, true);
}

/**
 * Asks for permission by the askpass program alone, as an agent does that has no terminal: an empty answer or `yes` grants it.
 * Where no program may ask, nothing is granted.
 */
export async function askPermission(prompt: string): Promise<boolean> {
  const rules = readAskpassRules(process.env);
  if (!rules.allowed) return false;
  const answer = await runAskpass(rules.program, sanitize(prompt, '\n\t'), 'confirm');
  return answer !== undefined && (answer === '' || answer.toLowerCase() === 'yes');
}

// Questions come one after the other: two at once would share one keyboard.
let previous: Promise<unknown> = Promise.resolve();

function ask(prompt: string, echo: boolean): Promise<string | undefined> {
  const answer = previous.then(() => askNow(prompt, echo));
  previous = answer.catch(() => {});
  return answer;
}

/** The order of ssh(1): the program if it is preferred; the terminal if there is one; the program if it is allowed. */
async function askNow(prompt: string, echo: boolean): Promise<string | undefined> {
  const rules = readAskpassRules(process.env);
  if (!rules.preferred) {
    const fd = openControllingTerminal();
    if (fd !== undefined) return askOnTerminal(fd, prompt, echo);
  }
  return rules.allowed ? runAskpass(rules.program, sanitize(prompt, '\n\t')) : undefined;
}
