/** ControlMaster ask: somebody is asked, by the askpass program, before a client of ours is served. */
import type { MuxPolicy } from '@nacre/ssh/client';
import { askPermission } from '../../../terminal/prompts.ts';

type Question = Parameters<NonNullable<MuxPolicy['confirm']>>[0];

/** Whether it is allowed; where nobody can be asked it is not. */
export function confirm(question: Question, host: string): Promise<boolean> {
  return askPermission(ask(question, host));
}

function ask(question: Question, host: string): string {
  switch (question.action) {
    case 'session':
    case 'proxy':
      return `Allow shared connection to ${host}? `;
    case 'stdio-forward':
      return `Allow forward to ${question.host}:${question.port ?? ''}? `;
    case 'open-forward':
      return `Open ${question.forward} on ${host}?`;
    case 'close-forward':
      return `Close ${question.forward} on ${host}?`;
    case 'terminate':
      return `Terminate shared connection to ${host}? `;
    case 'stop':
      return `Disable further multiplexing on shared connection to ${host}? `;
  }
}
