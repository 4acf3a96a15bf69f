/** df: how full the server's disk is. */
import type { FileSystemStatus } from '@nacre/ssh/sftp';
import { formatScaled } from '../numbers.ts';
import { reasonOf } from '../words.ts';
import { type Verb, wordText } from './verb.ts';

export const df: Verb = {
  names: ['df'],
  flags: 'hi',
  completes: ['remote'],
  run: async (session, call) => {
    const { sftp, voice, signal } = session;
    const path = wordText(call, 0) === '' ? session.folder : await session.absolute(wordText(call, 0));
    if (!sftp.extensions.has('statvfs@openssh.com')) {
      voice.complain('Server does not support statvfs@openssh.com extension');
      return false;
    }
    try {
      const status = await sftp.statFileSystem(path, { signal });
      const rows = call.flags.has('i')
        ? inodeRows(status)
        : call.flags.has('h')
          ? scaledRows(status)
          : plainRows(status);
      for (const row of rows) voice.say(row);
      return true;
    } catch (error) {
      // OpenSSH fails here without a word.
      reasonOf(error);
      return false;
    }
  },
};

function inodeRows({ files, freeFiles, availableFiles }: FileSystemStatus): string[] {
  const numbers = [files, files - freeFiles, availableFiles, freeFiles].map((value) => String(value).padStart(11));
  return [
    '     Inodes        Used       Avail      (root)    %Capacity',
    `${numbers.join(' ')}         ${percent(files, freeFiles)}`,
  ];
}

function scaledRows(status: FileSystemStatus): string[] {
  const numbers = amounts(status).map((value) => `${formatScaled(value * status.fragmentBytes).padStart(7)}B`);
  return [
    '    Size     Used    Avail   (root)    %Capacity',
    `${numbers.join(' ')}         ${percent(status.blocks, status.freeBlocks)}`,
  ];
}

function plainRows(status: FileSystemStatus): string[] {
  const numbers = amounts(status).map((value) => String((value * status.fragmentBytes) / 1024n).padStart(12));
  return [
    '        Size         Used        Avail       (root)    %Capacity',
    `${numbers.join(' ')}         ${percent(status.blocks, status.freeBlocks)}`,
  ];
}

function amounts({ blocks, freeBlocks, availableBlocks }: FileSystemStatus): bigint[] {
  return [blocks, blocks - freeBlocks, availableBlocks, freeBlocks];
}

function percent(all: bigint, free: bigint): string {
  return all === 0n ? 'ERR' : `${String((100n * (all - free)) / all).padStart(3)}%`;
}
