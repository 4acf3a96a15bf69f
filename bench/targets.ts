/** What is to be reached, as data: which figure of which table, and its bound. The table of targets is computed from it. */

export interface Place {
  /** A piece of the title of the table. */
  readonly table: string;
  readonly row: string;
  /** The key of a measure. */
  readonly column: string;
}

export interface Target extends Place {
  readonly what: string;
  readonly workload: string;
  /**
   * What is made of the figure: its ratio to the base, the base's ratio to it (for times of which "faster" is asked), its distance to the
   * base, or the figure itself. The base is `against`, by default the first row.
   */
  readonly as: 'ratio' | 'inverse' | 'difference' | 'value';
  readonly against?: Partial<Place>;
  readonly unit?: string;
  /** Without a bound it is told and not judged. */
  readonly atLeast?: number;
  readonly atMost?: number;
}

const [both, client, server] = ['nacre > nacre', 'nacre > openssh', 'openssh > nacre'];

/** The same bound for several rows and columns of a table. */
function each(
  what: string,
  from: Pick<Target, 'workload' | 'table' | 'as' | 'against' | 'unit'>,
  rows: readonly string[],
  columns: readonly string[],
  bound: Pick<Target, 'atLeast' | 'atMost'>,
): Target[] {
  return rows.flatMap((row) =>
    columns.map((column) => ({ what: `${what}, ${column}`, ...from, row, column, ...bound })),
  );
}

function execBulk(cipher: string, ours: number, one: number): Target[] {
  const from = { workload: 'exec-bulk', table: cipher, as: 'ratio' } as const;
  const what = `exec bulk 1 GiB, ${cipher}`;
  return [
    ...each(what, from, [both], ['get', 'put'], { atLeast: ours }),
    ...each(what, from, [client, server], ['get', 'put'], { atLeast: one }),
  ];
}

function longPath(what: string, workload: string): Target[] {
  const from = { workload, table: '128 MiB', as: 'ratio' } as const;
  const tcp = { table: 'plain TCP', row: 'plain TCP', column: 'speed' };
  return [
    ...each(what, { ...from, table: '1024 MiB', against: tcp }, [both], ['get', 'put'], { atLeast: 0.9 }),
    ...each(what, from, [client, server], ['get', 'put'], {}),
  ];
}

function growth(row: string): Target {
  return {
    ...{ what: `growth: ${row}, exponent`, workload: 'growth', table: 'growth', row, column: 'exponent', as: 'value' },
    atMost: 1.05,
  };
}

const [bulk, files, list] = ['sftp-bulk', 'sftp-small-files', 'sftp-list'] as const;
const cold = { workload: 'one-command', table: 'cold', as: 'ratio' } as const;
const held = { workload: 'sshd-load', table: 'idle connections' } as const;
const tunnel = { workload: 'forwards', as: 'ratio' } as const;
const node = {
  workload: 'start-up',
  table: 'starts',
  as: 'difference',
  against: { row: 'node -e 0' },
  unit: 'ms',
} as const;

export const targets: readonly Target[] = [
  ...execBulk('aes128-gcm', 2, 1.3),
  ...execBulk('aes256-gcm', 2, 1.3),
  ...execBulk('chacha20-poly1305', 2, 1.3),
  ...execBulk('aes256-ctr', 1.5, 1.1),
  ...each('SFTP 1 GiB', { workload: bulk, table: 'MiB', as: 'ratio' }, [both], ['get', 'put'], { atLeast: 2 }),
  ...each('SFTP 1 GiB', { workload: bulk, table: 'MiB', as: 'ratio' }, [client, server], ['get', 'put'], {
    atLeast: 1.1,
  }),
  ...each('SFTP 2,000 files', { workload: files, table: 'files', as: 'ratio' }, [both], ['get'], { atLeast: 5 }),
  ...each('SFTP 2,000 files', { workload: files, table: 'files', as: 'ratio' }, [both], ['put'], { atLeast: 4 }),
  ...each('SFTP 2,000 files', { workload: files, table: 'files', as: 'ratio' }, [client], ['get', 'put'], {
    atLeast: 2.5,
  }),
  ...each('`ls -l` of 10,000 entries', { workload: list, table: 'entries', as: 'inverse' }, [both], ['wall'], {
    atLeast: 3,
  }),
  ...each(
    '`ls -l` of 10,000 entries',
    { workload: list, table: 'entries', as: 'inverse' },
    [client, server],
    ['wall'],
    {
      atLeast: 1.2,
    },
  ),
  ...each('`ssh host true`, cold', cold, [both], ['wall'], { atMost: 0.6 }),
  ...each('`ssh host true`, cold', cold, [server], ['wall'], { atMost: 0.5 }),
  ...each('`ssh host true`, cold', cold, [client], ['wall'], { atMost: 0.9 }),
  ...each('logins, 1 in flight', { workload: 'logins', table: '1 in flight', as: 'ratio' }, ['nacre sshd'], ['rate'], {
    atLeast: 15,
  }),
  ...each(
    'logins, 50 in flight',
    { workload: 'logins', table: '50 in flight', as: 'ratio' },
    ['nacre sshd'],
    ['rate'],
    { atLeast: 5 },
  ),
  ...each('100 exec on one connection', { workload: 'sessions', table: '100', as: 'ratio' }, ['nacre sshd'], ['rate'], {
    atLeast: 2,
  }),
  ...each('idle connection', { ...held, as: 'value', unit: 'KiB' }, ['nacre sshd'], ['each'], { atMost: 40 }),
  ...each('idle connection, of OpenSSH', { ...held, as: 'ratio' }, ['nacre sshd'], ['each'], { atMost: 1 / 30 }),
  ...each('echo, idle', { workload: 'keystrokes', table: 'idle', as: 'ratio' }, [both], ['p50'], { atMost: 1.3 }),
  ...each('echo, idle', { workload: 'keystrokes', table: 'idle', as: 'ratio' }, [both], ['p99'], { atMost: 1 }),
  ...each('echo, under load', { workload: 'keystrokes', table: 'load', as: 'ratio' }, [both], ['p50', 'p99'], {
    atMost: 1,
  }),
  ...longPath('exec, 1 Gbit/s 100 ms', 'exec-long-path'),
  ...longPath('SFTP, 1 Gbit/s 100 ms', 'sftp-long-path'),
  ...each('`-L` one stream', { ...tunnel, table: '-L, stream' }, [both], ['get', 'put'], { atLeast: 1.3 }),
  ...each('`-L` 200 requests at once', { ...tunnel, table: '-L, requests' }, [both], ['rate'], { atLeast: 1.2 }),
  ...each('above `node -e 0`', node, ['nacre ssh -V', 'nacre ssh-keygen -l'], ['wall'], { atMost: 15 }),
  ...each(
    '10 GB, resident',
    { workload: 'memory-bulk', table: '', as: 'value', unit: 'MB' },
    [both],
    ['client', 'server'],
    {
      atMost: 120,
    },
  ),
  ...[
    'connections held, processor time',
    'connections held, memory',
    'channels of one connection',
    'lines of known_hosts',
    'lines of authorized_keys',
    'entries of a directory',
    'files of a tree',
  ].map(growth),
];
