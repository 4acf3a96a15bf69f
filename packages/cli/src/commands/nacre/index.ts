/** `nacre`: lists the tools and tells the version; `nacre <tool> ...` is answered before, by main.ts. */
import { formatUsage, parseFlags, usageError } from '../../flags/index.ts';
import { readVersion } from '../../os/installation.ts';
import type { Tool, ToolRow } from '../tool.ts';

const table = {
  tool: 'nacre',
  rows: [
    { letter: 'h', name: 'help', help: 'Show this text.' },
    { letter: 'V', name: 'version', help: 'Show the version.' },
  ],
  operands: 'tool [argument ...]',
} as const;

/** @param tools - the tools to list, this one among them. */
export function createNacre(tools: readonly ToolRow[]): Tool {
  return { run: (args) => run(args, tools) };
}

function run(args: readonly string[], tools: readonly ToolRow[]): number {
  // The one tool that is not OpenSSH's may as well take the long names that people try first.
  const { flags, operands } = parseFlags(
    table,
    args.map((word) => longNames.get(word) ?? word),
  );
  if (flags.version || operands[0] === 'version') {
    process.stdout.write(`nacre ${readVersion()}, Node ${process.version}, OpenSSL ${process.versions.openssl}\n`);
    return 0;
  }
  if (operands.length > 0 && operands[0] !== 'help')
    throw usageError(table, `nacre: there is no tool "${operands[0]}"`);
  const width = Math.max(...tools.map((tool) => tool.name.length)) + 2;
  const rows = tools.map((tool) => `  ${tool.name.padEnd(width)}${tool.help}`);
  process.stdout.write(`${[formatUsage(table), '', 'Tools:', ...rows].join('\n')}\n`);
  return 0;
}

const longNames = new Map([
  ['--help', '-h'],
  ['--version', '-V'],
]);
