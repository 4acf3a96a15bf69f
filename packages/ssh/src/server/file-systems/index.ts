/** @nacre/ssh/file-systems: files to serve, on the disk or in memory. */
export { type LocalFileSystemOptions, localFileSystem } from './local.ts';
export { type MemoryFileSystemOptions, memoryFileSystem } from './memory.ts';
