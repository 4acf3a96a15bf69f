/** Other programs that do a part of the work on this machine: cp for copies within it, ssh for scp on the first host (-R). */
import { spawn } from 'node:child_process';
import { systemWords } from '../files/failure-parts.ts';
import { FatalError } from '../ssh/end.ts';
import type { ScpContext } from './context.ts';
import { isPlainUser, type RemotePlace } from './place.ts';

/** A local copy, by cp as OpenSSH has it. */
export async function copyHere({ request, words }: ScpContext, source: string, target: string): Promise<void> {
  const flags = [...(request.recursive ? ['-r'] : []), ...(request.preserve ? ['-p'] : [])];
  await run({ request, words }, 'cp', [...flags, '--', source, target]);
}

/** -R: scp on the first host copies to the second by itself. */
export async function copyFromOrigin(context: ScpContext, source: RemotePlace, target: RemotePlace): Promise<void> {
  const { request, words } = context;
  if (target.user !== undefined && !isPlainUser(target.user)) {
    words.plain(`${target.user}: invalid user name`);
    return words.fail();
  }
  if (target.port !== undefined && target.port !== 22) {
    throw new FatalError('target port not supported with two remote hosts and the -R option');
  }
  const { recursive, preserve, verbose, targetIsFolder } = request;
  const letters = [verbose > 0 && '-v', recursive && '-r', preserve && '-p', targetIsFolder && '-d'];
  const command = ['scp', ...letters.filter((letter) => letter !== false)].join(' ');
  const user = target.user === undefined ? '' : `${target.user}@`;
  const args = [
    '-x',
    '-oClearAllForwardings=yes',
    '-n',
    ...request.ownFlags,
    ...(source.port === undefined ? [] : ['-p', String(source.port)]),
    ...(source.user === undefined ? [] : ['-l', source.user]),
    '--',
    source.host,
    command,
    source.path,
    `${user}${target.host}:${target.path}`,
  ];
  if (request.program !== undefined) return run(context, request.program, args);
  // This very program, as ssh.
  await run(context, process.execPath, [process.argv[1] as string, 'ssh', ...args]);
}

async function run(
  { request, words }: Pick<ScpContext, 'request' | 'words'>,
  program: string,
  args: readonly string[],
) {
  if (request.verbose > 0) words.plain(`Executing: ${[program, ...args.map((arg) => `'${arg}'`)].join(' ')}`);
  const child = spawn(program, args, { stdio: 'inherit' });
  const status = await new Promise<number | null>((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      words.plain(`${program}: ${systemWords(error.code ?? '', error.message)}`);
      resolve(null);
    });
    child.once('close', resolve);
  });
  if (status !== 0) words.fail();
}
