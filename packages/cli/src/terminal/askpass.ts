/** SSH_ASKPASS: when a program asks in place of the terminal, and how it is run. */
import { spawn } from 'node:child_process';

/** What the environment says about asking by program. */
export interface AskpassRules {
  /** A program may ask: there is a display, or SSH_ASKPASS_REQUIRE=force. */
  readonly allowed: boolean;
  /** It asks even when there is a terminal. */
  readonly preferred: boolean;
  readonly program: string;
}

const defaultProgram = '/usr/bin/ssh-askpass';
/** An answer longer than this is none (OpenSSH reads 1024 bytes). */
const maxAnswerBytes = 4096;

/** Reads DISPLAY, WAYLAND_DISPLAY, SSH_ASKPASS_REQUIRE and SSH_ASKPASS as ssh(1) describes them. */
export function readAskpassRules(environment: NodeJS.ProcessEnv): AskpassRules {
  const hasDisplay = Boolean(environment.DISPLAY) || Boolean(environment.WAYLAND_DISPLAY);
  const program = environment.SSH_ASKPASS ?? defaultProgram;
  switch (environment.SSH_ASKPASS_REQUIRE?.toLowerCase()) {
    case 'force':
      return { allowed: true, preferred: true, program };
    case 'prefer':
      return { allowed: hasDisplay, preferred: hasDisplay, program };
    case 'never':
      return { allowed: false, preferred: false, program };
    default:
      return { allowed: hasDisplay, preferred: false, program };
  }
}

/**
 * Runs the program with the question as its argument and gives the first line it prints; undefined when it fails or refuses.
 *
 * @param kind - `confirm` tells the program that this is a yes-or-no question (SSH_ASKPASS_PROMPT).
 */
export function runAskpass(program: string, question: string, kind?: 'confirm'): Promise<string | undefined> {
  const env = { ...process.env };
  delete env.SSH_ASKPASS_PROMPT;
  if (kind !== undefined) env.SSH_ASKPASS_PROMPT = kind;
  return new Promise((resolve) => {
    const child = spawn(program, [question.replaceAll('\0', '')], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxAnswerBytes) chunks.push(chunk);
    });
    child.on('error', (error) => {
      process.stderr.write(
        `ssh_askpass: exec(${program}): ${(error as NodeJS.ErrnoException).code ?? error.message}\n`,
      );
      resolve(undefined);
    });
    child.on('close', (code) => {
      const answer = Buffer.concat(chunks);
      const [line] = answer.toString('utf8').split(/[\r\n]/);
      answer.fill(0);
      resolve(code === 0 ? line : undefined);
    });
  });
}
