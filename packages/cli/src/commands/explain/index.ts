/** `nacre explain HOST`: what ssh would do, and by which line of which file; nothing is connected to. */

import { SshError } from '@nacre/ssh/errors';
import { formatHelp, parseFlags, usageError } from '../../flags/index.ts';
import { createPaint } from '../keys/report/columns.ts';
import { parseDestination } from '../ssh/destination.ts';
import { FatalError } from '../ssh/end.ts';
import type { Asked } from './settle.ts';

const table = {
  tool: 'nacre explain',
  rows: [
    { letter: 'a', name: 'all', help: '--all: default values, too.' },
    {
      letter: 'c',
      name: 'connect',
      help: '--connect: look the name up, connect, and look at the key; nobody logs in.',
    },
    { letter: 'h', name: 'help', help: '--help: this text.' },
    { letter: 'j', name: 'json', help: '--json: everything, for programs.' },
    { letter: 'w', name: 'problems', help: '--problems: only what is wrong; the status tells whether something is.' },
    { letter: 'F', name: 'configFile', value: 'configfile', help: 'Read this file for settings, and no other.' },
    { letter: 'J', name: 'jump', value: 'destination', help: 'Connect by way of these hosts.' },
    { letter: 'i', name: 'identity', value: 'identity_file', help: 'A key to log in with.', repeatable: true },
    { letter: 'l', name: 'user', value: 'login_name', help: 'Whom to log in as.' },
    { letter: 'o', name: 'option', value: 'option', help: 'Any setting, as in a file.', repeatable: true },
    { letter: 'P', name: 'tag', value: 'tag', help: 'The tag that Match tagged tests.' },
    { letter: 'p', name: 'port', value: 'port', help: 'The port to connect to.' },
  ],
  operands: 'destination [command [argument ...]]',
  flagsAfterOperands: 'after-first',
} as const;

const longNames = new Map(table.rows.slice(0, 5).map(({ letter, name }) => [`--${name}`, `-${letter}`]));

const statuses = `
Commands of "Match exec" are run, as ssh runs them. Without --connect nothing goes over the network.
Status: 0; with --problems 1 where there is a warning or an error; 2 for arguments or files that are wrong.`;

export async function run(args: readonly string[]): Promise<number> {
  const { flags, operands } = parseFlags(
    table,
    args.map((word) => longNames.get(word) ?? word),
  );
  if (flags.help) {
    process.stdout.write(`${formatHelp(table)}\n${statuses}\n`);
    return 0;
  }
  const [typed, ...command] = operands;
  const destination = typed === undefined ? undefined : parseDestination(typed);
  if (destination === undefined)
    throw usageError(table, typed === undefined ? undefined : `"${typed}" is no destination`);
  const asked: Asked = {
    host: destination.host,
    user: flags.user ?? destination.user,
    port: flags.port === undefined ? destination.port : readPort(flags.port),
    configFile: flags.configFile,
    options: [
      ...flags.option,
      ...(flags.jump === undefined ? [] : [`ProxyJump ${flags.jump}`]),
      ...(flags.tag === undefined ? [] : [`Tag ${flags.tag}`]),
      ...flags.identity.map((path) => `IdentityFile "${path.replace(/["\\]/g, '\\$&')}"`),
    ],
    command: command.length === 0 ? undefined : command.join(' '),
    mayConnect: flags.connect,
  };
  return await tell(asked, flags);
}

async function tell(
  asked: Asked,
  { all, connect, json, problems: only }: { all: boolean; connect: boolean; json: boolean; problems: boolean },
): Promise<number> {
  const { explain } = await import('./explain.ts');
  const explanation = await inWords(() =>
    explain(asked, { all, connect, onMistake: (text) => void process.stderr.write(`${text}\n`) }),
  );
  const { problems } = explanation;
  const wrong = problems.filter(({ level }) => level !== 'note');
  if (json) {
    const shape = { version: 1, ...explanation, ...(only && { problems: wrong }) };
    await write(`${JSON.stringify(shape, undefined, 2)}\n`);
  } else {
    const { formatExplanation, formatProblems } = await import('./text.ts');
    const { isTTY } = process.stdout;
    const paint = createPaint(isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb');
    await write(
      only
        ? formatProblems(wrong, paint)
            .map((line) => `${line}\n`)
            .join('')
        : formatExplanation(explanation, paint),
    );
  }
  return only && wrong.length > 0 ? 1 : 0;
}

/** What ssh ends with in its own words ends this with the same. */
async function inWords<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    throw new SshError(error.message, { code: 'bad-file', stage: 'config' });
  }
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw usageError(table, `Bad port '${text}'`);
  return port;
}

/** Much goes through a pipe whole before the program ends. */
function write(text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(text, (error) => (error ? reject(error) : resolve()));
  });
}
