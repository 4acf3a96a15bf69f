/** sshd_config as OpenSSH's own sshd reads it: `-T -C` of both, field by field, for configurations made up from seeds. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { before, test } from 'node:test';
import { splitWords } from '@nacre/ssh/config';
import {
  type ConnectionFacts,
  dumpServerConfig,
  parseConnectionSpec,
  readServerConfig,
  resolveServerConfig,
  type ServerConfigSystem,
} from '@nacre/ssh/config/server';
import { ciphers, macs } from '@nacre/ssh/crypto';
import { publicKeyAlgorithms } from '@nacre/ssh/keys';
import { kexNames } from '@nacre/ssh/transport';
import {
  hostKey,
  type KeyPair,
  makeFolder,
  missing,
  nacreProgram,
  type OpenSshVersion,
  openSshProgram,
  requireSuccess,
  runProgram,
} from '../harness/index.ts';
import { type Dialect, keywordsOf, makeConfig } from './_sshd-configs.ts';

const configsPerVersion = 200;
/** Each keyword that both know comes up so often at least. */
const leastUses = 3;

const system: ServerConfigSystem = {
  readFile: (path) => readFileSync(path, 'utf8'),
  expandGlob: (pattern) => [pattern].filter((path) => existsSync(path)),
  includeFolder: () => '/etc/ssh',
  absolute: (path) => resolve(path),
};

let key: KeyPair;
const groupsOf = new Map<string, readonly string[]>();
before(async () => {
  key = await hostKey('ed25519');
  for (const user of ['root', 'daemon', 'nobody']) {
    groupsOf.set(user, (await requireSuccess(['id', '-Gn', user])).trim().split(' '));
  }
});

/** Values by keyword, in the order of their lines. */
type Dump = ReadonlyMap<string, readonly string[]>;

function parseDump(text: string): Dump {
  const dump = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, keyword, value = ''] = /^(\S+) ?(.*)$/.exec(line) ?? [];
    if (keyword !== undefined) dump.set(keyword, [...(dump.get(keyword) ?? []), value]);
  }
  return dump;
}

function ownDump(file: string, facts: ConnectionFacts): string {
  const parsed = readServerConfig({ file, acceptUnserved: true }, system);
  return `${dumpServerConfig(resolveServerConfig(parsed, facts).settings).join('\n')}\n`;
}

function factsOf(spec: string): ConnectionFacts {
  const facts = parseConnectionSpec(spec);
  return { ...facts, groups: () => groupsOf.get(facts.user ?? '') ?? [] };
}

/** What `sshd -T` of OpenSSH says; a configuration that it refuses is a mistake of the test. */
async function openSshDump(version: OpenSshVersion, file: string, spec: string | undefined): Promise<Dump> {
  const flags = spec === undefined ? [] : ['-C', spec];
  const result = await runProgram([openSshProgram('sshd', version), '-T', '-f', file, ...flags]);
  assert.equal(result.status, 0, `${result.stderr}\n${readFileSync(file, 'utf8')}`);
  return parseDump(result.stdout.toString());
}

/** Keywords that only one of us prints, with the reason. */
const oneSided: Readonly<Record<string, string>> = {
  debianbanner: 'a keyword of Debian’s',
  gssapikeyexchange: 'of a patch of Debian’s',
  gssapistorecredentialsonrekey: 'of a patch of Debian’s',
  gssapikexalgorithms: 'of a patch of Debian’s',
  kerberosgetafstoken: 'printed by OpenSSH only where it was built with AFS',
  gssapidelegatecredentials: 'newer than 10.0',
  pamservicename: 'newer than 9.2',
  refuseconnection: 'newer than 9.2',
  persourcepenalties: 'newer than 9.2',
  persourcepenaltyexemptlist: 'newer than 9.2',
  sshdsessionpath: 'we print it only where it is set: there is no such program',
  sshdauthpath: 'we print it only where it is set: there is no such program',
  channeltimeout: '9.2 prints nothing for none',
};

/** Defaults that differ, with the reason: where both have their own, they agree. */
const otherDefaults: Readonly<Record<string, string>> = {
  requiredrsasize: 'we take no RSA key below 2048 bits unless asked',
  ipqos: 'Debian keeps lowdelay and throughput; since 10.1 it is ef and none',
  pidfile: 'Debian has /run in place of /var/run',
  persourcepenalties: 'on since 9.8; what is not served yet is shown as off',
};

/** Lists whose defaults differ from version to version and from ours: compared by what a line changes in them. */
const algorithmLists = [
  'ciphers',
  'macs',
  'kexalgorithms',
  'casignaturealgorithms',
  'hostbasedacceptedalgorithms',
  'hostkeyalgorithms',
  'pubkeyacceptedalgorithms',
];

/** One value of either in a form that both share. */
function normalize(keyword: string, values: readonly string[] = []): string {
  switch (keyword) {
    // We print one line, which can be read back; OpenSSH prints a line for each, of which only the first would count.
    case 'setenv':
      return values.flatMap((value) => (value.includes('"') ? splitWords(value) : [value])).join(' ');
    case 'forcecommand':
    case 'versionaddendum':
    case 'authorizedkeyscommand':
    case 'authorizedprincipalscommand':
      return values.join('\n');
    // OpenSSH prints them by routing domain, in another order each time.
    case 'listenaddress': {
      const domainOf = (value: string) => value.split(' rdomain ')[1] ?? '';
      return values.toSorted((a, b) => domainOf(a).localeCompare(domainOf(b))).join('\n');
    }
    // Newer than 10.0.
    case 'persourcepenalties':
      return values.join('\n').replace(/ invaliduser:\d+/, '');
    // We quote words that hold blanks, so that they can be read back.
    default:
      return values.map((value) => splitWords(value).join(' ')).join('\n');
  }
}

/** Whether two lists change the same in their defaults: `alike` are the names that are a default of both or of neither. */
function changesAlike(
  [own, other]: readonly [string[], string[]],
  [ownDefaults, otherDefaults]: readonly [string[], string[]],
  alike: ReadonlySet<string>,
): boolean {
  const inBoth = (names: readonly string[]) => JSON.stringify(names.filter((name) => alike.has(name)).sort());
  if (inBoth(own) !== inBoth(other)) return false;
  const isWhole = (names: readonly string[], defaults: readonly string[]) =>
    defaults.every((name) => names.includes(name));
  if (!isWhole(own, ownDefaults) || !isWhole(other, otherDefaults)) return true;
  // What is put in front is in front of both.
  return own[0] === other[0] || (own[0] === ownDefaults[0] && other[0] === otherDefaults[0]);
}

/** @param known - the algorithms that both know. */
function compare(
  ours: Dump,
  theirs: Dump,
  ownDefaults: Dump,
  theirDefaults: Dump,
  known: ReadonlySet<string>,
): string[] {
  const keywords = new Set([...ours.keys(), ...theirs.keys()]);
  return [...keywords].flatMap((keyword) => {
    if (keyword in oneSided && (!ours.has(keyword) || !theirs.has(keyword))) return [];
    const [own, other] = [normalize(keyword, ours.get(keyword)), normalize(keyword, theirs.get(keyword))];
    if (own === other) return [];
    const [initial = '', otherInitial = ''] = [ownDefaults, theirDefaults].map((dump) =>
      normalize(keyword, dump.get(keyword)),
    );
    if (keyword in otherDefaults && own === initial && other === otherInitial) return [];
    if (algorithmLists.includes(keyword)) {
      const [names, otherNames, defaults, otherNamed] = [own, other, initial, otherInitial].map((text) =>
        text.split(','),
      ) as [string[], string[], string[], string[]];
      const alike = new Set([...known].filter((name) => defaults.includes(name) === otherNamed.includes(name)));
      if (changesAlike([names, otherNames], [defaults, otherNamed], alike)) return [];
    }
    return [`${keyword}: ours "${own}", theirs "${other}"`];
  });
}

async function dialectOf(version: OpenSshVersion): Promise<Dialect> {
  const ask = async (what: string) =>
    (await requireSuccess([openSshProgram('ssh', version), '-Q', what])).trim().split('\n');
  const both = async (what: string, own: readonly string[]) => (await ask(what)).filter((name) => own.includes(name));
  const certificates = publicKeyAlgorithms.map((row) => row.name);
  const plain = publicKeyAlgorithms.filter((row) => !row.certificate).map((row) => row.name);
  // OpenSSH lists names that it takes in no default list, and webauthn ones only where signatures are named.
  const usual = (names: readonly string[]) => names.filter((name) => !name.startsWith('webauthn-'));
  return {
    version,
    algorithms: {
      Ciphers: await both(
        'cipher',
        ciphers.map((row) => row.name),
      ),
      MACs: await both(
        'mac',
        macs.map((row) => row.name),
      ),
      KexAlgorithms: await both('kex', kexNames),
      keys: usual(await both('PubkeyAcceptedAlgorithms', certificates)),
      signatures: usual(await both('PubkeyAcceptedAlgorithms', plain)),
    },
  };
}

for (const [version, title] of [
  ['9.2', '-T -C of configurations made up from seeds, beside OpenSSH 9.2'],
  ['10.0', '-T -C of configurations made up from seeds, beside OpenSSH 10.0'],
] as const) {
  const skip = missing('sshd', ...(version === '10.0' ? ['openssh-10'] : []));
  test(title, {
    skip,
  }, async () => {
    const folder = makeFolder('configs');
    const dialect = await dialectOf(version);
    const empty = join(folder, 'empty');
    writeFileSync(empty, `HostKey ${key.file}\n`);
    const [ownDefaults, theirDefaults] = [parseDump(ownDump(empty, {})), await openSshDump(version, empty, undefined)];
    const failures: string[] = [];
    const uses = new Map<string, number>();
    const count = (text: string) => {
      for (const [, word = ''] of text.matchAll(/^\s*(\w+)/gm)) {
        uses.set(word.toLowerCase(), (uses.get(word.toLowerCase()) ?? 0) + 1);
      }
    };
    for (let seed = 1; seed <= configsPerVersion; seed++) {
      let parts = 0;
      let isAskedForPort = false;
      const { text, spec } = makeConfig(seed, dialect, (content) => {
        const path = join(folder, `${seed}-${++parts}.conf`);
        writeFileSync(path, `${content}\n`);
        count(content);
        isAskedForPort ||= content.includes('LocalPort');
        return path;
      });
      count(text);
      const file = join(folder, `${seed}`);
      isAskedForPort ||= text.includes('LocalPort');
      writeFileSync(file, `HostKey ${key.file}\n${text}`);
      // A connection of which nothing is known is one as well, except that OpenSSH gives up where a block asks for its port.
      const isUnknown = seed % 5 === 0 && !isAskedForPort;
      const own = ownDump(file, isUnknown ? {} : factsOf(spec));
      const differences = compare(
        parseDump(own),
        await openSshDump(version, file, isUnknown ? undefined : spec),
        ownDefaults,
        theirDefaults,
        new Set(Object.values(dialect.algorithms).flat()),
      );
      failures.push(...differences.map((line) => `seed ${seed} (${spec}): ${line}`));
      // What is printed and read back is printed again.
      const again = join(folder, 'again');
      writeFileSync(again, own);
      if (ownDump(again, {}) !== own) failures.push(`seed ${seed}: no fixed point`);
    }
    assert.deepEqual(failures, []);
    const rare = keywordsOf(dialect).filter((keyword) => (uses.get(keyword.toLowerCase()) ?? 0) < leastUses);
    assert.deepEqual(rare, []);
  });
}

test('bin/sshd -T -C and -G print the same', { skip: missing('nacre:sshd') }, async () => {
  const folder = makeFolder('config');
  const file = join(folder, 'sshd_config');
  writeFileSync(
    file,
    `HostKey ${key.file}\nX11DisplayOffset 10\nMatch User root Address 10.0.0.0/8\n  PermitTTY no\n` +
      'Match Group daemon\n  Banner /etc/motd\nMatch Invalid-User\n  RefuseConnection yes\nMatch LocalPort 2222\n  MaxSessions 1\n',
  );
  for (const [flag, spec, shown] of [
    ['-T', 'user=root,addr=10.1.1.1', 'permittty no'],
    ['-T', 'user=root,addr=11.1.1.1', 'permittty yes'],
    ['-G', 'user=daemon', 'banner /etc/motd'],
    ['-G', 'user=x,invalid-user,lport=2222', 'refuseconnection yes'],
    ['-T', 'lport=2222', 'maxsessions 1'],
  ] as const) {
    const { stdout, status, stderr } = await runProgram([nacreProgram('sshd'), flag, '-f', file, '-C', spec]);
    assert.equal(status, 0, stderr);
    const text = stdout.toString();
    assert.ok(text.includes(`\n${shown}\n`), `${spec}: ${shown}`);
    const { user } = factsOf(spec);
    const groups = () => groupsOf.get(user ?? '') ?? [];
    assert.equal(text, ownDump(file, { ...factsOf(spec), groups }));
  }
});

test('mistakes in OpenSSH’s words', { skip: missing('sshd', 'nacre:sshd') }, async () => {
  const folder = makeFolder('mistakes');
  const file = join(folder, 'sshd_config');
  for (const lines of [
    'StrictModes true',
    'LoginGraceTime none',
    'LoginGraceTime',
    'Port x',
    'MaxAuthTries x',
    'MaxAuthTries -1',
    'MaxAuthTries 99999999999',
    'Bogus yes',
    'AllowUsers "a',
    'AllowUsers a@10.0.0.1/8',
    'AllowGroups ""',
    'StrictModes yes no',
    'Match',
    'Match shape round',
    'Match user',
    'Match all user bob',
    'Match localport 99999',
    'Match user bob\nPort 22',
    'Subsystem sftp',
    'SetEnv A',
    'AcceptEnv A=1',
    'PermitOpen a',
    'PermitListen x',
    'IPQoS zz',
    'RekeyLimit x',
    'RekeyLimit 5',
    'AuthenticationMethods any publickey',
    'AuthenticationMethods foo',
    'StreamLocalBindMask 9',
    'FingerprintHash foo',
    'ChannelTimeout x',
    'MaxStartups x',
    'PerSourceNetBlockSize 40',
    'AuthorizedKeysCommand foo',
    'ListenAddress a:b',
    'ListenAddress a b',
    'ListenAddress 127.0.0.1 rdomain',
    'ListenAddress 127.0.0.1 rdomain lo more',
    'RDomain x',
    'LogLevel foo',
    'SyslogFacility foo',
    'PubkeyAuthOptions foo',
    'LogVerbose none a',
    'UnusedConnectionTimeout x',
    'PasswordAuthentication no\nAuthenticationMethods password',
  ]) {
    writeFileSync(file, `HostKey ${key.file}\n${lines}\n`);
    const [theirs, ours] = await Promise.all(
      [openSshProgram('sshd'), nacreProgram('sshd')].map((program) => runProgram([program, '-t', '-f', file])),
    );
    assert.equal(ours?.status, theirs?.status, lines);
    // OpenSSH stops at some mistakes at once and tells of others only once it has counted them; we count all of them. What it
    // tells before the line of the file, as advice, is not everywhere ours.
    const told = (text = '') => text.split(/\r?\n/).filter((line) => line.includes(' line ') || /cannot be/.test(line));
    assert.deepEqual(told(ours?.stderr), told(theirs?.stderr), lines);
  }
});
