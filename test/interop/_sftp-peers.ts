/** Servers of sftp that transfers are tried with: OpenSSH's and ours over pipes, and AsyncSSH through its own sshd. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { Duplex } from 'node:stream';
import { acceptAnyHostKeyWithoutVerification, type ClientConnection, connect, programStream } from '@nacre/ssh/client';
import { parsePrivateKey } from '@nacre/ssh/keys';
import { type SftpClient, type SftpStream, startSftp } from '@nacre/ssh/sftp';
import { atEnd, missing, nacreProgram, openSshProgram, startAsyncssh } from '../harness/index.ts';

export interface SftpPeer {
  readonly name: string;
  /** Why it cannot be tried here. */
  readonly skip: string | false;
  /** Another session. @param wrap - what is to stand between the client and the server. */
  open(wrap?: (stream: SftpStream) => SftpStream): Promise<SftpClient>;
}

export const theirs: SftpPeer = {
  name: 'OpenSSH',
  skip: fs.existsSync(openSshProgram('sftp-server')) ? false : 'sftp-server is not installed',
  open: (wrap) => overPipes(openSshProgram('sftp-server'), [], wrap),
};

export const ours: SftpPeer = {
  name: 'nacre',
  skip: missing('nacre:sftp-server'),
  open: (wrap) => overPipes(nacreProgram('sftp-server'), [], wrap),
};

let connection: Promise<ClientConnection> | undefined;

export const asyncssh: SftpPeer = {
  name: 'AsyncSSH',
  skip: missing('python3:asyncssh'),
  async open(wrap = (stream) => stream) {
    connection ??= logIn();
    const session = await (await connection).subsystem('sftp');
    session.stderr.resume();
    return startSftp(wrap(programStream(session)));
  },
};

export const sftpPeers: readonly SftpPeer[] = [theirs, ours, asyncssh];

/** A client of a server's program itself, without ssh. */
export async function overPipes(
  program: string,
  argv: readonly string[] = [],
  wrap: (stream: SftpStream) => SftpStream = (stream) => stream,
): Promise<SftpClient> {
  const child = spawn(program, argv, { stdio: ['pipe', 'pipe', 'ignore'] });
  atEnd(() => void child.kill());
  // What was sent to one that is gone: the end of its output tells.
  child.stdin.on('error', () => {});
  return startSftp(wrap(Duplex.from({ readable: child.stdout, writable: child.stdin })));
}

async function logIn(): Promise<ClientConnection> {
  // In key exchanges of its own AsyncSSH 2.10 goes on with channel data, which RFC 4253 §7.1 forbids, and we end connections over.
  const server = await startAsyncssh({ settings: { rekey_bytes: 2 ** 40 } });
  const key = await parsePrivateKey(fs.readFileSync(server.identity.file));
  const opened = await connect(
    { host: server.host, port: server.port, user: server.user },
    { hostKeys: acceptAnyHostKeyWithoutVerification(), identities: [key], agent: false },
  );
  atEnd(() => opened.close());
  return opened;
}

/** The stream ends, in the middle of a message or not, when so many bytes of both directions have passed. */
export function cutAfter(bytes: number): (stream: SftpStream) => SftpStream {
  return (inner) => {
    let left = bytes;
    const ends: (() => void)[] = [];
    const pass = (chunk: Uint8Array, to: (part: Buffer) => unknown): unknown => {
      const part = Buffer.from(chunk.subarray(0, Math.max(left, 0)));
      const wasCut = left <= 0;
      left -= chunk.length;
      const result = part.length > 0 ? to(part) : true;
      if (left <= 0 && !wasCut) {
        // A turn later: what was written so far is on its way.
        setImmediate(() => {
          inner.destroy();
          for (const end of ends) end();
        });
      }
      return result;
    };
    return {
      write: (chunk) => pass(chunk, (part) => inner.write(part)),
      on(event: string, listener: (value: never) => void) {
        if (event === 'end' || event === 'close') ends.push(listener as () => void);
        if (event !== 'data') return inner.on(event as 'end', listener as () => void);
        return inner.on('data', (chunk) => void pass(chunk, (part) => (listener as (part: Buffer) => void)(part)));
      },
      destroy: () => inner.destroy(),
    };
  };
}

/** Numbers below a bound from a seed: `NACRE_SEED` runs a test again as it was. */
export function seededRandom(): { readonly seed: number; below(bound: number): number } {
  const seed = Number(process.env.NACRE_SEED ?? Math.floor(Math.random() * 0x1_0000_0000)) >>> 0;
  let state = seed;
  return {
    seed,
    // Mulberry32.
    below(bound) {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * bound);
    },
  };
}

const piece = Buffer.allocUnsafe(4 * 1024 * 1024);

/** The sha256 of a file, read in pieces. */
export function hashOf(file: string | Buffer): string {
  const hash = createHash('sha256');
  const fd = fs.openSync(file, 'r');
  for (let count = fs.readSync(fd, piece); count > 0; count = fs.readSync(fd, piece)) {
    hash.update(piece.subarray(0, count));
  }
  fs.closeSync(fd);
  return hash.digest('hex');
}

/** What a folder holds: names (one character a byte), contents or the targets of links, and on request modes and times. */
export function describeTree(folder: string, withFacts = false): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: Buffer, name: string) => {
    for (const entry of fs.readdirSync(path, { encoding: 'buffer' }) as Buffer[]) {
      const inside = Buffer.concat([path, Buffer.from('/'), entry]);
      const key = `${name}/${entry.toString('latin1')}`;
      const stats = fs.lstatSync(inside);
      const facts = withFacts ? ` ${stats.mode.toString(8)} ${Math.floor(stats.mtimeMs / 1000)}` : '';
      if (stats.isDirectory()) {
        found[key] = `folder${facts}`;
        visit(inside, key);
      } else if (stats.isSymbolicLink()) found[key] = `-> ${fs.readlinkSync(inside)}`;
      else found[key] = hashOf(inside) + facts;
    }
  };
  visit(Buffer.from(folder), '');
  return found;
}
