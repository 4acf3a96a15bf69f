/** A program of bench/programs that takes a job as JSON and answers with lines. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { trackChild } from '../test/harness/cleanup.ts';

export interface RunningJob {
  readonly pid: number;
  /** The next line as it is. */
  text(): Promise<string>;
  /** The next line as the JSON that it holds. */
  line(): Promise<Readonly<Record<string, number>>>;
  say(text: string): void;
  /** Ends its standard input. */
  end(): void;
}

export function startJob(name: string, job: object): RunningJob {
  const program = fileURLToPath(new URL(`programs/${name}.js`, import.meta.url));
  const child = spawn(process.execPath, [program, JSON.stringify(job)], { stdio: ['pipe', 'pipe', 'inherit'] });
  trackChild(child);
  // One that ends early is told of by the line that does not come.
  child.stdin.on('error', () => {});
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const text = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`${name} ended before it had said what came of it`);
    return value as string;
  };
  return {
    pid: child.pid ?? -1,
    text,
    line: async () => JSON.parse(await text()) as Record<string, number>,
    say: (words) => child.stdin.write(words),
    end: () => child.stdin.end(),
  };
}
