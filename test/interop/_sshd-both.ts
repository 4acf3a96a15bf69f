/** bin/sshd and Debian's sshd with the same configuration, for root itself and for another account, asked the same. */
import assert from 'node:assert/strict';
import {
  createSystemUser,
  currentUser,
  type NacreServerOptions,
  type ProgramResult,
  runSsh,
  type SystemUser,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
  userKey,
} from '../harness/index.ts';

type Start = (options: NacreServerOptions) => Promise<TestServer>;

const programs: readonly (readonly [name: string, start: Start])[] = [
  ['OpenSSH', startOpenSshServer],
  ['nacre', startNacreServer],
];

let other: Promise<SystemUser> | undefined;

/** An account that is not the server's own, made when first asked for. */
export function otherAccount(): Promise<SystemUser> {
  other ??= makeOther();
  return other;
}

async function makeOther(): Promise<SystemUser> {
  const user = await createSystemUser({ shell: '/bin/bash', groups: ['games'] });
  await user.authorize((await userKey()).publicLine);
  return user;
}

/** Who logs in: the account that runs the server, and as root another one. */
export async function accounts(): Promise<string[]> {
  return process.getuid?.() === 0 ? [currentUser(), (await otherAccount()).name] : [currentUser()];
}

/**
 * Has both servers do the same, and wants the same of them.
 *
 * @param options - `ours`: lines of configuration that the other has by its harness.
 * @returns what was the same.
 */
export async function onBoth<T>(
  options: NacreServerOptions & { readonly user?: string; readonly ours?: readonly string[] },
  scenario: (server: TestServer, name: string) => Promise<T>,
): Promise<T> {
  const results: T[] = [];
  for (const [name, start] of programs) {
    const isOther = options.user !== undefined && options.user !== currentUser();
    const own = name === 'nacre' ? (options.ours ?? []) : [];
    const config = [...own, ...(isOther ? ['AuthorizedKeysFile .ssh/authorized_keys'] : []), ...(options.config ?? [])];
    const server = await start({ hostKeyTypes: ['ed25519'], ...options, config });
    const served = options.user === undefined ? server : { ...server, user: options.user };
    try {
      results.push(await scenario(served, name));
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}\n${server.log().slice(-3000)}`, { cause: error });
    } finally {
      await server.stop();
    }
  }
  const [theirs, ours] = results;
  assert.deepEqual(ours, theirs);
  return ours as T;
}

/** What a command printed; stderr goes into the message where it failed. */
export async function output(
  server: TestServer,
  command: string,
  options: Parameters<typeof runSsh>[2] = {},
): Promise<string> {
  const result: ProgramResult = await runSsh(server, [command], options);
  assert.equal(result.status, 0, `${result.stdout}${result.stderr}`);
  return result.stdout.toString();
}
