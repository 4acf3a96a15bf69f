/** Questions of ssh-add: hidden answers from askpass, the terminal, or standard input. */
import type { Log } from '../ssh/log.ts';

/**
 * Asks as OpenSSH does here: the askpass program where stdin is no terminal and a display is there (or SSH_ASKPASS_REQUIRE
 * says so), else the terminal, else a line of stdin. Whoever gives no answer gives an empty one.
 */
export async function askHidden(prompt: string, log: Log): Promise<string> {
  const { readAskpassRules, runAskpass } = await import('../../terminal/askpass.ts');
  const rules = readAskpassRules(process.env);
  if (rules.preferred) log.debug(1, 'read_passphrase: requested to askpass');
  else if (!process.stdin.isTTY) log.debug(1, 'read_passphrase: stdin is not a tty');
  if (rules.allowed && (rules.preferred || !process.stdin.isTTY)) {
    const { sanitize } = await import('../../terminal/sanitize.ts');
    return (await runAskpass(rules.program, sanitize(prompt))) ?? '';
  }
  const { askOnTerminal, openControllingTerminal } = await import('../../terminal/tty-prompt.ts');
  const terminal = openControllingTerminal();
  if (terminal !== undefined) return (await askOnTerminal(terminal, prompt, false)) ?? '';
  const { sanitize } = await import('../../terminal/sanitize.ts');
  const { readStdinLine } = await import('../../terminal/stdin-line.ts');
  process.stderr.write(sanitize(prompt));
  return readStdinLine() ?? '';
}
