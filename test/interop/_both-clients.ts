/** The same command line for OpenSSH's ssh and for ours, and what each makes of it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder, nacreProgram, openSshProgram, runProgram, type TestServer } from '../harness/index.ts';

export interface Made {
  readonly status: number | null;
  readonly stdout: string;
  /** Without what differs between two runs: folders, line ends. */
  readonly stderr: string;
  /** The known_hosts file afterwards; undefined where there is none. */
  readonly known: string | undefined;
}

export interface BothOptions {
  /** For `-o`, in front of everything else; `{folder}` is the run's own folder. */
  readonly options?: readonly string[];
  readonly flags?: readonly string[];
  readonly command?: readonly string[];
  readonly user?: string;
  readonly host?: string;
  /** What known_hosts holds before; undefined for no file. */
  readonly known?: string;
  /** Files made in the run's own folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: Record<string, string | undefined>;
  readonly version?: '9.2' | '10.0';
  /** Starts the client: `unshare`, `setsid`. */
  readonly prefix?: readonly string[];
}

/** Runs both, one after the other, each with files of its own. */
export async function runBoth(server: TestServer, each: BothOptions): Promise<{ theirs: Made; ours: Made }> {
  const theirs = await runOne(openSshProgram('ssh', each.version ?? '10.0'), server, each);
  return { theirs, ours: await runOne(nacreProgram('ssh'), server, each) };
}

/** Runs one of them. */
export async function runOne(program: string, server: TestServer, each: BothOptions): Promise<Made> {
  const folder = makeFolder('both');
  const known = join(folder, 'known');
  if (each.known !== undefined) writeFileSync(known, each.known);
  const place = (text: string) => text.replaceAll('{folder}', folder);
  for (const [name, text] of Object.entries(each.files ?? {})) {
    writeFileSync(join(folder, name), place(text), { mode: text.startsWith('#!') ? 0o755 : 0o600 });
  }
  const options = [
    ...(each.options ?? []).map(place),
    `UserKnownHostsFile=${known}`,
    'GlobalKnownHostsFile=/dev/null',
    'HostKeyAlgorithms=ssh-ed25519,ssh-ed25519-cert-v01@openssh.com,rsa-sha2-512',
    `Port=${server.port}`,
    `User=${each.user ?? server.user}`,
  ];
  const argv = [
    ...(each.prefix ?? []),
    program,
    ...['-F', '/dev/null', ...options.flatMap((option) => ['-o', option])],
    ...(each.flags ?? []).map(place),
    each.host ?? server.host,
    ...(each.command ?? ['echo in']),
  ];
  const env = { SSH_AUTH_SOCK: undefined, SSH_ASKPASS_REQUIRE: 'never', ...each.env };
  const placedEnv = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, value === undefined ? undefined : place(value)]),
  );
  const { status, stdout, stderr } = await runProgram(argv, { env: placedEnv });
  return {
    status,
    stdout: stdout.toString(),
    stderr: stderr.replaceAll(folder, '{folder}').replaceAll('\r', ''),
    known: existsSync(known) ? readFileSync(known, 'utf8') : undefined,
  };
}
