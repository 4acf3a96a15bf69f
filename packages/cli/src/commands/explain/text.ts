/** The explanation for people. */
import { sanitize } from '../../terminal/sanitize.ts';
import type { Paint } from '../keys/report/columns.ts';
import { shortenPath } from '../keys/report/sections.ts';
import type { SettingJson } from '../ssh/config-json.ts';
import type { BlockFact, Explanation, KeyFact, KnownHostLine, Problem } from './explanation.ts';

type Place = { readonly file: string; readonly line: number } | null;

export function formatExplanation(explanation: Explanation, paint: Paint): string {
  const sections: readonly (readonly [title: string, lines: readonly string[]])[] = [
    ['', [headline(explanation)]],
    ['Files', explanation.files.map(({ file, state }) => `${shown(file)}${state === 'absent' ? ': not there' : ''}`)],
    ['Blocks', blockLines(explanation.blocks)],
    ['Settings', settingLines(explanation)],
    ['Way', wayLines(explanation)],
    ['Keys, in the order in which they are offered', keyLines(explanation)],
    [`Known hosts lines for ${sanitize(explanation.knownHosts.name)}`, hostLines(explanation)],
    ['Without effect', explanation.withoutEffect.map((line) => `${place(line)}: ${sanitize(line.text)}`)],
    ['Connection', probeLines(explanation)],
    ['Problems', formatProblems(explanation.problems, paint)],
  ];
  const blocks = sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) =>
      title === '' ? lines.join('\n') : [paint.bold(title), ...lines.map((line) => `  ${line}`)].join('\n'),
    );
  return `${blocks.join('\n\n')}\n`;
}

export function formatProblems(problems: readonly Problem[], paint: Paint): string[] {
  const colors = { error: paint.red, warning: paint.yellow, note: paint.dim };
  return problems.map(({ level, message, origin }) => {
    const where = origin === null ? '' : ` (${place(origin)})`;
    return `${colors[level](`${level}:`)} ${sanitize(message)}${where}`;
  });
}

function headline({ host }: Explanation): string {
  const target = `${sanitize(host.user)}@${sanitize(host.name)} port ${host.port}`;
  return `${sanitize(host.typed)} is ${target}`;
}

/** Blocks of the second pass only where they differ from the first. */
function blockLines(blocks: readonly BlockFact[]): string[] {
  const first = new Map(blocks.filter(({ pass }) => pass === 1).map((block) => [`${block.file}:${block.line}`, block]));
  return blocks
    .filter((block) => block.pass === 1 || first.get(`${block.file}:${block.line}`)?.applies !== block.applies)
    .flatMap((block) => [
      `${place(block)}: ${sanitize(block.text)}: ${judgement(block)}`,
      ...block.ran.map(({ command, status }) => `    ran ${sanitize(command)}: it ended with ${status}`),
    ]);
}

function judgement({ applies, because, text, pass }: BlockFact): string {
  const again = pass === 2 ? ' (second reading)' : '';
  if (applies) return `applies${because === null ? '' : ` by ${sanitize(because)}`}${again}`;
  if (because === null) return `does not apply: no pattern fits${again}`;
  const verb = /^Host /i.test(text) ? 'rules it out' : 'does not fit';
  return `does not apply: ${because.startsWith('included ') ? because : `${sanitize(because)} ${verb}`}${again}`;
}

function settingLines({ settings }: Explanation): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const values = Array.isArray(value) ? (value as readonly SettingJson[]) : [value as SettingJson];
    return values.map(
      ({ value: text, origin }) => `${name} ${sanitize(text)}  ${origin === null ? '(default)' : `(${place(origin)})`}`,
    );
  });
}

function wayLines({ way, host }: Explanation): string[] {
  if (way.kind === 'straight') return ['straight to the host'];
  const hops = way.jumpHosts.map(({ typed, user, name, port }) => {
    const target = `${sanitize(user)}@${sanitize(name)} port ${port}`;
    return typed === name ? target : `${sanitize(typed)}, which is ${target}`;
  });
  const start = way.command === null ? [] : [`the program: ${sanitize(way.command)}`];
  return [...start, ...hops, `${sanitize(host.name)} port ${host.port}`].map((step, index) => `${index + 1}. ${step}`);
}

function keyLines({ keys }: Explanation): string[] {
  const { agent, agentFailure } = keys;
  const offered = keys.keys.filter((key) => key.offered);
  // Of the default files most are not there; that is no news.
  const left = keys.keys.filter((key) => !key.offered && (key.state !== 'absent' || key.origin !== null));
  return [
    ...(agentFailure === null ? [] : [`agent ${shown(agent ?? '')}: ${sanitize(agentFailure)}`]),
    ...(offered.length === 0 ? ['none'] : offered.map((key, index) => `${index + 1}. ${describeKey(key)}`)),
    ...left.map((key) => `-  ${describeKey(key)}: not offered, ${sanitize(key.reason ?? '')}`),
  ];
}

function describeKey({ file, comment, type, fingerprint, state, encrypted, certificates, origin }: KeyFact): string {
  const name = file === null ? sanitize(comment ?? '') || '(no comment)' : shown(file);
  const facts = [
    ...(type === null ? [] : [`${type} ${fingerprint}`]),
    ...(state === 'agent' ? ['held by the agent'] : encrypted ? ['passphrase'] : []),
    ...certificates.map(
      ({ file: path, keyId, isValid }) =>
        `certificate ${shown(path)} "${sanitize(keyId)}"${isValid ? '' : ', not valid'}`,
    ),
    ...(origin === null ? [] : [place(origin)]),
  ];
  return [name, ...facts].join(', ');
}

function hostLines({ knownHosts }: Explanation): string[] {
  if (knownHosts.lines.length === 0) return ['none'];
  return knownHosts.lines.map((line) => `${place(line)}: ${describeLine(line)}`);
}

function describeLine({ type, fingerprint, marker, isHashed, isWithoutPort }: KnownHostLine): string {
  const facts = [
    ...(marker === null ? [] : [`@${marker}`]),
    ...(isHashed ? ['name is hashed'] : []),
    ...(isWithoutPort ? ['by the name without its port'] : []),
  ];
  return [`${sanitize(type)} ${fingerprint}`, ...facts].join(', ');
}

function probeLines({ probe, way }: Explanation): string[] {
  if (probe === null) return [];
  const { host, port, addresses, address, identification, hostKey, verdict, error } = probe;
  const which = way.kind === 'jump-hosts' ? ', the first jump host' : '';
  return [
    `${sanitize(host)}${which}: ${addresses.join(', ') || 'no address'}`,
    ...(address === null ? [] : [`connected to ${address} port ${port}`]),
    ...(identification === null ? [] : [`it says it is ${sanitize(identification)}`]),
    ...(hostKey === null ? [] : [`its key is ${hostKey.type} ${hostKey.fingerprint}: ${verdict}`]),
    ...(error === null ? [] : [sanitize(error)]),
  ];
}

function place(at: Place): string {
  if (at === null) return '';
  return at.line === 0 ? at.file : `${shown(at.file)}:${at.line}`;
}

function shown(path: string): string {
  return sanitize(shortenPath(path));
}
