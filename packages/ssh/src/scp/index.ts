/** @nacre/ssh/scp: the conversations of scp over any stream, with file access brought along; `scpGet` and `scpPut` are in /client. */
export { formatScpCommand, quoteForShell, type RemotePathReading, type ScpCommandOptions } from './command.ts';
export type {
  ScpSinkFile,
  ScpSinkFiles,
  ScpSourceFile,
  ScpSourceFiles,
  ScpSourceFolder,
  ScpSourceItem,
} from './files.ts';
export {
  compileGlob,
  expandBraces,
  hasWildcards,
  matchGlob,
  type RequestedNames,
  requestedNames,
} from './name-patterns.ts';
export type { ScpConversationOptions, ScpProgress, ScpSummary } from './options.ts';
export { ScpPeer, type ScpPeerOptions } from './peer.ts';
export { RateLimit } from './rate-limit.ts';
export type { ScpTimes } from './records.ts';
export { runSink, type ScpSinkOptions } from './sink.ts';
export { runSource } from './source.ts';
export type { ScpStream } from './stream.ts';
