/** What a request is to the server: its name, whether it changes anything, and how it is done. */
import type { Message } from '../../../wire/index.ts';
import { readingSftp } from '../../sftp-error.ts';
import { statusCodes } from '../../status.ts';
import type { Access } from '../access.ts';
import { whenThere } from '../awaitable.ts';
import type { Awaitable, FileSystem } from '../file-system.ts';
import type { Answer } from '../reply.ts';
import type { ReplyOrder } from '../reply-order.ts';
import type { ServerSession } from '../session.ts';

/** A request that was understood: what it touches, and what it does. */
export interface Prepared {
  readonly access: Access | readonly Access[];
  run(): Awaitable<Answer>;
  /** Memory that it takes while it is at work. */
  readonly bytes?: number;
  /** Its reply goes out behind those of the requests that took a place here before. */
  readonly order?: ReplyOrder<Answer>;
}

/** Looks a request's handles up and says what is to be done; a bare answer where nothing is. */
export type Prepare<F> = (fields: F, session: ServerSession, id: number) => Prepared | Answer;

export interface ServerRequest {
  /** The name in allow and deny lists and in the log: that of OpenSSH's server. */
  readonly name: string;
  /** The message's number; undefined for extensions. */
  readonly number: number | undefined;
  /** Name and version of an extension. */
  readonly extension: { readonly name: string; readonly version: string } | undefined;
  /** Refused in a read-only session. */
  readonly changes: boolean;
  /** Whether an extension is announced and served for a file system. */
  isServed(files: FileSystem): boolean;
  /** @param body - the message, or the data of an extension. @throws SshError where it does not decode. */
  prepare(body: Buffer, session: ServerSession, id: number): Prepared | Answer;
}

interface RequestTraits {
  readonly changes?: boolean;
  readonly isServed?: (files: FileSystem) => boolean;
}

/**
 * A request that is a message of its own. Bytes behind its fields are let pass, as OpenSSH's server does: Go's sftp package
 * (rclone and many more) sends what its buffer held before behind the data of a last, short WRITE.
 */
export function messageRequest<F>(
  name: string,
  message: Message<F>,
  prepare: Prepare<F>,
  { changes = false }: RequestTraits = {},
): ServerRequest {
  return {
    ...{ name, number: message.number, extension: undefined, changes },
    isServed: () => true,
    prepare: (body, session, id) =>
      prepare(
        readingSftp(() => message.decode(body, 'ignored')),
        session,
        id,
      ),
  };
}

/** A request that is an extension. */
export function extensionRequest<F>(
  name: string,
  extension: {
    readonly name: string;
    readonly version: string | undefined;
    readonly request: { decode(bytes: Uint8Array, more?: 'ignored'): F };
  },
  prepare: Prepare<F>,
  { changes = false, isServed = () => true }: RequestTraits = {},
): ServerRequest {
  return {
    ...{ name, number: undefined, changes, isServed },
    extension: { name: extension.name, version: extension.version ?? '1' },
    prepare: (body, session, id) =>
      prepare(
        readingSftp(() => extension.request.decode(body, 'ignored')),
        session,
        id,
      ),
  };
}

/** Runs a call whose whole answer is success. */
export function done(call: Awaitable<unknown>): Awaitable<number> {
  return whenThere(call, () => statusCodes.ok);
}

export const { unsupported, failure } = statusCodes;
