/** Carries a session of sftp over a channel: nothing is allocated for what a client sends, and replies go out of memory that is used again. */
import type { ServerSession } from '@nacre/ssh/connection';
import { toSshError } from '@nacre/ssh/errors';
import { releaseMemory } from '@nacre/ssh/server';
import { type FileSystem, SftpServer, type SftpServerOptions } from '@nacre/ssh/sftp/server';
import { FrameBuffer } from '../sftp-server/frame-buffer.ts';
import { ReplyBuffers } from '../sftp-server/reply-buffers.ts';
import type { SessionEnd } from '../sftp-server/session.ts';

/** Replies that may wait for a client that reads slowly; after them no request is begun. */
const outputBytes = 1024 * 1024;

/** Replies up to this size go out together; a file of 4 KiB is one. */
const joinedBytes = 8 * 1024;
/** So much goes out at once. */
const fullBytes = 32 * 1024;

/** Serves files to the client of a session, until it has enough or is gone. Never rejects. */
export function serveChannel(
  { stream, channel }: ServerSession,
  files: FileSystem,
  options: SftpServerOptions,
): Promise<SessionEnd> {
  return new Promise((resolve) => {
    let isOver = false;
    const finish = (end: SessionEnd, closing: Promise<void>): void => {
      if (isOver) return;
      isOver = true;
      void closing.then(() => {
        flush();
        resolve(end);
      });
    };
    const memory = new ReplyBuffers();
    let waitingBytes = 0;
    const sendOne = (frame: Buffer): void => {
      waitingBytes += frame.length;
      channel.write(frame, 'data', () => {
        const wasFull = waitingBytes >= outputBytes;
        waitingBytes -= frame.length;
        memory.give(frame);
        if (wasFull && waitingBytes < outputBytes) server.onDrain();
      });
    };
    let small: Buffer[] = [];
    let smallBytes = 0;
    let isPlanned = false;
    const flush = (): void => {
      isPlanned = false;
      const [first] = small;
      if (first === undefined) return;
      const bytes = small.length === 1 ? first : Buffer.concat(small, smallBytes);
      // A short answer may stand in memory for a long one.
      if (bytes !== first) for (const frame of small) memory.give(frame);
      small = [];
      smallBytes = 0;
      sendOne(bytes);
    };
    const gather = (frame: Buffer): void => {
      if (frame.length > joinedBytes) {
        flush();
        sendOne(frame);
        return;
      }
      small.push(frame);
      smallBytes += frame.length;
      if (smallBytes >= fullBytes) flush();
      else if (!isPlanned) {
        isPlanned = true;
        // When all packets that were read together are done with: each packet of ours costs more than what is in it.
        setImmediate(flush);
      }
    };
    const server = new SftpServer(
      files,
      {
        allocate: (byteCount) => memory.take(byteCount),
        release: (frame) => memory.give(frame),
        send(frames) {
          for (const frame of frames) gather(frame);
          return waitingBytes + smallBytes < outputBytes;
        },
      },
      options,
    );
    const fail = (error: unknown): void =>
      finish({ kind: 'failed', error: toSshError(error, { code: 'operation-failed', stage: 'sftp' }) }, server.abort());
    const input = new FrameBuffer();
    const take = (chunk: Buffer): void => {
      let wantsMore = true;
      for (let at = 0; at < chunk.length; ) {
        const room = input.room(server.isHolding);
        const count = chunk.copy(room, 0, at);
        at += count;
        const messages = input.filled(count);
        if (messages !== undefined) wantsMore = server.receive(messages);
      }
      if (!wantsMore) stream.pause();
      // All of it is in the input's memory now. Whoever listens in may keep what it heard.
      if (stream.listenerCount('data') === 1) releaseMemory([chunk]);
    };
    server.onReady = () => void stream.resume();
    server.onBroken = fail;
    stream.on('data', (chunk: Buffer) => {
      if (isOver) return;
      try {
        take(chunk);
      } catch (error) {
        fail(error);
      }
    });
    stream.on('end', () => finish({ kind: 'end' }, server.end()));
    stream.on('error', () => finish({ kind: 'broken-pipe' }, server.abort()));
    stream.on('close', () => finish({ kind: 'broken-pipe' }, server.abort()));
  });
}
