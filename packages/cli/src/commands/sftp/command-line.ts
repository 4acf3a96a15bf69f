/** A line of sftp's: its prefixes, its command, the command's flags and words. */
import { SshError } from '@nacre/ssh/errors';
import { Getopt } from '../../flags/getopt.ts';
import { type ShellWord, splitWords } from '../../terminal/shell-words.ts';
import type { Question } from './ahead.ts';
import { findVerb } from './verbs/table.ts';
import type { Call, Verb } from './verbs/verb.ts';

export interface CommandLine {
  /** `-`: a failure ends no batch. */
  readonly ignoresFailure: boolean;
  /** `@`: the line is not repeated. */
  readonly isSilent: boolean;
  /** Undefined for a blank line or a comment. */
  readonly command: { readonly verb: Verb; readonly call: Call } | { readonly mistake: string } | undefined;
}

export function parseCommandLine(line: string): CommandLine {
  const [all, prefixes = ''] = /^[ \t\r\n]*([-@]*)[ \t\r\n]*/.exec(line) as RegExpExecArray;
  const text = line.slice(all.length);
  const prefix = { ignoresFailure: prefixes.includes('-'), isSilent: prefixes.includes('@') };
  if (text === '' || text.startsWith('#')) return { ...prefix, command: undefined };
  try {
    return { ...prefix, command: parseCommand(text) };
  } catch (error) {
    if (!(error instanceof SshError) || error.code !== 'misuse') throw error;
    return { ...prefix, command: { mistake: error.message } };
  }
}

function parseCommand(text: string): { verb: Verb; call: Call } {
  const { words } = splitWords(text);
  const isShell = text.startsWith('!');
  const name = isShell ? '!' : (words[0]?.text ?? '').toLowerCase();
  const verb = findVerb(name);
  if (verb === undefined) throw mistake('Invalid command.');
  const rest = isShell ? text.slice(1) : text.slice(name.length).replace(/^[ \t\r\n]+/, '');
  if (verb.takesLine) return { verb, call: { name, flags: new Set(), words: [], rest } };
  const { flags, operands } = takeFlags(verb, name, words.slice(1));
  const call = { name, flags, words: operands, rest };
  const wrong = verb.check?.(call);
  if (wrong !== undefined) throw mistake(wrong);
  return { verb, call };
}

function takeFlags(verb: Verb, name: string, words: readonly ShellWord[]) {
  const letters = new Map([...(verb.flags ?? '')].map((letter) => [letter, false]));
  const getopt = new Getopt(
    words.map(({ text }) => text),
    letters,
  );
  const flags = new Set<string>();
  for (let step = getopt.next(); step !== undefined; step = getopt.next()) {
    if (step.kind !== 'option') throw mistake(`${name}: Invalid flag -${step.letter}`);
    // Of flags that contradict each other the last one counts.
    flags.delete(step.letter);
    flags.add(step.letter);
  }
  return { flags, operands: words.slice(getopt.index) };
}

function mistake(message: string): SshError {
  return new SshError(message, { code: 'misuse', stage: 'usage' });
}

/** What the command of a line asks the server before anything else. */
export function firstQuestion(line: string | undefined): Question | undefined {
  const { command } = parseCommandLine(line ?? '');
  return command !== undefined && 'verb' in command ? command.verb.asksFirst?.(command.call) : undefined;
}
