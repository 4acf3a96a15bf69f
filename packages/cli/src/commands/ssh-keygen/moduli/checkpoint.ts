/** The checkpoint of -M screen: how many lines are done, so that a run that was interrupted goes on behind them. */
import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { describeSystemError } from '../ending.ts';
import { say } from './progress.ts';

/** Lines that were done already; 0 where there is no checkpoint, or none that can be read. */
export function readCheckpoint(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return 0;
  }
  const line = /^\s*(\d{1,15})/.exec(text)?.[1];
  say(
    line === undefined ? `Failed to load checkpoint from '${path}'` : `Loaded checkpoint from '${path}' line ${line}`,
  );
  return Number(line ?? 0);
}

/** Replaces the checkpoint as a whole: whoever reads it finds the old number or the new one. A failure costs only time later. */
export function writeCheckpoint(path: string, line: number): void {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(draft, `${line}\n`, { flag: 'wx', mode: 0o600 });
    renameSync(draft, path);
  } catch (error) {
    say(`failed to write to checkpoint file '${path}': ${describeSystemError(error)}`);
    removeCheckpoint(draft);
  }
}

export function removeCheckpoint(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // There was none.
  }
}
